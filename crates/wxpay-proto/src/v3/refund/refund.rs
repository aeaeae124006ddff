//! What became of a refund, as answers tell.

use crate::{
    clock::UnixTime,
    error::Error,
    id::{InvalidField, OutRefundNo, OutTradeNo, RefundId, TransactionId},
    money::Fen,
    payment::{RefundEvidence, SucceededRefund},
    secret::PersonalData,
    v3::{
        field::open_enum,
        verify::{Verified, malformed},
    },
    wire::time,
};
use alloc::{string::String, vec::Vec};

open_enum! {
    /// Where a refund stands.
    RefundStatus {
        /// The money is on its way back.
        Processing = "PROCESSING",
        /// It is back.
        Success = "SUCCESS",
        /// It was given up; the money is the merchant's.
        Closed = "CLOSED",
        /// It cannot go back the way it came: [another way](super::ApplyAbnormalRefund) must be told.
        Abnormal = "ABNORMAL",
    }
}

open_enum! {
    /// Where a refund goes to.
    Channel {
        /// The way it came.
        Original = "ORIGINAL",
        /// The payer's balance.
        Balance = "BALANCE",
        /// Another account's balance: the payer's has trouble.
        OtherBalance = "OTHER_BALANCE",
        /// Another bank card: the payer's has trouble.
        OtherBankcard = "OTHER_BANKCARD",
    }
}

open_enum! {
    /// Out of which money of the merchant's a refund is paid.
    FundsAccount {
        /// What is not settled yet.
        Unresolved = "UNSETTLED",
        /// What is free.
        Available = "AVAILABLE",
        /// What is frozen.
        Unavailable = "UNAVAILABLE",
        /// The account for operations.
        Operation = "OPERATION",
        /// The account that payments go to.
        Basic = "BASIC",
        /// The account of the digital yuan.
        EcnyBasic = "ECNY_BASIC",
    }
}

/// What became of a refund. Only a [verified](Verified) reply makes one.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct Refund {
    /// WeChat Pay's number of it.
    pub refund_id: RefundId,
    /// The merchant's number of it.
    pub out_refund_no: OutRefundNo,
    /// WeChat Pay's number of the payment.
    pub transaction_id: TransactionId,
    /// The merchant's number of the order.
    pub out_trade_no: OutTradeNo,
    /// Where it goes to.
    pub channel: Option<Channel>,
    /// The account that it goes to, for people; it tells of the payer's card.
    pub user_received_account: Option<PersonalData>,
    /// When the money was back.
    #[serde(default, deserialize_with = "time::deserialize_option")]
    pub success_time: Option<UnixTime>,
    /// When it was taken up.
    #[serde(deserialize_with = "time::deserialize")]
    pub create_time: UnixTime,
    /// Where it stands.
    pub status: RefundStatus,
    /// Out of which money it is paid.
    pub funds_account: Option<FundsAccount>,
    /// How much.
    pub amount: Amount,
    /// Which coupons went back.
    #[serde(default)]
    pub promotion_detail: Vec<Promotion>,
}

/// How much, in fen.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct Amount {
    /// The order's price.
    pub total: Fen,
    /// How much of it goes back.
    pub refund: Fen,
    /// Out of which money, where that was told.
    #[serde(default)]
    pub from: Vec<FundsSource>,
    /// What the payer had paid.
    pub payer_total: Option<Fen>,
    /// What the payer gets.
    pub payer_refund: Option<Fen>,
    /// What goes back of what was settled.
    pub settlement_refund: Option<Fen>,
    /// What had been settled: the price less the coupons that are not.
    pub settlement_total: Option<Fen>,
    /// What goes back of coupons.
    pub discount_refund: Option<Fen>,
    /// `CNY`.
    pub currency: Option<String>,
    /// The fee that is given back.
    pub refund_fee: Option<Fen>,
}

/// A part of a refund, and out of which money it is paid.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct FundsSource {
    /// `AVAILABLE` or `UNAVAILABLE`.
    pub account: FundsAccount,
    /// How much.
    pub amount: Fen,
}

impl FundsSource {
    /// So much out of that money.
    #[must_use]
    pub fn new(account: FundsAccount, amount: Fen) -> Self {
        Self { account, amount }
    }
}

/// A coupon that went back.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[non_exhaustive]
pub struct Promotion {
    /// Its number.
    pub promotion_id: String,
    /// `GLOBAL`, or `SINGLE` for single goods.
    pub scope: Option<String>,
    /// `COUPON`, which is settled to the merchant, or `DISCOUNT`, which is not.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// How much it took off, in fen.
    pub amount: Fen,
    /// How much of that goes back, in fen.
    pub refund_amount: Fen,
    /// On which goods.
    #[serde(default)]
    pub goods_detail: Vec<Goods>,
}

/// Goods whose price goes back.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub struct Goods {
    /// The merchant's own number: 1 to 32 letters, digits, `-`, `_`.
    pub merchant_goods_id: String,
    /// WeChat Pay's number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wechatpay_goods_id: Option<String>,
    /// A name: at most 256 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub goods_name: Option<String>,
    /// The price of one, in fen.
    pub unit_price: Fen,
    /// How much goes back for all of them, in fen.
    pub refund_amount: Fen,
    /// How many.
    pub refund_quantity: u32,
}

impl Goods {
    /// So many of one kind that cost so much each, and how much goes back for all of them.
    #[must_use]
    pub fn new(
        merchant_goods_id: impl Into<String>,
        unit_price: Fen,
        refund_amount: Fen,
        refund_quantity: u32,
    ) -> Self {
        let merchant_goods_id = merchant_goods_id.into();
        Self {
            merchant_goods_id,
            wechatpay_goods_id: None,
            goods_name: None,
            unit_price,
            refund_amount,
            refund_quantity,
        }
    }
}

impl Refund {
    /// What it proves: that the money is back, if it is.
    #[must_use]
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

    /// Reads the one that was asked for.
    pub(super) fn read_of(reply: Verified<'_>, out_refund_no: &OutRefundNo) -> Result<Self, Error> {
        let refund: Self = reply.parse()?;
        if refund.out_refund_no == *out_refund_no {
            Ok(refund)
        } else {
            Err(malformed()
                .caused_by(InvalidField::new("out_refund_no", "must be of the refund that was asked for")))
        }
    }
}
