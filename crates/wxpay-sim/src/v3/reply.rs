//! Replies: their content, headers and signature, and the faults requested by `Wechatpay-Negative-Test`.

use crate::{
    keys::KeyPair,
    rng::{ALPHANUMERIC, Rng},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use std::time::Duration;
use wxpay_proto::{UnixTime, http::Response};

/// The reply of an operation.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(super) status: u16,
    pub(super) body: Vec<u8>,
    pub(super) content_type: &'static str,
    /// The result code at the end of `Request-ID`: 0 for success.
    pub(super) result_code: u64,
    /// The error code of a refusal.
    pub(super) code: Option<&'static str>,
    pub(super) is_signed: bool,
}

impl Reply {
    /// Builds a 200 reply with JSON.
    pub(crate) fn json(body: &impl Serialize) -> Self {
        Self::of(200, body, 0)
    }

    /// Builds a JSON reply with any status.
    pub(crate) fn of(status: u16, body: &impl Serialize, result_code: u64) -> Self {
        let content_type = "application/json; charset=utf-8";
        Self { status, body: to_json(body), content_type, result_code, code: None, is_signed: true }
    }

    /// Builds a 200 reply with a file, which is not signed.
    pub(crate) const fn file(body: Vec<u8>) -> Self {
        let content_type = "application/octet-stream";
        Self { status: 200, body, content_type, result_code: 0, code: None, is_signed: false }
    }

    /// Builds a signed 200 reply that is declared as JSON but is invalid.
    pub(super) fn garbage() -> Self {
        Self { body: b"{\"code\":\"SUCC".to_vec(), ..Self::json(&()) }
    }

    /// Builds the page of an intermediate proxy, which is not signed.
    pub(super) fn proxy_page(status: u16) -> Self {
        let body = format!("<html><body>{status}</body></html>").into_bytes();
        Self { status, body, content_type: "text/html", result_code: 0, code: None, is_signed: false }
    }

    /// Builds a 202 reply without a body.
    pub(super) const fn accepted() -> Self {
        Self { status: 202, body: Vec::new(), content_type: "", result_code: 0, code: None, is_signed: true }
    }

    /// Builds a 204 reply without a body.
    pub(crate) const fn no_content() -> Self {
        Self { status: 204, body: Vec::new(), content_type: "", result_code: 0, code: None, is_signed: true }
    }
}

/// Serialises the content of a reply or a notification, whose serialisation cannot fail.
pub(super) fn to_json(content: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(content).unwrap_or_default()
}

/// An intentional fault of a reply, requested by the header `Wechatpay-Negative-Test`. The request is executed
/// nevertheless.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NegativeTest {
    /// The signature belongs to another message.
    BadSignature,
    /// The signature begins with `WECHATPAY/SIGNTEST/`, as WeChat Pay's own probes do.
    SigntestProbe,
    /// `Wechatpay-Serial` names an unknown key.
    UnknownSerial,
    /// The timestamp is ten minutes old and covered by a valid signature.
    ExpiredTimestamp,
    /// `Wechatpay-Signature` is missing.
    MissingHeader,
    /// One byte of the body was changed after signing. An empty body gets one byte.
    TamperedBody,
}

impl NegativeTest {
    /// The values of the header and their faults.
    const ALL: [(&str, Self); 6] = [
        ("bad-signature", Self::BadSignature),
        ("signtest-probe", Self::SigntestProbe),
        ("unknown-serial", Self::UnknownSerial),
        ("expired-timestamp", Self::ExpiredTimestamp),
        ("missing-header", Self::MissingHeader),
        ("tampered-body", Self::TamperedBody),
    ];

    pub(super) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(known, _)| *known == name).map(|(_, negative)| negative)
    }
}

/// A signer: the name of a key and the key.
pub(super) type Signer<'a> = (&'a str, &'a KeyPair);

