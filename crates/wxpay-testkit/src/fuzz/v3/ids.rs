//! Identifiers of APIv3: each follows its documented rule, and is the same value after printing and as JSON.

use serde_json::Value;
use std::{fmt::Display, str::FromStr};
use wxpay_proto::{
    id::{
        AuthorizationId, KeyId, MchId, OutAuthorizationNo, OutBillNo, OutOrderNo, OutRefundNo, OutReturnNo,
        OutTradeNo, PublicKeyId, RefundId, SerialNo, TransferBillNo,
    },
    v3::{ApiV3Key, bill::BillDate, pay::AuthCode},
};

/// Checks every type of identifier against its rule, written plainly.
pub fn v3_ids(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let letters = |extra: &str| {
        text.chars().all(|character| character.is_ascii_alphanumeric() || extra.contains(character))
    };
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let visible = text.chars().all(|character| ('!'..='~').contains(&character));
    let up_to = |max: usize| !text.is_empty() && text.len() <= max;

    check::<MchId>(text, up_to(32) && digits);
    check::<OutRefundNo>(text, up_to(64) && letters("_-|*@"));
    check::<OutOrderNo>(text, up_to(64) && letters("_-|*@"));
    check::<OutReturnNo>(text, up_to(64) && letters("_-|*@"));
    check::<OutBillNo>(text, up_to(32) && letters(""));
    check::<OutAuthorizationNo>(text, up_to(32) && letters(""));
    check::<RefundId>(text, up_to(64) && visible);
    check::<TransferBillNo>(text, up_to(64) && visible);
    check::<AuthorizationId>(text, up_to(64) && visible);

    let is_public_key = text.strip_prefix("PUB_KEY_ID_").is_some_and(|number| {
        (1..=64).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    let is_serial = (2..=64).contains(&text.len())
        && text.len() % 2 == 0
        && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert_eq!(
        text.parse::<PublicKeyId>().map(|id| id.to_string()).ok().as_deref(),
        is_public_key.then_some(text)
    );
    assert_eq!(
        text.parse::<SerialNo>().map(|id| id.to_string()).ok(),
        is_serial.then(|| text.to_uppercase())
    );
    let key_id = text.parse::<KeyId>();
    assert_eq!(matches!(key_id, Ok(KeyId::PublicKey(_))), is_public_key);
    assert_eq!(matches!(key_id, Ok(KeyId::Certificate(_))), is_serial);
    if let Ok(id) = key_id {
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    if let Ok(number) = text.parse::<OutTradeNo>() {
        assert_eq!(number.is_valid_for_v3(), text.len() >= 6 && letters("_-*"));
        assert_eq!(number.is_alphanumeric(), letters(""));
    }
    match text.parse::<AuthCode>() {
        Ok(code) => {
            assert!(up_to(128) && visible && code.expose() == text && format!("{code:?}") == "[auth_code]");
        }
        Err(_) => assert!(!up_to(128) || !visible),
    }
    if let Ok(day) = text.parse::<BillDate>() {
        assert_eq!((day.to_string().as_str(), text.len()), (text, 10));
    }
    match ApiV3Key::new(text.to_owned()) {
        Ok(key) => assert!(text.len() == 32 && !format!("{key:?}").contains(text)),
        Err(error) => {
            // The fuzzer finds texts that are a part of the rule itself.
            let is_of_rule = format!("{} {}", error.field(), error.rule()).contains(text);
            let is_shown = error.to_string().contains(text);
            assert!(text.len() != 32 || is_of_rule || !is_shown, "an error shows the key");
        }
    }
}

/// Checks one type: it accepts what its rule allows, and only that; and as text and as JSON it is the same value.
fn check<T>(text: &str, is_valid: bool)
where
    T: FromStr + Display + PartialEq + serde::Serialize + serde::de::DeserializeOwned,
{
    let parsed = text.parse::<T>().ok();
    assert_eq!(parsed.is_some(), is_valid, "{} {text:?}", std::any::type_name::<T>());
    let from_json = serde_json::from_value::<T>(Value::from(text)).ok();
    assert!(from_json == parsed);
    if let Some(value) = parsed {
        assert_eq!(value.to_string(), text);
        assert_eq!(serde_json::to_value(&value).unwrap(), text);
    }
}
