//! Problem details (RFC 9457).

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::error::Error as _;
use wxpay_proto::{Error, Fate, id::InvalidField};

/// A problem, rendered as `application/problem+json`. It never repeats values of the request.
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
    /// The invalid field of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// The rule that the field breaks.
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    /// The fate of a request to WeChat Pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    fate: Option<&'static str>,
    /// WeChat Pay's error code and message.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Refusal {
    code: String,
    message: String,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde requires")]
fn as_number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    /// Creates a problem; `kind` completes its type `urn:wxpay:problem:`.
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

    /// Returns the problem of an invalid field (422).
    pub(crate) fn field(field: &str, rule: &str) -> Self {
        let detail = format!("{field} {rule}");
        let title = "Invalid field";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-field", title, detail).with_field(field, rule)
    }

    /// Returns the problem of a number already used by an order that differs in `field` (409).
    pub(crate) fn differs(field: &str) -> Self {
        let title = "The order number is already used";
        let detail = format!("the order already placed under this out_trade_no has another {field}");
        let rule = "must be equal in every request for one out_trade_no";
        Self::new(StatusCode::CONFLICT, "order-differs", title, detail).with_field(field, rule)
    }

    fn with_field(mut self, field: &str, rule: &str) -> Self {
        self.0.field = Some(field.into());
        self.0.rule = Some(rule.into());
        self
    }

    pub(crate) fn no_order() -> Self {
        let title = "Order not found";
        Self::new(
            StatusCode::NOT_FOUND,
            "no-such-order",
            title,
            "no order was placed under this out_trade_no",
        )
    }

    pub(crate) fn ledger() -> Self {
        let title = "The ledger is not available";
        let detail = "nothing was changed; retry later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "ledger-unavailable", title, detail)
    }

    /// Returns the problem of work that ended without a result: its task panicked, or the runtime is shutting down
    /// (503).
    pub(crate) fn interrupted() -> Self {
        let title = "The request was interrupted";
        let detail = "the request may have been carried out; retry with the same out_trade_no";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "interrupted", title, detail)
    }

    /// Returns the problem of a failed call to WeChat Pay. The order is kept; the same request may be retried.
    pub(crate) fn gateway(error: &Error) -> Self {
        let (status, kind, fate) = match error.fate() {
            Some(Fate::NotSent) => (StatusCode::SERVICE_UNAVAILABLE, "gateway-not-reached", "not_sent"),
            Some(Fate::Refused) => (StatusCode::BAD_GATEWAY, "gateway-refused", "refused"),
            Some(Fate::Unknown) | None => (StatusCode::GATEWAY_TIMEOUT, "gateway-unknown", "unknown"),
        };
        let title = match error.fate() {
            Some(Fate::NotSent) => "WeChat Pay was not reached",
            Some(Fate::Refused) => "WeChat Pay refused the request",
            Some(Fate::Unknown) | None => "The outcome at WeChat Pay is unknown",
        };
        let mut problem = Self::new(status, kind, title, error.to_string());
        problem.0.fate = Some(fate);
        problem.0.refusal = error
            .refusal()
            .map(|refusal| Refusal { code: refusal.code.to_string(), message: refusal.message.clone() });
        problem
    }
}

/// Renders an error with its causes for the log. The project's errors contain neither secrets nor input.
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
        tracing::error!(%failure, cause, "the ledger failed; the request was answered 503");
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
