use super::*;
use crate::merchants::{MerchantSettings, merchant_tests as merchants};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use wxpay_sim::keys::KeyPair;

const ID: &str = "PUB_KEY_ID_0116000000012025";
const BODY: &str = r#"{"id":"EV-1","summary":"secret"}"#;

/// Returns a merchant that trusts one public key, and a notification that is signed with the key.
fn received() -> (Merchant, Incoming) {
    let key = KeyPair::fixed(0).unwrap();
    let settings = MerchantSettings {
        public_key_id: Some(ID.into()),
        public_key: Some(key.public().pem()),
        ..merchants::settings()
    };
    let now = merchants::NOW.as_secs().to_string();
    let signature = STANDARD.encode(key.sign(format!("{now}\nnonce\n{BODY}\n").as_bytes()));
    let headers = [
        ("wechatpay-timestamp", now.as_str()),
        ("wechatpay-nonce", "nonce"),
        ("wechatpay-signature", signature.as_str()),
        ("wechatpay-serial", ID),
    ];
    let incoming = Incoming {
        merchant: "shop1".into(),
        kind: "payment".into(),
        query: Vec::new(),
        headers: headers.map(|(name, value)| (name.into(), value.as_bytes().to_vec())).into(),
        body: BODY.into(),
    };
    (merchants::build(settings, &merchants::keys()).unwrap(), incoming)
}

#[test]
fn cause_of_a_changed_notification_is_named_without_its_content() {
    let (merchant, incoming) = received();
    let cause = |change: &dyn Fn(&mut Incoming)| {
        let mut changed = incoming.clone();
        change(&mut changed);
        of(&merchant, &changed, merchants::NOW)
    };
    assert_eq!(cause(&|_| {}), None, "the signature is right");
    let spaces = cause(&|changed| changed.body = BODY.replace("\":", "\": ").replace(",\"", ", \"").into());
    assert_eq!(spaces.as_deref(), Some("body_reserialized (line 3, byte 7)"));
    let serial = cause(&|changed| changed.headers[3].1 = b"5157F09EFDC096DE15EBE81A47057A7232F1B8E1".into());
    assert_eq!(serial.as_deref(), Some("wrong_notification_serial"));
    let nonce = cause(&|changed| drop(changed.headers.remove(1)));
    assert!(nonce.is_some_and(|cause| cause.starts_with("header_grammar")));
    let other = cause(&|changed| changed.body = b"secret".into());
    assert_eq!(other.as_deref(), Some("likely nonce_differs or timestamp_differs"));
}

#[test]
fn cause_is_not_searched_without_a_key() {
    let (_, incoming) = received();
    let settings = MerchantSettings {
        public_key_id: None,
        public_key: None,
        platform_certificates: true,
        ..merchants::settings()
    };
    let merchant = merchants::build(settings, &merchants::keys()).unwrap();
    assert_eq!(of(&merchant, &incoming, merchants::NOW), None);
}
