//! APIv1 replies: any bytes as the reply to each call, through the whole flow.

use crate::{
    drive::{Driver, Network},
    keys,
};
use serde_json::Value;
use std::{net::Ipv4Addr, time::Duration};
use wxpay_proto::{
    Fen, UnixTime,
    exchange::{Failure, Reply, Transmit},
    http::Response,
    memory::AccessToken,
    v1::{DeliveryReport, Merchant, Order, QueryOutcome},
    wire::time,
};

/// The access token in use. It must not appear in any output.
pub(super) const TOKEN: &str = "t0kenThatNobodyMaySee";
pub(super) const NUMBER: &str = "20140508001";

/// Checks replies. The first byte selects the HTTP status, the rest is the body.
///
/// The result of a flow must match what `serde_json` reads. `serde_json` may reject what the crate under test skips
/// unread, such as a number out of range.
pub fn json_reply(data: &[u8]) {
    let Some((first, body)) = data.split_first() else { return };
    let status = if *first < 250 { 200 } else { 500 };
    let me = keys::merchant().build();

    let mut lab = driver();
    let kept = lab.run(me.refresh_token(), &mut reply_once(status, body));
    let placed = authorized(&me).run(me.prepay(order()), &mut reply_once(status, body));
    let delivered = authorized(&me).run(me.notify_delivery(delivery()), &mut reply_once(status, body));
    let queried = authorized(&me).run(me.query(NUMBER.parse().unwrap()), &mut reply_once(status, body));
    let any = kept.is_ok() || placed.is_ok() || delivered.is_ok() || queried.is_ok();

    assert!(!any || status == 200);
    let Ok(said) = serde_json::from_slice::<Value>(body) else { return };
    assert!(!any || errcode(&said).is_none_or(|code| code == "0"));
    if kept.is_ok() {
        let (token, _) = lab.memory.token(me.appid(), lab.now).unwrap();
        assert_eq!(said["access_token"], token.expose());
    }
    if let Ok(phone) = placed {
        assert_eq!(said["prepayid"], phone.prepayid.as_str());
    }
    if delivered.is_ok() {
        assert_eq!(errcode(&said).as_deref(), Some("0"), "a success requires errcode 0");
    }
    if let Ok(queried) = queried {
        assert_query_matches(&queried, &said["order_info"]);
    }
}

fn assert_query_matches(queried: &QueryOutcome, said: &Value) {
    let text = |name: &str| text_of(&said[name]).unwrap_or_default();
    if let QueryOutcome::Paid(info) = queried {
        assert_eq!((text("ret_code"), text("trade_state")), ("0".into(), "0".into()));
        assert_eq!((text("out_trade_no").as_str(), text("fee_type").as_str()), (NUMBER, "1"));
        assert_eq!(text("total_fee").parse::<Fen>().unwrap(), info.payment.total_fee());
        assert_eq!(text("discount").parse::<Fen>().unwrap_or_default(), info.payment.discount());
        assert_eq!(text("transaction_id"), info.payment.transaction_id().as_str());
        assert_eq!(text("time_end"), time::format_compact(info.payment.time_end()));
        assert!(queried.evidence().is_some());
    } else {
        assert_eq!(queried.evidence(), None);
    }
}

fn errcode(said: &Value) -> Option<String> {
    text_of(&said["errcode"])
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// Returns a network with one reply, on which later connections fail.
fn reply_once(status: u16, body: &[u8]) -> impl Network {
    let mut reply = Some(Response::new(status, body.into()));
    move |_: Transmit, _: UnixTime| -> (Reply, Duration) {
        (reply.take().ok_or_else(|| Failure::NotSent("connection refused".into())), Duration::from_millis(80))
    }
}

/// Returns a driver that panics if a secret is shown.
pub(super) fn driver() -> Driver {
    Driver::default().watch_for(&[keys::APP_SECRET, keys::PAY_SIGN_KEY, keys::PARTNER_KEY, TOKEN])
}

fn authorized(me: &Merchant) -> Driver {
    let mut lab = driver();
    let expires_at = lab.now.after(Duration::from_secs(7200));
    lab.memory.put_token(me.appid(), AccessToken::new(TOKEN.into()).unwrap(), lab.now, expires_at);
    lab
}

pub(super) fn order() -> Order {
    let url = "https://shop.example/notify".parse().unwrap();
    let address = Ipv4Addr::new(203, 0, 113, 7);
    Order::builder(NUMBER.parse().unwrap(), Fen::new(1999), "千足金箍棒", url, address).build().unwrap()
}

pub(super) fn delivery() -> DeliveryReport {
    let payer = "oX99MDgNcgwnz3zFN3DNmo8uwa-w".parse().unwrap();
    DeliveryReport::succeeded(payer, "1900000001201405083141592653".parse().unwrap(), NUMBER.parse().unwrap())
}
