//! What the gateway knows of sharings, to look at.

use serde::Serialize;
use wxpay_proto::{
    Fen,
    id::{MchId, OutTradeNo, TransactionId},
};

/// What the gateway knows of one sharing, or of what was unfrozen. Times are seconds of the virtual clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SharingRecord {
    /// The merchant's number.
    pub out_order_no: String,
    /// The gateway's number.
    pub order_id: String,
    /// Who asked for it.
    pub mchid: MchId,
    /// The sub-merchant whose payment it is, if a service provider asked.
    pub sub_mchid: Option<MchId>,
    /// The payment's order.
    pub out_trade_no: OutTradeNo,
    /// The payment.
    pub transaction_id: TransactionId,
    /// `PROCESSING` or `FINISHED`.
    pub state: &'static str,
    /// Whether nothing more of the payment can be shared.
    pub is_last: bool,
    /// The parts, with that of the payment's merchant if the rest was unfrozen.
    pub receivers: Vec<PartRecord>,
    /// What was given back of it, or is about to be.
    pub returns: Vec<ReturnRecord>,
    /// When it was asked for.
    pub created_at: u64,
}

/// What one receiver gets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct PartRecord {
    /// `MERCHANT_ID`, `PERSONAL_OPENID`, `PERSONAL_SUB_OPENID`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A merchant's number or a person's openid.
    pub account: String,
    /// How much.
    pub amount: Fen,
    /// What for.
    pub description: String,
    /// The gateway's number.
    pub detail_id: String,
    /// Where it stands.
    pub result: PartResult,
    /// Why it was closed.
    pub fail_reason: Option<PartFailure>,
    /// When it was over.
    pub finished_at: Option<u64>,
}

/// Where a part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum PartResult {
    /// It is under way.
    Pending,
    /// The receiver has it.
    Success,
    /// It was given up; the money is where it was before.
    Closed,
}

impl PartResult {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Success => "SUCCESS",
            Self::Closed => "CLOSED",
        }
    }
}

/// Why a part was closed: the documented words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum PartFailure {
    /// The receiver's account has trouble.
    AccountAbnormal,
    /// The receiver was deleted meanwhile.
    NoRelation,
    /// The receiver is thought to be a risk.
    ReceiverHighRisk,
    /// The receiver has not proved who they are.
    ReceiverRealNameNotVerified,
    /// The merchant may not share.
    NoAuth,
    /// The receiver got as much as may be.
    ReceiverReceiptLimit,
    /// The merchant's account has trouble.
    PayerAccountAbnormal,
    /// The request was wrong.
    InvalidRequest,
}

impl PartFailure {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::AccountAbnormal,
        Self::NoRelation,
        Self::ReceiverHighRisk,
        Self::ReceiverRealNameNotVerified,
        Self::NoAuth,
        Self::ReceiverReceiptLimit,
        Self::PayerAccountAbnormal,
        Self::InvalidRequest,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountAbnormal => "ACCOUNT_ABNORMAL",
            Self::NoRelation => "NO_RELATION",
            Self::ReceiverHighRisk => "RECEIVER_HIGH_RISK",
            Self::ReceiverRealNameNotVerified => "RECEIVER_REAL_NAME_NOT_VERIFIED",
            Self::NoAuth => "NO_AUTH",
            Self::ReceiverReceiptLimit => "RECEIVER_RECEIPT_LIMIT",
            Self::PayerAccountAbnormal => "PAYER_ACCOUNT_ABNORMAL",
            Self::InvalidRequest => "INVALID_REQUEST",
        }
    }
}

/// What a receiver gives back of a sharing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReturnRecord {
    /// The merchant's number.
    pub out_return_no: String,
    /// The gateway's number.
    pub return_id: String,
    /// The merchant's number of the sharing.
    pub out_order_no: String,
    /// Who gives it back.
    pub return_mchid: String,
    /// How much.
    pub amount: Fen,
    /// Why.
    pub description: String,
    /// Where it stands.
    pub result: ReturnResult,
    /// Why it failed.
    pub fail_reason: Option<ReturnFailure>,
    /// When it was asked for.
    pub created_at: u64,
    /// When it was over.
    pub finished_at: Option<u64>,
}

/// Where a return stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum ReturnResult {
    /// It is under way.
    Processing,
    /// The payment's merchant has it.
    Success,
    /// The receiver kept it.
    Failed,
}

impl ReturnResult {
    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
        }
    }
}

/// Why a return failed: the documented words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum ReturnFailure {
    /// The receiver's account has trouble.
    AccountAbnormal,
    /// The receiver has not enough.
    BalanceNotEnough,
    /// It took too long.
    TimeOutClosed,
    /// The payment's merchant's account has trouble.
    PayerAccountAbnormal,
    /// The request was wrong.
    InvalidRequest,
}

impl ReturnFailure {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::AccountAbnormal,
        Self::BalanceNotEnough,
        Self::TimeOutClosed,
        Self::PayerAccountAbnormal,
        Self::InvalidRequest,
    ];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccountAbnormal => "ACCOUNT_ABNORMAL",
            Self::BalanceNotEnough => "BALANCE_NOT_ENOUGH",
            Self::TimeOutClosed => "TIME_OUT_CLOSED",
            Self::PayerAccountAbnormal => "PAYER_ACCOUNT_ABNORMAL",
            Self::InvalidRequest => "INVALID_REQUEST",
        }
    }
}

/// Who may get a part, and of whose payments.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct ReceiverRecord {
    /// Who added them.
    pub mchid: MchId,
    /// The sub-merchant whose payments they may get a part of, if a service provider added them.
    pub sub_mchid: Option<MchId>,
    /// `MERCHANT_ID`, `PERSONAL_OPENID`, `PERSONAL_SUB_OPENID`.
    #[serde(rename = "type")]
    pub kind: String,
    /// A merchant's number or a person's openid.
    pub account: String,
}
