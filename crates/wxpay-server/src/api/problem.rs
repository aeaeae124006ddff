//! Problem details (RFC 9457).

mod convert;

use hyper::{
    Response, StatusCode,
    header::{self, HeaderValue},
};
use serde::Serialize;
use std::{borrow::Cow, error::Error as _, time::Duration};
use wxpay_openapi::{Invalid, Unreadable, Violation};
use wxpay_proto::{Error, Fate, id::InvalidField};

/// A problem, rendered as `application/problem+json`. It contains no values of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem(Box<Inner>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Inner {
    members: Members,
    retry_after: Option<u64>,
    allow: Option<String>,
    authenticate: Option<&'static str>,
    /// The error of the ledger, for the log. The client gets a general text.
    ledger_error: Option<String>,
}

/// The members of the body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Members {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: String,
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fate: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Refusal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wechat_request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    retryable: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Refusal {
    code: String,
    message: String,
}

/// The class of a problem: status, code, title, and whether the same request may succeed later.
struct Class(u16, &'static str, &'static str, bool);

/// Time to wait before a request to a service that is away is sent again.
const RETRY_DELAY: Duration = Duration::from_secs(2);
/// The longest name of an unknown field that a problem repeats.
const MAX_REPEATED_FIELD: usize = 128;

impl Problem {
    fn new(Class(status, code, title, retryable): Class, detail: impl Into<String>) -> Self {
        let members = Members {
            r#type: format!("urn:wxpay:problem:{code}"),
            title,
            status,
            detail: detail.into(),
            code,
            field: None,
            rule: None,
            fate: None,
            refusal: None,
            wechat_request_id: None,
            request_id: None,
            retryable,
        };
        Self(Box::new(Inner {
            members,
            retry_after: None,
            allow: None,
            authenticate: None,
            ledger_error: None,
        }))
    }

    /// Reports a body that is not acceptable JSON (400).
    pub(crate) fn unreadable(error: &Unreadable) -> Self {
        let class = Class(400, "unreadable", "The body cannot be read", false);
        Self::new(class, format!("body {error}")).with_field("body", error.rule)
    }

    /// Reports a request without usable credentials (401).
    pub(crate) fn unauthorized(has_credentials: bool) -> Self {
        let rule = "must be Bearer and a valid API key of this server; create one with wxpay api-key create";
        let class = Class(401, "unauthorized", "An API key is required", false);
        let mut problem = Self::new(class, format!("Authorization {rule}")).with_field("Authorization", rule);
        problem.0.authenticate = Some(if has_credentials {
            "Bearer realm=\"wxpay\", error=\"invalid_token\""
        } else {
            "Bearer realm=\"wxpay\""
        });
        problem
    }

    /// Reports an API key without the scope of the route (403).
    pub(crate) fn missing_scope(scope: &str) -> Self {
        let class = Class(403, "missing_scope", "The API key does not have the scope", false);
        Self::new(class, format!("the request requires the scope {scope}; use a key that has it"))
    }

    /// Reports an API key that is not for the merchant (403).
    pub(crate) fn other_merchant() -> Self {
        let rule = "must be a merchant of the API key";
        let class = Class(403, "other_merchant", "The API key is not for this merchant", false);
        Self::new(class, format!("merchant {rule}")).with_field("merchant", rule)
    }

    /// Reports a new API key with a scope that the key of the request does not have (403).
    pub(crate) fn exceeding_scopes(scope: &str) -> Self {
        let rule = "must be scopes of the API key that sends the request";
        let remedy = "create the key with one that has it, or with wxpay api-key create";
        let class = Class(403, "missing_scope", "The API key does not have the scope", false);
        Self::new(class, format!("scopes {rule}, which does not have {scope}: {remedy}"))
            .with_field("scopes", rule)
    }

    /// Reports a new API key for merchants that the key of the request is not for (403).
    pub(crate) fn exceeding_merchants() -> Self {
        let rule = "must be given, and be merchants of the API key that sends the request";
        let remedy = "create the key with one for all merchants, or with wxpay api-key create";
        let class = Class(403, "other_merchant", "The API key is not for this merchant", false);
        Self::new(class, format!("merchants {rule}: {remedy}")).with_field("merchants", rule)
    }

    /// Reports a path that has no route (404).
    pub(crate) fn unknown_path() -> Self {
        let class = Class(404, "unknown_path", "Unknown path", false);
        Self::new(class, "the server has no such path; see /docs")
    }

    /// Reports a resource that does not exist (404).
    pub(crate) fn not_found(resource: &str) -> Self {
        let class = Class(404, "not_found", "Not found", false);
        Self::new(class, format!("there is no such {resource}"))
    }

