//! Conversations of APIv1: sequences of concurrent flows over a faulty network, with one memory.

use super::{
    replies::{NUMBER, TOKEN, delivery, driver, order},
    v3,
};
use crate::{drive::Driver, keys};
use arbitrary::{Arbitrary, Unstructured};
use std::{fmt::Debug, time::Duration};
use wxpay_proto::{
    Error, Fate, UnixTime,
    exchange::{Failure, Flow, Reply, Transmit},
    http::Response,
    v1::Merchant,
};

/// A sequence of operations.
#[derive(Arbitrary, Debug)]
struct Scenario {
    actions: Vec<Action>,
}

#[derive(Arbitrary, Debug)]
struct Action {
    operation: Operation,
    /// The number of flows that run at once, less one.
    extra: u8,
    /// The replies to the requests, in order. After the last one the network works.
    events: Vec<Event>,
    /// The time until the next operation, in seconds.
    pause: u16,
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Operation {
    Prepay,
    Query,
    Deliver,
    Resolve,
    RefreshToken,
}

#[derive(Arbitrary, Debug)]
struct Event {
    kind: EventKind,
    /// The time until the reply arrives, in milliseconds.
    latency: u16,
}

#[derive(Arbitrary, Debug)]
enum EventKind {
    Success,
    NotSent,
    Lost,
    Refused(Refusal),
    Unpaid,
    NoSuchOrder,
    Status(u16),
    Bytes(Vec<u8>),
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Refusal {
    Busy,
    BadToken,
    NotAToken,
    ExpiredToken,
    DayQuota,
    MinuteQuota,
    Unauthorized,
}

/// Checks that every flow ends, shows no secret and reports the right fate, whatever the network does.
///
/// The same bytes make a sequence for APIv1 and one for APIv3.
pub fn conversation(data: &[u8]) {
    v3::conversation(data);
    let Ok(scenario) = Scenario::arbitrary_take_rest(Unstructured::new(data)) else { return };
    let merchant = keys::merchant().build();
    let mut driver = driver();
    for action in scenario.actions.into_iter().take(6) {
        let pause = Duration::from_secs(action.pause.into());
        perform(&merchant, &mut driver, action);
        driver.wait(pause);
    }
}

fn perform(merchant: &Merchant, driver: &mut Driver, action: Action) {
    let number = || NUMBER.parse().unwrap();
    match action.operation {
        Operation::Prepay => run(driver, action, "v1.genprepay", true, || merchant.prepay(order())),
        Operation::Query => run(driver, action, "v1.orderquery", false, || merchant.query(number())),
        Operation::Deliver => {
            run(driver, action, "v1.delivernotify", false, || merchant.notify_delivery(delivery()));
        }
        Operation::RefreshToken => run(driver, action, "v1.token", false, || merchant.refresh_token()),
        Operation::Resolve => resolve(merchant, driver, action),
    }
}

/// Resolves an order whose reply was lost. If that fails, the operation must still be pending.
fn resolve(merchant: &Merchant, driver: &mut Driver, action: Action) {
    let network = |transmit: Transmit, _: UnixTime| -> (Reply, Duration) {
        let reply = match transmit.label {
            "v1.token" => Ok(success(transmit.label)),
            _ => Err(Failure::Lost("cut".into())),
        };
        (reply, Duration::from_millis(80))
    };
    let Err(mut error) = driver.run(merchant.prepay(order()), &mut { network }) else {
        panic!("the call succeeded without a reply")
    };
    let Some(pending) = error.take_unresolved() else {
        return assert_ne!(error.fate(), Some(Fate::Unknown), "an unknown fate has a pending operation");
    };
    let mut events = action.events.into_iter();
    let network = |transmit: Transmit, _: UnixTime| reply_to(&transmit, events.next());
    if let Err(mut error) = driver.run(merchant.resolve(pending), &mut { network }) {
        assert_eq!(error.fate(), Some(Fate::Unknown), "a query does not decide the fate");
        assert!(error.take_unresolved().is_some_and(|pending| {
            pending.pending_operation().number("out_trade_no") == Some(NUMBER.to_owned())
        }));
    }
}

fn run<F: Flow<Output: Debug>>(
    driver: &mut Driver,
    action: Action,
    label: &str,
    leaves_pending: bool,
    flow: impl Fn() -> F,
) {
    let count = usize::from(action.extra % 4) + 1;
    let mut events = action.events.into_iter();
    let mut fates = Vec::new();
    let network = |transmit: Transmit, _: UnixTime| {
        let (reply, latency) = reply_to(&transmit, events.next());
        if transmit.label == label {
            fates.push(match &reply {
                Ok(_) => None,
                Err(Failure::NotSent(_)) => Some(Fate::NotSent),
                Err(Failure::Lost(_)) => Some(Fate::Unknown),
            });
        }
        (reply, latency)
    };
    let results = driver.run_all((0..count).map(|_| flow()), &mut { network });
    for error in results.into_iter().filter_map(Result::err) {
        assert_fate(error, leaves_pending, (count == 1).then_some(&fates));
    }
}

/// Checks the fate of a flow. The requests can be attributed only if a single flow was running.
fn assert_fate(mut error: Error, leaves_pending: bool, attempts: Option<&Vec<Option<Fate>>>) {
    let Some(fate) = error.fate() else {
        return assert_eq!(error.take_unresolved(), None, "a read is never pending");
    };
    assert_eq!(
        error.take_unresolved().is_some(),
        leaves_pending && fate == Fate::Unknown,
        "exactly an unknown fate has a pending operation"
    );
    let Some(attempts) = attempts else { return };
    if attempts.iter().all(|attempt| *attempt == Some(Fate::NotSent)) {
        assert_eq!(fate, Fate::NotSent, "nothing was sent");
    }
    if attempts.contains(&Some(Fate::Unknown)) {
        assert_eq!(fate, Fate::Unknown, "a reply was lost");
    }
}

fn reply_to(transmit: &Transmit, event: Option<Event>) -> (Reply, Duration) {
    let Some(Event { kind, latency }) = event else {
        return (Ok(success(transmit.label)), Duration::from_millis(80));
    };
    let ok = |body: &str| Ok(Response::new(200, body.into()));
    let reply = match kind {
        EventKind::Success => Ok(success(transmit.label)),
        EventKind::NotSent => Err(Failure::NotSent("no route".into())),
        EventKind::Lost => Err(Failure::Lost("cut".into())),
        EventKind::Refused(refusal) => ok(refusal_body(refusal)),
        EventKind::Unpaid => ok(&info(r#""ret_code":0,"trade_state":"1""#)),
        EventKind::NoSuchOrder => ok(&info(r#""ret_code":88221009,"ret_msg":"no such order""#)),
        EventKind::Status(status) => Ok(Response::new(status, success(transmit.label).body().into())),
        EventKind::Bytes(bytes) => Ok(Response::new(200, bytes)),
    };
    (reply, Duration::from_millis(latency.into()))
}

fn refusal_body(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::Busy => r#"{"errcode":-1,"errmsg":"system error"}"#,
        Refusal::BadToken => r#"{"errcode":40001,"errmsg":"invalid credential"}"#,
        Refusal::NotAToken => r#"{"errcode":40014,"errmsg":"invalid access_token"}"#,
        Refusal::ExpiredToken => r#"{"errcode":42001,"errmsg":"access_token expired"}"#,
        Refusal::DayQuota => r#"{"errcode":45009,"errmsg":"reach max api daily quota limit"}"#,
        Refusal::MinuteQuota => r#"{"errcode":45011,"errmsg":"api minute-quota reach limit"}"#,
        Refusal::Unauthorized => r#"{"errcode":48001,"errmsg":"api unauthorized"}"#,
    }
}

fn success(label: &str) -> Response {
    let body = match label {
        "v1.token" => format!(r#"{{"access_token":"{TOKEN}","expires_in":7200}}"#),
        "v1.genprepay" => {
            r#"{"prepayid":"1101000000140508eb40476f8896f4c9","errcode":0,"errmsg":"Success"}"#.into()
        }
        "v1.orderquery" => info(
            r#""ret_code":0,"trade_state":"0","trade_mode":"1","partner":"1900000001","fee_type":"1",
            "bank_type":"2032","total_fee":"1999","transaction_id":"1900000001201405083141592653",
            "out_trade_no":"20140508001","time_end":"20140508101000""#,
        ),
        _ => r#"{"errcode":0,"errmsg":"ok"}"#.into(),
    };
    Response::new(200, body.into())
}

fn info(members: &str) -> String {
    format!(r#"{{"errcode":0,"errmsg":"ok","order_info":{{{members}}}}}"#)
}
