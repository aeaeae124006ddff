//! Public records of profit sharing.

use serde::Serialize;
use wxpay_proto::{
    Fen,
    id::{MchId, OutTradeNo, TransactionId},
};

/// A profit sharing or unfreeze as the gateway recorded it. Times are seconds of the business clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SharingRecord {
    /// The merchant's profit sharing number.
    pub out_order_no: String,
    /// WeChat Pay's profit sharing number.
    pub order_id: String,
    /// The merchant that made the request.
    pub mchid: MchId,
    /// The sub-merchant that the payment belongs to, if a service provider made the request.
    pub sub_mchid: Option<MchId>,
    /// The number of the paid order.
    pub out_trade_no: OutTradeNo,
    /// WeChat Pay's number of the payment.
    pub transaction_id: TransactionId,
    /// `PROCESSING` or `FINISHED`.
    pub state: &'static str,
    /// True for the last sharing: nothing more of the payment can be shared.
    pub is_last: bool,
    /// The receivers' amounts. If the rest was unfrozen, the payment's merchant is one of the receivers.
    pub receivers: Vec<SharingDetailRecord>,
    /// The returns, in any state.
    pub returns: Vec<ReturnRecord>,
    /// The time of the request.
    pub created_at: u64,
}

/// The amount of one receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SharingDetailRecord {
    /// The receiver's type: `MERCHANT_ID`, `PERSONAL_OPENID` or `PERSONAL_SUB_OPENID`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The receiver: a merchant's number or a person's openid.
    pub account: String,
    /// The amount, in fen.
    pub amount: Fen,
    /// The description in the request.
    pub description: String,
    /// WeChat Pay's number of the receiver's amount.
    pub detail_id: String,
    /// The state of the payment to the receiver.
    pub result: SharingDetailResult,
    /// The reason for closing.
    pub fail_reason: Option<SharingDetailFailure>,
    /// The time of the success or of the closing.
    pub finished_at: Option<u64>,
}

/// The state of the payment to one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum SharingDetailResult {
    /// The payment to the receiver is being processed.
    Pending,
    /// The receiver has the money.
    Success,
    /// The payment to the receiver was closed. The amount no longer counts as shared.
    Closed,
}

impl SharingDetailResult {
    /// Returns the protocol's name of the state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Success => "SUCCESS",
            Self::Closed => "CLOSED",
        }
    }
}

/// The documented reasons for closing the payment to a receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum SharingDetailFailure {
    /// The receiver's account is abnormal.
    AccountAbnormal,
    /// The receiver was deleted in the meantime.
    NoRelation,
    /// The receiver is classified as a high risk.
    ReceiverHighRisk,
    /// The receiver's real name is not verified.
    ReceiverRealNameNotVerified,
    /// The merchant has no permission for profit sharing.
    NoAuth,
    /// The receiver has reached its limit for receiving money.
    ReceiverReceiptLimit,
    /// The merchant's account is abnormal.
    PayerAccountAbnormal,
    /// The request was invalid.
    InvalidRequest,
}

impl SharingDetailFailure {
    /// All reasons.
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

    /// Returns the protocol's name of the reason.
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

/// The return of a receiver's amount, in whole or in part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReturnRecord {
    /// The merchant's return number.
    pub out_return_no: String,
    /// WeChat Pay's return number.
    pub return_id: String,
    /// The merchant's number of the profit sharing.
    pub out_order_no: String,
    /// The merchant that returns the money.
    pub return_mchid: String,
    /// The amount, in fen.
    pub amount: Fen,
    /// The description in the request.
    pub description: String,
    /// The return's state.
    pub result: ReturnResult,
    /// The reason for a failure.
    pub fail_reason: Option<ReturnFailure>,
    /// The time of the request, in seconds of the business clock.
    pub created_at: u64,
    /// The time of the success or failure, in seconds of the business clock.
    pub finished_at: Option<u64>,
}

/// The state of a return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum ReturnResult {
    /// The return is being processed.
    Processing,
    /// The payment's merchant has the money.
    Success,
    /// The return failed; the receiver keeps the money.
    Failed,
}

impl ReturnResult {
    /// Returns the protocol's name of the state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Success => "SUCCESS",
            Self::Failed => "FAILED",
        }
    }
}

/// The documented reasons for the failure of a return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum ReturnFailure {
    /// The receiver's account is abnormal.
    AccountAbnormal,
    /// The receiver's balance is not sufficient.
    BalanceNotEnough,
    /// The return timed out.
    TimeOutClosed,
    /// The account of the payment's merchant is abnormal.
    PayerAccountAbnormal,
    /// The request was invalid.
    InvalidRequest,
}

impl ReturnFailure {
    /// All reasons.
    pub const ALL: [Self; 5] = [
        Self::AccountAbnormal,
        Self::BalanceNotEnough,
        Self::TimeOutClosed,
        Self::PayerAccountAbnormal,
        Self::InvalidRequest,
    ];

    /// Returns the protocol's name of the reason.
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

/// A receiver, and the merchant whose payments may be shared with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct ReceiverRecord {
    /// The merchant that added the receiver.
    pub mchid: MchId,
    /// The sub-merchant whose payments may be shared with the receiver, if a service provider added it.
    pub sub_mchid: Option<MchId>,
    /// The receiver's type: `MERCHANT_ID`, `PERSONAL_OPENID` or `PERSONAL_SUB_OPENID`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The receiver: a merchant's number or a person's openid.
    pub account: String,
}

impl ReceiverRecord {
    /// Returns the place of the receiver in a list: `mchid/sub_mchid/type/account`.
    pub(crate) fn cursor(&self) -> String {
        let sub_mchid = self.sub_mchid.as_ref().map_or("", MchId::as_str);
        format!("{}/{sub_mchid}/{}/{}", self.mchid, self.kind, self.account)
    }

    pub(crate) fn from_cursor(cursor: &str) -> Option<Self> {
        let mut parts = cursor.splitn(4, '/');
        let (mchid, sub_mchid) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok());
        Some(Self { mchid, sub_mchid, kind: parts.next()?.into(), account: parts.next()?.into() })
    }
}
