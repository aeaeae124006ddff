//! The error of an action.

use crate::{engine::LedgerError, invalid::Invalid, upstream::CallError};
use std::{error, fmt};
use wxpay_proto::id::InvalidField;

/// The error of an action. Cheap to clone: callers that share a result share its error.
#[derive(Clone, Debug)]
pub(crate) enum ActionError {
    /// A field violates its rule. Nothing was changed or sent.
    Invalid(Invalid),
    /// No such resource, such as `order`.
    NotFound(&'static str),
    /// The number has other terms. Nothing was changed or sent.
    Differs {
        /// The kind of resource, such as `order`.
        resource: &'static str,
        /// The path of the first field that differs.
        field: String,
    },
    /// The resource is in a status that does not permit the action.
    Conflict {
        /// The code, such as `order_paid`.
        code: &'static str,
        /// The title.
        title: &'static str,
        /// The remedy.
        remedy: &'static str,
    },
    /// The call failed. Its fate decides: refused, not sent, or unknown.
    Call(CallError),
    /// The ledger is away.
    Ledger(LedgerError),
    /// The server is shutting down, or a task stopped unexpectedly. The result is unknown; the same request is safe.
    Interrupted,
}

impl ActionError {
    /// Creates the error for a status that does not permit the action.
    pub(crate) fn conflict(code: &'static str, title: &'static str, remedy: &'static str) -> Self {
        Self::Conflict { code, title, remedy }
    }
}

impl From<LedgerError> for ActionError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

impl From<Invalid> for ActionError {
    fn from(error: Invalid) -> Self {
        Self::Invalid(error)
    }
}

impl From<InvalidField> for ActionError {
    fn from(error: InvalidField) -> Self {
        Self::Invalid(error.into())
    }
}

impl From<CallError> for ActionError {
    fn from(error: CallError) -> Self {
        Self::Call(error)
    }
}

impl From<tokio::task::JoinError> for ActionError {
    fn from(_: tokio::task::JoinError) -> Self {
        Self::Interrupted
    }
}

impl fmt::Display for ActionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(invalid) => invalid.fmt(f),
            Self::NotFound(resource) => write!(f, "there is no such {resource}"),
            Self::Differs { resource, field } => {
                write!(f, "the {resource} exists with another {field}; use a new number")
            }
            Self::Conflict { title, remedy, .. } => write!(f, "{title}: {remedy}"),
            Self::Call(error) => error.fmt(f),
            Self::Ledger(error) => error.fmt(f),
            Self::Interrupted => f.write_str("the action was interrupted; send the same request again"),
        }
    }
}

impl error::Error for ActionError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::Call(error) => Some(error),
            Self::Ledger(error) => Some(error),
            Self::Invalid(_)
            | Self::NotFound(_)
            | Self::Differs { .. }
            | Self::Conflict { .. }
            | Self::Interrupted => None,
        }
    }
}
