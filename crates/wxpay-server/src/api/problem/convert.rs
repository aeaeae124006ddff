//! The problems of errors from other modules.

use super::{Class, Problem, RETRY_DELAY};
use crate::{actions::ActionError, engine::LedgerError, invalid::Invalid, upstream::CallError};

impl From<Invalid> for Problem {
    fn from(invalid: Invalid) -> Self {
        Self::invalid_field(invalid.field().to_owned(), invalid.advice())
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        let cause = error.cause();
        let text = if cause.is_empty() { error.to_string() } else { format!("{error}: {cause}") };
        let is_unknown = matches!(error, LedgerError::UnknownCommit(_));
        let mut problem = if is_unknown { Self::interrupted() } else { Self::ledger_unavailable() };
        problem.0.ledger_error = Some(text);
        problem
    }
}

impl From<CallError> for Problem {
    fn from(error: CallError) -> Self {
        let mut problem = if let Some(core) = error.error() {
            Self::from_error(core)
        } else {
            let class = Class(503, "not_sent", "The request was not sent to WeChat Pay", true);
            let detail = format!("{error}: nothing was changed at WeChat Pay; send the same request again");
            let mut problem = Self::new(class, detail).with_retry_after(RETRY_DELAY);
            problem.0.members.fate = Some("not_sent");
            problem
        };
        let request_id = &mut problem.0.members.wechat_request_id;
        if request_id.is_none() {
            *request_id = error.request_id().map(str::to_owned);
        }
        problem
    }
}

impl From<ActionError> for Problem {
    fn from(error: ActionError) -> Self {
        match error {
            ActionError::Invalid(invalid) => invalid.into(),
            ActionError::NotFound(resource) => Self::not_found(resource),
            ActionError::Differs { resource, field } => Self::differs(resource, &field),
            ActionError::Conflict { code, title, remedy } => Self::conflict(code, title, remedy),
            ActionError::Call(error) => error.into(),
            ActionError::Ledger(error) => error.into(),
            ActionError::Interrupted => Self::interrupted(),
        }
    }
}
