use super::*;
use crate::Language;
use aws_lc_rs::{
    encoding::AsDer as _,
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use proptest::prelude::*;
use std::sync::OnceLock;

const NOW: u64 = 1_700_000_000;

fn key() -> &'static KeyPair {
    static KEY: OnceLock<KeyPair> = OnceLock::new();
    KEY.get_or_init(|| KeyPair::generate(KeySize::Rsa2048).unwrap())
}

fn explainer() -> Explainer {
    let spki = key().public_key().as_der().unwrap();
    let key = Key::from_spki(spki.as_ref()).unwrap().with_serial("AB").owned_by(Owner::Merchant);
    Explainer::new(Keys::from_iter([key]))
}

fn sign(string: &str) -> String {
    let mut signature = vec![0; key().public_modulus_len()];
    key().sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), string.as_bytes(), &mut signature).unwrap();
    STANDARD.encode(signature)
}

/// Returns a GET request whose signature is over this string.
fn request(path: &str, string: &str) -> Message {
    let authorization = format!(
        r#"WECHATPAY2-SHA256-RSA2048 mchid="1900007291",nonce_str="n",signature="{}",timestamp="{NOW}",serial_no="AB""#,
        sign(string)
    );
    Message {
        kind: Kind::Request,
        method: "GET".into(),
        url: path.into(),
        headers: vec![("Authorization".into(), authorization)],
        body: Vec::new(),
    }
}

fn ids(message: &Message) -> Vec<&'static str> {
    let explanation = explainer().explain(message, Some(NOW));
    explanation.causes.iter().map(|cause| cause.id.as_str()).collect()
}

