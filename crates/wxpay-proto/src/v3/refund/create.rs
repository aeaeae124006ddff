//! Creation of a refund.
//!
//! `POST /v3/refund/domestic/refunds`.

use super::refund::{FundsAccount, FundsSource, Goods, Refund};
use crate::{
    error::{Error, PendingOperation},
    id::{InvalidField, MchId, NotifyUrl, OutRefundNo, OutTradeNo, TransactionId},
    money::Fen,
    prelude::*,
    v3::{
        endpoint::{Draft, Endpoint},
        field,
        merchant::Merchant,
        party::Party,
        seal::RequestWriter,
        verify::{Verified, malformed},
    },
    world::World,
};
use core::fmt;

/// Creates a refund, of a whole payment or of a part. [`builder`](Self::builder) takes the required fields.
///
/// `Debug` shows the number and the amount only: texts may contain names of people.
#[derive(Clone)]
pub struct CreateRefund {
    payment: RefundOf,
    party: Party,
    out_refund_no: OutRefundNo,
    refund: Fen,
    total: Fen,
    reason: Option<String>,
    notify_url: Option<NotifyUrl>,
    funds_account: Option<FundsAccount>,
    from: Vec<FundsSource>,
    goods_detail: Vec<Goods>,
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

/// The builder of a refund; see [`CreateRefund::builder`].
#[derive(Debug)]
#[must_use]
pub struct RefundBuilder(CreateRefund);

impl CreateRefund {
    /// Returns a builder with the required fields: the payment, the merchant's number of the refund, the amount to
    /// refund, and the price of the whole order, both in fen.
    pub fn builder(
        payment: impl Into<RefundOf>,
        out_refund_no: OutRefundNo,
        refund: Fen,
        total: Fen,
    ) -> RefundBuilder {
        RefundBuilder(Self {
            payment: payment.into(),
            party: Party::Direct,
            out_refund_no,
            refund,
            total,
            reason: None,
            notify_url: None,
            funds_account: None,
            from: Vec::new(),
            goods_detail: Vec::new(),
        })
    }

    /// Returns the merchant's number of the refund.
    pub fn out_refund_no(&self) -> &OutRefundNo {
        &self.out_refund_no
    }

    /// Returns the amount to refund, in fen.
    pub fn refund(&self) -> Fen {
        self.refund
    }

    fn matches(&self, refund: &Refund) -> bool {
        match &self.payment {
            RefundOf::OutTradeNo(number) => refund.out_trade_no == *number,
            RefundOf::TransactionId(number) => refund.transaction_id == *number,
        }
    }
}

impl fmt::Debug for CreateRefund {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CreateRefund")
            .field("out_refund_no", &self.out_refund_no)
            .field("refund", &self.refund)
            .finish_non_exhaustive()
    }
}

impl RefundBuilder {
    /// Sets the party. The default is the direct merchant.
    pub fn party(mut self, party: Party) -> Self {
        self.0.party = party;
        self
    }

    /// Sets the reason that the payer reads: 1 to 80 characters.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.0.reason = Some(reason.into());
        self
    }

    /// Sets the notification URL. The default is the URL that is configured on the merchant platform.
    pub fn notify_url(mut self, notify_url: NotifyUrl) -> Self {
        self.0.notify_url = Some(notify_url);
        self
    }

    /// Sets the funds that pay the refund: [`Available`](FundsAccount::Available), for merchants with late settlement.
    /// The default is the funds that are not yet settled to the merchant.
    pub fn funds_account(mut self, funds_account: FundsAccount) -> Self {
        self.0.funds_account = Some(funds_account);
        self
    }

    /// Splits the refund over several sources of funds. The amounts must add up to the refund.
    pub fn from(mut self, from: Vec<FundsSource>) -> Self {
        self.0.from = from;
        self
    }

    /// Sets the refunded goods.
    pub fn goods_detail(mut self, goods_detail: Vec<Goods>) -> Self {
        self.0.goods_detail = goods_detail;
        self
    }

    /// Builds the request.
    ///
    /// # Errors
    ///
    /// When a field is invalid; the error names it.
    pub fn build(self) -> Result<CreateRefund, InvalidField> {
        let Self(create) = self;
        field::amount(create.refund, "refund")?;
        field::amount(create.total, "total")?;
        if create.refund > create.total {
            return Err(InvalidField::new("refund", "must not exceed total"));
        }
        let rule = InvalidField::new("reason", "must be 1 to 80 characters, none beyond U+FFFF");
        field::text_opt(create.reason.as_deref(), 80, rule)?;
        let mut amounts = create.from.iter().map(|source| source.amount);
        if !create.from.is_empty() && amounts.try_fold(Fen::ZERO, Fen::checked_add) != Some(create.refund) {
            return Err(InvalidField::new("from", "must add up to refund"));
        }
        for goods in &create.goods_detail {
            goods.check()?;
        }
        Ok(create)
    }
}

