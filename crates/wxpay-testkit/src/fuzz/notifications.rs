//! APIv1 notifications: rejected without a signature, and read correctly with one.

use super::{packages, wire};
use crate::keys::{self, PAY_SIGN_KEY};
use encoding_rs::{GBK, UTF_8};
use percent_encoding::{NON_ALPHANUMERIC, percent_encode};
use sha1::{Digest, Sha1};
use std::{collections::BTreeMap, fmt::Write};
use wxpay_proto::{
    v1::{Merchant, Notification, NotificationError, RawNotification},
    wire::{form::Form, xml::FlatXml},
};

/// Checks notifications. The first line is the query, the rest the body.
///
/// The input itself must be rejected, because nobody has signed it with these keys. Then its fields are signed, to
/// reach the parsers behind the signatures: the result must match the signed fields. After a change of one bit, the
/// notification must be rejected or have the same content.
pub fn notification(data: &[u8]) {
    let line = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (query, body) = data.split_at(line);
    let body = body.get(1..).unwrap_or_default();
    let merchant = keys::merchant().build();
    let error = merchant.verify_notification(&RawNotification::new("POST", query, body)).unwrap_err();
    assert_ne!(error.ack().response().status(), 200);

    let (Ok(query), Ok(body)) = (Form::parse(query), FlatXml::parse(body)) else { return };
    let names: Option<Vec<&str>> = query.iter().map(|(name, _)| std::str::from_utf8(name).ok()).collect();
    let Some(names) = names else { return };
    let fields: BTreeMap<&str, Vec<u8>> = names
        .into_iter()
        .zip(query.iter().map(|(_, value)| value.to_vec()))
        .filter(|(name, value)| *name != "sign" && !value.is_empty())
        .collect();
    let signed = (signed_query(&fields), signed_body(&body));
    match verify_notification(&merchant, &signed) {
        Ok(notification) => {
            assert_matches(&notification, &fields, &body);
            assert_tampering_is_detected(&merchant, &signed, &notification, data);
        }
        Err(rejected) => assert_ne!(rejected.ack().response().status(), 401, "valid signature rejected"),
    }
}

fn verify_notification(
    merchant: &Merchant,
    (query, body): &(String, String),
) -> Result<Notification, NotificationError> {
    merchant.verify_notification(&RawNotification::new("POST", query.as_bytes(), body.as_bytes()))
}

fn signed_query(fields: &BTreeMap<&str, Vec<u8>>) -> String {
    let sign = packages::md5(fields);
    let mut query = String::new();
    for (name, value) in fields {
        write!(query, "{name}={}&", percent_encode(value, NON_ALPHANUMERIC)).unwrap();
    }
    query + "sign=" + &sign
}

/// Returns the body, signed over the trimmed elements. Replaces the elements of an existing signature.
fn signed_body(body: &FlatXml<'_>) -> String {
    let signature_elements = ["appkey", "appsignature", "app_signature", "signmethod", "sign_method"];
    let fields =
        body.iter().filter(|(name, _)| !signature_elements.contains(&name.to_ascii_lowercase().as_str()));
    let mut elements: Vec<(&str, &str)> = fields.collect();
    let mut signed: Vec<(String, &str)> =
        elements.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.trim())).collect();
    signed.push(("appkey".into(), PAY_SIGN_KEY));
    signed.sort();
    let preimage: Vec<String> = signed.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut sign = String::new();
    for byte in Sha1::digest(preimage.join("&")) {
        write!(sign, "{byte:02x}").unwrap();
    }
    elements.push(("AppSignature", &sign));
    elements.push(("SignMethod", "sha1"));
    wire::document(&elements)
}

fn assert_matches(notification: &Notification, fields: &BTreeMap<&str, Vec<u8>>, body: &FlatXml<'_>) {
    let ascii = |name: &str| fields.get(name).map(|value| std::str::from_utf8(value).unwrap());
    let number = |name: &str| ascii(name).map(|value| value.parse::<u64>().unwrap());
    let in_utf8 = ascii("input_charset").is_some_and(|name| name.eq_ignore_ascii_case("UTF-8"));
    let charset = if in_utf8 { UTF_8 } else { GBK };
    let text = |name: &str| {
        let text = charset.decode_without_bom_handling_and_without_replacement(fields.get(name)?);
        Some(text.unwrap().into_owned())
    };
    assert_eq!(Some(notification.out_trade_no().as_str()), ascii("out_trade_no"));
    assert_eq!(Some(notification.transaction_id().as_str()), ascii("transaction_id"));
    assert_eq!(Some(notification.notify_id().as_str()), ascii("notify_id"));
    assert_eq!(Some(notification.total_fee().get()), number("total_fee"));
    assert_eq!(notification.discount().get(), number("discount").unwrap_or(0));
    assert!(notification.total_fee().checked_add(notification.discount()).is_some());
    assert_eq!(
        Some(wxpay_proto::wire::time::format_compact(notification.time_end()).as_str()),
        ascii("time_end")
    );
    assert_eq!(notification.is_paid(), ascii("trade_state") == Some("0"));
    assert_eq!(notification.evidence().is_some(), notification.is_paid());
    assert_eq!(Some(notification.bank_type()), text("bank_type").as_deref());
    assert_eq!(notification.bank_billno(), text("bank_billno").as_deref());
    assert_eq!(notification.attach(), text("attach").as_deref());
    assert_eq!(notification.pay_info(), text("pay_info").as_deref());
    assert_eq!(Some(notification.openid().as_str()), body.value("OpenId").map(str::trim));
    assert_eq!(notification.is_subscribe(), body.value("IsSubscribe").map(str::trim) == Some("1"));
}

/// Checks that a change of one bit is detected. Letters of a digest or of an escape may change their case.
fn assert_tampering_is_detected(
    merchant: &Merchant,
    signed: &(String, String),
    notification: &Notification,
    data: &[u8],
) {
    let chosen = data.iter().fold(7_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add((*byte).into()));
    let (mut query, mut body) = (signed.0.clone().into_bytes(), signed.1.clone().into_bytes());
    let at = chosen % (query.len() + body.len());
    let (part, at) = if at < query.len() { (&mut query, at) } else { (&mut body, at - signed.0.len()) };
    part[at] ^= 1 << ((chosen >> 20) % 8);
    if let Ok(other) = merchant.verify_notification(&RawNotification::new("POST", &query, &body)) {
        assert_eq!(&other, notification, "a tampered notification was accepted");
    }
}
