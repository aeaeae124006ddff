//! What notices tell: `PROFITSHARING.SUCCESS`, `PROFITSHARING.RETURN`.

use super::account::Account;
use crate::{
    clock::UnixTime,
    error::Error,
    id::{MchId, OutOrderNo, TransactionId},
    money::Fen,
    v3::verify::{Verified, malformed},
    wire::time,
};
use alloc::string::String;

/// A part that moved: to its receiver, or back. It is told to the receiver, so whose payment it was need not be the merchant
/// that hears it. Only a [verified](Verified) notice makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfitSharingNotification {
    /// Whose payment it was; in partner mode the partner.
    pub mchid: MchId,
    /// The sub-merchant whose payment it was, in partner mode.
    pub sub_mchid: Option<MchId>,
    /// The payment.
    pub transaction_id: TransactionId,
    /// WeChat Pay's number of the sharing, or of what was given back.
    pub order_id: String,
    /// The merchant's number of the sharing, or of what was given back.
    pub out_order_no: OutOrderNo,
    /// Who got the part, or gave it back.
    pub account: Account,
    /// How much.
    pub amount: Fen,
    /// What for.
    pub description: String,
    /// When it moved.
    pub success_time: Option<UnixTime>,
}

#[derive(serde::Deserialize)]
struct Wire {
    mchid: Option<MchId>,
    sp_mchid: Option<MchId>,
    sub_mchid: Option<MchId>,
    transaction_id: TransactionId,
    order_id: String,
    out_order_no: OutOrderNo,
    receiver: Receiver,
    #[serde(default, deserialize_with = "time::deserialize_option")]
    success_time: Option<UnixTime>,
}

#[derive(serde::Deserialize)]
struct Receiver {
    #[serde(rename = "type")]
    kind: String,
    account: String,
    amount: Fen,
    #[serde(default)]
    description: String,
}

impl ProfitSharingNotification {
    /// Reads it.
    pub(in crate::v3) fn read(body: Verified<'_>) -> Result<Self, Error> {
        let wire: Wire = body.parse()?;
        let Receiver { kind, account, amount, description } = wire.receiver;
        Ok(Self {
            mchid: wire.mchid.or(wire.sp_mchid).ok_or_else(malformed)?,
            sub_mchid: wire.sub_mchid,
            transaction_id: wire.transaction_id,
            order_id: wire.order_id,
            out_order_no: wire.out_order_no,
            account: Account::told(kind, account),
            amount,
            description,
            success_time: wire.success_time,
        })
    }
}