impl Goods {
    fn check(&self) -> Result<(), InvalidField> {
        field::goods_id(&self.merchant_goods_id)?;
        let rule = InvalidField::new("wechatpay_goods_id", "must be 1 to 32 characters");
        field::text_opt(self.wechatpay_goods_id.as_deref(), 32, rule)?;
        let rule = InvalidField::new("goods_name", "must be 1 to 256 characters");
        field::text_opt(self.goods_name.as_deref(), 256, rule)?;
        if self.refund_quantity == 0 {
            return Err(InvalidField::new("refund_quantity", "must be at least 1"));
        }
        Ok(())
    }
}

#[derive(serde::Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_mchid: Option<&'a MchId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a TransactionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    out_trade_no: Option<&'a OutTradeNo>,
    out_refund_no: &'a OutRefundNo,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_url: Option<&'a NotifyUrl>,
    #[serde(skip_serializing_if = "Option::is_none")]
    funds_account: Option<&'a FundsAccount>,
    amount: Amount<'a>,
    #[serde(skip_serializing_if = "<[Goods]>::is_empty")]
    goods_detail: &'a [Goods],
}

#[derive(serde::Serialize)]
struct Amount<'a> {
    refund: Fen,
    #[serde(skip_serializing_if = "<[FundsSource]>::is_empty")]
    from: &'a [FundsSource],
    total: Fen,
    currency: &'static str,
}

impl Endpoint for CreateRefund {
    type Output = Refund;

    fn draft(&self, _: &mut RequestWriter<'_, '_>) -> Result<Draft, Error> {
        let (transaction_id, out_trade_no) = match &self.payment {
            RefundOf::TransactionId(number) => (Some(number), None),
            RefundOf::OutTradeNo(number) => (None, Some(number)),
        };
        let body = Body {
            sub_mchid: self.party.sub_mchid(),
            transaction_id,
            out_trade_no,
            out_refund_no: &self.out_refund_no,
            reason: self.reason.as_deref(),
            notify_url: self.notify_url.as_ref(),
            funds_account: self.funds_account.as_ref(),
            amount: Amount { refund: self.refund, from: &self.from, total: self.total, currency: "CNY" },
            goods_detail: &self.goods_detail,
        };
        Ok(Draft::post("v3.refund.create", "/v3/refund/domestic/refunds", &body))
    }

    fn read(&self, reply: Verified<'_>, _: &Merchant, _: &mut World<'_>) -> Result<Refund, Error> {
        let refund = Refund::read_of(reply, &self.out_refund_no)?;
        if self.matches(&refund) {
            Ok(refund)
        } else {
            Err(malformed()
                .caused_by(InvalidField::new("out_trade_no", "must be that of the refunded payment")))
        }
    }

    fn pending_operation(&self) -> Option<PendingOperation> {
        let sub_mchid = self.party.sub_mchid().cloned();
        Some(PendingOperation::Refund { out_refund_no: self.out_refund_no.clone(), sub_mchid })
    }
}

#[cfg(test)]
mod tests;
