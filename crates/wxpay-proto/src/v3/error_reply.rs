//! An error reply: its parsing, and the fate of the request that follows from it.

use crate::{
    error::{Error, Fate},
    http::Response,
    refusal::{Code, Detail, Refusal},
    wire::json,
};
use alloc::{format, string::String};
use core::fmt;

/// An error reply, parsed.
pub(super) struct ErrorReply {
    pub(super) refusal: Refusal,
    pub(super) verified: bool,
}

impl ErrorReply {
    /// Converts the reply into an error. Only a verified 4xx is final, except 429 and `USERPAYING`: the operation may
    /// still be carried out. After any other error reply the fate is `Unknown`.
    pub(super) fn into_error(self) -> Error {
        let Self { refusal, verified } = self;
        let is_client_error = matches!(refusal.status, 400..=499) && refusal.status != 429;
        let is_final = verified && is_client_error && refusal.code != Code::USERPAYING;
        Error::refused(refusal, if is_final { Fate::Refused } else { Fate::Unknown })
    }
}

/// Parses an error reply as far as possible: fields that are missing or unreadable stay empty.
pub(super) fn parse(reply: &Response) -> Refusal {
    let body: Body = json::parse(reply.body()).unwrap_or_default();
    let code = body.code.unwrap_or_else(|| format!("HTTP {}", reply.status()));
    Refusal::new(reply.status(), Code::from(code), body.message.as_deref().unwrap_or_default())
        .with_request_id(reply.header("Request-ID"))
        .with_detail(body.detail.and_then(read_detail))
}

/// The body `{"code","message","detail"}`, all optional; failures of the gateway itself (502, 503) have none of them.
#[derive(Default, serde::Deserialize)]
struct Body {
    code: Option<String>,
    message: Option<String>,
    detail: Option<serde_json::Value>,
}

/// Reads `detail`. The documentation puts its fields at the first level; real replies nest the issue one level deeper.
fn read_detail(detail: serde_json::Value) -> Option<Detail> {
    let outer = detail;
    let at = |name: &str| outer.get("detail").and_then(|inner| inner.get(name)).or_else(|| outer.get(name));
    let text = |name: &str| at(name).and_then(serde_json::Value::as_str).map(String::from);
    let signed = at("sign_information").or_else(|| outer.get("sign_information"));
    let detail = Detail {
        field: text("field"),
        issue: text("issue"),
        location: text("location"),
        truncated_sign_message: signed
            .and_then(|signed| signed.get("truncated_sign_message"))
            .and_then(serde_json::Value::as_str)
            .map(String::from),
        sign_message_length: signed
            .and_then(|signed| signed.get("sign_message_length"))
            .and_then(serde_json::Value::as_u64),
    };
    (detail != Detail::default()).then_some(detail)
}

impl fmt::Debug for ErrorReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorReply").field("verified", &self.verified).finish_non_exhaustive()
    }
}