    /// Reports a method that the path does not have (405).
    pub(crate) fn method_not_allowed(allowed: &[&str]) -> Self {
        let allow = allowed.join(", ");
        let class = Class(405, "method_not_allowed", "Method not allowed", false);
        let mut problem = Self::new(class, format!("the method must be one of {allow}"));
        problem.0.allow = Some(allow);
        problem
    }

    /// Reports a body that is not complete in time (408).
    pub(crate) fn body_timeout(timeout: Duration) -> Self {
        let rule = format!("must be complete within {} s", timeout.as_secs());
        let class = Class(408, "body_timeout", "The body is incomplete", true);
        Self::new(class, format!("body {rule}")).with_field("body", rule)
    }

    /// Reports a request that cannot be received now: other bodies occupy the memory (503).
    pub(crate) fn overloaded() -> Self {
        let class = Class(503, "overloaded", "The server is overloaded", true);
        let detail = "nothing was changed; send the same request again";
        Self::new(class, detail).with_retry_after(RETRY_DELAY)
    }

    /// Reports a body that ended early (400).
    pub(crate) fn broken_body() -> Self {
        let class = Class(400, "unreadable", "The request cannot be read", true);
        Self::new(class, "the body of the request ended early or is not valid HTTP; send it again")
    }

    /// Reports an operation that the current state does not allow (409). `detail` says what to do instead.
    pub(crate) fn conflict(code: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Class(409, code, title, false), detail)
    }

    /// Reports a number that is already used with another value of the field (409).
    pub(crate) fn differs(resource: &str, field: &str) -> Self {
        let rule = "must be the same in every request with one number";
        let class = Class(409, "terms_differ", "The number is already used with other terms", false);
        let detail = format!(
            "{field} {rule}: the {resource} has another, and may exist at WeChat Pay; use a new number, or send the first terms"
        );
        Self::new(class, detail).with_field(field, rule)
    }

    /// Reports an idempotency key whose first request is still in progress (409).
    pub(crate) fn in_progress() -> Self {
        let rule = "must not be used by two requests at a time";
        let class = Class(409, "in_progress", "The first request is still in progress", true);
        Self::new(class, format!("Idempotency-Key {rule}; retry later"))
            .with_field("Idempotency-Key", rule)
            .with_retry_after(RETRY_DELAY)
    }

    /// Reports an idempotency key that was used for another request (422).
    pub(crate) fn idempotency_key_reused() -> Self {
        let rule = "must be new for every new request: it was used with another path or body";
        let class = Class(422, "idempotency_key_reused", "The idempotency key is already used", false);
        Self::new(class, format!("Idempotency-Key {rule}")).with_field("Idempotency-Key", rule)
    }

    /// Reports a body that is too long (413).
    pub(crate) fn body_too_large(max: usize) -> Self {
        let rule = format!("must have at most {max} bytes");
        let class = Class(413, "body_too_large", "The body is too large", false);
        Self::new(class, format!("body {rule}")).with_field("body", rule)
    }

    /// Reports a body of another media type (415).
    pub(crate) fn unsupported_media_type() -> Self {
        let rule = "must be application/json";
        let class = Class(415, "unsupported_media_type", "The body must be JSON", false);
        Self::new(class, format!("Content-Type {rule}")).with_field("Content-Type", rule)
    }

    /// Reports an invalid field (422). `rule` is the end of a sentence that begins with the field.
    pub(crate) fn invalid_field(field: impl Into<String>, rule: impl Into<Cow<'static, str>>) -> Self {
        let (field, rule) = (field.into(), rule.into());
        let class = Class(422, "invalid_field", "A field is invalid", false);
        Self::new(class, format!("{field} {rule}")).with_field(field, rule)
    }

    /// Reports a client that sends too many requests (429).
    pub(crate) fn rate_limited(retry_after: Duration) -> Self {
        let class = Class(429, "rate_limited", "Too many requests", true);
        let detail = "the API key's rate limit is reached; wait for the seconds that Retry-After says";
        Self::new(class, detail).with_retry_after(retry_after)
    }

    /// Reports that the ledger is away, and that nothing was changed (503).
    pub(crate) fn ledger_unavailable() -> Self {
        let class = Class(503, "ledger_unavailable", "The ledger is not available", true);
        Self::new(class, "nothing was changed; retry later").with_retry_after(RETRY_DELAY)
    }

    /// Reports a request that ended without a result (504), for example because the server stops.
    pub(crate) fn interrupted() -> Self {
        let class = Class(504, "interrupted", "The request was interrupted", true);
        let detail = "the request may have been carried out; send it again, with the same number";
        let mut problem = Self::new(class, detail);
        problem.0.members.fate = Some("unknown");
        problem
    }

    /// Reports a failed call to WeChat Pay, by the fate of the request.
    pub(crate) fn from_error(error: &Error) -> Self {
        // The core checks rules that span fields, such as those of a payment method.
        if let Some(invalid) = error.source().and_then(|cause| cause.downcast_ref::<InvalidField>())
            && error.fate() == Some(Fate::NotSent)
        {
            return Self::from(invalid.clone());
        }
        let (class, fate, remedy) = match error.fate() {
            Some(Fate::NotSent) => (
                Class(503, "not_sent", "The request was not sent to WeChat Pay", true),
                Some("not_sent"),
                "nothing was changed at WeChat Pay; send the same request again",
            ),
            Some(Fate::Refused) => (
                Class(422, "refused", "WeChat Pay refused the request", false),
                Some("refused"),
                "see refusal; correct the request, under a new number if its own is answered terms_differ",
            ),
            Some(Fate::Unknown) => (
                Class(504, "outcome_unknown", "The outcome at WeChat Pay is unknown", true),
                Some("unknown"),
                "the request may have been carried out; send it again with the same number, never with another",
            ),
            // A read: it changes nothing.
            None if error.refusal().is_some() => (
                Class(422, "refused", "WeChat Pay refused the request", false),
                None,
                "see refusal; correct the request",
            ),
            None => (
                Class(503, "wechat_pay_unavailable", "WeChat Pay did not reply", true),
                None,
                "nothing was changed; send the same request again",
            ),
        };
        let is_503 = class.0 == 503;
        let mut problem = Self::new(class, format!("{error}: {remedy}"));
        let members = &mut problem.0.members;
        members.fate = fate;
        if let Some(refusal) = error.refusal() {
            members.refusal =
                Some(Refusal { code: refusal.code.as_str().into(), message: refusal.message.clone() });
            members.wechat_request_id.clone_from(&refusal.request_id);
        }
        if is_503 { problem.with_retry_after(RETRY_DELAY) } else { problem }
    }

    /// Sets the field and its rule.
    #[must_use]
    pub(crate) fn with_field(mut self, field: impl Into<String>, rule: impl Into<Cow<'static, str>>) -> Self {
        self.0.members.field = Some(field.into());
        self.0.members.rule = Some(rule.into().into_owned());
        self
    }

    /// Sets the `Retry-After` header, in whole seconds and at least one.
    #[must_use]
    pub(crate) fn with_retry_after(mut self, delay: Duration) -> Self {
        let rounded_up = delay.as_secs().saturating_add(u64::from(delay.subsec_nanos() > 0));
        self.0.retry_after = Some(rounded_up.max(1));
        self
    }

    /// Sets the id of the request that is answered.
    #[must_use]
    pub(crate) fn with_request_id(mut self, request_id: &str) -> Self {
        self.0.members.request_id = Some(request_id.into());
        self
    }

    /// Returns the error of the ledger that caused the problem, to be logged.
    pub(crate) fn ledger_error(&self) -> Option<&str> {
        self.0.ledger_error.as_deref()
    }

    /// Returns the HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.0.members.status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
    }

    /// Returns the code, which programs act on.
    #[cfg(test)]
    pub(crate) fn code(&self) -> &'static str {
        self.0.members.code
    }

    /// Returns the invalid field.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn field(&self) -> Option<&str> {
        self.0.members.field.as_deref()
    }

    /// Returns the body.
    pub(crate) fn to_json(&self) -> Vec<u8> {
        // Plain strings and numbers always serialise.
        serde_json::to_vec(&self.0.members).unwrap_or_default()
    }
}

impl From<InvalidField> for Problem {
    fn from(invalid: InvalidField) -> Self {
        Self::invalid_field(invalid.field(), invalid.rule())
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        let is_printable = (1..=MAX_REPEATED_FIELD).contains(&invalid.field.len())
            && invalid.field.bytes().all(|byte| byte.is_ascii_graphic());
        if invalid.violation == Violation::Unknown && !is_printable {
            // The name is the client's: it is repeated only if it is short and harmless in a log.
            return Self::invalid_field("body", "has an unknown field whose name cannot be shown");
        }
        Self::invalid_field(invalid.field, invalid.rule)
    }
}

impl Problem {
    /// Returns the response, whose body is JSON.
    pub(crate) fn into_response(self) -> Response<Vec<u8>> {
        let mut response = Response::new(self.to_json());
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if let Some(allow) = self.0.allow.as_deref().and_then(|allow| HeaderValue::from_str(allow).ok()) {
            headers.insert(header::ALLOW, allow);
        }
        if let Some(authenticate) = self.0.authenticate {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(authenticate));
        }
        response
    }
}

#[cfg(test)]
mod tests;
