//! Conversations of APIv3: sequences of concurrent flows over a faulty network, with one memory.

use super::{
    NAME, Signer, driver, encrypted_resource, merchant,
    replies::{NUMBER, OPENID, appid, is_error_object, jsapi, order, refund, transfer},
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
        Merchant, Raw, RawNotification,
        pay::{CloseOrder, CodePayment, NativeOrder, Order, QueryOrder, StoreId},
    },
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
    kind: EventKind,
    by: SignedBy,
    /// The time until the reply arrives, in milliseconds.
    latency: u16,
}

#[derive(Arbitrary, Debug)]
enum EventKind {
    Success,
    NotSent,
    Lost,
    Refused(u16, Code),
    /// A signed reply with a wrong time: seconds in the past (negative) or in the future.
    WrongTime(i16),
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
    Unknown,
    NotSent,
    Refused,
    /// The operation was refused, if the reply is trusted.
    RefusedIfTrusted,
}

/// Checks that every flow ends, shows no secret and reports the right fate, whatever the network does.
pub(in crate::fuzz) fn conversation(data: &[u8]) {
    let Ok(scenario) = Scenario::arbitrary_take_rest(Unstructured::new(data)) else { return };
    let me = merchant().build();
    let mut driver = driver();
    for action in scenario.actions.into_iter().take(6) {
        let pause = Duration::from_secs(action.pause.into());
        perform(&me, &mut driver, action);
        driver.wait(pause.min(Duration::from_secs(365 * 24 * 3600)));
    }
}

fn perform(merchant: &Merchant, driver: &mut Driver, action: Action) {
    let number = || NUMBER.parse().unwrap();
    match action.operation {
        Operation::Jsapi => run(driver, action, "v3.pay.jsapi", true, || merchant.call(jsapi())),
        Operation::Native => {
            run(driver, action, "v3.pay.native", true, || merchant.call(NativeOrder::new(order())));
        }
        Operation::Query => {
            run(driver, action, "v3.pay.query", false, || merchant.call(QueryOrder::out_trade_no(number())));
        }
        Operation::Close => {
            run(driver, action, "v3.pay.close", true, || merchant.call(CloseOrder::new(number())));
        }
        Operation::Refund => run(driver, action, "v3.refund.create", true, || merchant.call(refund())),
        Operation::Transfer => run(driver, action, "v3.transfer.create", true, || merchant.call(transfer())),
        Operation::Raw => {
            run(driver, action, "v3.raw", false, || {
                merchant.call(Raw::new(Method::Get, "/v3/whatever").unwrap())
            });
        }
        Operation::Charge => run_concurrently(driver, action, || merchant.charge_by_code(code_payment())),
        Operation::Resolve => resolve(merchant, driver, action),
        Operation::VerifyNotification(by) => {
            let notification = notification(by, driver.now);
            run_concurrently(driver, action, || merchant.verify_notification(notification.clone()));
        }
        Operation::RefreshPlatformKeys => {
            run_concurrently(driver, action, || merchant.refresh_platform_keys());
        }
    }
}

fn code_payment() -> CodePayment {
    let order = Order::new(NUMBER.parse().unwrap(), Fen::new(1999), "千足金箍棒").unwrap();
    let code = "130000000000000000".parse().unwrap();
    CodePayment::new(order.appid(appid()), code, StoreId::out_id("1").unwrap()).unwrap()
}

/// Runs flows that send several requests. Checks only that every flow ends and shows no secret.
fn run_concurrently<F: Flow<Output: Debug>>(driver: &mut Driver, action: Action, flow: impl Fn() -> F) {
    let mut events = action.events.into_iter();
    let network = |transmit: Transmit, now: UnixTime| reply_to(&transmit, now, events.next()).0;
    let count = usize::from(action.extra % 4) + 1;
    for error in
        driver.run_all((0..count).map(|_| flow()), &mut { network }).into_iter().filter_map(Result::err)
    {
        drop(error.to_string());
    }
}

