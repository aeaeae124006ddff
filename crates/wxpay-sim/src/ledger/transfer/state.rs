//! The states of a transfer, and the steps between them.

use super::TransferMethod;
use serde::Serialize;

/// The state of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum TransferState {
    /// The transfer was accepted; the money is not locked yet.
    Accepted,
    /// The payee must confirm the transfer.
    WaitUserConfirm,
    /// The payee has received the money.
    Success,
    /// The transfer failed.
    Fail,
    /// The transfer is being cancelled.
    Canceling,
    /// The transfer was cancelled.
    Cancelled,
}

/// A step from one state of a transfer to the next.
///
/// ```text
///             LockFunds                  Confirm
///  ACCEPTED ──────────▶ WAIT_USER_CONFIRM ──────▶ SUCCESS
///     │  │                    │   │ Fail, Expire
///     │  │                    │   └─────────────▶ FAIL
///     │  │ Cancel             │ Cancel
///     │  └──────▶ CANCELING ◀─┘
///     │               └─ FinishCancel ──────────▶ CANCELLED
///     └─ by authorization: LockFunds ──▶ SUCCESS, Fail ──▶ FAIL
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TransferStep {
    /// The money is locked. A transfer by authorization succeeds at once.
    LockFunds,
    /// The payee confirms.
    Confirm,
    /// The transfer fails at the payee: a transfer by authorization before its money is locked.
    Fail,
    /// The payee did not confirm in time.
    Expire,
    /// The merchant cancels the transfer.
    Cancel,
    /// The money is unlocked.
    FinishCancel,
}

impl TransferState {
    /// Returns the protocol's name of the state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Accepted => "ACCEPTED",
            Self::WaitUserConfirm => "WAIT_USER_CONFIRM",
            Self::Success => "SUCCESS",
            Self::Fail => "FAIL",
            Self::Canceling => "CANCELING",
            Self::Cancelled => "CANCELLED",
        }
    }

    /// Returns the state after a step, or `None` if the step does not start in this state.
    pub(super) const fn after(self, step: TransferStep, method: TransferMethod) -> Option<Self> {
        let is_by_authorization = matches!(method, TransferMethod::Authorized);
        match (self, step) {
            (Self::Accepted, TransferStep::LockFunds) if is_by_authorization => Some(Self::Success),
            (Self::Accepted, TransferStep::LockFunds) => Some(Self::WaitUserConfirm),
            (Self::Accepted, TransferStep::Fail) if is_by_authorization => Some(Self::Fail),
            (Self::WaitUserConfirm, TransferStep::Confirm) => Some(Self::Success),
            (Self::WaitUserConfirm, TransferStep::Fail | TransferStep::Expire) => Some(Self::Fail),
            (Self::Accepted | Self::WaitUserConfirm, TransferStep::Cancel) => Some(Self::Canceling),
            (Self::Canceling, TransferStep::FinishCancel) => Some(Self::Cancelled),
            _ => None,
        }
    }

    /// Returns whether no step leads on.
    pub(crate) const fn is_final(self) -> bool {
        matches!(self, Self::Success | Self::Fail | Self::Cancelled)
    }
}
