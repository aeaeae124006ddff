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
    acts: Vec<Action>,
}

#[derive(Arbitrary, Debug)]
struct Action {
    operation: Operation,
    /// The number of flows that run at once, less one.
    more: u8,
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
    what: EventKind,
    /// The time until the reply arrives, in milliseconds.
    took: u16,
}

#[derive(Arbitrary, Debug)]
enum EventKind {
    Good,
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
    let Ok(day) = Scenario::arbitrary_take_rest(Unstructured::new(data)) else { return };
    let me = keys::merchant().build();
    let mut lab = driver();
    for act in day.acts.into_iter().take(6) {
        let pause = Duration::from_secs(act.pause.into());
        perform(&me, &mut lab, act);
        lab.wait(pause);
    }
}

fn perform(me: &Merchant, lab: &mut Driver, act: Action) {
    let number = || NUMBER.parse().unwrap();
    match act.operation {
        Operation::Prepay => run(lab, act, "v1.genprepay", true, || me.prepay(order())),
        Operation::Query => run(lab, act, "v1.orderquery", false, || me.query(number())),
        Operation::Deliver => run(lab, act, "v1.delivernotify", false, || me.notify_delivery(delivery())),
        Operation::RefreshToken => run(lab, act, "v1.token", false, || me.refresh_token()),
        Operation::Resolve => resolve(me, lab, act),
    }
}

/// Resolves an order whose reply was lost. If that fails, the operation must still be pending.
fn resolve(me: &Merchant, lab: &mut Driver, act: Action) {
    let lost = |transmit: Transmit, _: UnixTime| -> (Reply, Duration) {
        let reply = match transmit.label {
            "v1.token" => Ok(good(transmit.label)),
            _ => Err(Failure::Lost("cut".into())),
        };
        (reply, Duration::from_millis(80))
    };
    let Err(mut error) = lab.run(me.prepay(order()), &mut { lost }) else {
        panic!("the call succeeded without a reply")
    };
    let Some(pending_operation) = error.unresolved() else {
        return assert_ne!(error.fate(), Fate::Unknown, "an unknown fate has a pending operation");
    };
    let mut events = act.events.into_iter();
    let network = |transmit: Transmit, _: UnixTime| reply_to(&transmit, events.next());
    if let Err(mut error) = lab.run(me.resolve(pending_operation), &mut { network }) {
        assert_eq!(error.fate(), Fate::Unknown, "a query does not decide the fate");
        assert!(error.unresolved().is_some_and(|pending_operation| {
            pending_operation.out_trade_no().is_some_and(|number| number.as_str() == NUMBER)
        }));
    }
}

fn run<F: Flow<Output: Debug>>(lab: &mut Driver, act: Action, label: &str, owes: bool, flow: impl Fn() -> F) {
    let count = usize::from(act.more % 4) + 1;
    let mut events = act.events.into_iter();
    let mut fates = Vec::new();
    let network = |transmit: Transmit, _: UnixTime| {
        let (reply, took) = reply_to(&transmit, events.next());
        if transmit.label == label {
            fates.push(match &reply {
                Ok(_) => None,
                Err(Failure::NotSent(_)) => Some(Fate::NotSent),
                Err(Failure::Lost(_)) => Some(Fate::Unknown),
            });
        }
        (reply, took)
    };
    let results = lab.run_all((0..count).map(|_| flow()), &mut { network });
    for error in results.into_iter().filter_map(Result::err) {
        assert_fate(error, owes, (count == 1).then_some(&fates));
    }
}

/// Checks the fate of a flow. The requests can be attributed only if a single flow was running.
fn assert_fate(mut error: Error, owes: bool, hops: Option<&Vec<Option<Fate>>>) {
    let fate = error.fate();
    assert_eq!(
        error.unresolved().is_some(),
        owes && fate == Fate::Unknown,
        "exactly an unknown fate has a pending operation"
    );
    let Some(hops) = hops else { return };
    if hops.iter().all(|transmit| *transmit == Some(Fate::NotSent)) {
        assert_eq!(fate, Fate::NotSent, "nothing was sent");
    }
    if hops.contains(&Some(Fate::Unknown)) {
        assert_eq!(fate, Fate::Unknown, "a reply was lost");
    }
}

fn reply_to(transmit: &Transmit, event: Option<Event>) -> (Reply, Duration) {
    let Some(Event { what, took }) = event else {
        return (Ok(good(transmit.label)), Duration::from_millis(80));
    };
    let said = |body: &str| Ok(Response::new(200, body.into()));
    let reply = match what {
        EventKind::Good => Ok(good(transmit.label)),
        EventKind::NotSent => Err(Failure::NotSent("no route".into())),
        EventKind::Lost => Err(Failure::Lost("cut".into())),
        EventKind::Refused(refusal) => said(refused(refusal)),
        EventKind::Unpaid => said(&info(r#""ret_code":0,"trade_state":"1""#)),
        EventKind::NoSuchOrder => said(&info(r#""ret_code":88221009,"ret_msg":"no such order""#)),
        EventKind::Status(status) => Ok(Response::new(status, good(transmit.label).body().into())),
        EventKind::Bytes(bytes) => Ok(Response::new(200, bytes)),
    };
    (reply, Duration::from_millis(took.into()))
}

fn refused(refusal: Refusal) -> &'static str {
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

fn good(label: &str) -> Response {
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
