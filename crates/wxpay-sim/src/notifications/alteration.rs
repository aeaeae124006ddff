//! Copies of a notification that a test sends by itself, genuine or altered.

use super::UnsignedDelivery;
use serde_json::Value;

/// The alteration of a copy of an APIv3 notification. A merchant must reject each but [`None`](Self::None).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Alteration {
    /// A genuine copy, encrypted and signed anew like each delivery.
    None,
    /// The signature is of another message.
    WrongSignature,
    /// The body is replaced with this one after signing.
    WrongSignatureOf(Vec<u8>),
    /// The signature begins with `WECHATPAY/SIGNTEST/`, like those of WeChat Pay's probes.
    Probe,
    /// The signature is valid, and ten minutes old.
    Stale,
    /// `Wechatpay-Serial` names a key that does not exist.
    UnknownSerial,
    /// `Wechatpay-Signature` is missing.
    Unsigned,
    /// A byte of the body is changed after signing.
    TamperedBody,
    /// The signature is valid, and the content is encrypted with another APIv3 key.
    OtherApiV3Key,
    /// The signature is valid, and members of the content are replaced: JSON pointers with values.
    Content(Vec<(String, Value)>),
}

/// A copy of a notification, to be sent by the caller. The gateway does not record its delivery.
#[derive(Clone)]
pub struct NotificationCopy {
    url: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl NotificationCopy {
    /// Signs a copy.
    pub(super) fn new(unsigned: UnsignedDelivery) -> Self {
        let UnsignedDelivery { url, mut headers, mut body, signature } = unsigned;
        headers.extend(signature.map(|signature| signature.sign(&mut body)).into_iter().flatten());
        Self { url, headers, body }
    }

    /// Returns the URL to POST to.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the headers except `Host` and `Content-Length`.
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.headers
    }

    /// Returns the body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

/// Shows neither the signature nor the body.
impl std::fmt::Debug for NotificationCopy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NotificationCopy").field("url", &self.url).finish_non_exhaustive()
    }
}
