//! What was given back of an order.

use super::Order;
use serde::Serialize;
use serde_json::Value;
use wxpay_proto::{
    Fen,
    id::{OutRefundNo, RefundId},
};

/// One refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RefundRecord {
    /// The gateway's number.
    pub refund_id: RefundId,
    /// The merchant's number.
    pub out_refund_no: OutRefundNo,
    /// Where it stands.
    pub status: RefundStatus,
    /// What is given back in all.
    pub refund: Fen,
    /// What of it the payer gets; the rest goes back to the coupon.
    pub payer_refund: Fen,
    /// When it was asked for, in seconds of the virtual clock.
    pub created_at: u64,
    /// When it succeeded.
    pub success_at: Option<u64>,
}

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum RefundStatus {
    /// It is on its way.
    Processing,
    /// The payer has it.
    Success,
    /// It was ended; the money stays with the merchant.
    Closed,
    /// The payer's account takes no money: the merchant must name another.
    Abnormal,
}

impl RefundStatus {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Success => "SUCCESS",
            Self::Closed => "CLOSED",
            Self::Abnormal => "ABNORMAL",
        }
    }
}
/// One refund as kept.
#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) record: RefundRecord,
    /// The request: one that says something else under its number is refused.
    pub(crate) asked: Value,
    pub(crate) notify_url: Option<String>,
    pub(crate) funds_account: String,
    /// What becomes of it when its time has come.
    pub(crate) becomes: RefundStatus,
}
impl Order {
    pub(crate) fn refund_of(&self, number: &OutRefundNo) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.record.out_refund_no == *number)
    }

    pub(crate) fn refund_mut(&mut self, number: &OutRefundNo) -> Option<&mut Refund> {
        self.refunds.iter_mut().find(|refund| refund.record.out_refund_no == *number)
    }
}
