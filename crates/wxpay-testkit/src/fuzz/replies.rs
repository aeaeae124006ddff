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
/// The result of a flow must match the JSON that `serde_json` parses. `serde_json` may reject values that the crate
/// under test skips, such as a number out of range.
pub fn json_reply(data: &[u8]) {
    let Some((first, body)) = data.split_first() else { return };
    let status = if *first < 250 { 200 } else { 500 };
    let merchant = keys::merchant().build();

    let mut driver = driver();
    let refreshed = driver.run(merchant.refresh_token(), &mut reply_once(status, body));
    let prepaid = driver_with_token(&merchant).run(merchant.prepay(order()), &mut reply_once(status, body));
    let delivered =
        driver_with_token(&merchant).run(merchant.notify_delivery(delivery()), &mut reply_once(status, body));
    let queried = driver_with_token(&merchant)
        .run(merchant.query(NUMBER.parse().unwrap()), &mut reply_once(status, body));
    let any_ok = refreshed.is_ok() || prepaid.is_ok() || delivered.is_ok() || queried.is_ok();

    assert!(!any_ok || status == 200);
    let Ok(json) = serde_json::from_slice::<Value>(body) else { return };
    assert!(!any_ok || errcode(&json).is_none_or(|code| code == "0"));
    if refreshed.is_ok() {
        let (token, _) = driver.memory.token(merchant.appid(), driver.now).unwrap();
        assert_eq!(json["access_token"], token.expose());
    }
    if let Ok(params) = prepaid {
        assert_eq!(json["prepayid"], params.prepayid.as_str());
    }
    if delivered.is_ok() {
        assert_eq!(errcode(&json).as_deref(), Some("0"), "a success requires errcode 0");
    }
    if let Ok(queried) = queried {
        assert_query_matches(&queried, &json["order_info"]);
    }
}

fn assert_query_matches(queried: &QueryOutcome, json: &Value) {
    let text = |name: &str| text_of(&json[name]).unwrap_or_default();
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

fn errcode(json: &Value) -> Option<String> {
    text_of(&json["errcode"])
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

fn driver_with_token(merchant: &Merchant) -> Driver {
    let mut driver = driver();
    let expires_at = driver.now.after(Duration::from_secs(7200));
    driver.memory.put_token(
        merchant.appid(),
        AccessToken::new(TOKEN.into()).unwrap(),
        driver.now,
        expires_at,
    );
    driver
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
