//! What goes wrong, as RFC 9457 wants it told.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::error::Error as _;
use wxpay_proto::{Error, Fate, id::InvalidField};

/// One problem: `application/problem+json`. What the visitor sent is not repeated in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Inner {
    r#type: String,
    title: &'static str,
    #[serde(serialize_with = "as_number")]
    status: StatusCode,
    detail: String,
    /// The member of the request that is at fault, and the rule it breaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// What may have become of a request to WeChat Pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    fate: Option<&'static str>,
    /// What WeChat Pay said.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Refusal {
    code: String,
    message: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem of this kind; `kind` names it within `urn:wxpay:problem:`.
    pub(crate) fn new(
        status: StatusCode,
        kind: &str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        Self(Box::new(Inner {
            r#type: format!("urn:wxpay:problem:{kind}"),
            title,
            status,
            detail: detail.into(),
            field: None,
            rule: None,
            fate: None,
            refusal: None,
        }))
    }

    /// A member that breaks its rule.
    pub(crate) fn field(field: &str, rule: &str) -> Self {
        let detail = format!("{field} {rule}");
        let title = "A member breaks its rule";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-member", title, detail).of(field, rule)
    }

    /// The number is taken by an order that differs in this member.
    pub(crate) fn differs(field: &str) -> Self {
        let title = "The number is taken by another order";
        let detail = format!("an order with this out_trade_no was placed with another {field}");
        let rule = "must be the same in every request for one out_trade_no";
        Self::new(StatusCode::CONFLICT, "order-differs", title, detail).of(field, rule)
    }

    fn of(mut self, field: &str, rule: &str) -> Self {
        self.0.field = Some(field.into());
        self.0.rule = Some(rule.into());
        self
    }

    pub(crate) fn no_order() -> Self {
        let title = "There is no such order";
        Self::new(StatusCode::NOT_FOUND, "no-such-order", title, "no order was placed under this number")
    }

    pub(crate) fn ledger() -> Self {
        let title = "The ledger is not available";
        let detail = "nothing was changed; try again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ledger-unavailable", title, detail)
    }

    pub(crate) fn ending() -> Self {
        let title = "The server is ending";
        let detail = "the request may have been carried out; ask again with the same number";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ending", title, detail)
    }

    /// A call to WeChat Pay that failed. The order stays, and the same number may be asked for again.
    pub(crate) fn gateway(error: &Error) -> Self {
        let (status, kind, fate) = match error.fate() {
            Fate::NotSent => (StatusCode::SERVICE_UNAVAILABLE, "gateway-not-reached", "not_sent"),
            Fate::Refused => (StatusCode::BAD_GATEWAY, "gateway-refused", "refused"),
            Fate::Unknown => (StatusCode::GATEWAY_TIMEOUT, "gateway-unknown", "unknown"),
        };
        let title = match error.fate() {
            Fate::NotSent => "WeChat Pay was not reached",
            Fate::Refused => "WeChat Pay refused",
            Fate::Unknown => "What WeChat Pay did is not known",
        };
        let mut problem = Self::new(status, kind, title, error.to_string());
        problem.0.fate = Some(fate);
        problem.0.refusal = error
            .refusal()
            .map(|refusal| Refusal { code: refusal.code.to_string(), message: refusal.message.clone() });
        problem
    }
}

/// A failed call with its causes, for a log. Errors of this project hold no secrets and no input.
pub(crate) fn causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

impl From<InvalidField> for Problem {
    fn from(invalid: InvalidField) -> Self {
        let mut problem = Self::field(invalid.field(), invalid.rule());
        problem.0.detail = invalid.to_string();
        problem
    }
}

impl From<crate::ledger::Failure> for Problem {
    fn from(failure: crate::ledger::Failure) -> Self {
        let cause = failure.source().map(ToString::to_string).unwrap_or_default();
        tracing::error!(%failure, cause, "a request failed for the ledger");
        Self::ledger()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let kind = HeaderValue::from_static("application/problem+json");
        let body = serde_json::to_vec(&self).unwrap_or_default();
        (self.0.status, [(header::CONTENT_TYPE, kind)], body).into_response()
    }
}