/// Builds the HTTP response of a reply. A reply that is exempt from signing has no signer.
pub(super) fn into_response(
    reply: Reply,
    request_id: &str,
    signer: Option<Signer<'_>>,
    negative: Option<NegativeTest>,
    rng: &mut Rng,
    now: UnixTime,
) -> Response {
    let mut body = reply.body;
    let signature_headers = signer.map(|signer| signature_headers(&body, signer, negative, rng, now));
    if negative == Some(NegativeTest::TamperedBody) && signature_headers.is_some() {
        tamper(&mut body);
    }
    // A 204 cannot have a body, so a tampered one is sent as 200.
    let status = if reply.status == 204 && !body.is_empty() { 200 } else { reply.status };
    let mut response = Response::new(status, body)
        .with_header("server", b"nginx")
        .with_header("keep-alive", b"timeout=8")
        .with_header("cache-control", b"no-cache, must-revalidate")
        .with_header("x-content-type-options", b"nosniff")
        .with_header("request-id", request_id.as_bytes());
    if !reply.content_type.is_empty() {
        response = response
            .with_header("content-type", reply.content_type.as_bytes())
            .with_header("content-language", b"zh-CN");
    }
    signature_headers
        .into_iter()
        .flatten()
        .fold(response, |response, (name, value)| response.with_header(name, value.as_bytes()))
}

/// Returns the five signature headers, with a fault if one is requested.
fn signature_headers(
    body: &[u8],
    (serial, key_pair): Signer<'_>,
    negative: Option<NegativeTest>,
    rng: &mut Rng,
    now: UnixTime,
) -> Vec<(&'static str, String)> {
    let signed_at = match negative {
        Some(NegativeTest::ExpiredTimestamp) => now.before(STALE_AGE),
        _ => now,
    };
    let nonce = rng.text(ALPHANUMERIC, 32);
    let mut headers = sign_headers(body, (serial, key_pair), &nonce, signed_at);
    for (name, value) in &mut headers {
        match (*name, negative) {
            ("wechatpay-signature", Some(NegativeTest::BadSignature)) => {
                *value = STANDARD.encode(key_pair.sign(b"another message"));
            }
            ("wechatpay-signature", Some(NegativeTest::SigntestProbe)) => *value = probe_signature(rng),
            ("wechatpay-serial", Some(NegativeTest::UnknownSerial)) => *value = String::from(UNKNOWN_SERIAL),
            _ => {}
        }
    }
    if negative == Some(NegativeTest::MissingHeader) {
        headers.retain(|(name, _)| *name != "wechatpay-signature");
    }
    headers
}

/// The age of a stale signature: twice the maximum that a merchant may accept.
pub(super) const STALE_AGE: Duration = Duration::from_secs(600);

/// A serial number that belongs to no certificate.
pub(super) const UNKNOWN_SERIAL: &str = "5FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF";

/// Signs a body and returns the five headers, as for replies and notifications.
pub(super) fn sign_headers(
    body: &[u8],
    (serial, key_pair): Signer<'_>,
    nonce: &str,
    signed_at: UnixTime,
) -> Vec<(&'static str, String)> {
    let mut message = format!("{}\n{nonce}\n", signed_at.as_secs()).into_bytes();
    message.extend_from_slice(body);
    message.push(b'\n');
    vec![
        ("wechatpay-timestamp", signed_at.as_secs().to_string()),
        ("wechatpay-nonce", String::from(nonce)),
        ("wechatpay-signature", STANDARD.encode(key_pair.sign(&message))),
        ("wechatpay-serial", String::from(serial)),
        ("wechatpay-signature-type", String::from("WECHATPAY2-SHA256-RSA2048")),
    ]
}

/// Generates a signature in the form of WeChat Pay's probes.
pub(super) fn probe_signature(rng: &mut Rng) -> String {
    format!("WECHATPAY/SIGNTEST/{}", rng.text(ALPHANUMERIC, 325))
}

/// Changes a byte. The text stays valid UTF-8 and keeps its length, unless it has no letter or digit.
fn tamper(body: &mut Vec<u8>) {
    match body.iter_mut().rev().find(|byte| byte.is_ascii_alphanumeric()) {
        Some(byte) => *byte = if *byte == b'0' { b'1' } else { b'0' },
        None => body.push(b' '),
    }
}
