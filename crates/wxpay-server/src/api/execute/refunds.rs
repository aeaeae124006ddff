//! Refunds.

use super::{Answer, Caller, page};
use crate::{
    actions::RefundRequest,
    api::{
        cursor::List,
        operation::{CreateRefund, ListRefunds, RefundRef, RefundedGoods},
        problem::Problem,
        service::Api,
    },
    ledger::order::OrderState,
};
use serde_json::{Value, json};
use wxpay_proto::id::OutRefundNo;

impl Api {
    pub(super) async fn create_refund(
        &self,
        caller: &Caller,
        refund: CreateRefund,
    ) -> Result<Answer, Problem> {
        let CreateRefund { order, out_refund_no, amount, reason, transaction_id, goods } = refund;
        let key = self.order_key(caller, order)?;
        let detail = (!goods.is_empty()).then(|| {
            let goods: Vec<Value> = goods.iter().map(goods_json).collect();
            json!({ "goods_detail": goods }).to_string()
        });
        let requested_by = Some(caller.actor.clone());
        let number = out_refund_no.clone();
        let request =
            RefundRequest { key, out_refund_no, transaction_id, amount, reason, detail, requested_by };
        let requested = self.app().refund(request).await?;
        let status = if requested.is_new { 201 } else { 200 };
        Ok(found(&requested.state, &number)?.with_status(status))
    }

    pub(super) async fn list_refunds(&self, caller: &Caller, list: ListRefunds) -> Result<Answer, Problem> {
        let key = self.order_key(caller, list.order)?;
        let state = self.state(&key).await?;
        let after: Option<String> =
            list.page.cursor.as_ref().map(super::super::cursor::Cursor::position).transpose()?;
        let is_after = |number: &OutRefundNo| after.as_deref().is_none_or(|after| number.as_str() > after);
        let mut refunds: Vec<_> =
            state.refunds.iter().filter(|refund| is_after(&refund.out_refund_no)).collect();
        refunds.sort_by_key(|refund| refund.out_refund_no.as_str());
        let has_more = page::cut(&mut refunds, list.page.limit);
        let next = refunds.last().filter(|_| has_more).map(|refund| refund.out_refund_no.to_string());
        let data: Vec<Value> = refunds.iter().map(|refund| state.refund_json(refund)).collect();
        Ok(page::page(List::Refunds, &data, next.as_ref()))
    }

    pub(super) async fn get_refund(&self, caller: &Caller, refund: RefundRef) -> Result<Answer, Problem> {
        let key = self.order_key(caller, refund.order)?;
        found(&self.state(&key).await?, &refund.out_refund_no)
    }

    pub(super) async fn query_refund(&self, caller: &Caller, refund: RefundRef) -> Result<Answer, Problem> {
        let key = self.order_key(caller, refund.order)?;
        match self.app().query_refund(&key, &refund.out_refund_no).await? {
            (_, Some(error)) => Err(error.into()),
            (state, None) => found(&state, &refund.out_refund_no),
        }
    }
}

fn found(state: &OrderState, out_refund_no: &OutRefundNo) -> Result<Answer, Problem> {
    let refund = state.refund(out_refund_no).ok_or_else(|| Problem::not_found("refund"))?;
    Ok(Answer::ok(state.refund_json(refund)))
}

fn goods_json(goods: &RefundedGoods) -> Value {
    json!({
        "merchant_goods_id": goods.merchant_goods_id,
        "wechatpay_goods_id": goods.wechatpay_goods_id,
        "goods_name": goods.goods_name,
        "unit_price": goods.unit_price.get(),
        "refund_amount": goods.refund_amount.get(),
        "refund_quantity": goods.refund_quantity,
    })
}
