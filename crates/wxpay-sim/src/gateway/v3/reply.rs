//! What an operation answers, and how a reply leaves the house: headers, signature, and mistakes made on request.

use crate::{
    chance::{ALPHANUMERIC, Chance},
    keys::KeyPair,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::time::Duration;
use wxpay_proto::{UnixTime, http::Response};

/// What an operation answers when it does not refuse.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) content_type: &'static str,
    /// The digits behind `Request-ID`: 0 for success.
    pub(super) number: u64,
    /// The code of a refusal.
    pub(super) code: Option<&'static str>,
    pub(super) is_signed: bool,
}

impl Reply {
    /// 200 with JSON.
    pub(crate) fn json(body: &Value) -> Self {
        Self::of(200, body, 0)
    }

    /// JSON under any status.
    pub(crate) fn of(status: u16, body: &Value, number: u64) -> Self {
        let content_type = "application/json; charset=utf-8";
        Self {
            status,
            body: body.to_string().into_bytes(),
            content_type,
            number,
            code: None,
            is_signed: true,
        }
    }

    /// 200 with a file, which is not signed.
    pub(crate) const fn file(body: Vec<u8>) -> Self {
        let content_type = "application/octet-stream";
        Self { status: 200, body, content_type, number: 0, code: None, is_signed: false }
    }

    /// 200 that says it is JSON and is none; signed all the same.
    pub(super) fn garbage() -> Self {
        Self { body: b"{\"code\":\"SUCC".to_vec(), ..Self::json(&Value::Null) }
    }

    /// A page of a proxy on the way, which signs nothing.
    pub(super) fn page(status: u16) -> Self {
        let body = format!("<html><body>{status}</body></html>").into_bytes();
        Self { status, body, content_type: "text/html", number: 0, code: None, is_signed: false }
    }

    /// 202 without a body.
    pub(super) const fn accepted() -> Self {
        Self { status: 202, body: Vec::new(), content_type: "", number: 0, code: None, is_signed: true }
    }

    /// 204 without a body.
    pub(crate) const fn no_content() -> Self {
        Self { status: 204, body: Vec::new(), content_type: "", number: 0, code: None, is_signed: true }
    }
}

/// What is wrong on purpose with a reply whose request asked for it by `Wechatpay-Negative-Test`. The request is
/// carried out all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Negative {
    /// The signature is another message's.
    BadSignature,
    /// The signature begins with `WECHATPAY/SIGNTEST/`, as WeChat Pay's own probes do.
    SigntestProbe,
    /// `Wechatpay-Serial` names a key that nobody knows.
    UnknownSerial,
    /// The timestamp is ten minutes old, and signed.
    ExpiredTimestamp,
    /// `Wechatpay-Signature` is not there.
    MissingHeader,
    /// A byte of the body was changed after it was signed; a body that was empty has one.
    TamperedBody,
}

impl Negative {
    /// The words of the header, and what they ask for.
    const ALL: [(&str, Self); 6] = [
        ("bad-signature", Self::BadSignature),
        ("signtest-probe", Self::SigntestProbe),
        ("unknown-serial", Self::UnknownSerial),
        ("expired-timestamp", Self::ExpiredTimestamp),
        ("missing-header", Self::MissingHeader),
        ("tampered-body", Self::TamperedBody),
    ];

    pub(super) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(name, _)| *name == word).map(|(_, negative)| negative)
    }
}

/// Who signs: a key and its name.
pub(super) type Signer<'a> = (&'a str, &'a KeyPair);

/// Puts the reply into an HTTP response. What is exempt from signing has no signer.
pub(super) fn sealed(
    reply: Reply,
    request_id: &str,
    signer: Option<Signer<'_>>,
    negative: Option<Negative>,
    chance: &mut Chance,
    now: UnixTime,
) -> Response {
    let mut body = reply.body;
    let five = signer.map(|signer| signature(&body, signer, negative, chance, now));
    if negative == Some(Negative::TamperedBody) && five.is_some() {
        tamper(&mut body);
    }
    let status = if reply.status == 204 && !body.is_empty() { 200 } else { reply.status };
    let mut response = Response::new(status, body)
        .with("server", b"nginx")
        .with("keep-alive", b"timeout=8")
        .with("cache-control", b"no-cache, must-revalidate")
        .with("x-content-type-options", b"nosniff")
        .with("request-id", request_id.as_bytes());
    if !reply.content_type.is_empty() {
        response =
            response.with("content-type", reply.content_type.as_bytes()).with("content-language", b"zh-CN");
    }
    let headers = five.into_iter().flatten();
    headers.fold(response, |response, (name, value)| response.with(name, value.as_bytes()))
}

/// The five headers.
fn signature(
    body: &[u8],
    (serial, pair): Signer<'_>,
    negative: Option<Negative>,
    chance: &mut Chance,
    now: UnixTime,
) -> Vec<(&'static str, String)> {
    let at = match negative {
        Some(Negative::ExpiredTimestamp) => now.before(STALE),
        _ => now,
    };
    let nonce = chance.text(ALPHANUMERIC, 32);
    let mut headers = signed(body, (serial, pair), &nonce, at);
    for (name, value) in &mut headers {
        match (*name, negative) {
            ("wechatpay-signature", Some(Negative::BadSignature)) => {
                *value = STANDARD.encode(pair.sign(b"another message"));
            }
            ("wechatpay-signature", Some(Negative::SigntestProbe)) => *value = probe(chance),
            ("wechatpay-serial", Some(Negative::UnknownSerial)) => *value = String::from(UNKNOWN),
            _ => {}
        }
    }
    if negative == Some(Negative::MissingHeader) {
        headers.retain(|(name, _)| *name != "wechatpay-signature");
    }
    headers
}

/// How long ago a stale signature was made: twice what a merchant may accept.
pub(super) const STALE: Duration = Duration::from_secs(600);

/// A serial number that no certificate has.
pub(super) const UNKNOWN: &str = "5FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF";

/// The five headers over a body: those of replies and of notices.
pub(super) fn signed(
    body: &[u8],
    (serial, pair): Signer<'_>,
    nonce: &str,
    at: UnixTime,
) -> Vec<(&'static str, String)> {
    let mut message = format!("{}\n{nonce}\n", at.as_secs()).into_bytes();
    message.extend_from_slice(body);
    message.push(b'\n');
    vec![
        ("wechatpay-timestamp", at.as_secs().to_string()),
        ("wechatpay-nonce", String::from(nonce)),
        ("wechatpay-signature", STANDARD.encode(pair.sign(&message))),
        ("wechatpay-serial", String::from(serial)),
        ("wechatpay-signature-type", String::from("WECHATPAY2-SHA256-RSA2048")),
    ]
}

/// A signature as WeChat Pay's probes have it.
pub(super) fn probe(chance: &mut Chance) -> String {
    format!("WECHATPAY/SIGNTEST/{}", chance.text(ALPHANUMERIC, 325))
}

/// Changes a byte and keeps the text UTF-8 and as long as it was.
fn tamper(body: &mut Vec<u8>) {
    match body.iter_mut().rev().find(|byte| byte.is_ascii_alphanumeric()) {
        Some(byte) => *byte = if *byte == b'0' { b'1' } else { b'0' },
        None => body.push(b' '),
    }
}
