//! Creation of a refund.
//!
//! `POST /v3/refund/domestic/refunds`.

use super::{
    query::QueryRefund,
    refund::{FundsAccount, FundsSource, Refund},
};
use crate::{
    id::{NotifyUrl, OutRefundNo, OutTradeNo, TransactionId},
    v3::{field::GoodsId, prelude::*},
};

body! {
    /// Creates a refund, of a whole payment or of a part.
    #[derive(Clone)]
    pub struct CreateRefund {
        /// Sets the party. The default is the direct merchant.
        default party: Party = flattened,
        required payment: RefundOf = flattened,
        required out_refund_no: OutRefundNo,
        /// Sets the reason that the payer reads: 1 to 80 characters.
        text reason: Chars<80>,
        /// Sets the notification URL. The default is the URL that is configured on the merchant platform.
        optional notify_url: NotifyUrl,
        /// Sets the funds that pay the refund: [`Available`](FundsAccount::Available), for merchants with late
        /// settlement. The default is the funds that are not yet settled to the merchant.
        optional funds_account: FundsAccount,
        required amount: RefundAmount,
        /// Sets the refunded goods.
        list goods_detail: RefundGoods,
    }
    Debug { out_refund_no, amount }
}

impl CreateRefund {
    /// Creates a refund of this payment, under this number of the merchant.
    pub fn new(payment: impl Into<RefundOf>, out_refund_no: OutRefundNo, amount: RefundAmount) -> Self {
        Self::required(payment.into(), out_refund_no, amount)
    }

    /// Returns the merchant's number of the refund.
    pub fn out_refund_no(&self) -> &OutRefundNo {
        &self.out_refund_no
    }

    /// Returns the amount to refund, in fen.
    pub fn refund(&self) -> Fen {
        self.amount.refund
    }

    fn matches(&self, refund: &Refund) -> bool {
        match &self.payment {
            RefundOf::OutTradeNo(number) => refund.out_trade_no == *number,
            RefundOf::TransactionId(number) => refund.transaction_id == *number,
        }
    }
}

/// The payment to refund, by one of its numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "a payment has two numbers")]
pub enum RefundOf {
    /// The merchant's number of the order.
    OutTradeNo(OutTradeNo),
    /// WeChat Pay's number of the payment.
    TransactionId(TransactionId),
}

impl Members for RefundOf {
    fn write_members<M: SerializeMap>(&self, object: &mut Object<'_, M>) -> Result<(), M::Error> {
        match self {
            Self::OutTradeNo(number) => object.member("out_trade_no", number),
            Self::TransactionId(number) => object.member("transaction_id", number),
        }
    }
}

impl From<OutTradeNo> for RefundOf {
    fn from(number: OutTradeNo) -> Self {
        Self::OutTradeNo(number)
    }
}

impl From<TransactionId> for RefundOf {
    fn from(number: TransactionId) -> Self {
        Self::TransactionId(number)
    }
}

body! {
    /// The amounts of a refund, in fen.
    #[derive(Clone)]
    pub struct RefundAmount {
        required refund: Fen,
        list from: FundsSource,
        required total: Fen,
        constant currency: &str = "CNY",
    }
    Debug { refund, total }
}

impl RefundAmount {
    /// Creates the amounts: the amount to refund, and the price of the whole order.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if an amount is out of range, or `refund` exceeds `total`.
    pub fn new(refund: Fen, total: Fen) -> Result<Self, InvalidField> {
        let amount = Self::required(field::amount(refund, "refund")?, field::amount(total, "total")?);
        if refund > total { Err(InvalidField::new("refund", "must not exceed total")) } else { Ok(amount) }
    }

    /// Creates the amounts of a refund of the whole order, by its price.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the price is out of range.
    pub fn full(total: Fen) -> Result<Self, InvalidField> {
        Self::new(total, total)
    }

    /// Splits the refund over several sources of funds.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the amounts do not add up to the refund.
    pub fn from(self, from: Vec<FundsSource>) -> Result<Self, InvalidField> {
        let sum = from.iter().try_fold(Fen::ZERO, |sum, source| sum.checked_add(source.amount));
        if sum == Some(self.refund) {
            Ok(Self { from, ..self })
        } else {
            Err(InvalidField::new("from", "must add up to refund"))
        }
    }
}

body! {
    /// Goods of one kind to refund.
    #[derive(Clone)]
    pub struct RefundGoods {
        required merchant_goods_id: GoodsId,
        /// Sets WeChat Pay's number of the goods: 1 to 32 characters.
        text wechatpay_goods_id: Chars<32>,
        /// Sets the name of the goods: 1 to 256 characters.
        text goods_name: Chars<256>,
        required unit_price: Fen,
        required refund_amount: Fen,
        required refund_quantity: u32,
    }
    Debug { merchant_goods_id, unit_price, refund_amount, refund_quantity }
}

impl RefundGoods {
    /// Creates goods to refund: the merchant's number (1 to 32 letters, digits, `-`, `_`), the price of one piece, the
    /// refunded amount for all pieces (both in fen), and the number of pieces, at least 1.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the merchant's number is invalid, or there are no pieces.
    pub fn new(
        merchant_goods_id: impl AsRef<str>,
        unit_price: Fen,
        refund_amount: Fen,
        refund_quantity: u32,
    ) -> Result<Self, InvalidField> {
        if refund_quantity == 0 {
            return Err(InvalidField::new("refund_quantity", "must be at least 1"));
        }
        let merchant_goods_id = GoodsId::new("merchant_goods_id", merchant_goods_id)?;
        Ok(Self::required(merchant_goods_id, unit_price, refund_amount, refund_quantity))
    }
}

impl Endpoint for CreateRefund {
    type Output = Refund;

    fn draft(&self, writer: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        writer.post("v3.refund.create", "/v3/refund/domestic/refunds", self)
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Refund, Error> {
        let refund = Refund::read_of(reply, &self.out_refund_no)?;
        require(self.matches(&refund), "out_trade_no", "must be that of the refunded payment")?;
        Ok(refund)
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        QueryRefund::new(self.out_refund_no.clone()).party(self.party.clone()).pending()
    }
}

#[cfg(test)]
mod tests;
