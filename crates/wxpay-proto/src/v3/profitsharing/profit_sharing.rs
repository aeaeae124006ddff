//! What became of a sharing.

use super::account::Account;
use crate::{
    clock::UnixTime,
    error::Error,
    id::{InvalidField, MchId, OutOrderNo, TransactionId},
    money::Fen,
    v3::{
        field::open_enum,
        verify::{Verified, malformed},
    },
    wire::time,
};
use alloc::{string::String, vec::Vec};

open_enum! {
    /// Where a sharing stands.
    SharingState {
        /// It is under way.
        Processing = "PROCESSING",
        /// It is over: each part has its result.
        Finished = "FINISHED",
    }
}

open_enum! {
    /// What became of a part.
    PartResult {
        /// It is under way.
        Pending = "PENDING",
        /// The receiver has it.
        Success = "SUCCESS",
        /// It was given up; the money went back to the payment's merchant.
        Closed = "CLOSED",
    }
}

open_enum! {
    /// Why a part was given up.
    FailReason {
        /// The receiver's account has trouble.
        AccountAbnormal = "ACCOUNT_ABNORMAL",
        /// The receiver was not added, or was deleted.
        NoRelation = "NO_RELATION",
        /// The receiver is thought to be a risk.
        ReceiverHighRisk = "RECEIVER_HIGH_RISK",
        /// The receiver has not proved who they are.
        ReceiverRealNameNotVerified = "RECEIVER_REAL_NAME_NOT_VERIFIED",
        /// The merchant may not share.
        NoAuth = "NO_AUTH",
        /// The receiver got as much as may be.
        ReceiverReceiptLimit = "RECEIVER_RECEIPT_LIMIT",
        /// The merchant's account has trouble.
        PayerAccountAbnormal = "PAYER_ACCOUNT_ABNORMAL",
        /// The request was wrong.
        InvalidRequest = "INVALID_REQUEST",
    }
}

/// What became of a sharing. Only a [verified](Verified) reply makes one.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct ProfitSharing {
    /// The sub-merchant, in partner mode.
    pub sub_mchid: Option<MchId>,
    /// The payment that is shared.
    pub transaction_id: TransactionId,
    /// The merchant's number.
    pub out_order_no: OutOrderNo,
    /// WeChat Pay's number.
    pub order_id: String,
    /// Where it stands.
    pub state: SharingState,
    /// The parts. The one that the merchant itself gets, if what was left was unfrozen, is among them.
    #[serde(default)]
    pub receivers: Vec<Receiver>,
}

/// What became of one part.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(from = "Wire")]
#[non_exhaustive]
pub struct Receiver {
    /// Who gets it.
    pub account: Account,
    /// How much.
    pub amount: Fen,
    /// What for.
    pub description: String,
    /// What became of it.
    pub result: PartResult,
    /// Why it was given up.
    pub fail_reason: Option<FailReason>,
    /// WeChat Pay's number of the part.
    pub detail_id: Option<String>,
    /// When it was taken up.
    pub create_time: Option<UnixTime>,
    /// When it was over.
    pub finish_time: Option<UnixTime>,
}

#[derive(serde::Deserialize)]
struct Wire {
    #[serde(rename = "type")]
    kind: String,
    account: String,
    amount: Fen,
    #[serde(default)]
    description: String,
    result: PartResult,
    fail_reason: Option<FailReason>,
    detail_id: Option<String>,
    #[serde(default, deserialize_with = "time::deserialize_option")]
    create_time: Option<UnixTime>,
    #[serde(default, deserialize_with = "time::deserialize_option")]
    finish_time: Option<UnixTime>,
}

impl From<Wire> for Receiver {
    fn from(wire: Wire) -> Self {
        Self {
            account: Account::told(wire.kind, wire.account),
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
    /// Reads the one that was asked for.
    pub(super) fn read_of(
        reply: Verified<'_>,
        transaction_id: &TransactionId,
        out_order_no: &OutOrderNo,
    ) -> Result<Self, Error> {
        let sharing: Self = reply.parse()?;
        if sharing.out_order_no == *out_order_no && sharing.transaction_id == *transaction_id {
            Ok(sharing)
        } else {
            Err(malformed()
                .caused_by(InvalidField::new("out_order_no", "must be of the sharing that was asked for")))
        }
    }
}
