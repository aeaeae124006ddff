//! Problem details (RFC 9457) of rejected requests to the interface.

use super::{ControlResponse, Refusal, Removed};
use crate::{
    gateway::PayError,
    payer::{InvalidParameter, PayResp},
};
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};
use wxpay_openapi::Invalid;

/// A problem: HTTP status, members of the body, the `Allow` header of a 405, and the `WWW-Authenticate` header of a 401.
/// [`ControlResponse::content_type`] gives its media type.
pub(super) struct Problem {
    status: u16,
    members: Map<String, Value>,
    allow: Option<String>,
    authenticate: Option<&'static str>,
    refused: Option<Arc<Refusal>>,
}

impl Problem {
    /// Reports an invalid field. `rule` is the end of a sentence that begins with the field's name.
    pub(super) fn invalid_field(field: &str, rule: &str) -> Self {
        Self::new(400, "invalid field", &format!("{field} {rule}")).with("field", field).with("rule", rule)
    }

    pub(super) fn missing_field(field: &str) -> Self {
        Self::invalid_field(field, "is required")
    }

    pub(super) fn from_payment_error(error: PayError) -> Self {
        match error {
            PayError::NoSuchOrder => Self::new(404, "order not found", &error.to_string()),
            PayError::AlreadyPaid | PayError::Expired => {
                Self::new(409, "the order cannot be paid", &error.to_string())
            }
            PayError::Unobservable => Self::new(409, "the command has no effect", &error.to_string()),
            PayError::DiscountTooLarge => {
                Self::conflicting_field("discount", "must leave at least 1 fen to pay")
            }
            PayError::BankType => Self::invalid_field("bank_type", "must be 1 to 16 of 0-9 A-Z a-z _"),
            PayError::OtherPayer => {
                Self::conflicting_field("openid", "must be the payer that the order was placed for")
            }
        }
    }

    /// Reports a resource that does not exist.
    pub(super) fn not_found(resource: &str) -> Self {
        Self::new(404, &format!("{resource} not found"), &format!("the gateway has no such {resource}"))
    }

    /// Reports an operation that the current state does not allow.
    pub(super) fn conflict(title: &str, detail: &str) -> Self {
        Self::new(409, title, detail)
    }

    /// Reports a valid field that does not fit the current state.
    fn conflicting_field(field: &str, rule: &str) -> Self {
        Self::conflict("the field does not fit the state", &format!("{field} {rule}"))
            .with("field", field)
            .with("rule", rule)
    }

    /// Reports a field that is valid by itself but not in this request: with its other fields, or for its signature.
    pub(super) fn unprocessable(field: &str, rule: &str) -> Self {
        Self::new(422, "the fields do not fit", &format!("{field} {rule}"))
            .with("field", field)
            .with("rule", rule)
    }

    pub(super) fn unknown_path() -> Self {
        Self::new(404, "unknown path", "the control interface has no such path; see openapi.json")
    }

    pub(super) fn method_not_allowed(allowed: &[&str]) -> Self {
        let allow = allowed.join(", ");
        let detail = format!("the method must be one of {allow}");
        Self { allow: Some(allow), ..Self::new(405, "method not allowed", &detail) }
    }

    /// Reports a header that the access rules do not allow.
    pub(super) fn forbidden(header: &str, rule: &str) -> Self {
        let detail = format!("{header} {rule}");
        Self::new(403, "access refused", &detail).with("field", header).with("rule", rule)
    }

    /// Reports a request without the token, or with another one.
    pub(super) fn unauthorized(has_credentials: bool) -> Self {
        let rule = "must be Bearer and the control token of this simulator";
        let authenticate = if has_credentials {
            "Bearer realm=\"wxpay-sim control\", error=\"invalid_token\""
        } else {
            "Bearer realm=\"wxpay-sim control\""
        };
        let problem = Self::new(401, "token required", &format!("Authorization {rule}"));
        let problem = Self { authenticate: Some(authenticate), ..problem };
        problem.with("field", "Authorization").with("rule", rule)
    }

    pub(super) fn too_large(max: usize) -> Self {
        let rule = format!("must have at most {max} bytes");
        Self::new(413, "body too large", &format!("body {rule}")).with("field", "body").with("rule", rule)
    }

    pub(super) fn too_slow(timeout: Duration) -> Self {
        let rule = format!("must be complete within {} s", timeout.as_secs());
        Self::new(408, "body incomplete", &format!("body {rule}")).with("field", "body").with("rule", rule)
    }

    /// Adds the result that the payer's client returns to the app.
    pub(super) fn with_pay_resp(self, resp: &PayResp) -> Self {
        let resp = serde_json::to_value(resp).unwrap_or_default();
        self.with("resp", resp)
    }

    /// Adds the causes of refused payment parameters, and their summary to the detail.
    pub(super) fn with_causes(self, invalid: &InvalidParameter, parameters: &[u8]) -> Self {
        let (reason, causes) = (invalid.to_string(), invalid.causes.clone());
        let refused = Some(Arc::new(Refusal { reason, causes, parameters: parameters.to_vec() }));
        let problem = Self { refused, ..self };
        if invalid.causes.is_empty() {
            return problem;
        }
        let causes = serde_json::to_value(&invalid.causes).unwrap_or_default();
        problem.with("detail", invalid.to_string()).with("causes", causes)
    }

    pub(super) fn into_response(self) -> ControlResponse {
        let Self { status, members, allow, authenticate, refused } = self;
        ControlResponse {
            status,
            body: Value::Object(members),
            notifications_first: false,
            allow,
            authenticate,
            next: None,
            refused,
            link: None,
            removed: Removed::default(),
        }
    }

    fn new(status: u16, title: &str, detail: &str) -> Self {
        let empty = Self { status, members: Map::new(), allow: None, authenticate: None, refused: None };
        empty.with("title", title).with("status", status).with("detail", detail)
    }

    fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.members.insert(String::from(name), value.into());
        self
    }
}

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::invalid_field(&invalid.field, &invalid.rule)
    }
}
