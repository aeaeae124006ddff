//! A reply that is no success: what it says, and what follows from it. `protocol/v3` section 11.

use crate::{
    error::{Error, Fate},
    http::Response,
    refusal::{Code, Detail, Refusal},
    wire::json,
};
use alloc::{format, string::String};
use core::fmt;

/// A reply that is no success.
pub(super) struct Refused {
    pub(super) refusal: Refusal,
    pub(super) verified: bool,
}

impl Refused {
    /// Only a verified 4xx that does not say "not now" is a refusal. Anything else leaves it open.
    pub(super) fn into_error(self) -> Error {
        let Self { refusal, verified } = self;
        let settles = matches!(refusal.status, 400..=499) && refusal.status != 429;
        let is_final = verified && settles && refusal.code != Code::USERPAYING;
        Error::refused(refusal, if is_final { Fate::Refused } else { Fate::Unknown })
    }
}

/// Reads what a reply says that is no success; as far as it can be read.
pub(super) fn refusal(reply: &Response) -> Refusal {
    let body: Body = json::parse(reply.body()).unwrap_or_default();
    let code = body.code.unwrap_or_else(|| format!("HTTP {}", reply.status()));
    Refusal::new(reply.status(), Code::from(code), body.message.as_deref().unwrap_or_default())
        .with_request_id(reply.header("Request-ID"))
        .with_detail(body.detail.and_then(read_detail))
}

/// `{"code","message","detail"}`, all optional; a gateway's own failures have none of it.
#[derive(Default, serde::Deserialize)]
struct Body {
    code: Option<String>,
    message: Option<String>,
    detail: Option<serde_json::Value>,
}

/// The document has the particulars in `detail`; real replies put the issue one level deeper.
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

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("verified", &self.verified).finish_non_exhaustive()
    }
}
