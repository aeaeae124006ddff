//! Conversations of APIv3: sequences of concurrent flows over a faulty network, with one memory.

use super::{
    NAME, Signer, driver, encrypted_resource, merchant,
    replies::{NUMBER, OPENID, appid, jsapi, order, refunded, transferred},
};
use crate::{drive::Driver, keys::v3::PLATFORM};
use arbitrary::{Arbitrary, Unstructured};
use serde_json::json;
use std::{fmt::Debug, time::Duration};
use wxpay_proto::{
    Error, Fate, Fen, UnixTime,
    exchange::{Failure, Flow, Reply, Transmit},
    http::{Method, Response},
    v3::{
        Merchant, Party, Raw, RawNotification,
        pay::{CloseOrder, CodePayment, NativeOrder, QueryOrder, StoreId},
    },
};

/// A sequence of operations.
#[derive(Arbitrary, Debug)]
struct Day {
    acts: Vec<Act>,
}

#[derive(Arbitrary, Debug)]
struct Act {
    operation: Operation,
    /// The number of flows that run at once, less one.
    more: u8,
    /// The replies to the requests, in order. After the last one the network works.
    events: Vec<Event>,
    /// The time until the next operation, in seconds.
    pause: u32,
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Operation {
    Jsapi,
    Native,
    Query,
    Close,
    Refund,
    Transfer,
    Raw,
    Charge,
    Resolve,
    VerifyNotification(SignedBy),
    RefreshPlatformKeys,
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum SignedBy {
    PublicKey,
    Certificate,
    Nobody,
}

#[derive(Arbitrary, Debug)]
struct Event {
    what: What,
    by: SignedBy,
    /// The time until the reply arrives, in milliseconds.
    took: u16,
}

#[derive(Arbitrary, Debug)]
enum What {
    Good,
    NotSent,
    Lost,
    Refused(u16, Code),
    /// A signed reply with a wrong time: seconds in the past (negative) or in the future.
    Late(i16),
    Bytes(u16, Vec<u8>),
}

#[derive(Arbitrary, Debug, Clone, Copy)]
enum Code {
    ParamError,
    UserPaying,
    NoSuchOrder,
    NoSuchResource,
    SystemError,
    Busy,
    OrderPaid,
}

/// The fate of one attempt, as far as its reply determines it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AttemptFate {
    /// The operation may have been carried out.
    Nothing,
    NotSent,
    Refused,
    /// The operation was refused, if the reply is trusted.
    Perhaps,
}

/// Checks that every flow ends, shows no secret and reports the right fate, whatever the network does.
pub(in crate::fuzz) fn conversation(data: &[u8]) {
    let Ok(day) = Day::arbitrary_take_rest(Unstructured::new(data)) else { return };
    let me = merchant().build();
    let mut lab = driver();
    for act in day.acts.into_iter().take(6) {
        let pause = Duration::from_secs(act.pause.into());
        perform(&me, &mut lab, act);
        lab.wait(pause.min(Duration::from_secs(365 * 24 * 3600)));
    }
}

fn perform(me: &Merchant, lab: &mut Driver, act: Act) {
    let number = || NUMBER.parse().unwrap();
    match act.operation {
        Operation::Jsapi => run(lab, act, "v3.pay.jsapi", true, || me.call(jsapi())),
        Operation::Native => run(lab, act, "v3.pay.native", true, || me.call(NativeOrder::new(order()))),
        Operation::Query => {
            run(lab, act, "v3.pay.query", false, || {
                me.call(QueryOrder::out_trade_no(number(), Party::Direct))
            });
        }
        Operation::Close => {
            run(lab, act, "v3.pay.close", true, || me.call(CloseOrder::new(number(), Party::Direct)))
        }
        Operation::Refund => run(lab, act, "v3.refund.create", true, || me.call(refunded())),
        Operation::Transfer => run(lab, act, "v3.transfer.create", true, || me.call(transferred())),
        Operation::Raw => {
            run(lab, act, "v3.raw", false, || me.call(Raw::new(Method::Get, "/v3/whatever").unwrap()));
        }
        Operation::Charge => side_by_side(lab, act, || me.charge_by_code(charged())),
        Operation::Resolve => resolve(me, lab, act),
        Operation::VerifyNotification(by) => {
            let notification = notification(by, lab.now);
            side_by_side(lab, act, || me.verify_notification(notification.clone()));
        }
        Operation::RefreshPlatformKeys => side_by_side(lab, act, || me.refresh_platform_keys()),
    }
}

fn charged() -> CodePayment {
    let (total, code) = (Fen::new(1999), "130000000000000000".parse().unwrap());
    let shop = StoreId::OutId("1".into());
    CodePayment::builder(appid(), NUMBER.parse().unwrap(), total, "千足金箍棒", code, shop).build().unwrap()
}

/// Runs flows of several calls, of which only the end is checked.
fn side_by_side<F: Flow<Output: Debug>>(lab: &mut Driver, act: Act, flow: impl Fn() -> F) {
    let mut events = act.events.into_iter();
    let network = |transmit: Transmit, now: UnixTime| carried(&transmit, now, events.next()).0;
    let count = usize::from(act.more % 4) + 1;
    for error in lab.run_all((0..count).map(|_| flow()), &mut { network }).into_iter().filter_map(Result::err)
    {
        drop(error.to_string());
    }
}

/// Resolves an order whose reply was lost. If that fails, the operation must still be pending.
fn resolve(me: &Merchant, lab: &mut Driver, act: Act) {
    let lost = |transmit: Transmit, now: UnixTime| -> (Reply, Duration) {
        let reply = match transmit.label {
            "v3.certificates" => Ok(good(&transmit, now, SignedBy::Certificate)),
            _ => Err(Failure::Lost("cut".into())),
        };
        (reply, Duration::from_millis(80))
    };
    let Err(mut error) = lab.run(me.call(jsapi()), &mut { lost }) else {
        panic!("the call succeeded without a reply")
    };
    let pending_operation = error.unresolved().expect("an unknown fate has a pending operation");
    let mut events = act.events.into_iter();
    let network = |transmit: Transmit, now: UnixTime| carried(&transmit, now, events.next()).0;
    if let Err(mut error) = lab.run(me.resolve(pending_operation), &mut { network }) {
        assert_eq!(error.fate(), Fate::Unknown, "a query does not decide the fate");
        assert!(error.unresolved().is_some());
    }
}

fn run<F: Flow<Output: Debug>>(lab: &mut Driver, act: Act, label: &str, owes: bool, flow: impl Fn() -> F) {
    let count = usize::from(act.more % 4) + 1;
    let mut events = act.events.into_iter();
    let mut tries = Vec::new();
    let network = |transmit: Transmit, now: UnixTime| {
        let (carried, known) = carried(&transmit, now, events.next());
        if transmit.label == label {
            tries.push(known);
        }
        carried
    };
    let results = lab.run_all((0..count).map(|_| flow()), &mut { network });
    for error in results.into_iter().filter_map(Result::err) {
        judge(error, owes, (count == 1).then_some(&tries));
    }
}

/// Checks the fate of a flow. The attempts can be attributed only if a single flow was running.
fn judge(mut error: Error, owes: bool, tries: Option<&Vec<AttemptFate>>) {
    let fate = error.fate();
    assert_eq!(
        error.unresolved().is_some(),
        owes && fate == Fate::Unknown,
        "exactly an unknown fate has a pending operation"
    );
    let Some(tries) = tries else { return };
    if tries.contains(&AttemptFate::Nothing) {
        assert_eq!(fate, Fate::Unknown, "an attempt may have been carried out");
    } else if tries.contains(&AttemptFate::Perhaps) {
        assert_ne!(fate, Fate::NotSent, "something was sent");
    } else if tries.contains(&AttemptFate::Refused) {
        assert_eq!(fate, Fate::Refused, "every attempt was refused or not sent");
    } else {
        assert_eq!(fate, Fate::NotSent, "nothing was sent");
    }
}

fn carried(transmit: &Transmit, now: UnixTime, event: Option<Event>) -> ((Reply, Duration), AttemptFate) {
    let Some(Event { what, by, took }) = event else {
        return (
            (Ok(good(transmit, now, SignedBy::PublicKey)), Duration::from_millis(80)),
            AttemptFate::Nothing,
        );
    };
    let took = Duration::from_millis(took.into());
    // The reply is signed when it leaves, and verified when it arrives.
    let then = now.after(took / 2);
    let mut known = AttemptFate::Nothing;
    let reply = match what {
        What::Good => Ok(good(transmit, then, by)),
        What::NotSent => {
            known = AttemptFate::NotSent;
            Err(Failure::NotSent("no route".into()))
        }
        What::Lost => Err(Failure::Lost("cut".into())),
        What::Refused(status, code) => {
            let status = 400 + status % 200;
            let body = format!(r#"{{"code":"{}","message":"no"}}"#, word(code));
            if !matches!(code, Code::UserPaying) {
                known = refused(by, status);
            }
            Ok(signed(by, status, body.as_bytes(), then))
        }
        What::Late(secs) => {
            let off = Duration::from_secs(secs.unsigned_abs().into());
            Ok(good(transmit, if secs < 0 { then.before(off) } else { then.after(off) }, by))
        }
        What::Bytes(status, bytes) => {
            let status = 200 + status % 400;
            if refused(by, status) != AttemptFate::Nothing {
                known = AttemptFate::Perhaps;
            }
            Ok(signed(by, status, &bytes, then))
        }
    };
    ((reply, took), known)
}

/// Returns the fate after a refusal with this status. A certificate that must still be fetched may not be trusted.
fn refused(by: SignedBy, status: u16) -> AttemptFate {
    match by {
        SignedBy::PublicKey if (400..500).contains(&status) && status != 429 => AttemptFate::Refused,
        SignedBy::Certificate if (400..500).contains(&status) && status != 429 => AttemptFate::Perhaps,
        SignedBy::PublicKey | SignedBy::Certificate | SignedBy::Nobody => AttemptFate::Nothing,
    }
}

fn word(code: Code) -> &'static str {
    match code {
        Code::ParamError => "PARAM_ERROR",
        Code::UserPaying => "USERPAYING",
        Code::NoSuchOrder => "ORDER_NOT_EXIST",
        Code::NoSuchResource => "RESOURCE_NOT_EXISTS",
        Code::SystemError => "SYSTEMERROR",
        Code::Busy => "FREQUENCY_LIMITED",
        Code::OrderPaid => "ORDERPAID",
    }
}

fn signed(by: SignedBy, status: u16, body: &[u8], at: UnixTime) -> Response {
    match by {
        SignedBy::PublicKey => Signer::PublicKey.reply(status, body, at),
        SignedBy::Certificate => Signer::Certificate.reply(status, body, at),
        SignedBy::Nobody => Response::new(status, body.to_vec()),
    }
}

fn good(transmit: &Transmit, at: UnixTime, by: SignedBy) -> Response {
    let transaction = json!({
        "mchid": crate::keys::v3::MCHID, "appid": "wx0123456789abcdef", "out_trade_no": NUMBER,
        "transaction_id": "4200000001", "trade_state": "SUCCESS", "success_time": "2014-05-08T10:10:00+08:00",
        "payer": { "openid": OPENID }, "amount": { "total": 1999, "payer_total": 1999 },
    });
    let body = match transmit.label {
        "v3.pay.jsapi" => json!({ "prepay_id": "wx1" }),
        "v3.pay.native" => json!({ "code_url": "weixin://1" }),
        "v3.pay.query" | "v3.pay.codepay" => transaction,
        "v3.pay.reverse" => json!({ "out_trade_no": NUMBER }),
        "v3.pay.close" => return signed(by, 204, b"", at),
        "v3.refund.create" => json!({
            "refund_id": "1", "out_refund_no": "R1", "transaction_id": "4200000001", "out_trade_no": NUMBER,
            "create_time": "2014-05-08T10:10:00+08:00", "status": "PROCESSING", "amount": { "total": 1999, "refund": 1 },
        }),
        "v3.transfer.create" => json!({
            "out_bill_no": NUMBER, "transfer_bill_no": "1", "state": "ACCEPTED", "create_time": "2014-05-08T10:10:00+08:00",
        }),
        "v3.certificates" => json!({ "data": [{
            "serial_no": PLATFORM[0].serial_no,
            "encrypt_certificate": encrypted_resource("certificate", PLATFORM[0].certificate.as_bytes()),
        }] }),
        _ => json!({}),
    };
    signed(by, 200, &serde_json::to_vec(&body).unwrap(), at)
}

/// Returns the notification of a payment.
fn notification(by: SignedBy, at: UnixTime) -> RawNotification {
    let resource = encrypted_resource("transaction", NAME.as_bytes());
    let body = json!({ "id": "EV-1", "event_type": "TRANSACTION.SUCCESS", "resource": resource });
    let body = serde_json::to_vec(&body).unwrap();
    match by {
        SignedBy::PublicKey => Signer::PublicKey.received(&body, at),
        SignedBy::Certificate => Signer::Certificate.received(&body, at),
        SignedBy::Nobody => RawNotification::new(body),
    }
}
