//! Complete APIv1 conversations with the simulated gateway, in virtual time.

use core::net::Ipv4Addr;
use std::time::Duration;
use wxpay_proto::{
    ErrorKind, Fate, Fen, UnixTime,
    exchange::Step,
    id::OutTradeNo,
    memory::Memory,
    payment::{Anomaly, PaymentState, PaymentStatus, Transition},
    refusal::Code,
    retry::Policy,
    v1::{Ack, AppParams, DeliveryReport, Merchant, Order, QueryOutcome},
};
use wxpay_sim::{
    Settings,
    faults::{Fault, FaultRule, Operation},
    gateway::{Payer, PrepayRef},
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
    let wire = SimNetwork::new(Settings::default(), 7);
    let me = wire.merchant();
    (Driver::default(), wire, me)
}

/// Pays with the parameters that the app received, so that their signature is verified.
fn pay(lab: &Driver, wire: &mut SimNetwork, params: &AppParams, payer: &Payer) {
    let handed_over = serde_json::to_vec(params).unwrap();
    let bill = PaymentRequest::parse(&mut wire.gateway, &handed_over, lab.now).unwrap();
    bill.pay(&mut wire.gateway, payer, lab.now).unwrap();
}

#[test]
fn order_is_placed_paid_notified_queried_and_delivered() {
    let (mut lab, mut wire, me) = setup();
    let params = lab.run(me.prepay(order(number(1), 1999)), &mut wire).unwrap();
    pay(&lab, &mut wire, &params, &Payer::default());

    let mut state = PaymentState::new(number(1), Fen::new(1999));
    let mut payer = None;
    wire.deliver_due(&me, lab.now, |notification| {
        let before = state.clone();
        state.merge(&notification.evidence().unwrap()).unwrap();
        assert!(matches!(state.transitions_since(&before)[..], [Transition::Paid(_)]));
        payer = Some(notification.openid().clone());
        Ack::Success
    });
    let PaymentStatus::Paid(payment) = state.status() else {
        panic!("the order must be paid after the notification")
    };

    let queried = lab.run(me.query(number(1)), &mut wire).unwrap();
    let before = state.clone();
    state.merge(&queried.evidence().unwrap()).unwrap();
    assert_eq!(state, before, "a query must not add to the evidence of the notification");

    let delivery = DeliveryReport::succeeded(payer.unwrap(), payment.transaction_id().clone(), number(1));
    lab.run(me.notify_delivery(delivery), &mut wire).unwrap();
    let record = wire.gateway.order(&number(1), lab.now).unwrap();
    assert_eq!((record.payments.len(), record.deliveries.len()), (1, 1));
    assert!(
        wire.gateway.notifications().iter().all(|notification| notification.next_at.is_none()),
        "`success` must stop the retries"
    );
    assert_eq!(wire.gateway.warnings().count(), 0);
}

#[test]
fn hundred_concurrent_orders_share_one_token_fetch() {
    let (mut lab, mut wire, me) = setup();
    let flows = (0..100).map(|serial| me.prepay(order(number(serial), 100)));
    let results = lab.run_all(flows, &mut wire);
    assert!(results.iter().all(Result::is_ok));
    assert_eq!((lab.count("v1.token"), lab.count("v1.genprepay")), (1, 100));
}

#[test]
fn token_fetch_is_taken_over_when_the_lease_ends() {
    let (mut lab, mut wire, me) = setup();
    // This flow holds the lease and never resumes, as if its future was dropped.
    let abandoned = Step::begin(me.prepay(order(number(1), 100)), lab.world());
    drop(abandoned);
    let began = lab.now;
    lab.run(me.prepay(order(number(2), 100)), &mut wire).unwrap();
    let waited = lab.now.since(began);
    assert!(waited >= Duration::from_secs(15) && waited < Duration::from_secs(17), "{waited:?}");
}

#[test]
fn replaced_token_is_fetched_once_and_the_call_succeeds() {
    let (mut lab, mut wire, me) = setup();
    lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap();
    wire.gateway.replace_tokens(lab.now);
    lab.run(me.prepay(order(number(2), 100)), &mut wire).unwrap();
    assert_eq!((lab.count("v1.token"), lab.count("v1.genprepay")), (2, 3));
}

