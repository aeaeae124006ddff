//! The signature of replies and notifications, and the faults that can be injected into it.

use crate::{
    front_end::Signature,
    keys::KeyPair,
    rng::{ALPHANUMERIC, Rng},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::time::Duration;
use wxpay_proto::UnixTime;

/// The age of a stale signature: twice the maximum that a merchant may accept.
pub(super) const STALE_AGE: Duration = Duration::from_secs(600);

/// A serial number that belongs to no certificate.
pub(super) const UNKNOWN_SERIAL: &str = "5FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF";

/// An intentional fault of a signature: of a reply, requested by the header `Wechatpay-Negative-Test` or by a fault
/// rule, or of a notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SignatureFault {
    /// The signature belongs to another message.
    OtherMessage,
    /// The signature is this text.
    Text(String),
    /// `Wechatpay-Serial` names an unknown key.
    UnknownSerial,
    /// `Wechatpay-Signature` is missing.
    Missing,
    /// One byte of the body is changed after signing. An empty body gets one byte.
    TamperedBody,
    /// The signed body is replaced with this one.
    OtherBody(Vec<u8>),
}

/// A signature that is still to be made: the key, its serial number or id, the nonce and the time.
#[derive(Debug)]
pub(super) struct PendingSignature {
    pub(super) serial: String,
    pub(super) key: KeyPair,
    pub(super) nonce: String,
    pub(super) signed_at: UnixTime,
    pub(super) fault: Option<SignatureFault>,
}

impl PendingSignature {
    pub(super) fn new((serial, key): (&str, &KeyPair), rng: &mut Rng, signed_at: UnixTime) -> Self {
        let nonce = rng.text(ALPHANUMERIC, 32);
        Self { serial: serial.into(), key: key.clone(), nonce, signed_at, fault: None }
    }
}

impl Signature for PendingSignature {
    fn sign(&self, body: &mut Vec<u8>) -> Vec<(&'static str, String)> {
        let Self { serial, key, nonce, signed_at, fault } = self;
        let seconds = signed_at.as_secs();
        let signature = match fault {
            Some(SignatureFault::OtherMessage) => STANDARD.encode(key.sign(b"another message")),
            Some(SignatureFault::Text(text)) => text.clone(),
            Some(
                SignatureFault::UnknownSerial
                | SignatureFault::Missing
                | SignatureFault::TamperedBody
                | SignatureFault::OtherBody(_),
            )
            | None => {
                let mut message = format!("{seconds}\n{nonce}\n").into_bytes();
                message.extend_from_slice(body);
                message.push(b'\n');
                STANDARD.encode(key.sign(&message))
            }
        };
        let serial = if *fault == Some(SignatureFault::UnknownSerial) { UNKNOWN_SERIAL } else { serial };
        let mut headers = vec![
            ("wechatpay-timestamp", seconds.to_string()),
            ("wechatpay-nonce", nonce.clone()),
            ("wechatpay-signature", signature),
            ("wechatpay-serial", String::from(serial)),
            ("wechatpay-signature-type", String::from("WECHATPAY2-SHA256-RSA2048")),
        ];
        match fault {
            Some(SignatureFault::Missing) => headers.retain(|(name, _)| *name != "wechatpay-signature"),
            Some(SignatureFault::TamperedBody) => tamper(body),
            Some(SignatureFault::OtherBody(other)) => body.clone_from(other),
            Some(SignatureFault::OtherMessage | SignatureFault::Text(_) | SignatureFault::UnknownSerial)
            | None => {}
        }
        headers
    }
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
