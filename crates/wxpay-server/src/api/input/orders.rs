//! The input of operations on orders and refunds.

use super::{Input, Values};
use crate::api::{
    cursor::List,
    operation::{
        CreateOrder, CreateRefund, ListOrders, ListRefunds, OrderRef, RefundRef, RefundedGoods,
        ReportDelivery,
    },
    problem::Problem,
};
use serde_json::Map;

impl Input {
    pub(crate) fn order(&mut self) -> Result<OrderRef, Problem> {
        Ok(OrderRef {
            merchant: self.query.text("merchant"),
            out_trade_no: self.path.required_id("out_trade_no")?,
        })
    }

    pub(crate) fn refund(&mut self) -> Result<RefundRef, Problem> {
        Ok(RefundRef { order: self.order()?, out_refund_no: self.path.required_id("out_refund_no")? })
    }

    pub(crate) fn create_order(&mut self) -> Result<CreateOrder, Problem> {
        let metadata =
            self.body.object("metadata").map_or_else(Map::new, |mut metadata| metadata.take_rest());
        let auth_code = self.body.id("auth_code")?;
        let number = self.body.peek_text("out_trade_no").map(str::parse).transpose()?;
        let out_trade_no = number.ok_or_else(|| Problem::invalid_field("out_trade_no", "is required"))?;
        Ok(CreateOrder {
            merchant: self.body.peek_text("merchant").map(String::from),
            out_trade_no,
            metadata,
            auth_code,
            terms: self.body.take_rest(),
        })
    }

    pub(crate) fn list_orders(&mut self) -> Result<ListOrders, Problem> {
        Ok(ListOrders {
            merchant: self.query.text("merchant"),
            status: self.query.text("status"),
            created_from: self.query.time("created_from"),
            created_until: self.query.time("created_until"),
            payer: self.query.id("payer")?,
            transaction_id: self.query.id("transaction_id")?,
            page: self.page(List::Orders)?,
        })
    }

    pub(crate) fn report_delivery(&mut self) -> Result<ReportDelivery, Problem> {
        let is_delivered = self.body.required_text("status")? == "ok";
        let message = self.body.text("message");
        if !is_delivered && message.is_none() {
            return Err(Problem::invalid_field("message", "is required if the status is failed"));
        }
        Ok(ReportDelivery { order: self.order()?, is_delivered, message, openid: self.body.id("openid")? })
    }

    pub(crate) fn create_refund(&mut self) -> Result<CreateRefund, Problem> {
        let mut amount = self.body.required_object("amount")?;
        let goods =
            self.body.object("detail").map_or_else(Vec::new, |mut detail| detail.objects("goods_detail"));
        Ok(CreateRefund {
            order: self.order()?,
            out_refund_no: self.body.required_id("out_refund_no")?,
            amount: amount.required_fen("refund")?,
            reason: self.body.text("reason"),
            transaction_id: self.body.id("transaction_id")?,
            goods: goods.into_iter().map(refunded_goods).collect::<Result<_, _>>()?,
        })
    }

    pub(crate) fn list_refunds(&mut self) -> Result<ListRefunds, Problem> {
        Ok(ListRefunds { order: self.order()?, page: self.page(List::Refunds)? })
    }
}

fn refunded_goods(mut goods: Values) -> Result<RefundedGoods, Problem> {
    let quantity = goods.required_fen("refund_quantity")?.get();
    Ok(RefundedGoods {
        merchant_goods_id: goods.required_text("merchant_goods_id")?,
        wechatpay_goods_id: goods.text("wechatpay_goods_id"),
        goods_name: goods.text("goods_name"),
        unit_price: goods.required_fen("unit_price")?,
        refund_amount: goods.required_fen("refund_amount")?,
        refund_quantity: u32::try_from(quantity).unwrap_or(u32::MAX),
    })
}
