//! Complete APIv1 conversations with the simulated gateway, in virtual time.

use core::net::Ipv4Addr;
use std::time::Duration;
use wxpay_proto::{
    ErrorKind, Fate, Fen, UnixTime,
    exchange::{Reply, Step, Transmit},
    http::Response,
    id::OutTradeNo,
    memory::Memory,
    payment::{Anomaly, Evidence, PaymentState, PaymentStatus, TransactionOwners, Transition},
    refusal::Code,
    retry::Policy,
    v1::{Ack, AppParams, DeliveryReport, Merchant, Order, QueryOutcome},
};
use wxpay_sim::{
    Settings,
    faults::{Fault, FaultRule, Operation},
    gateway::{OrderRef, Payer},
    payer::PaymentRequest,
};
use wxpay_testkit::{
    drive::{Driver, Network},
    network::SimNetwork,
};

pub(crate) fn number(serial: u32) -> OutTradeNo {
    format!("20140508{serial:08}").parse().unwrap()
}

pub(crate) fn order(number: OutTradeNo, fen: u64) -> Order {
    let notify_url = "https://shop.example/notify/v1".parse().unwrap();
    Order::builder(number, Fen::new(fen), "千足金箍棒", notify_url, Ipv4Addr::new(203, 0, 113, 7))
        .build()
        .unwrap()
}

fn setup() -> (Driver, SimNetwork, Merchant) {
    let network = SimNetwork::new(Settings::default(), 7);
    let merchant = network.merchant();
    (Driver::default(), network, merchant)
}

/// Merges evidence into the state of the only order of a test.
pub(crate) fn merge(state: &mut PaymentState, evidence: &Evidence) {
    state.merge(evidence, TransactionOwners::default().claim(evidence)).unwrap();
}

/// Pays with the parameters that the app received, so that their signature is verified.
fn pay(driver: &Driver, network: &mut SimNetwork, params: &AppParams, payer: &Payer) {
    let json = serde_json::to_vec(params).unwrap();
    let request = PaymentRequest::parse(&mut network.gateway, &json, driver.now).unwrap();
    request.pay(&mut network.gateway, payer, driver.now).unwrap();
}

#[test]
fn order_is_placed_paid_notified_queried_and_delivered() {
    let (mut driver, mut network, merchant) = setup();
    let params = driver.run(merchant.prepay(order(number(1), 1999)), &mut network).unwrap();
    pay(&driver, &mut network, &params, &Payer::default());

    let mut state = PaymentState::new(number(1), Fen::new(1999));
    let mut payer = None;
    network.deliver_due(&merchant, driver.now, |notification| {
        let before = state.clone();
        merge(&mut state, &notification.evidence().unwrap());
        assert!(matches!(state.transitions_since(&before)[..], [Transition::Paid(_)]));
        payer = Some(notification.openid().clone());
        Ack::Success
    });
    let PaymentStatus::Paid(payment) = state.status() else {
        panic!("the order must be paid after the notification")
    };

    let queried = driver.run(merchant.query(number(1)), &mut network).unwrap();
    let before = state.clone();
    merge(&mut state, &queried.evidence().unwrap());
    assert_eq!(state, before, "a query must not add to the evidence of the notification");

    let delivery = DeliveryReport::succeeded(payer.unwrap(), payment.transaction_id().clone(), number(1));
    driver.run(merchant.notify_delivery(delivery), &mut network).unwrap();
    let record = network.gateway.order(&OrderRef::OutTradeNo(number(1)), driver.now).unwrap();
    assert_eq!((record.payments.len(), record.deliveries.len()), (1, 1));
    assert!(
        network.gateway.notifications().all(|notification| notification.next_at.is_none()),
        "`success` must stop the retries"
    );
    assert_eq!(network.gateway.warnings().count(), 0);
}

