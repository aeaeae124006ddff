//! Replies: their content and headers, and the faults requested by `Wechatpay-Negative-Test`.

use super::signature::{PendingSignature, STALE_AGE, SignatureFault, probe_signature};
use crate::{
    front_end::{Draft, Signature},
    rng::Rng,
};
use serde::Serialize;

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
    pub(crate) const fn file(body: Vec<u8>, content_type: &'static str) -> Self {
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

impl NegativeTest {
    /// Applies the fault to the signature of a reply.
    pub(super) fn apply(self, signature: &mut PendingSignature, rng: &mut Rng) {
        signature.fault = match self {
            Self::BadSignature => Some(SignatureFault::OtherMessage),
            Self::SigntestProbe => Some(SignatureFault::Text(probe_signature(rng))),
            Self::UnknownSerial => Some(SignatureFault::UnknownSerial),
            Self::ExpiredTimestamp => {
                signature.signed_at = signature.signed_at.before(STALE_AGE);
                None
            }
            Self::MissingHeader => Some(SignatureFault::Missing),
            Self::TamperedBody => Some(SignatureFault::TamperedBody),
        };
    }
}

impl Reply {
    /// Builds the draft of the HTTP response. A reply that is exempt from signing has no signature.
    pub(super) fn into_draft(
        self,
        request_id: &str,
        signature: Option<PendingSignature>,
        accept_encoding: Option<&str>,
    ) -> Draft {
        let text = |value: &str| String::from(value);
        let mut headers = vec![
            ("server", text("nginx")),
            ("keep-alive", text("timeout=8")),
            ("cache-control", text("no-cache, must-revalidate")),
            ("x-content-type-options", text("nosniff")),
            ("request-id", text(request_id)),
        ];
        if !self.content_type.is_empty() {
            headers.extend([("content-type", text(self.content_type)), ("content-language", text("zh-CN"))]);
        }
        let signature = signature.map(|signature| -> Box<dyn Signature> { Box::new(signature) });
        let is_success = self.code.is_none() && self.status < 300;
        Draft {
            status: self.status,
            headers,
            body: self.body,
            is_success,
            signature,
            accept_encoding: accept_encoding.map(String::from),
        }
    }
}