#[test]
fn call_is_refused_if_a_new_token_is_rejected_too() {
    let (mut lab, mut wire, me) = setup();
    wire.gateway.inject(FaultRule::new(Fault::TokenExpired).for_operation(Operation::Genprepay));
    let error = lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Fate::Refused));
    assert_eq!(error.refusal().unwrap().code, Code::ACCESS_TOKEN_EXPIRED);
    assert_eq!(lab.count("v1.token"), 2);
}

#[test]
fn token_is_refreshed_before_it_expires() {
    let (mut lab, mut wire, me) = setup();
    lab.run(me.refresh_token(), &mut wire).unwrap();
    for round in 1..=4 {
        lab.now = lab.memory.next_token_refresh(me.appid()).unwrap();
        lab.run(me.refresh_token(), &mut wire).unwrap();
        let began = lab.now;
        lab.run(me.prepay(order(number(round), 100)), &mut wire).unwrap();
        assert_eq!(lab.now.since(began), wire.latency, "one request only");
    }
    assert_eq!(lab.count("v1.token"), 5, "six hours, five fetches");
}

#[test]
fn token_that_cannot_be_refreshed_is_used_until_it_expires() {
    let (mut lab, mut wire, me) = setup();
    lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap();
    wire.gateway.inject(FaultRule::new(Fault::DropBeforeCommit).for_operation(Operation::Token));
    lab.wait(Duration::from_secs(5500));
    lab.run(me.prepay(order(number(2), 100)), &mut wire).unwrap();
    assert_eq!(lab.count("v1.token"), 2, "one attempt, and none in the 30 seconds after it");
    lab.run(me.prepay(order(number(3), 100)), &mut wire).unwrap();
    assert_eq!(lab.count("v1.token"), 2);
}

#[test]
fn exhausted_token_quota_is_not_retried_before_midnight() {
    let (mut lab, mut wire, me) = setup();
    wire.gateway.inject(FaultRule::new(Fault::QuotaUsedUp).at_most(1));
    let error = lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap_err();
    assert_eq!((error.fate(), &error.refusal().unwrap().code), (Fate::NotSent, &Code::DAILY_QUOTA));
    let error = lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Exhausted, Fate::NotSent));
    assert_eq!(lab.count("v1.token"), 1);
    // `TZ=Asia/Shanghai date -d '2014-05-09' +%s`
    lab.now = UnixTime::from_secs(1_399_564_800);
    lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap();
}

#[test]
fn wrong_app_secret_is_refused_with_fate_not_sent() {
    let (mut lab, mut wire, _) = setup();
    let stranger = wxpay_testkit::keys::merchant();
    let error = lab.run(stranger.build().prepay(order(number(1), 100)), &mut wire).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Fate::NotSent));
    assert_eq!(lab.count("v1.token"), 1, "a wrong secret must not be retried");
}

#[test]
fn prepay_with_lost_reply_is_retried_under_the_same_number() {
    let (mut lab, mut wire, me) = setup();
    wire.gateway
        .inject(FaultRule::new(Fault::CommitThenDropResponse).for_operation(Operation::Genprepay).at_most(1));
    lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap();
    assert_eq!(lab.count("v1.genprepay"), 2);
    assert_eq!(wire.gateway.orders(lab.now).len(), 1);
}

#[test]
fn prepay_with_all_replies_lost_resolves_to_the_order() {
    let (mut lab, mut wire, me) = setup();
    wire.gateway.inject(FaultRule::new(Fault::CommitThenDropResponse).for_operation(Operation::Genprepay));
    let mut error = lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Transport, Fate::Unknown));
    let pending_operation = error.unresolved().unwrap();
    assert_eq!(pending_operation.out_trade_no(), Some(&number(1)));
    assert!(error.unresolved().is_none(), "the unresolved operation can be taken only once");
    assert_eq!(lab.run(me.resolve(pending_operation), &mut wire).unwrap(), QueryOutcome::Unpaid);
}

#[test]
fn order_is_resolved_by_its_number_after_a_crash() {
    let (mut lab, mut wire, me) = setup();
    lab.run(me.refresh_token(), &mut wire).unwrap();
    let step = Step::begin(me.prepay(order(number(1), 100)), lab.world());
    let Step::Send(transmit, sent) = step else { panic!("a token is cached, so the order must be sent") };
    drop((sent, Network::send(&mut wire, transmit, lab.now)));
    lab.memory = Memory::default();
    assert_eq!(lab.run(me.resolve_pending(number(1)), &mut wire).unwrap(), QueryOutcome::Unpaid);
}

