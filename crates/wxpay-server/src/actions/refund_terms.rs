//! The terms of a refund, and the core's request.

use super::{ActionError, query::party};
use crate::{
    app::{App, NotifyKind},
    invalid::Invalid,
    ledger::{order::OrderState, rows::payment::PaymentRow, rows::refund::RefundRow},
};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use wxpay_proto::{
    Fen,
    id::{OutRefundNo, TransactionId},
    v3::refund::{CreateRefund, RefundAmount, RefundGoods},
};

/// The most kinds of goods of one refund.
const MAX_GOODS: usize = 6000;

/// The goods and the rest of a refund's request (`detail`).
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Detail {
    #[serde(default)]
    goods_detail: Vec<Goods>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(clippy::struct_field_names, reason = "the names of the protocol")]
struct Goods {
    merchant_goods_id: String,
    wechatpay_goods_id: Option<String>,
    goods_name: Option<String>,
    unit_price: u64,
    refund_amount: u64,
    refund_quantity: u32,
}

/// The terms of a refund.
#[derive(Clone, Copy, Debug)]
pub(super) struct RefundTerms<'a> {
    pub(super) out_refund_no: &'a OutRefundNo,
    pub(super) transaction_id: Option<&'a TransactionId>,
    pub(super) amount: Fen,
    pub(super) reason: Option<&'a str>,
    pub(super) detail: Option<&'a str>,
}

impl<'a> RefundTerms<'a> {
    /// Returns the terms of a stored refund.
    pub(super) fn stored(refund: &'a RefundRow) -> Self {
        Self {
            out_refund_no: &refund.out_refund_no,
            transaction_id: Some(&refund.transaction_id),
            amount: refund.amount,
            reason: refund.reason.as_deref(),
            detail: refund.detail.as_deref(),
        }
    }

    /// Returns the digest. Refunds with the same digest are the same refund.
    pub(super) fn digest(&self) -> String {
        let detail = self.detail.and_then(|text| serde_json::from_str::<Value>(text).ok());
        let terms = json!({
            "amount": self.amount.get(),
            "detail": detail,
            "reason": self.reason,
            "transaction_id": self.transaction_id.map(TransactionId::as_str),
        });
        hex::encode(Sha256::digest(terms.to_string()))
    }

    /// Returns the first field in which these terms differ from a stored refund.
    pub(super) fn difference(&self, known: &RefundRow) -> &'static str {
        let known = RefundTerms::stored(known);
        if self.amount != known.amount {
            "amount"
        } else if self.transaction_id.is_some_and(|given| Some(given) != known.transaction_id) {
            "transaction_id"
        } else if self.reason != known.reason {
            "reason"
        } else {
            "detail"
        }
    }

    /// Creates the core's request.
    ///
    /// # Errors
    ///
    /// If a field violates its rule.
    pub(super) fn request(
        &self,
        app: &App,
        state: &OrderState,
        payment: &PaymentRow,
    ) -> Result<CreateRefund, ActionError> {
        let amount = RefundAmount::new(self.amount, payment.total)
            .map_err(|error| Invalid::from(error).at("amount"))?;
        let notify_url = app.notify_url(&state.order.merchant, NotifyKind::Refund)?;
        let mut request =
            CreateRefund::new(payment.transaction_id.clone(), self.out_refund_no.clone(), amount)
                .party(party(state))
                .notify_url(notify_url);
        if let Some(reason) = self.reason {
            request = request.reason(reason)?;
        }
        let goods = goods(self.detail)?;
        Ok(if goods.is_empty() { request } else { request.goods_detail(goods) })
    }
}

fn goods(detail: Option<&str>) -> Result<Vec<RefundGoods>, ActionError> {
    let Some(detail) = detail else { return Ok(Vec::new()) };
    let invalid = || {
        let rule = "must be an object with goods_detail, a list of goods with merchant_goods_id, unit_price, refund_amount and refund_quantity";
        Invalid::new("detail", rule)
    };
    let Detail { goods_detail } = serde_json::from_str(detail).map_err(|_| invalid())?;
    if goods_detail.len() > MAX_GOODS {
        return Err(invalid().into());
    }
    goods_detail.iter().map(goods_of).collect()
}

fn goods_of(terms: &Goods) -> Result<RefundGoods, ActionError> {
    let at = |error: wxpay_proto::id::InvalidField| Invalid::from(error).at("detail.goods_detail");
    let (price, amount) = (Fen::new(terms.unit_price), Fen::new(terms.refund_amount));
    let mut goods =
        RefundGoods::new(&terms.merchant_goods_id, price, amount, terms.refund_quantity).map_err(at)?;
    if let Some(id) = &terms.wechatpay_goods_id {
        goods = goods.wechatpay_goods_id(id).map_err(at)?;
    }
    if let Some(name) = &terms.goods_name {
        goods = goods.goods_name(name).map_err(at)?;
    }
    Ok(goods)
}