#[test]
fn hundred_concurrent_orders_share_one_token_fetch() {
    let (mut driver, mut network, merchant) = setup();
    let flows = (0..100).map(|serial| merchant.prepay(order(number(serial), 100)));
    let results = driver.run_all(flows, &mut network);
    assert!(results.iter().all(Result::is_ok));
    assert_eq!((driver.count("v1.token"), driver.count("v1.genprepay")), (1, 100));
}

#[test]
fn token_fetch_is_taken_over_when_the_lease_ends() {
    let (mut driver, mut network, merchant) = setup();
    // This flow holds the lease and never resumes, as if its future was dropped.
    let abandoned = Step::begin(merchant.prepay(order(number(1), 100)), driver.world());
    drop(abandoned);
    let start = driver.now;
    driver.run(merchant.prepay(order(number(2), 100)), &mut network).unwrap();
    let waited = driver.now.since(start);
    assert!(waited >= Duration::from_secs(15) && waited < Duration::from_secs(17), "{waited:?}");
}

#[test]
fn wait_for_a_token_ends_with_the_deadline_of_the_call() {
    let (mut driver, mut network, _) = setup();
    let mut policy = Policy::default();
    policy.deadline = Duration::from_secs(5);
    let merchant = network.builder().retry(policy).build();
    drop(Step::begin(merchant.prepay(order(number(1), 100)), driver.world()));
    let start = driver.now;
    let error = driver.run(merchant.prepay(order(number(2), 100)), &mut network).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Exhausted, Some(Fate::NotSent)));
    assert!(driver.now.since(start) <= Duration::from_secs(5));
    assert_eq!(driver.count("v1.token"), 0);
}

#[test]
fn token_of_an_impossible_lifetime_is_not_used() {
    for (expires_in, is_used) in
        [("0", false), ("1", true), ("604800", true), ("604801", false), ("-1", false)]
    {
        let (mut driver, _, merchant) = setup();
        let body = format!(r#"{{"access_token":"token","expires_in":{expires_in}}}"#);
        let mut gateway = |_: Transmit, _: UnixTime| -> (Reply, Duration) {
            (Ok(Response::new(200, body.clone().into_bytes())), Duration::ZERO)
        };
        let result = driver.run(merchant.refresh_token(), &mut gateway);
        assert_eq!(
            result.map_err(|error| error.kind()),
            if is_used { Ok(()) } else { Err(ErrorKind::Malformed) }
        );
    }
}

#[test]
fn replaced_token_is_fetched_once_and_the_call_succeeds() {
    let (mut driver, mut network, merchant) = setup();
    driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap();
    network.gateway.replace_tokens(driver.now);
    driver.run(merchant.prepay(order(number(2), 100)), &mut network).unwrap();
    assert_eq!((driver.count("v1.token"), driver.count("v1.genprepay")), (2, 3));
}

#[test]
fn call_is_refused_if_a_new_token_is_rejected_too() {
    let (mut driver, mut network, merchant) = setup();
    network.gateway.inject(FaultRule::new(Fault::TokenExpired).for_operation(Operation::Genprepay));
    let error = driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Some(Fate::Refused)));
    assert_eq!(error.refusal().unwrap().code, Code::ACCESS_TOKEN_EXPIRED);
    assert_eq!(driver.count("v1.token"), 2);
}

