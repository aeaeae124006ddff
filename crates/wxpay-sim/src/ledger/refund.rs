//! Refunds of an order.

use super::Order;
use serde::Serialize;
use serde_json::Value;
use wxpay_proto::{
    Fen,
    id::{OutRefundNo, RefundId},
};

/// A refund as the gateway recorded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RefundRecord {
    /// WeChat Pay's refund number.
    pub refund_id: RefundId,
    /// The merchant's refund number.
    pub out_refund_no: OutRefundNo,
    /// The refund's state.
    pub status: RefundStatus,
    /// The refunded amount, in fen.
    pub refund: Fen,
    /// The part of it that the payer receives, in fen; the rest returns to the coupon.
    pub payer_refund: Fen,
    /// The time of the request, in seconds of the virtual clock.
    pub created_at: u64,
    /// The time of the success, in seconds of the virtual clock.
    pub success_at: Option<u64>,
}

/// The state of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum RefundStatus {
    /// The refund is being processed.
    Processing,
    /// The payer has received the money.
    Success,
    /// The refund was closed; the money stays with the merchant.
    Closed,
    /// The payer's account cannot receive the money; the merchant must name another account.
    Abnormal,
}

impl RefundStatus {
    /// Returns the protocol's name of the state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Success => "SUCCESS",
            Self::Closed => "CLOSED",
            Self::Abnormal => "ABNORMAL",
        }
    }
}

/// A refund as stored.
#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) record: RefundRecord,
    /// The request. A different request under the same number is refused.
    pub(crate) request: Value,
    pub(crate) notify_url: Option<String>,
    pub(crate) funds_account: String,
    /// The state that the refund takes when its processing time is over.
    pub(crate) final_status: RefundStatus,
}

impl Order {
    pub(crate) fn refund(&self, number: &OutRefundNo) -> Option<&Refund> {
        self.refunds.iter().find(|refund| refund.record.out_refund_no == *number)
    }

    pub(crate) fn refund_mut(&mut self, number: &OutRefundNo) -> Option<&mut Refund> {
        self.refunds.iter_mut().find(|refund| refund.record.out_refund_no == *number)
    }
}
