//! Electronic receipts of transfers.
//!
//! A receipt requires a successful transfer to a named payee that is at most six months old. It is kept for 90 days and
//! must be requested again afterwards.

use super::{Transfer, TransferState};
use crate::ledger::Ledger;
use serde::Serialize;
use std::time::Duration;
use wxpay_proto::{UnixTime, id::MchId};

/// An electronic receipt as the gateway recorded it. Times are seconds of the business clock.
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

/// The time for which a receipt is kept.
const RECEIPT_TTL: Duration = DAY.saturating_mul(90);
/// The maximum age of a transfer for which a receipt can be requested: six months.
const MAX_TRANSFER_AGE: Duration = DAY.saturating_mul(183);
const DAY: Duration = Duration::from_secs(86_400);

/// The reason why a receipt cannot be requested. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReceiptError {
    /// The merchant has no such transfer.
    NoSuchTransfer,
    /// The transfer did not succeed.
    NotPaid,
    /// The transfer does not name its payee.
    Unnamed,
    /// The transfer is too old.
    TooOld,
}

impl Ledger {
    /// Requests a receipt, unless one exists or is being generated. Returns `true` if the generation starts.
    pub(crate) fn apply_receipt(
        &mut self,
        mchid: &MchId,
        number: &str,
        now: UnixTime,
    ) -> Result<bool, ReceiptError> {
        let transfer = self.transfers.get_mut(mchid, number).ok_or(ReceiptError::NoSuchTransfer)?;
        if transfer.state != TransferState::Success {
            return Err(ReceiptError::NotPaid);
        }
        if transfer.user_name.is_none() {
            return Err(ReceiptError::Unnamed);
        }
        if transfer.receipt(now).is_some_and(|receipt| receipt.state != ReceiptState::Failed) {
            return Ok(false);
        }
        if now.since(transfer.created_at) > MAX_TRANSFER_AGE {
            return Err(ReceiptError::TooOld);
        }
        let (state, fail_reason) = (ReceiptState::Generating, None);
        transfer.receipt = Some(Receipt { state, fail_reason, created_at: now, updated_at: now });
        Ok(true)
    }

    /// Finishes the generation of a receipt. It succeeds, or fails for the given reason. Returns `false` if no receipt
    /// is being generated.
    pub(crate) fn finish_receipt(
        &mut self,
        mchid: &MchId,
        number: &str,
        reason: Option<&str>,
        now: UnixTime,
    ) -> bool {
        let transfer = self.transfers.get_mut(mchid, number);
        let receipt = transfer.and_then(|transfer| transfer.receipt.as_mut());
        let generating = receipt.filter(|receipt| receipt.state == ReceiptState::Generating);
        let Some(receipt) = generating else { return false };
        receipt.state = if reason.is_some() { ReceiptState::Failed } else { ReceiptState::Finished };
        receipt.fail_reason = reason.map(String::from);
        receipt.updated_at = now;
        true
    }
}

impl Transfer {
    /// Returns the receipt in any state, while it is kept.
    pub(crate) fn receipt(&self, now: UnixTime) -> Option<&Receipt> {
        let is_kept = |receipt: &&Receipt| {
            receipt.state == ReceiptState::Generating || now.since(receipt.updated_at) <= RECEIPT_TTL
        };
        self.receipt.as_ref().filter(is_kept)
    }
}
