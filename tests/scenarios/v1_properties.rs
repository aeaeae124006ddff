//! Properties of APIv1 flows that hold on any network.

use crate::v1_conversations::{number, order};
use proptest::prelude::*;
use std::time::Duration;
use wxpay_proto::{
    Fate, UnixTime,
    exchange::{Failure, Reply, Transmit},
    http::Response,
    id::OpenId,
    v1::{DeliveryReport, QueryOutcome},
};
use wxpay_sim::{
    Settings,
    faults::{Fault, FaultRule},
    gateway::{OrderRef, Payer},
};
use wxpay_testkit::{
    drive::Driver,
    keys::{APP_SECRET, PARTNER_KEY, PAY_SIGN_KEY, merchant},
    network::SimNetwork,
};

/// A status and a body, or no response.
type FakeResponse = Option<(u16, Vec<u8>)>;

/// Generates arbitrary responses, including those that no gateway would send.
fn replies() -> impl Strategy<Value = FakeResponse> {
    let bodies = prop::sample::select(vec![
        r#"{"access_token":"planted-token","expires_in":7200}"#,
        r#"{"access_token":"planted-token","expires_in":"7200"}"#,
        r#"{"access_token":"planted-token","expires_in":0}"#,
        r#"{"access_token":"","expires_in":7200}"#,
        r#"{"prepayid":"1101000000140429eb40476f8896f4c9","errcode":0,"errmsg":"Success"}"#,
        r#"{"errcode":0,"errmsg":"ok"}"#,
        r#"{"errcode":"0"}"#,
        r#"{"errcode":-1,"errmsg":"system error"}"#,
        r#"{"errcode":40001,"errmsg":"invalid credential"}"#,
        r#"{"errcode":42001,"errmsg":"access_token expired"}"#,
        r#"{"errcode":45009,"errmsg":"reach max api daily quota limit"}"#,
        r#"{"errcode":45011,"errmsg":"slower"}"#,
        r#"{"errcode":49004,"errmsg":"not match signature"}"#,
        r#"{"errcode":0,"order_info":{"ret_code":0,"trade_state":"0"}}"#,
        r#"{"errcode":0,"order_info":{"ret_code":0,"trade_state":"1"}}"#,
        r#"{"errcode":0,"order_info":{"ret_code":88221009}}"#,
        r#"{"errcode":0,"order_info":{"ret_code":88219998}}"#,
        r#"{"errcode":1.5}"#,
        "{}",
        "[]",
        "",
        "<html>502</html>",
    ]);
    prop_oneof![
        2 => Just(None),
        8 => (prop_oneof![9 => Just(200_u16), 1 => prop::sample::select(vec![202, 404, 429, 500, 502])], bodies)
            .prop_map(|(status, body)| Some((status, body.as_bytes().to_vec()))),
        1 => prop::collection::vec(any::<u8>(), 0..64).prop_map(|body| Some((200, body))),
    ]
}

/// Returns a network that repeats a script of responses.
fn network(script: Vec<(FakeResponse, bool, u64)>) -> impl FnMut(Transmit, UnixTime) -> (Reply, Duration) {
    let mut script = script.into_iter().cycle();
    move |_, _| {
        let (reply, is_sent, millis) = script.next().unwrap();
        let reply = match reply {
            Some((status, body)) => Ok(Response::new(status, body)),
            None if is_sent => Err(Failure::Lost("lost".into())),
            None => Err(Failure::NotSent("refused".into())),
        };
        (reply, Duration::from_millis(millis))
    }
}

