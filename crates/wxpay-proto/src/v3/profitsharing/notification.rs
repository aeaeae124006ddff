//! Notifications about shared amounts: `PROFITSHARING.SUCCESS`, `PROFITSHARING.RETURN`.

use super::account::Account;
use crate::{
    id::{MchId, OutOrderNo, TransactionId},
    v3::prelude::*,
    wire::json::InvalidMember,
};

/// An amount that was paid to a receiver or returned by it. It is read only from a [verified](Verified) notification.
///
/// WeChat Pay notifies the receiver, so the payment may belong to another merchant than the one notified.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProfitSharingNotification {
    /// The merchant that owns the payment; in partner mode the partner.
    pub mchid: MchId,
    /// The sub-merchant that owns the payment, in partner mode.
    pub sub_mchid: Option<MchId>,
    /// WeChat Pay's number of the payment.
    pub transaction_id: TransactionId,
    /// WeChat Pay's number of the profit sharing, or of the return.
    pub order_id: String,
    /// The merchant's number of the profit sharing, or of the return.
    pub out_order_no: OutOrderNo,
    /// The receiver, which got or returned the amount.
    pub account: Account,
    /// The amount, in fen.
    pub amount: Fen,
    /// The description.
    pub description: String,
    /// The time at which the amount was paid or returned.
    pub success_time: Option<UnixTime>,
}

object! {
    struct Wire {
        mchid: Option<MchId> = strict,
        sp_mchid: Option<MchId> = strict,
        sub_mchid: Option<MchId> = strict,
        transaction_id: TransactionId,
        order_id: String,
        out_order_no: OutOrderNo,
        receiver: Receiver,
        success_time: Option<UnixTime>,
    }
}

object! {
    struct Receiver {
        kind: String as "type",
        account: String,
        amount: Fen,
        description: String = or_default,
    }
}

impl ProfitSharingNotification {
    /// Reads the content of a notification.
    pub(in crate::v3) fn read(body: Verified<'_>) -> Result<Self, Error> {
        let wire: Wire = body.read()?;
        let Receiver { kind, account, amount, description } = wire.receiver;
        Ok(Self {
            // In partner mode `sp_mchid` takes the place of `mchid`.
            mchid: wire
                .mchid
                .or(wire.sp_mchid)
                .ok_or_else(|| malformed().caused_by(InvalidMember::missing().of("mchid")))?,
            sub_mchid: wire.sub_mchid,
            transaction_id: wire.transaction_id,
            order_id: wire.order_id,
            out_order_no: wire.out_order_no,
            account: Account::from_wire(kind, account),
            amount,
            description,
            success_time: wire.success_time,
        })
    }
}
