//! The set-up of a [`WxPay`].
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use wxpay_hyper::{SetupFault, WxPay, WxPayBuilder};
use wxpay_proto::{
    ErrorKind, Fate, Fen,
    v3::pay::{NativeOrder, Order},
};
use wxpay_testkit::keys::v3;

/// Returns a builder with every setting in code.
fn complete() -> WxPayBuilder {
    WxPay::builder()
        .mchid(v3::MCHID)
        .private_key_pem(v3::KEY)
        .certificate_pem(v3::CERTIFICATE)
        .api_v3_key(v3::API_V3_KEY)
        .wechatpay_public_key_pem(v3::PUBLIC_KEY_ID, v3::PUBLIC_KEY)
        .platform_certificate_pem(v3::PLATFORM[0].certificate)
        .appid("wxd678efh567hg6787")
        .notify_url("https://shop.example/notify")
        .base_url("http://127.0.0.1:1")
}

/// Returns the settings that the error names.
fn faults(builder: WxPayBuilder) -> Vec<&'static str> {
    builder.build().unwrap_err().faults().iter().map(SetupFault::setting).collect()
}

#[test]
fn serial_number_and_defaults_are_those_of_the_settings() {
    let wxpay = complete().build().unwrap();
    assert_eq!(wxpay.merchant().mchid().as_str(), v3::MCHID);
    assert_eq!(wxpay.merchant().serial_no().as_str(), v3::SERIAL_NO, "read from the certificate");
    assert_eq!(wxpay.merchant().appid().unwrap().as_str(), "wxd678efh567hg6787");
    assert_eq!(wxpay.merchant().notify_url().unwrap().as_str(), "https://shop.example/notify");
}

#[test]
fn settings_come_from_variables_and_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &str| {
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (key, public_key) = (file("key.pem", v3::KEY), file("pub.pem", v3::PUBLIC_KEY));
    let variable = |name: &str| {
        Some(match name {
            "WXPAY_MCHID" => v3::MCHID.to_owned(),
            "WXPAY_SERIAL_NO" => v3::SERIAL_NO.to_owned(),
            "WXPAY_PRIVATE_KEY_FILE" => key.clone(),
            "WXPAY_API_V3_KEY" => v3::API_V3_KEY.to_owned(),
            "WXPAY_PUBLIC_KEY_ID" => v3::PUBLIC_KEY_ID.to_owned(),
            "WXPAY_PUBLIC_KEY_FILE" => public_key.clone(),
            "WXPAY_APPID" => String::new(),
            _ => return None,
        })
    };
    let wxpay = WxPay::builder().variables(variable).build().unwrap();
    assert_eq!(wxpay.merchant().serial_no().as_str(), v3::SERIAL_NO);
    assert_eq!(wxpay.merchant().appid(), None, "an empty variable sets nothing");
    let replaced = WxPay::builder().variables(variable).mchid("1900000002").build().unwrap();
    assert_eq!(replaced.merchant().mchid().as_str(), "1900000002", "the later setting wins");
}

#[test]
fn everything_that_is_missing_is_reported_at_once() {
    assert_eq!(faults(WxPay::builder()), ["mchid", "api_v3_key", "private_key_pem", "serial_no"]);
    assert_eq!(
        faults(WxPay::builder().variables(|_| None)),
        ["WXPAY_MCHID", "WXPAY_API_V3_KEY", "WXPAY_PRIVATE_KEY_FILE", "WXPAY_SERIAL_NO"]
    );
}

#[test]
fn everything_that_is_invalid_is_reported_at_once_and_no_value_is_shown() {
    let variable = |name: &str| match name {
        "WXPAY_TLS_CA_FILE" => None,
        // Given by mistake in place of its path.
        "WXPAY_PRIVATE_KEY_FILE" => Some(v3::KEY.to_owned()),
        name if name.ends_with("_FILE") => Some("no-such-file.pem".to_owned()),
        _ => Some("PLANTED:".to_owned()),
    };
    let builder = WxPay::builder().variables(variable);
    let printed = format!("{builder:?}");
    let error = builder.build().unwrap_err();
    let settings: Vec<_> = error.faults().iter().map(SetupFault::setting).collect();
    assert_eq!(
        settings,
        [
            "WXPAY_MCHID",
            "WXPAY_API_V3_KEY",
            "WXPAY_PRIVATE_KEY_FILE",
            "WXPAY_CERTIFICATE_FILE",
            "WXPAY_SERIAL_NO",
            "WXPAY_PUBLIC_KEY_ID",
            "WXPAY_PUBLIC_KEY_FILE",
            "WXPAY_PLATFORM_CERTIFICATE_FILE",
            "WXPAY_APPID",
            "WXPAY_NOTIFY_URL",
            "WXPAY_BASE_URL",
        ]
    );
    let secret_line = v3::KEY.lines().nth(1).unwrap();
    for text in [printed, format!("{error} {error:?}")] {
        assert!(!text.contains("PLANTED") && !text.contains(secret_line), "{text}");
    }
    let path = "WXPAY_CERTIFICATE_FILE must be the path of a readable file: no-such-file.pem: ";
    assert!(error.to_string().contains(path), "{error}");
    assert!(error.to_string().starts_with("WXPAY_MCHID must be 1 to 32 digits; WXPAY_API_V3_KEY must be "));
}

#[test]
fn settings_that_do_not_belong_together_are_reported() {
    assert_eq!(faults(complete().private_key_pem(v3::PUBLIC_KEY_PRIVATE)), ["private_key_pem"]);
    assert_eq!(faults(complete().serial_no("0A00F1")), ["serial_no"]);
    assert_eq!(faults(complete().certificate_pem("nonsense")), ["certificate_pem"]);
    assert_eq!(faults(complete().certificate_file("no-such-file")), ["certificate_file"]);
    let only_id = |name: &str| (name == "WXPAY_PUBLIC_KEY_ID").then(|| v3::PUBLIC_KEY_ID.to_owned());
    let without_key = WxPay::builder().mchid(v3::MCHID).private_key_pem(v3::KEY).api_v3_key(v3::API_V3_KEY);
    assert_eq!(faults(without_key.serial_no(v3::SERIAL_NO).variables(only_id)), ["WXPAY_PUBLIC_KEY_FILE"]);
}

#[tokio::test]
async fn order_without_a_default_is_not_sent() {
    let unset = |name: &str| (name == "WXPAY_MCHID").then(|| v3::MCHID.to_owned());
    let wxpay = WxPay::builder()
        .variables(unset)
        .private_key_pem(v3::KEY)
        .certificate_pem(v3::CERTIFICATE)
        .api_v3_key(v3::API_V3_KEY)
        .base_url("http://127.0.0.1:1")
        .build()
        .unwrap();
    let order = Order::new("ORDER-0001".parse().unwrap(), Fen::new(1), "chopsticks").unwrap();
    let error = wxpay.call(NativeOrder::new(order)).await.unwrap_err();
    assert_eq!((error.kind(), error.fate()), (ErrorKind::Misuse, Some(Fate::NotSent)));
    let rule = std::error::Error::source(&error).unwrap().to_string();
    assert!(rule.starts_with("appid is required: "), "{rule}");
}