proptest! {
    #[test]
    fn every_flow_ends_and_prints_no_secret(
        script in prop::collection::vec((replies(), any::<bool>(), 0_u64..12_000), 1..12),
        count in 1_u32..4,
    ) {
        let secrets = [APP_SECRET, PAY_SIGN_KEY, PARTNER_KEY, "planted-token"];
        let (mut driver, me) = (Driver::default().watch_for(&secrets), merchant().build());
        let mut network = network(script);
        let mut unresolved = Vec::new();
        for result in driver.run_all((0..count).map(|serial| me.prepay(order(number(serial), 100))), &mut network) {
            if let Err(mut error) = result {
                let unknown = error.fate() == Some(Fate::Unknown);
                let operation = error.take_unresolved();
                prop_assert_eq!(operation.is_some(), unknown, "unresolved exactly if the fate is unknown");
                unresolved.extend(operation);
            }
        }
        let resolved = driver.run_all(unresolved.into_iter().map(|operation| me.resolve(operation)), &mut network);
        for mut error in resolved.into_iter().filter_map(Result::err) {
            prop_assert_eq!(error.fate(), Some(Fate::Unknown));
            prop_assert!(error.take_unresolved().is_some(), "a failed resolve must keep the operation unresolved");
        }
        let payer: OpenId = "oX99MDgNcgwnz3zFN3DNmo8uwa-w".parse().unwrap();
        let delivery = DeliveryReport::succeeded(payer, "1900000001201405083141592653".parse().unwrap(), number(1));
        drop(driver.run(me.notify_delivery(delivery), &mut network));
        drop(driver.run(me.query(number(1)), &mut network));
        drop(driver.run(me.refresh_token(), &mut network));
    }

    #[test]
    fn fate_is_unknown_if_the_gateway_has_the_order_of_a_failed_call(
        seed: u64,
        faults in prop::collection::vec((0_usize..14, 100_u32..700, 1_u32..6), 0..5),
        down in prop::collection::vec(any::<bool>(), 12),
    ) {
        let mut network = SimNetwork::new(Settings::default(), seed);
        let merchant = network.merchant();
        for (kind, per_mille, times) in faults {
            network.gateway.inject(FaultRule::new(FAULTS[kind]).per_mille(per_mille).at_most(times));
        }
        let mut driver = Driver::default();
        let mut down = down.into_iter().cycle();
        let mut flaky = |transmit: Transmit, now: UnixTime| {
            network.is_down = down.next().unwrap();
            wxpay_testkit::drive::Network::send(&mut network, transmit, now)
        };
        let results = driver.run_all((0..4).map(|serial| merchant.prepay(order(number(serial), 100))), &mut flaky);
        network.is_down = false;
        network.gateway.clear_faults();
        for (serial, result) in results.into_iter().enumerate() {
            let number = number(u32::try_from(serial).unwrap());
            let recorded = network.gateway.order(&OrderRef::OutTradeNo(number.clone()), driver.now);
            match result {
                Ok(params) => {
                    let record = recorded.expect("the gateway must have an order that it accepted");
                    prop_assert!(record.prepays.iter().any(|prepay| prepay.handle.as_deref() == Some(params.prepayid.as_str())));
                }
                Err(error) => {
                    prop_assert!(recorded.is_none() || error.fate() == Some(Fate::Unknown), "{error:?}: the gateway has the order");
                }
            }
        }
    }

    #[test]
    fn payment_states_equal_the_gateways_ledger_after_faults(
        seed: u64,
        faults in prop::collection::vec((0_usize..14, 100_u32..700, 1_u32..6), 0..5),
        payments in prop::collection::vec((any::<bool>(), 0_u64..50), 4),
    ) {
        let mut network = SimNetwork::new(Settings::default(), seed);
        let merchant = network.merchant();
        let mut driver = Driver::default();
        for (kind, per_mille, times) in faults {
            network.gateway.inject(FaultRule::new(FAULTS[kind]).per_mille(per_mille).at_most(times));
        }
        let mut states: Vec<_> = (0..4)
            .map(|serial| wxpay_proto::payment::PaymentState::new(number(serial), wxpay_proto::Fen::new(100)))
            .collect();
        for (serial, (is_paid, discount)) in payments.iter().enumerate() {
            let number = number(u32::try_from(serial).unwrap());
            drop(driver.run(merchant.prepay(order(number.clone(), 100)), &mut network));
            if *is_paid {
                let payer = Payer::default().with_discount(wxpay_proto::Fen::new(*discount));
                drop(network.gateway.pay(&OrderRef::OutTradeNo(number), &payer, driver.now));
            }
        }
        let (mut transitions, mut owners) = (0, wxpay_proto::payment::TransactionOwners::default());
        while let Some(due) = network.gateway.next_due() {
            driver.now = driver.now.max(due);
            network.deliver_due(&merchant, driver.now, |notification| {
                let state = states.iter_mut().find(|state| state.out_trade_no() == notification.out_trade_no()).unwrap();
                let before = state.clone();
                let evidence = notification.evidence().unwrap();
                state.merge(&evidence, owners.claim(&evidence)).unwrap();
                transitions += state.transitions_since(&before).len();
                wxpay_proto::v1::Ack::Success
            });
        }
        network.gateway.clear_faults();
        for state in &mut states {
            let before = state.clone();
            let queried = driver.run(merchant.query(state.out_trade_no().clone()), &mut network);
            if let Some(evidence) = queried.as_ref().ok().and_then(QueryOutcome::evidence) {
                state.merge(&evidence, owners.claim(&evidence)).unwrap();
            }
            transitions += state.transitions_since(&before).len();
            let recorded = network.gateway.order(&OrderRef::OutTradeNo(state.out_trade_no().clone()), driver.now);
            let has_payment = recorded.is_some_and(|record| !record.payments.is_empty());
            let is_paid = matches!(state.status(), wxpay_proto::payment::PaymentStatus::Paid(_));
            prop_assert_eq!(is_paid, has_payment);
        }
        let paid = states.iter().filter(|state| state.payments().next().is_some()).count();
        prop_assert_eq!(transitions, paid, "each payment must have one transition");
    }
}

const FAULTS: [Fault; 14] = [
    Fault::CommitThenDropResponse,
    Fault::DropBeforeCommit,
    Fault::Delayed { millis: 20_000 },
    Fault::Cut { bytes: 10 },
    Fault::ServerError { commits: true },
    Fault::Garbage { commits: true },
    Fault::SystemError { commits: true },
    Fault::TokenReplaced,
    Fault::TokenExpired,
    Fault::Early,
    Fault::NotificationLost,
    Fault::NotificationDuplicated,
    Fault::NotificationReordered,
    Fault::NotificationForged,
];
