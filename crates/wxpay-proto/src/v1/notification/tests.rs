//! Tests of notifications.

use super::*;
use crate::v1::{AppSecret, PartnerKey, PaySignKey};

fn partner_key() -> PartnerKey {
    PartnerKey::new("fedcba9876543210".repeat(2)).unwrap()
}

fn pay_sign_key() -> PaySignKey {
    PaySignKey::new("0123456789abcdef".repeat(8)).unwrap()
}

fn merchant() -> Merchant {
    Merchant::builder(
        "wxd930ea5d5a258f4f".parse().unwrap(),
        AppSecret::new("0123456789abcdef".repeat(2)).unwrap(),
        pay_sign_key(),
        "1900000109".parse().unwrap(),
        partner_key(),
    )
    .build()
}

/// Returns these fields with some changed: each replaces one of the same name, or is added.
fn with<'a>(usual: &[(&'a str, &'a str)], changed: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let kept = usual.iter().filter(|(name, _)| changed.iter().all(|(other, _)| other != name));
    kept.chain(changed).copied().collect()
}

/// Returns a correctly signed query. A field whose value is `-` is left out.
fn query(changed: &[(&str, &str)], charset: Charset) -> String {
    const USUAL: [(&str, &str); 10] = [
        ("bank_type", "2032"),
        ("fee_type", "1"),
        ("notify_id", "n1"),
        ("out_trade_no", "20140508001"),
        ("partner", "1900000109"),
        ("time_end", "20140508101000"),
        ("total_fee", "1999"),
        ("trade_mode", "1"),
        ("trade_state", "0"),
        ("transaction_id", "1900000109201405083141592653"),
    ];
    let mut fields = with(&USUAL, changed);
    fields.retain(|(_, value)| *value != "-");
    let (sign, _) = signature::sign_md5(&fields, charset, &partner_key()).unwrap();
    let mut query = String::new();
    for (name, value) in fields {
        query.push_str(name);
        query.push('=');
        crate::wire::form::escape(&charset.encode(value).unwrap(), &mut query);
        query.push('&');
    }
    format!("{query}sign={sign}")
}

const PAYER: [(&str, &str); 5] = [
    ("AppId", "wxd930ea5d5a258f4f"),
    ("IsSubscribe", "0"),
    ("NonceStr", "y1PWO9ceLfVBvmsG"),
    ("OpenId", "o1"),
    ("TimeStamp", "1"),
];

/// Returns a correctly signed body of these elements.
fn body(elements: &[(&str, &str)]) -> String {
    let (sign, _) = signature::sign_sha1(elements, &pay_sign_key());
    let elements: Vec<_> =
        elements.iter().map(|(name, value)| format!("<{name}><![CDATA[{value}]]></{name}>")).collect();
    let elements = elements.concat();
    format!("<xml>{elements}<AppSignature>{sign}</AppSignature><SignMethod>sha1</SignMethod></xml>")
}

fn verify_raw(query: &str, body: &str) -> Result<Notification, NotificationError> {
    merchant().verify_notification(&RawNotification::new("POST", query.as_bytes(), body.as_bytes()))
}

/// Verifies a correctly signed notification. These fields replace the usual ones or add to them.
fn verify(changed: &[(&str, &str)]) -> Result<Notification, NotificationError> {
    verify_raw(&query(changed, Charset::Utf8), &body(&PAYER))
}

fn verify_payer(changed: &[(&str, &str)]) -> Result<Notification, NotificationError> {
    verify_raw(&query(&[], Charset::Utf8), &body(&with(&PAYER, changed)))
}

#[test]
fn a_trade_state_that_is_no_number_is_rejected() {
    assert!(verify(&[]).unwrap().is_paid());
    assert!(!verify(&[("trade_state", "1")]).unwrap().is_paid());
    for state in ["0 ", "+0", "零", "paid"] {
        let error = verify(&[("trade_state", state)]).unwrap_err();
        assert_eq!(error.to_string(), "trade_state must be digits", "{state}");
    }
}