#[test]
fn resolve_returns_not_found_only_after_twenty_seconds() {
    let (mut lab, mut wire, me) = setup();
    wire.gateway.inject(FaultRule::new(Fault::DropBeforeCommit).for_operation(Operation::Genprepay));
    let mut error = lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap_err();
    let began = lab.now;
    let settled = lab.run(me.resolve(error.unresolved().unwrap()), &mut wire).unwrap();
    assert_eq!(settled, QueryOutcome::NotFound);
    assert!(lab.now.since(began) >= Duration::from_secs(20));
    assert_eq!(lab.count("v1.orderquery"), 5);
}

#[test]
fn resolve_without_replies_keeps_the_operation_unresolved() {
    let (mut lab, mut wire, me) = setup();
    wire.gateway.inject(FaultRule::new(Fault::CommitThenDropResponse).for_operation(Operation::Genprepay));
    let mut error = lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap_err();
    wire.is_down = true;
    let mut error = lab.run(me.resolve(error.unresolved().unwrap()), &mut wire).unwrap_err();
    assert_eq!(error.fate(), Fate::Unknown, "the query was not sent, but the order may exist");
    assert_eq!(error.unresolved().unwrap().out_trade_no(), Some(&number(1)));
}

#[test]
fn unreachable_gateway_gives_fate_not_sent() {
    let (mut lab, mut wire, me) = setup();
    lab.run(me.refresh_token(), &mut wire).unwrap();
    wire.is_down = true;
    let mut error = lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Transport, Fate::NotSent));
    assert!(error.unresolved().is_none());
    assert_eq!(lab.count("v1.genprepay"), usize::try_from(Policy::default().max_attempts).unwrap());
}

#[test]
fn lost_token_reply_gives_fate_not_sent() {
    let (mut lab, mut wire, me) = setup();
    wire.gateway.inject(FaultRule::new(Fault::CommitThenDropResponse).for_operation(Operation::Token));
    let error = lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap_err();
    assert_eq!(error.fate(), Fate::NotSent);
    assert_eq!(lab.count("v1.genprepay"), 0);
}

#[test]
fn busy_gateway_is_retried_and_leaves_the_fate_unknown() {
    let (mut lab, mut wire, me) = setup();
    wire.gateway.inject(
        FaultRule::new(Fault::SystemError { commits: true }).for_operation(Operation::Genprepay).at_most(2),
    );
    lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap();
    assert_eq!(lab.count("v1.genprepay"), 3);
    wire.gateway
        .inject(FaultRule::new(Fault::SystemError { commits: true }).for_operation(Operation::Genprepay));
    let error = lab.run(me.prepay(order(number(2), 100)), &mut wire).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Fate::Unknown));
}

#[test]
fn refusal_after_a_lost_reply_leaves_the_fate_unknown() {
    let (mut lab, mut wire, me) = setup();
    wire.gateway
        .inject(FaultRule::new(Fault::CommitThenDropResponse).for_operation(Operation::Genprepay).at_most(1));
    wire.gateway.inject(FaultRule::new(Fault::TokenExpired).for_operation(Operation::Genprepay));
    let error = lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Fate::Unknown));
}

#[test]
fn paid_order_cannot_be_placed_again() {
    let (mut lab, mut wire, me) = setup();
    let params = lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap();
    pay(&lab, &mut wire, &params, &Payer::default());
    let error = lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Refused, Fate::Refused));
}

#[test]
fn query_replaces_a_lost_notification() {
    let (mut lab, mut wire, me) = setup();
    let params = lab.run(me.prepay(order(number(1), 1999)), &mut wire).unwrap();
    wire.gateway.inject(FaultRule::new(Fault::NotificationLost));
    pay(&lab, &mut wire, &params, &Payer::default().with_discount(Fen::new(50)));
    wire.deliver_due(&me, lab.now, |_| panic!("the notification was lost"));
    let queried = lab.run(me.query(number(1)), &mut wire).unwrap();
    let mut state = PaymentState::new(number(1), Fen::new(1999));
    state.merge(&queried.evidence().unwrap()).unwrap();
    let PaymentStatus::Paid(payment) = state.status() else {
        panic!("1949 fen and a discount of 50 fen must pay 1999 fen")
    };
    assert_eq!((payment.total_fee(), payment.discount()), (Fen::new(1949), Fen::new(50)));
}

