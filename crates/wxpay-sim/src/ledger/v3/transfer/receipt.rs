//! Receipts of transfers.

use serde::Serialize;
use wxpay_proto::UnixTime;

/// What the gateway knows of one receipt. Times are seconds of the virtual clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReceiptRecord {
    /// Where it stands.
    pub state: ReceiptState,
    /// Why it could not be made.
    pub fail_reason: Option<String>,
    /// When it was asked for.
    pub created_at: u64,
    /// When its state changed last.
    pub updated_at: u64,
}

/// Where a receipt stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum ReceiptState {
    /// It is being made.
    Generating,
    /// It is there.
    Finished,
    /// It could not be made.
    Failed,
}

impl ReceiptState {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Generating => "GENERATING",
            Self::Finished => "FINISHED",
            Self::Failed => "FAILED",
        }
    }
}

/// One receipt as kept.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    pub(crate) state: ReceiptState,
    pub(crate) fail_reason: Option<String>,
    pub(crate) created: UnixTime,
    pub(crate) updated: UnixTime,
}

impl Receipt {
    pub(crate) fn record(&self) -> ReceiptRecord {
        ReceiptRecord {
            state: self.state,
            fail_reason: self.fail_reason.clone(),
            created_at: self.created.as_secs(),
            updated_at: self.updated.as_secs(),
        }
    }
}