#[test]
fn a_payment_of_another_kind_or_merchant_is_rejected_by_the_field_that_says_so() {
    let max = u64::MAX.to_string();
    for (field, value, expected) in [
        ("partner", "1900000108", "partner must be the merchant's own number"),
        ("partner", "-", "partner must be the merchant's own number"),
        ("fee_type", "2", "fee_type must be 1 (CNY)"),
        ("fee_type", "", "fee_type must be 1 (CNY)"),
        ("trade_mode", "2", "trade_mode must be 1 (paid immediately)"),
        ("trade_mode", "-", "trade_mode must be 1 (paid immediately)"),
        ("sign_type", "RSA", "sign_type must be MD5"),
        ("sign_type", "md5", "sign_type must be MD5"),
        ("total_fee", "-", "total_fee must be whole fen"),
        ("total_fee", "19.99", "total_fee must be whole fen"),
        ("total_fee", "+1999", "total_fee must be whole fen"),
        ("total_fee", "18446744073709551616", "total_fee must be whole fen"),
        ("discount", "-1", "discount must be whole fen"),
        ("discount", &max, "discount must not overflow when added to total_fee"),
        ("trade_state", "-", "trade_state is required"),
        ("bank_type", "-", "bank_type is required"),
        ("time_end", "2014050810100", "time_end must be yyyyMMddHHmmss"),
        ("input_charset", "BIG5", "input_charset must be UTF-8 or GBK"),
    ] {
        let error = verify(&[(field, value)]).unwrap_err();
        assert_eq!(error.to_string(), expected, "{field}={value}");
        assert_eq!(error.ack(), Ack::Reject(400));
    }
    assert!(verify(&[("sign_type", "MD5"), ("discount", "0")]).is_ok());
    let largest = (u64::MAX - 1999).to_string();
    assert_eq!(verify(&[("discount", &largest)]).unwrap().payment.amount(), Some(Fen::new(u64::MAX)));
}

#[test]
fn a_payer_of_another_app_is_rejected() {
    let error = verify_payer(&[("AppId", "wxd930ea5d5a258f40")]).unwrap_err();
    assert_eq!(error.to_string(), "AppId must be the merchant's own app");
    let error = verify_payer(&[("TimeStamp", "yesterday")]).unwrap_err();
    assert_eq!(error.to_string(), "TimeStamp must be whole seconds");
    let sha256 = body(&PAYER).replace("sha1</SignMethod>", "sha256</SignMethod>");
    let error = verify_raw(&query(&[], Charset::Utf8), &sha256).unwrap_err();
    assert_eq!(error.to_string(), "SignMethod must be sha1");
}

#[test]
fn all_documented_parameters_are_accepted_and_no_other_one_is() {
    let documented = [
        ("service_version", "1.0"),
        ("input_charset", "utf-8"),
        ("sign_type", "MD5"),
        ("sign_key_index", "1"),
        ("bank_billno", "201405089314159"),
        ("transport_fee", "0"),
        ("product_fee", "1999"),
        ("discount", "0"),
        ("buyer_alias", "b"),
        ("pay_info", "p"),
        ("attach", "a"),
    ];
    let notification = verify(&documented).unwrap();
    assert_eq!((notification.pay_info(), notification.attach()), (Some("p"), Some("a")));
    for name in ["tp", "Attach", "ATTACH", "key", "appkey", "body", "retcode", "total_fee.1", "a"] {
        let error = verify(&[(name, "1")]).unwrap_err();
        assert_eq!(error.to_string(), "query must have only the documented parameters", "{name}");
        assert!(verify(&[(name, "")]).is_err(), "{name}, though an empty value is not signed");
    }
}

#[test]
fn a_value_with_an_ampersand_is_rejected_in_every_parameter_and_element() {
    for name in
        ["attach", "bank_billno", "bank_type", "buyer_alias", "notify_id", "pay_info", "transport_fee"]
    {
        for value in ["&", "a&b", "a&total_fee=1", "测&"] {
            let error = verify(&[(name, value)]).unwrap_err();
            assert!(error.to_string().starts_with(&format!("{name} must have no &")), "{name}: {error}");
        }
    }
    for name in ["AppId", "IsSubscribe", "NonceStr", "OpenId", "TimeStamp"] {
        let error = verify_payer(&[(name, "1&openid=o2")]).unwrap_err();
        assert!(error.to_string().starts_with(&format!("{name} must have no &")), "{name}: {error}");
    }
    // In GBK the bytes of no other character contain a `&`: both bytes of all of them are accepted.
    let gbk = query(&[("input_charset", "GBK"), ("attach", "丂狛亐")], Charset::Gbk);
    assert_eq!(verify_raw(&gbk, &body(&PAYER)).unwrap().attach(), Some("丂狛亐"));
}

#[test]
fn an_equals_sign_or_a_key_in_a_value_is_only_a_value() {
    for attach in ["a=b", "=", "key=1", "a=b=c", "%41", "+", "key=fedcba9876543210fedcba9876543210"] {
        assert_eq!(verify(&[("attach", attach)]).unwrap().attach(), Some(attach));
    }
}

#[test]
fn an_empty_parameter_is_the_same_as_an_absent_one() {
    let absent = verify(&[]).unwrap();
    let optional =
        ["attach", "bank_billno", "buyer_alias", "discount", "pay_info", "sign_type", "input_charset"];
    for name in optional {
        let empty = verify(&[(name, "")]).unwrap();
        assert_eq!(empty, absent, "{name}");
        assert_eq!(empty.dedup_key(), absent.dedup_key(), "{name}");
    }
}

