//! Electronic receipts of transfers.

use serde::Serialize;
use wxpay_proto::UnixTime;

/// An electronic receipt as the gateway recorded it. Times are seconds of the virtual clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReceiptRecord {
    /// The receipt's state.
    pub state: ReceiptState,
    /// The reason for a failure.
    pub fail_reason: Option<String>,
    /// The time of the application.
    pub created_at: u64,
    /// The time of the last state change.
    pub updated_at: u64,
}

/// The state of an electronic receipt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum ReceiptState {
    /// The receipt is being generated.
    Generating,
    /// The receipt can be downloaded.
    Finished,
    /// The receipt could not be generated.
    Failed,
}

impl ReceiptState {
    /// Returns the protocol's name of the state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generating => "GENERATING",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
        }
    }
}

/// An electronic receipt as stored.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    pub(crate) state: ReceiptState,
    pub(crate) fail_reason: Option<String>,
    pub(crate) created_at: UnixTime,
    pub(crate) updated_at: UnixTime,
}

impl Receipt {
    pub(crate) fn record(&self) -> ReceiptRecord {
        ReceiptRecord {
            state: self.state,
            fail_reason: self.fail_reason.clone(),
            created_at: self.created_at.as_secs(),
            updated_at: self.updated_at.as_secs(),
        }
    }
}