/// Returns a gateway that grants tokens, and answers orders with these codes in turn, then with success.
fn answering<const N: usize>(codes: [i64; N]) -> impl FnMut(Transmit, UnixTime) -> (Reply, Duration) {
    let mut codes = codes.into_iter();
    move |transmit, _| {
        let body = if transmit.label == "v1.token" {
            r#"{"access_token":"token","expires_in":7200}"#.to_owned()
        } else {
            match codes.next() {
                Some(code) => format!(r#"{{"errcode":{code},"errmsg":"refused"}}"#),
                None => r#"{"prepayid":"1101000000140429eb40476f8896f4c9","errcode":0}"#.to_owned(),
            }
        };
        (Ok(Response::new(200, body.into_bytes())), Duration::from_millis(50))
    }
}

#[test]
fn refusal_costs_neither_a_token_fetch_nor_a_second_send() {
    let merchant = wxpay_testkit::keys::merchant().build();
    for code in [
        40_002,
        40_003,
        40_013,
        40_033,
        40_035,
        41_001,
        43_003,
        43_008,
        45_009,
        47_001,
        48_001,
        48_004,
        49_001,
        49_004,
        49_010,
        50_001,
        268_500_741,
        88_221_009,
    ] {
        let mut driver = Driver::default();
        // The second code would be used up by a second send.
        let mut network = answering([code, 0]);
        let error = driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Some(Fate::Refused)), "{code}");
        assert_eq!((driver.count("v1.token"), driver.count("v1.genprepay")), (1, 1), "{code}");
        drop(driver.run(merchant.prepay(order(number(2), 100)), &mut network));
        assert_eq!(driver.count("v1.token"), 1, "{code}: the token must stay cached");
    }
}

#[test]
fn only_three_codes_cost_a_new_token_and_only_once() {
    let merchant = wxpay_testkit::keys::merchant().build();
    for code in [40_001, 40_014, 42_001] {
        let mut driver = Driver::default();
        let mut network = answering([code]);
        driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap();
        assert_eq!((driver.count("v1.token"), driver.count("v1.genprepay")), (2, 2), "{code}");

        let mut driver = Driver::default();
        let mut network = answering([code; 9]);
        let error = driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap_err();
        assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Some(Fate::Refused)), "{code}");
        assert_eq!((driver.count("v1.token"), driver.count("v1.genprepay")), (2, 2), "{code}");
    }
}

#[test]
fn a_busy_gateway_is_asked_again_with_the_same_token() {
    let merchant = wxpay_testkit::keys::merchant().build();
    for code in [-1, 45_011] {
        let mut driver = Driver::default();
        let mut network = answering([code, code]);
        driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap();
        assert_eq!((driver.count("v1.token"), driver.count("v1.genprepay")), (1, 3), "{code}");
    }
}

#[test]
fn token_is_refreshed_before_it_expires() {
    let (mut driver, mut network, merchant) = setup();
    driver.run(merchant.refresh_token(), &mut network).unwrap();
    for round in 1..=4 {
        driver.now = driver.memory.next_token_refresh(merchant.appid()).unwrap();
        driver.run(merchant.refresh_token(), &mut network).unwrap();
        let start = driver.now;
        driver.run(merchant.prepay(order(number(round), 100)), &mut network).unwrap();
        assert_eq!(driver.now.since(start), network.latency, "one request only");
    }
    assert_eq!(driver.count("v1.token"), 5, "six hours, five fetches");
}

#[test]
fn token_that_cannot_be_refreshed_is_used_until_it_expires() {
    let (mut driver, mut network, merchant) = setup();
    driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap();
    network.gateway.inject(FaultRule::new(Fault::DropBeforeCommit).for_operation(Operation::Token));
    driver.wait(Duration::from_secs(5500));
    driver.run(merchant.prepay(order(number(2), 100)), &mut network).unwrap();
    assert_eq!(driver.count("v1.token"), 2, "one attempt, and none in the 30 seconds after it");
    driver.run(merchant.prepay(order(number(3), 100)), &mut network).unwrap();
    assert_eq!(driver.count("v1.token"), 2);
}

#[test]
fn exhausted_token_quota_is_not_retried_before_midnight() {
    let (mut driver, mut network, merchant) = setup();
    network.gateway.inject(FaultRule::new(Fault::QuotaUsedUp).at_most(1));
    let error = driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap_err();
    assert_eq!((error.fate(), &error.refusal().unwrap().code), (Some(Fate::NotSent), &Code::DAILY_QUOTA));
    let error = driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Exhausted, Some(Fate::NotSent)));
    assert_eq!(driver.count("v1.token"), 1);
    // `TZ=Asia/Shanghai date -d '2014-05-09' +%s`
    driver.now = UnixTime::from_secs(1_399_564_800);
    driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap();
}