#[test]
fn a_text_is_read_in_the_signed_charset_only() {
    let in_gbk = query(&[("attach", "测试")], Charset::Gbk);
    assert_eq!(verify_raw(&in_gbk, &body(&PAYER)).unwrap().attach(), Some("测试"), "GBK is the default");
    for added in ["&input_charset=UTF-8", "&input_charset=GBK"] {
        let error = verify_raw(&(in_gbk.clone() + added), &body(&PAYER)).unwrap_err();
        assert_eq!(error.ack(), Ack::Reject(401), "{added} is not signed");
    }
    let declared = query(&[("input_charset", "GBK"), ("attach", "测试")], Charset::Gbk);
    let removed = declared.replace("input_charset=GBK&", "");
    assert_eq!(verify_raw(&removed, &body(&PAYER)).unwrap_err().ack(), Ack::Reject(401));
}

#[test]
fn order_and_spelling_of_parameters_change_neither_content_nor_key() {
    let usual = query(&[("input_charset", "UTF-8"), ("attach", "测 a*")], Charset::Utf8);
    let expected = verify_raw(&usual, &body(&PAYER)).unwrap();
    let mut reversed: Vec<_> = usual.split('&').collect();
    reversed.reverse();
    let (start, sign) = usual.split_once("&sign=").unwrap();
    for other in [
        reversed.join("&"),
        usual.replace("%2A", "*"),
        start.replace("%E6%B5%8B", "%e6%b5%8b") + "&sign=" + sign,
        start.to_owned() + "&sign=" + &sign.to_ascii_lowercase(),
    ] {
        let notification = verify_raw(&other, &body(&PAYER)).unwrap();
        assert_eq!((&notification, notification.dedup_key()), (&expected, expected.dedup_key()));
    }
    for (spelling, other) in [("2032", "%32032"), ("bank_type", "bank%5Ftype"), ("%20", "+"), ("%20", " ")] {
        assert!(verify_raw(&usual.replace(spelling, other), &body(&PAYER)).is_err(), "{other}");
    }
}

#[test]
fn only_the_documented_elements_of_the_body_are_accepted_in_their_spelling() {
    let error = verify_payer(&[("ProductId", "1")]).unwrap_err();
    assert_eq!(error.to_string(), "body must have only the documented elements");
    for name in ["AppKey", "appkey", "Sign_Method", "MsgType"] {
        assert!(verify_payer(&[(name, "1")]).is_err(), "{name}");
    }
    for (name, _) in PAYER {
        let without: Vec<_> = PAYER.into_iter().filter(|(other, _)| *other != name).collect();
        let error = verify_raw(&query(&[], Charset::Utf8), &body(&without)).unwrap_err();
        assert_eq!(error.to_string(), format!("{name} is required"));
        // The signature is the same for every letter case, but only one is read.
        let name = name.to_ascii_lowercase();
        let lower: Vec<_> = without.into_iter().chain([(&*name, "1")]).collect();
        assert!(verify_raw(&query(&[], Charset::Utf8), &body(&lower)).is_err(), "{name}");
    }
}

#[test]
fn spelling_of_the_body_changes_neither_content_nor_key() {
    let usual = body(&PAYER);
    let expected = verify_raw(&query(&[], Charset::Utf8), &usual).unwrap();
    for other in [
        usual.replace("<![CDATA[o1]]>", "o1"),
        usual.replace("<![CDATA[o1]]>", " \n&#111;1\t"),
        usual.replace("<![CDATA[o1]]>", "<![CDATA[o]]>1"),
        usual.replace("sha1<", " SHA1 <"),
    ] {
        let notification = verify_raw(&query(&[], Charset::Utf8), &other).unwrap();
        assert_eq!((&notification, notification.dedup_key()), (&expected, expected.dedup_key()));
    }
}

#[test]
fn the_key_differs_with_all_content_but_not_with_the_delivery() {
    let key = |query: &str, body: &str| verify_raw(query, body).unwrap().dedup_key();
    let usual = query(&[], Charset::Utf8);
    let first = key(&usual, &body(&PAYER));
    let again = with(&PAYER, &[("TimeStamp", "9"), ("NonceStr", "another")]);
    assert_eq!(key(&usual, &body(&again)), first, "a later delivery of the same notification");
    assert_eq!(first.len(), 64, "a digest with SHA-256, which is no signature");

    for changed in [("attach", "a"), ("product_fee", "1"), ("buyer_alias", "b"), ("total_fee", "1998")] {
        assert_ne!(key(&query(&[changed], Charset::Utf8), &body(&PAYER)), first, "{changed:?}");
    }
    for changed in [("OpenId", "o2"), ("IsSubscribe", "1")] {
        assert_ne!(key(&usual, &body(&with(&PAYER, &[changed]))), first, "{changed:?}");
    }
}
