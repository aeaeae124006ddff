//! The profit-sharing object: the status of a profit sharing and the results of its receivers, in a reply.

use super::account::Account;
use crate::{
    id::{MchId, OutOrderNo, TransactionId},
    v3::prelude::*,
    wire::json::read::{Outcome, Read},
};

open_enum! {
    /// The status of a profit sharing.
    SharingState {
        /// The profit sharing is in progress.
        Processing = "PROCESSING",
        /// The profit sharing is finished: each receiver has a final result.
        Finished = "FINISHED",
    }
}

open_enum! {
    /// The result for one receiver.
    ReceiverResult {
        /// The amount is not yet paid.
        Pending = "PENDING",
        /// The receiver has the amount.
        Success = "SUCCESS",
        /// The amount was closed, and went back to the merchant that shares the payment.
        Closed = "CLOSED",
    }
}

open_enum! {
    /// The reason why an amount was closed.
    FailReason {
        /// The receiver's account is abnormal.
        AccountAbnormal = "ACCOUNT_ABNORMAL",
        /// The receiver was not added, or was deleted.
        NoRelation = "NO_RELATION",
        /// WeChat Pay classifies the receiver as high-risk.
        ReceiverHighRisk = "RECEIVER_HIGH_RISK",
        /// The receiver's real name is not verified.
        ReceiverRealNameNotVerified = "RECEIVER_REAL_NAME_NOT_VERIFIED",
        /// The merchant has no permission for profit sharing.
        NoAuth = "NO_AUTH",
        /// The receiver has reached its limit for received amounts.
        ReceiverReceiptLimit = "RECEIVER_RECEIPT_LIMIT",
        /// The account of the merchant that shares the payment is abnormal.
        PayerAccountAbnormal = "PAYER_ACCOUNT_ABNORMAL",
        /// The request is invalid.
        InvalidRequest = "INVALID_REQUEST",
    }
}

object! {
    /// A profit sharing and its results. It is read only from a [verified](Verified) reply.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct ProfitSharing {
        /// The sub-merchant, in partner mode.
        pub sub_mchid: Option<MchId>,
        /// WeChat Pay's number of the shared payment.
        pub transaction_id: TransactionId,
        /// The merchant's number of the profit sharing.
        pub out_order_no: OutOrderNo,
        /// WeChat Pay's number of the profit sharing.
        pub order_id: String,
        /// The status of the profit sharing.
        pub state: SharingState,
        /// The results of the receivers. If the remainder was unfrozen, the merchant itself is one of them.
        pub receivers: Vec<Receiver> = every,
    }
}

/// The result for one receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Receiver {
    /// The receiver's account.
    pub account: Account,
    /// The amount, in fen.
    pub amount: Fen,
    /// The description.
    pub description: String,
    /// The result.
    pub result: ReceiverResult,
    /// The reason, if the amount was closed.
    pub fail_reason: Option<FailReason>,
    /// WeChat Pay's number of this amount.
    pub detail_id: Option<String>,
    /// The time at which WeChat Pay accepted the amount.
    pub create_time: Option<UnixTime>,
    /// The time at which the result became final.
    pub finish_time: Option<UnixTime>,
}

object! {
    struct Wire {
        kind: String as "type",
        account: String,
        amount: Fen,
        description: String = or_default,
        result: ReceiverResult,
        fail_reason: Option<FailReason>,
        detail_id: Option<String>,
        create_time: Option<UnixTime>,
        finish_time: Option<UnixTime>,
    }
}

impl<'de> Read<'de> for Receiver {
    const SHAPE: &'static str = Wire::SHAPE;

    fn from_object<A: serde::de::MapAccess<'de>>(members: A) -> Result<Outcome<Self>, A::Error> {
        Ok(Wire::from_object(members)?.map(Self::from))
    }
}

impl From<Wire> for Receiver {
    fn from(wire: Wire) -> Self {
        Self {
            account: Account::from_wire(wire.kind, wire.account),
            amount: wire.amount,
            description: wire.description,
            result: wire.result,
            fail_reason: wire.fail_reason,
            detail_id: wire.detail_id,
            create_time: wire.create_time,
            finish_time: wire.finish_time,
        }
    }
}

impl ProfitSharing {
    /// Reads a reply about this profit sharing.
    ///
    /// # Errors
    ///
    /// `Malformed` if the reply is about another profit sharing.
    pub(super) fn read_of(
        reply: Verified<'_>,
        transaction_id: &TransactionId,
        out_order_no: &OutOrderNo,
    ) -> Result<Self, Error> {
        let profit_sharing: Self = reply.read()?;
        require(
            profit_sharing.out_order_no == *out_order_no && profit_sharing.transaction_id == *transaction_id,
            "out_order_no",
            "must be that of the requested profit sharing",
        )?;
        Ok(profit_sharing)
    }
}