#[test]
fn wrong_app_secret_is_refused_with_fate_not_sent() {
    let (mut driver, mut network, _) = setup();
    let other = wxpay_testkit::keys::merchant();
    let error = driver.run(other.build().prepay(order(number(1), 100)), &mut network).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Some(Fate::NotSent)));
    assert_eq!(driver.count("v1.token"), 1, "a wrong secret must not be retried");
}

#[test]
fn prepay_with_lost_reply_is_retried_under_the_same_number() {
    let (mut driver, mut network, merchant) = setup();
    network
        .gateway
        .inject(FaultRule::new(Fault::CommitThenDropResponse).for_operation(Operation::Genprepay).at_most(1));
    driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap();
    assert_eq!(driver.count("v1.genprepay"), 2);
    assert_eq!(network.gateway.orders(driver.now).len(), 1);
}

#[test]
fn prepay_with_all_replies_lost_resolves_to_the_order() {
    let (mut driver, mut network, merchant) = setup();
    network.gateway.inject(FaultRule::new(Fault::CommitThenDropResponse).for_operation(Operation::Genprepay));
    let mut error = driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Transport, Some(Fate::Unknown)));
    let unresolved = error.take_unresolved().unwrap();
    assert_eq!(unresolved.pending_operation().to_string(), format!("v1.order?out_trade_no={}", number(1)));
    assert!(error.take_unresolved().is_none(), "the unresolved operation can be taken only once");
    assert_eq!(driver.run(merchant.resolve(unresolved), &mut network).unwrap(), QueryOutcome::Unpaid);
}

#[test]
fn order_is_resolved_by_its_number_after_a_crash() {
    let (mut driver, mut network, merchant) = setup();
    driver.run(merchant.refresh_token(), &mut network).unwrap();
    let step = Step::begin(merchant.prepay(order(number(1), 100)), driver.world());
    let Step::Send(transmit, sent) = step else { panic!("a token is cached, so the order must be sent") };
    drop((sent, Network::send(&mut network, transmit, driver.now)));
    *driver.memory = Memory::default();
    assert_eq!(driver.run(merchant.resolve_pending(&number(1)), &mut network).unwrap(), QueryOutcome::Unpaid);
}

#[test]
fn resolve_returns_not_found_only_after_twenty_seconds() {
    let (mut driver, mut network, merchant) = setup();
    network.gateway.inject(FaultRule::new(Fault::DropBeforeCommit).for_operation(Operation::Genprepay));
    let mut error = driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap_err();
    let start = driver.now;
    let resolved = driver.run(merchant.resolve(error.take_unresolved().unwrap()), &mut network).unwrap();
    assert_eq!(resolved, QueryOutcome::NotFound);
    assert!(driver.now.since(start) >= Duration::from_secs(20));
    assert_eq!(driver.count("v1.orderquery"), 5);
}

#[test]
fn a_lost_query_starts_the_count_of_not_founds_again() {
    let (mut driver, mut network, merchant) = setup();
    network.gateway.inject(FaultRule::new(Fault::DropBeforeCommit).for_operation(Operation::Genprepay));
    let mut error = driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap_err();
    let start = driver.now;
    // The third query is lost, with all its attempts.
    let lost = FaultRule::new(Fault::ResetBeforeCommit)
        .for_operation(Operation::Orderquery)
        .between(Some(start.after(Duration::from_secs(3))), None)
        .at_most(4);
    network.gateway.inject(lost);
    let resolved = driver.run(merchant.resolve(error.take_unresolved().unwrap()), &mut network).unwrap();
    assert_eq!(resolved, QueryOutcome::NotFound);
    assert_eq!(driver.count("v1.orderquery"), 2 + 4 + 5);
}