#[test]
fn every_millisecond_is_found_within_the_budget() {
    let body = format!(r#"{{"description":"{}","amount":{{"total":1999}}}}"#, "x".repeat(300));
    for millis in [0, 1, 499, 998, 999] {
        let string = format!("POST\n/v3/pay/transactions/native\n{NOW}{millis:03}\nn\n{body}\n");
        let message = Message {
            method: "POST".into(),
            body: body.clone().into_bytes(),
            ..request("/v3/pay/transactions/native", &string)
        };
        assert_eq!(ids(&message), ["timestamp_milliseconds"], "{millis}");
    }
}

#[test]
fn one_explanation_is_shown_in_both_languages() {
    let message = request("/v3/x", &format!("GET\n/v3/x\n{NOW}\nn"));
    let explanation = explainer().explain(&message, Some(NOW + 301));
    let english = serde_json::to_string(&explanation).unwrap();
    let chinese = serde_json::to_string(&explanation.in_language(Language::Chinese)).unwrap();
    let end = r"sign the body as a line of its own; without a body, an empty line: the string ends with NONCE\\n\\n\n  both  ";
    assert!(english.starts_with(
        r#"{"valid":false,"causes":[{"id":"missing_body_line_feed","certainty":"exact","message":"#
    ));
    assert!(english.contains(end), "{english}");
    assert!(
        english.contains(
            r#""message":"the timestamp is more than 5 minutes off (301 s behind the clock): sync"#
        )
    );
    assert_eq!(serde_json::to_string(&explanation.in_language(Language::English)).unwrap(), english);
    assert!(chinese.starts_with(
        r#"{"valid":false,"causes":[{"id":"missing_body_line_feed","certainty":"exact","message":"#
    ));
    for part in [
        "时间戳与当前时间相差超过 5 分钟（比时钟慢 301 秒）：同步时钟",
        "  相同      GET",
        "首个差异：第 4 行第 2 字节",
    ] {
        assert!(chinese.contains(part), "{part}: {chinese}");
    }
    assert_eq!(explanation.summary(), "missing_body_line_feed and clock_skew (line 4, byte 2)");
}

#[test]
fn receipts_are_accepted_without_the_last_line_feed() {
    let path = "/v3/transferdownload/elecvoucherfile?token=1";
    assert_eq!(ids(&request(path, &format!("GET\n{path}\n{NOW}\nn\n"))), [""; 0]);
    assert_eq!(ids(&request(path, &format!("GET\n{path}\n{NOW}\nn\n\n"))), [""; 0]);
    let other = "/v3/certificates";
    let causes = ids(&request(other, &format!("GET\n{other}\n{NOW}\nn\n")));
    assert_eq!(causes, ["missing_body_line_feed", "missing_final_line_feed"]);
}

#[test]
fn key_and_string_of_a_valid_signature_are_kept() {
    let explained = |string: &str, now| explainer().explain(&request("/v3/x", string), Some(now));
    let string = format!("GET\n/v3/x\n{NOW}\nn\n\n");
    let verified = explained(&string, NOW).verified.unwrap();
    assert_eq!((verified.serial(), verified.owner()), (Some("AB"), Some(Owner::Merchant)));
    assert_eq!(verified.string(), string.as_bytes());
    assert_eq!(serde_json::to_string(&explained(&string, NOW)).unwrap(), r#"{"valid":true,"causes":[]}"#);
    assert_eq!(explained(&string, NOW + 301).verified, None);
    assert_eq!(explained(string.trim_end(), NOW).verified, None);
}

#[test]
fn causes_beyond_the_documented_ones_are_named() {
    for (string, id) in [
        (format!("GET\\n/v3/x\\n{NOW}\\nn\\n\\n"), "literal_backslash_n"),
        (format!("GET\n/v3/x\nn\n{NOW}\n\n"), "line_order"),
        (format!("{NOW}\nn\n\n"), "line_order"),
        (format!("/v3/x\n{NOW}\nn\n\n"), "line_order"),
        (format!("POST\n/v3/x\n{NOW}\nn\n\n"), "method_differs"),
        (format!("GET\n/x\n{NOW}\nn\n\n"), "path_prefix"),
        (format!("GET\n//v3/x\n{NOW}\nn\n\n"), "path_prefix"),
        (format!("GET /v3/x {NOW} n  "), "line_separator"),
        (format!("GET\n/v3/x\n{NOW}\nn\n\n\n"), "extra_line_feed"),
        (format!("GET\n/v3/x\n{NOW}\n\n\n"), "nonce_differs"),
        (format!("GET\n/v3/x\n{}\nn\n\n", NOW + 28_800), "timestamp_differs"),
        (rsa_hex(&format!("GET\n/v3/x\n{NOW}\nn\n\n")), "hashed_twice"),
    ] {
        assert_eq!(ids(&request("/v3/x", &string)).first(), Some(&id), "{string}");
    }
}

#[test]
fn bodies_written_by_other_means_than_json_are_named() {
    let json = r#"{"z":{"b":1,"a":true},"c":"支'"}"#;
    let quoted = serde_json::Value::from(json).to_string();
    for (sent, signed) in [
        (json, r#"{'z': {'b': 1, 'a': True}, 'c': "支'"}"#),
        (json, r#"{"c":"支'","z":{"b":1,"a":true}}"#),
        (json, "[object Object]"),
        (json, &quoted),
        (&quoted, json),
    ] {
        let signed_request = request("/v3/x", &format!("POST\n/v3/x\n{NOW}\nn\n{signed}\n"));
        let message = Message { method: "POST".into(), body: sent.into(), ..signed_request };
        assert_eq!(ids(&message), ["body_reserialized"], "{signed}");
    }
}

#[test]
fn host_of_the_base_url_is_tried() {
    let ids = |explainer: &Explainer, host: &str, headers: &[(&str, &str)]| -> Vec<&str> {
        let mut message = request("/v3/x", &format!("GET\n{host}/v3/x\n{NOW}\nn\n\n"));
        message.headers.extend(headers.iter().map(|(name, value)| ((*name).into(), (*value).into())));
        let explanation = explainer.explain(&message, Some(NOW));
        explanation.causes.iter().map(|cause| cause.id.as_str()).collect()
    };
    let with_base_url = explainer().with_base_url("http://127.0.0.1:8080/");
    for signed in ["http://127.0.0.1:8080", "127.0.0.1:8080", "http://127.0.0.1", "127.0.0.1"] {
        assert_eq!(ids(&with_base_url, signed, &[]), ["host_in_url"], "{signed}");
        assert_eq!(ids(&explainer(), signed, &[]), ["nonce_differs", "timestamp_differs"], "{signed}");
        // The host of the message is tried too.
        assert_eq!(ids(&with_base_url, signed, &[("Host", "h")]), ["host_in_url"], "{signed}");
    }
    for signed in ["https://h", "https://h:443", "http://h:80", "h:443"] {
        assert_eq!(ids(&with_base_url, signed, &[("Host", "h")]), ["host_in_url"], "{signed}");
    }
    assert_eq!(ids(&explainer().with_base_url("no url"), "https://api.wechatpay.cn", &[]), ["host_in_url"]);
}

#[test]
fn text_of_pythons_bytes_is_named() {
    let json = r#"{"z":"支","a":"it's"}"#;
    let signed = r#"b'{"z":"\xe6\x94\xaf","a":"it\'s"}'"#;
    let signed_request = request("/v3/x", &format!("POST\n/v3/x\n{NOW}\nn\n{signed}\n"));
    let message = Message { method: "POST".into(), body: json.into(), ..signed_request };
    assert_eq!(ids(&message), ["body_reserialized"]);
}

/// Returns the text of the only cause.
fn text_of(explainer: &Explainer, message: &Message, now: u64, language: Language) -> String {
    let explanation = explainer.explain(message, Some(now));
    let [cause] = &explanation.causes[..] else { panic!("{:?}", explanation.causes) };
    cause.message(language)
}

#[test]
fn whole_hours_are_a_time_zone_and_other_differences_are_not() {
    let message = request("/v3/x", &format!("GET\n/v3/x\n{NOW}\nn\n\n"));
    for (now, part) in [
        (NOW - 8 * 3600 + 3, "(8 h ahead of the clock: a time zone, not a wrong clock;"),
        (NOW + 14 * 3600 + 10, "(14 h behind the clock: a time zone, not a wrong clock;"),
        (NOW + 3600 - 10, "(1 h behind the clock: a time zone"),
        (NOW + 3600 + 11, "(3611 s behind the clock)"),
        (NOW + 3600 - 11, "(3589 s behind the clock)"),
        (NOW - 15 * 3600, "(54000 s ahead of the clock)"),
        (NOW + 301, "(301 s behind the clock)"),
    ] {
        let text = text_of(&explainer(), &message, now, Language::English);
        assert!(
            text.starts_with("the timestamp is more than 5 minutes off (") && text.contains(part),
            "{text}"
        );
        assert_eq!(text.contains("NTP"), !part.contains("zone"), "{text}");
        assert_eq!(explainer().explain(&message, Some(now)).summary(), "clock_skew");
    }
    let text = text_of(&explainer(), &message, NOW - 8 * 3600, Language::Chinese);
    assert!(text.contains("（比时钟快 8 小时：是时区问题") && !text.contains("NTP"), "{text}");
}

#[test]
fn timestamp_with_a_fraction_must_be_whole_seconds() {
    let sent = format!("{NOW}.125");
    for (signed, others) in [(sent.as_str(), &[][..]), (&NOW.to_string(), &["timestamp_differs"])] {
        let mut message = request("/v3/x", &format!("GET\n/v3/x\n{signed}\nn\n\n"));
        message.headers[0].1 = message.headers[0].1.replace(&NOW.to_string(), &sent);
        let explanation = explainer().explain(&message, Some(NOW));
        let text = explanation.causes[0].message(Language::English);
        let part = "(timestamp in Authorization must be whole seconds, 10 digits, without a fraction)";
        assert!(text.contains(part), "{text}");
        assert_eq!(ids(&message), [&["header_grammar"][..], others].concat(), "{signed}");
    }
    let right = format!("wx1\n{sent}\nn\nprepay_id=p\n");
    let mut message = page(&right, "prepay_id=p", r#""signType":"RSA","#);
    message.body = String::from_utf8(message.body).unwrap().replace(&NOW.to_string(), &sent).into();
    assert_eq!(ids(&message), ["client_timestamp"]);
}

#[test]
fn unknown_key_of_client_parameters_has_words_of_its_own() {
    let mut message = page("", "prepay_id=p", r#""signType":"RSA","#);
    let signature = Json::parse(&message.body).unwrap().text("paySign").unwrap().to_owned();
    let other = STANDARD.encode([1; 256]);
    message.body = String::from_utf8(message.body).unwrap().replace(&signature, &other).into();
    assert_eq!(ids(&message), ["wrong_key"]);
    let text = text_of(&explainer(), &message, NOW, Language::English);
    assert!(text.contains("or the signature was altered") && text.contains("pass the client the signature"));
    let chinese = text_of(&explainer(), &message, NOW, Language::Chinese);
    assert!(chinese.contains("或者签名已损坏") && chinese.contains("原样传给客户端"), "{chinese}");
    assert!(!text.contains("serial") && !text.contains("Wechatpay") && !chinese.contains("Wechatpay"));
}

#[test]
fn package_without_prefix_must_be_signed_and_sent_with_it() {
    let right = format!("wx1\n{NOW}\nn\nprepay_id=p\n");
    let message = page(&right, "p", r#""signType":"RSA","#);
    let text = text_of(&explainer(), &message, NOW, Language::English);
    assert!(text.contains("package was sent without prepay_id=") && text.contains("sign and send package"));
    let text = text_of(&explainer(), &message, NOW, Language::Chinese);
    assert!(text.contains("签名与发送使用同一个值：JSAPI 与小程序为 package"), "{text}");
}

#[test]
fn parameters_of_a_page_must_have_a_sign_type() {
    let right = format!("wx1\n{NOW}\nn\nprepay_id=p\n");
    assert_eq!(ids(&page(&right, "prepay_id=p", r#""signType":"RSA","#)), [""; 0]);
    assert_eq!(ids(&page(&right, "prepay_id=p", r#""signType":"MD5","#)), ["client_sign_type"]);
    assert_eq!(ids(&page(&right, "prepay_id=p", "")), ["client_sign_type"]);
}

/// Returns the parameters of a page with a signature over this string.
fn page(string: &str, package: &str, more: &str) -> Message {
    let signature = sign(string);
    let body = format!(
        r#"{{"appId":"wx1","timeStamp":"{NOW}","nonceStr":"n","package":"{package}",{more}"paySign":"{signature}"}}"#
    );
    Message::parse(body.as_bytes()).unwrap()
}

#[test]
fn parameters_of_a_page_are_signed_as_lines_with_one_prefix() {
    let of_apiv2 = format!("appId=wx1&nonceStr=n&package=prepay_id=p&signType=RSA&timeStamp={NOW}");
    let twice = format!("wx1\n{NOW}\nn\nprepay_id=prepay_id=p\n");
    let rsa = r#""signType":"RSA","#;
    assert_eq!(ids(&page(&of_apiv2, "prepay_id=p", rsa)), ["line_separator"]);
    assert_eq!(ids(&page(&twice, "prepay_id=p", rsa)), ["prepay_id_prefix"]);
    assert_eq!(ids(&page(&twice, "prepay_id=prepay_id=p", rsa)), ["prepay_id_prefix"]);
}

fn rsa_hex(string: &str) -> String {
    crate::rsa::hex(Hash::Sha256.of(string.as_bytes()).unwrap().as_ref())
}

#[test]
fn signatures_that_no_key_made_are_told_apart() {
    let mut message = request("/v3/x", "");
    let mut with = |signature: &str| {
        message.headers[0].1 = format!(
            r#"WECHATPAY2-SHA256-RSA2048 mchid="1900007291",nonce_str="n",signature="{signature}",timestamp="{NOW}",serial_no="AB""#
        );
        ids(&message)
    };
    assert_eq!(with("5A8264ILTKCH16CQ2502SI8ZNMTM67VS!"), ["signature_encoding"]);
    assert_eq!(with("9A0A8659F005D6984697E2CA0A9CF3B7"), ["apiv2_signature"]);
    assert_eq!(with(&STANDARD.encode([1; 32])), ["apiv2_signature"]);
    assert_eq!(with(&STANDARD.encode([1; 100])), ["signature_encoding"]);
    assert_eq!(with(&format!("b'{}'", sign("GET\n/v3/x\n"))).first(), Some(&"signature_encoding"));
    assert_eq!(with(&STANDARD.encode([1; 256])), ["wrong_key"]);
    assert_eq!(with("WECHATPAY/SIGNTEST/abc"), ["signature_probe"]);
    assert_eq!(with(""), ["header_grammar"]);
}

#[test]
fn serial_numbers_are_compared_with_the_key_that_signed() {
    let mut message = request("/v3/x", &format!("GET\n/v3/x\n{NOW}\nn\n\n"));
    assert_eq!(ids(&message), [""; 0]);
    let right = message.headers[0].1.clone();
    for (serial, id) in [
        ("CD", "serial_of_another_certificate"),
        ("ab", "serial_format"),
        ("0xAB", "serial_format"),
        ("serial=AB", "serial_format"),
    ] {
        message.headers[0].1 = right.replace("\"AB\"", &format!("\"{serial}\""));
        assert_eq!(ids(&message), [id], "{serial}");
    }
}

#[test]
fn reply_without_headers_says_that_some_are_not_signed() {
    let (kind, headers) = (Kind::Reply, Vec::new());
    let message = Message { kind, method: String::new(), url: String::new(), headers, body: b"{}".into() };
    let explanation = explainer().explain(&message, Some(NOW));
    assert_eq!(explanation.summary(), "header_grammar");
    assert!(
        explanation.causes[0].message(Language::English).contains("refusals of the field check"),
        "{:?}",
        explanation.causes
    );
}

#[test]
fn debug_output_has_no_secrets() {
    let explainer = explainer().with_api_v3_key(b"Apiv3Key000000000000000000000000");
    assert!(!format!("{explainer:?}").contains("Apiv3Key"));
    let message = request("/v3/x?secret=1", "");
    assert!(!format!("{message:?}").contains("secret"));
}

proptest! {
    /// Any bytes in any part: no panic, and what is called valid is so by the bare verification.
    #[test]
    fn any_message_is_explained(
        path in ".{0,40}", header in ".{0,200}", kind in 0..4_usize,
        body in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let kind = [Kind::Request, Kind::Reply, Kind::Notification, Kind::ClientParams][kind];
        let mut message = request(&path, &header);
        message.kind = kind;
        message.body = body;
        for name in ["content-type", "wechatpay-timestamp", "wechatpay-nonce", "wechatpay-signature", "wechatpay-serial"] {
            message.headers.push((name.into(), header.clone()));
        }
        prop_assert!(!explainer().explain(&message, None).valid);
        message.headers[0].1 = header;
        prop_assert!(!explainer().explain(&message, None).valid);
    }
}
