//! The refund object: the status of a refund in a reply.

use crate::{
    id::{OutRefundNo, OutTradeNo, RefundId, TransactionId},
    payment::{RefundEvidence, SucceededRefund},
    secret::PersonalData,
    v3::prelude::*,
};

open_enum! {
    /// The status of a refund.
    RefundStatus {
        /// The refund is in progress.
        Processing = "PROCESSING",
        /// The payer has the money.
        Success = "SUCCESS",
        /// The refund is closed; the merchant keeps the money.
        Closed = "CLOSED",
        /// The money cannot go back to the account that paid: [another destination](super::ApplyAbnormalRefund) is
        /// required.
        Abnormal = "ABNORMAL",
    }
}

open_enum! {
    /// The destination of a refund.
    Channel {
        /// The account that paid.
        Original = "ORIGINAL",
        /// The payer's balance.
        Balance = "BALANCE",
        /// The balance of another account, because the account that paid is abnormal.
        OtherBalance = "OTHER_BALANCE",
        /// A different bank card, because the card that paid is abnormal.
        OtherBankcard = "OTHER_BANKCARD",
    }
}

open_enum! {
    /// The merchant's funds that pay a refund.
    FundsAccount {
        /// Funds that are not yet settled to the merchant.
        Unsettled = "UNSETTLED",
        /// The available balance.
        Available = "AVAILABLE",
        /// The unavailable (frozen) balance.
        Unavailable = "UNAVAILABLE",
        /// The operation account.
        Operation = "OPERATION",
        /// The basic account, which receives the payments.
        Basic = "BASIC",
        /// The basic account in digital yuan (e-CNY).
        EcnyBasic = "ECNY_BASIC",
    }
}

object! {
    /// A refund and its status. It is read only from a [verified](Verified) reply.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Refund {
        /// WeChat Pay's number of the refund.
        pub refund_id: RefundId,
        /// The merchant's number of the refund.
        pub out_refund_no: OutRefundNo,
        /// WeChat Pay's number of the payment.
        pub transaction_id: TransactionId,
        /// The merchant's order number.
        pub out_trade_no: OutTradeNo,
        /// The destination.
        pub channel: Option<Channel>,
        /// A readable description of the receiving account. It identifies the payer's card.
        pub user_received_account: Option<PersonalData>,
        /// The time at which the refund succeeded.
        pub success_time: Option<UnixTime>,
        /// The time at which WeChat Pay accepted the refund.
        pub create_time: Option<UnixTime>,
        /// The status of the refund.
        pub status: RefundStatus,
        /// The funds that pay the refund.
        pub funds_account: Option<FundsAccount>,
        /// The amounts.
        pub amount: Amount,
        /// The coupons that are refunded.
        pub promotion_detail: Vec<Promotion>,
    }
}

object! {
    /// The amounts of a refund, in fen.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Amount {
        /// The price of the whole order.
        pub total: Fen,
        /// The refunded part of the price.
        pub refund: Fen,
        /// The sources of funds, if the request named them.
        pub from: Vec<FundsSource>,
        /// The amount that the payer paid.
        pub payer_total: Option<Fen>,
        /// The amount that the payer receives.
        pub payer_refund: Option<Fen>,
        /// The refunded part of `settlement_total`.
        pub settlement_refund: Option<Fen>,
        /// The amount that is settled for the order: the price less the coupons that are not settled to the merchant.
        pub settlement_total: Option<Fen>,
        /// The refunded amount of coupons.
        pub discount_refund: Option<Fen>,
        /// The currency: `CNY`.
        pub currency: Option<String>,
        /// The refunded fee.
        pub refund_fee: Option<Fen>,
    }
}

object! {
    /// A part of a refund, and the funds that pay it.
    #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
    #[non_exhaustive]
    pub struct FundsSource {
        /// The funds: `AVAILABLE` or `UNAVAILABLE`.
        pub account: FundsAccount,
        /// The amount, in fen.
        pub amount: Fen,
    }
}

impl FundsSource {
    /// Creates a part of this amount, in fen, paid from these funds.
    pub fn new(account: FundsAccount, amount: Fen) -> Self {
        Self { account, amount }
    }
}

object! {
    /// A coupon that is refunded.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Promotion {
        /// The number of the coupon.
        pub promotion_id: String,
        /// `GLOBAL` for the whole order, or `SINGLE` for single goods.
        pub scope: Option<String>,
        /// `COUPON`, which is settled to the merchant, or `DISCOUNT`, which is not settled.
        pub kind: Option<String> as "type",
        /// The discount of the coupon, in fen.
        pub amount: Fen,
        /// The refunded part of the discount, in fen.
        pub refund_amount: Fen,
        /// The goods that the coupon applies to.
        pub goods_detail: Vec<Goods>,
    }
}

object! {
    /// Refunded goods of one kind.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Goods {
        /// The merchant's number of the goods.
        pub merchant_goods_id: String,
        /// WeChat Pay's number of the goods.
        pub wechatpay_goods_id: Option<String>,
        /// The name of the goods.
        pub goods_name: Option<String>,
        /// The price of one piece, in fen.
        pub unit_price: Fen,
        /// The refunded amount for all pieces, in fen.
        pub refund_amount: Fen,
        /// The number of pieces.
        pub refund_quantity: u32,
    }
}

impl Refund {
    /// Returns the evidence of the refund, if it succeeded.
    pub fn evidence(&self) -> Option<RefundEvidence> {
        let refunded = SucceededRefund::new(
            self.refund_id.clone(),
            self.out_refund_no.clone(),
            self.transaction_id.clone(),
            self.amount.refund,
            self.amount.total,
        );
        (self.status == RefundStatus::Success)
            .then(|| RefundEvidence::new(self.out_trade_no.clone(), refunded))
    }

    /// Reads a reply about this refund.
    ///
    /// # Errors
    ///
    /// `Malformed` if the reply is about another refund.
    pub(super) fn read_of(reply: Verified<'_>, out_refund_no: &OutRefundNo) -> Result<Self, Error> {
        let refund: Self = reply.read()?;
        require(
            refund.out_refund_no == *out_refund_no,
            "out_refund_no",
            "must be that of the requested refund",
        )?;
        Ok(refund)
    }
}