#[test]
fn resolve_without_replies_keeps_the_operation_unresolved() {
    let (mut driver, mut network, merchant) = setup();
    network.gateway.inject(FaultRule::new(Fault::CommitThenDropResponse).for_operation(Operation::Genprepay));
    let mut error = driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap_err();
    network.is_down = true;
    let mut error = driver.run(merchant.resolve(error.take_unresolved().unwrap()), &mut network).unwrap_err();
    assert_eq!(error.fate(), Some(Fate::Unknown), "the query was not sent, but the order may exist");
    assert_eq!(error.take_unresolved().unwrap().pending_operation().number("out_trade_no"), Some(number(1)));
}

#[test]
fn unreachable_gateway_gives_fate_not_sent() {
    let (mut driver, mut network, merchant) = setup();
    driver.run(merchant.refresh_token(), &mut network).unwrap();
    network.is_down = true;
    let mut error = driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Transport, Some(Fate::NotSent)));
    assert!(error.take_unresolved().is_none());
    assert_eq!(driver.count("v1.genprepay"), usize::try_from(Policy::default().max_attempts).unwrap());
}

#[test]
fn lost_token_reply_gives_fate_not_sent() {
    let (mut driver, mut network, merchant) = setup();
    network.gateway.inject(FaultRule::new(Fault::CommitThenDropResponse).for_operation(Operation::Token));
    let error = driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap_err();
    assert_eq!(error.fate(), Some(Fate::NotSent));
    assert_eq!(driver.count("v1.genprepay"), 0);
}

#[test]
fn busy_gateway_is_retried_and_leaves_the_fate_unknown() {
    let (mut driver, mut network, merchant) = setup();
    network.gateway.inject(
        FaultRule::new(Fault::SystemError { commits: true }).for_operation(Operation::Genprepay).at_most(2),
    );
    driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap();
    assert_eq!(driver.count("v1.genprepay"), 3);
    network
        .gateway
        .inject(FaultRule::new(Fault::SystemError { commits: true }).for_operation(Operation::Genprepay));
    let error = driver.run(merchant.prepay(order(number(2), 100)), &mut network).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Some(Fate::Unknown)));
}

#[test]
fn refusal_after_a_lost_reply_leaves_the_fate_unknown() {
    let (mut driver, mut network, merchant) = setup();
    network
        .gateway
        .inject(FaultRule::new(Fault::CommitThenDropResponse).for_operation(Operation::Genprepay).at_most(1));
    network.gateway.inject(FaultRule::new(Fault::TokenExpired).for_operation(Operation::Genprepay));
    let error = driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Some(Fate::Unknown)));
}

#[test]
fn paid_order_cannot_be_placed_again() {
    let (mut driver, mut network, merchant) = setup();
    let params = driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap();
    pay(&driver, &mut network, &params, &Payer::default());
    let error = driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Some(Fate::Refused)));
}

#[test]
fn query_replaces_a_lost_notification() {
    let (mut driver, mut network, merchant) = setup();
    let params = driver.run(merchant.prepay(order(number(1), 1999)), &mut network).unwrap();
    network.gateway.inject(FaultRule::new(Fault::NotificationLost));
    pay(&driver, &mut network, &params, &Payer::default().with_discount(Fen::new(50)));
    network.deliver_due(&merchant, driver.now, |_| panic!("the notification was lost"));
    let queried = driver.run(merchant.query(number(1)), &mut network).unwrap();
    let mut state = PaymentState::new(number(1), Fen::new(1999));
    merge(&mut state, &queried.evidence().unwrap());
    let PaymentStatus::Paid(payment) = state.status() else {
        panic!("1949 fen and a discount of 50 fen must pay 1999 fen")
    };
    assert_eq!((payment.total_fee(), payment.discount()), (Fen::new(1949), Fen::new(50)));
}

#[test]
fn unacknowledged_notification_is_delivered_ten_times() {
    let (mut driver, mut network, merchant) = setup();
    let params = driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap();
    pay(&driver, &mut network, &params, &Payer::default());
    let paid_at = driver.now;
    let mut offsets = Vec::new();
    while let Some(due) = network.gateway.next_due() {
        driver.now = due;
        network.deliver_due(&merchant, due, |_| {
            offsets.push(due.since(paid_at).as_secs());
            Ack::Fail
        });
    }
    assert_eq!(offsets, [0, 8, 18, 28, 58, 88, 148, 268, 628, 1628]);
}