#[test]
fn unacknowledged_notification_is_delivered_ten_times() {
    let (mut lab, mut wire, me) = setup();
    let params = lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap();
    pay(&lab, &mut wire, &params, &Payer::default());
    let paid_at = lab.now;
    let mut offsets = Vec::new();
    while let Some(due) = wire.gateway.next_due() {
        lab.now = due;
        wire.deliver_due(&me, due, |_| {
            offsets.push(due.since(paid_at).as_secs());
            Ack::Fail
        });
    }
    assert_eq!(offsets, [0, 8, 18, 28, 58, 88, 148, 268, 628, 1628]);
}

#[test]
fn duplicated_reordered_and_forged_notifications_pay_an_order_once() {
    let (mut lab, mut wire, me) = setup();
    for trouble in [Fault::NotificationForged, Fault::NotificationDuplicated, Fault::NotificationReordered] {
        wire.gateway.inject(FaultRule::new(trouble).per_mille(500));
    }
    let mut known: Vec<_> = (0..20).map(|serial| PaymentState::new(number(serial), Fen::new(100))).collect();
    for serial in 0..20 {
        let params = lab.run(me.prepay(order(number(serial), 100)), &mut wire).unwrap();
        pay(&lab, &mut wire, &params, &Payer::default());
    }
    let mut paid = 0;
    while let Some(due) = wire.gateway.next_due() {
        lab.now = lab.now.max(due);
        wire.deliver_due(&me, lab.now, |notification| {
            let state =
                known.iter_mut().find(|one| one.out_trade_no() == notification.out_trade_no()).unwrap();
            let before = state.clone();
            state.merge(&notification.evidence().unwrap()).unwrap();
            paid += state.transitions_since(&before).len();
            Ack::Success
        });
    }
    assert_eq!(paid, 20);
}

#[test]
fn notification_may_arrive_before_the_reply() {
    let (mut lab, mut wire, me) = setup();
    wire.gateway.inject(FaultRule::new(Fault::Early).for_operation(Operation::Genprepay));
    lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap();
    let mut heard = 0;
    wire.deliver_due(&me, lab.now, |notification| {
        assert_eq!(notification.out_trade_no(), &number(1));
        heard += 1;
        Ack::Success
    });
    assert_eq!(heard, 1);
}

#[test]
fn second_payment_of_an_order_is_an_anomaly() {
    let (mut lab, mut wire, me) = setup();
    lab.run(me.prepay(order(number(1), 100)), &mut wire).unwrap();
    wire.gateway.inject(FaultRule::new(Fault::SecondPayment));
    let mut state = PaymentState::new(number(1), Fen::new(100));
    for _ in 0..2 {
        wire.gateway.pay(&PrepayRef::OutTradeNo(number(1)), &Payer::default(), lab.now).unwrap();
        lab.wait(Duration::from_secs(1));
        wire.deliver_due(&me, lab.now, |notification| {
            state.merge(&notification.evidence().unwrap()).unwrap();
            Ack::Success
        });
    }
    assert!(matches!(state.status(), PaymentStatus::Paid(_)));
    assert!(matches!(state.anomalies()[..], [Anomaly::SecondPayment(_)]));
}

#[test]
fn order_and_notification_in_gbk_are_decoded() {
    let (mut lab, mut wire, me) = setup();
    let url = "https://shop.example/n".parse().unwrap();
    let order = Order::builder(number(1), Fen::new(1), "可乐1杯", url, Ipv4Addr::LOCALHOST)
        .charset(wxpay_proto::wire::charset::Charset::Gbk)
        .attach("测试 a+b&c=d")
        .build()
        .unwrap();
    let params = lab.run(me.prepay(order), &mut wire).unwrap();
    assert_eq!(wire.gateway.order(&number(1), lab.now).unwrap().body, "可乐1杯");
    pay(&lab, &mut wire, &params, &Payer::default());
    let mut attach = None;
    wire.deliver_due(&me, lab.now, |notification| {
        attach = notification.attach().map(str::to_owned);
        Ack::Success
    });
    assert_eq!(attach.as_deref(), Some("测试 a+b&c=d"));
}