/// Resolves an order whose reply was lost. If that fails, the operation must still be pending.
fn resolve(merchant: &Merchant, driver: &mut Driver, action: Action) {
    let network = |transmit: Transmit, now: UnixTime| -> (Reply, Duration) {
        let reply = match transmit.label {
            "v3.certificates" => Ok(success(&transmit, now, SignedBy::Certificate)),
            _ => Err(Failure::Lost("cut".into())),
        };
        (reply, Duration::from_millis(80))
    };
    let Err(mut error) = driver.run(merchant.call(jsapi()), &mut { network }) else {
        panic!("the call succeeded without a reply")
    };
    let pending = error.take_unresolved().expect("an unknown fate has a pending operation");
    let mut events = action.events.into_iter();
    let network = |transmit: Transmit, now: UnixTime| reply_to(&transmit, now, events.next()).0;
    if let Err(mut error) = driver.run(merchant.resolve::<QueryOrder>(pending), &mut { network }) {
        assert_eq!(error.fate(), Some(Fate::Unknown), "a query does not decide the fate");
        assert!(error.take_unresolved().is_some());
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
    let mut attempts = Vec::new();
    let network = |transmit: Transmit, now: UnixTime| {
        let (reply, attempt) = reply_to(&transmit, now, events.next());
        if transmit.label == label {
            attempts.push(attempt);
        }
        reply
    };
    let results = driver.run_all((0..count).map(|_| flow()), &mut { network });
    for error in results.into_iter().filter_map(Result::err) {
        assert_fate(error, leaves_pending, (count == 1).then_some(&attempts));
    }
}

/// Checks the fate of a flow. The attempts can be attributed only if a single flow was running.
fn assert_fate(mut error: Error, leaves_pending: bool, attempts: Option<&Vec<AttemptFate>>) {
    let Some(fate) = error.fate() else {
        return assert_eq!(error.take_unresolved(), None, "a read is never pending");
    };
    assert_eq!(
        error.take_unresolved().is_some(),
        leaves_pending && fate == Fate::Unknown,
        "exactly an unknown fate has a pending operation"
    );
    let Some(attempts) = attempts else { return };
    if attempts.contains(&AttemptFate::Unknown) {
        assert_eq!(fate, Fate::Unknown, "an attempt may have been carried out");
    } else if attempts.contains(&AttemptFate::RefusedIfTrusted) {
        assert_ne!(fate, Fate::NotSent, "something was sent");
    } else if attempts.contains(&AttemptFate::Refused) {
        assert_eq!(fate, Fate::Refused, "every attempt was refused or not sent");
    } else {
        assert_eq!(fate, Fate::NotSent, "nothing was sent");
    }
}

fn reply_to(transmit: &Transmit, now: UnixTime, event: Option<Event>) -> ((Reply, Duration), AttemptFate) {
    let Some(Event { kind, by, latency }) = event else {
        return (
            (Ok(success(transmit, now, SignedBy::PublicKey)), Duration::from_millis(80)),
            AttemptFate::Unknown,
        );
    };
    let latency = Duration::from_millis(latency.into());
    // The reply is signed when it leaves, and verified when it arrives.
    let sent_at = now.after(latency / 2);
    let mut fate = AttemptFate::Unknown;
    let reply = match kind {
        EventKind::Success => Ok(success(transmit, sent_at, by)),
        EventKind::NotSent => {
            fate = AttemptFate::NotSent;
            Err(Failure::NotSent("no route".into()))
        }
        EventKind::Lost => Err(Failure::Lost("cut".into())),
        EventKind::Refused(status, code) => {
            let status = 400 + status % 200;
            let body = format!(r#"{{"code":"{}","message":"no"}}"#, code_text(code));
            fate = refusal_fate(transmit.label, by, status, code);
            Ok(signed(by, status, body.as_bytes(), sent_at))
        }
        EventKind::WrongTime(secs) => {
            let offset = Duration::from_secs(secs.unsigned_abs().into());
            Ok(success(transmit, if secs < 0 { sent_at.before(offset) } else { sent_at.after(offset) }, by))
        }
        EventKind::Bytes(status, bytes) => {
            let status = 200 + status % 400;
            if is_error_object(&bytes) {
                fate = AttemptFate::RefusedIfTrusted;
            }
            Ok(signed(by, status, &bytes, sent_at))
        }
    };
    ((reply, latency), fate)
}

/// Returns the fate after an error object. The status counts only for an unsigned refusal of the check of fields, which
/// is final for placing and closing orders. A certificate that must still be fetched may not be trusted.
fn refusal_fate(label: &str, by: SignedBy, status: u16, code: Code) -> AttemptFate {
    let is_final = match code {
        Code::ParamError | Code::NoSuchOrder | Code::NoSuchResource | Code::OrderPaid => true,
        Code::UserPaying | Code::SystemError | Code::Busy => false,
    };
    let trusts_field_check = matches!(label, "v3.pay.jsapi" | "v3.pay.native" | "v3.pay.close");
    match by {
        SignedBy::PublicKey if is_final => AttemptFate::Refused,
        SignedBy::Certificate if is_final => AttemptFate::RefusedIfTrusted,
        SignedBy::Nobody if trusts_field_check && status == 400 && matches!(code, Code::ParamError) => {
            AttemptFate::Refused
        }
        SignedBy::PublicKey | SignedBy::Certificate | SignedBy::Nobody => AttemptFate::Unknown,
    }
}

fn code_text(code: Code) -> &'static str {
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

fn success(transmit: &Transmit, at: UnixTime, by: SignedBy) -> Response {
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
        SignedBy::PublicKey => Signer::PublicKey.notification(&body, at),
        SignedBy::Certificate => Signer::Certificate.notification(&body, at),
        SignedBy::Nobody => RawNotification::new(body),
    }
}