#[test]
fn duplicated_reordered_and_forged_notifications_pay_an_order_once() {
    let (mut driver, mut network, merchant) = setup();
    for fault in [Fault::NotificationForged, Fault::NotificationDuplicated, Fault::NotificationReordered] {
        network.gateway.inject(FaultRule::new(fault).per_mille(500));
    }
    let mut states: Vec<_> = (0..20).map(|serial| PaymentState::new(number(serial), Fen::new(100))).collect();
    for serial in 0..20 {
        let params = driver.run(merchant.prepay(order(number(serial), 100)), &mut network).unwrap();
        pay(&driver, &mut network, &params, &Payer::default());
    }
    let (mut paid, mut owners) = (0, TransactionOwners::default());
    while let Some(due) = network.gateway.next_due() {
        driver.now = driver.now.max(due);
        network.deliver_due(&merchant, driver.now, |notification| {
            let state =
                states.iter_mut().find(|state| state.out_trade_no() == notification.out_trade_no()).unwrap();
            let before = state.clone();
            let evidence = notification.evidence().unwrap();
            state.merge(&evidence, owners.claim(&evidence)).unwrap();
            paid += state.transitions_since(&before).len();
            Ack::Success
        });
    }
    assert_eq!(paid, 20);
}

#[test]
fn notification_may_arrive_before_the_reply() {
    let (mut driver, mut network, merchant) = setup();
    network.gateway.inject(FaultRule::new(Fault::Early).for_operation(Operation::Genprepay));
    driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap();
    let mut received = 0;
    network.deliver_due(&merchant, driver.now, |notification| {
        assert_eq!(notification.out_trade_no(), &number(1));
        received += 1;
        Ack::Success
    });
    assert_eq!(received, 1);
}

#[test]
fn second_payment_of_an_order_is_an_anomaly() {
    let (mut driver, mut network, merchant) = setup();
    driver.run(merchant.prepay(order(number(1), 100)), &mut network).unwrap();
    network.gateway.inject(FaultRule::new(Fault::SecondPayment));
    let mut state = PaymentState::new(number(1), Fen::new(100));
    for _ in 0..2 {
        network.gateway.pay(&OrderRef::OutTradeNo(number(1)), &Payer::default(), driver.now).unwrap();
        driver.wait(Duration::from_secs(1));
        network.deliver_due(&merchant, driver.now, |notification| {
            merge(&mut state, &notification.evidence().unwrap());
            Ack::Success
        });
    }
    assert!(matches!(state.status(), PaymentStatus::Paid(_)));
    assert!(matches!(state.anomalies()[..], [Anomaly::SecondPayment(_)]));
}

#[test]
fn order_and_notification_in_gbk_are_decoded() {
    let (mut driver, mut network, merchant) = setup();
    let url = "https://shop.example/n".parse().unwrap();
    let order = Order::builder(number(1), Fen::new(1), "可乐1杯", url, Ipv4Addr::LOCALHOST)
        .charset(wxpay_proto::wire::charset::Charset::Gbk)
        .attach("测试 a+b%26c=d")
        .build()
        .unwrap();
    let params = driver.run(merchant.prepay(order), &mut network).unwrap();
    assert_eq!(
        network.gateway.order(&OrderRef::OutTradeNo(number(1)), driver.now).unwrap().description,
        "可乐1杯"
    );
    pay(&driver, &mut network, &params, &Payer::default());
    let mut attach = None;
    network.deliver_due(&merchant, driver.now, |notification| {
        attach = notification.attach().map(str::to_owned);
        Ack::Success
    });
    assert_eq!(attach.as_deref(), Some("测试 a+b%26c=d"));
}
