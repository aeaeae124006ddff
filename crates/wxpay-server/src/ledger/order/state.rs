//! The state of one order: its root, its payments and its refunds.

use super::query::CallBegun;
use crate::ledger::{
    Changes, Corrupt, Load, OrderKey, Rows,
    rows::{order::OrderRow, payment::PaymentRow, refund::RefundRow},
};
use serde_json::{Value, json};
use wxpay_proto::{Fen, UnixTime, id::OutRefundNo, wire::time::format_rfc3339};

/// Everything that the ledger shows of one order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OrderState {
    /// The root.
    pub(crate) order: OrderRow,
    /// The payments, by transaction.
    pub(crate) payments: Vec<PaymentRow>,
    /// The refunds, by number.
    pub(crate) refunds: Vec<RefundRow>,
}

impl OrderState {
    /// Returns the reads of a state.
    pub(crate) fn loads(key: &OrderKey) -> Vec<Load> {
        vec![OrderRow::of(key).load(), PaymentRow::of(key).load(), RefundRow::of(key).load()]
    }

    /// Returns the loaded state. `None` if nothing is known of the number.
    ///
    /// # Errors
    ///
    /// If a row is corrupt.
    pub(crate) fn read(rows: &Rows) -> Result<Option<Self>, Corrupt> {
        let Some(order) = rows.one()? else { return Ok(None) };
        Ok(Some(Self { order, payments: rows.all()?, refunds: rows.all()? }))
    }

    /// Returns the loaded state, or that of a number of which nothing was known.
    ///
    /// # Errors
    ///
    /// If a row is corrupt.
    pub(crate) fn read_or_unplaced(rows: &Rows, key: &OrderKey, now: UnixTime) -> Result<Self, Corrupt> {
        let order = rows.one()?.unwrap_or_else(|| OrderRow::unplaced(key, now));
        Ok(Self { order, payments: rows.all()?, refunds: rows.all()? })
    }

    /// Returns the version of the root that was read. `None` if it was absent.
    pub(crate) fn seen(&self) -> Option<u64> {
        (self.order.version > 0).then_some(self.order.version)
    }

    /// Writes the root under the version that was read. Call it last: events that are emitted afterwards are not
    /// counted.
    pub(crate) fn commit(mut self, changes: &mut Changes, now: UnixTime) -> Self {
        let seen = self.seen();
        self.order.version = self.order.version.saturating_add(1);
        self.order.updated_at = now;
        changes.root(&self.order, seen);
        self
    }

    /// Returns the point at which a query or a close call begins, for the operation that records its answer.
    pub(crate) fn begin_call(&self) -> CallBegun {
        CallBegun { version: self.order.version, status: self.order.status }
    }

    /// Returns a refund by its number.
    pub(crate) fn refund(&self, out_refund_no: &OutRefundNo) -> Option<&RefundRow> {
        self.refunds.iter().find(|refund| refund.out_refund_no == *out_refund_no)
    }

    /// Returns the order as the shop sees it, in the API and in events.
    pub(crate) fn to_json(&self) -> Value {
        let order = &self.order;
        let payments: Vec<Value> = self.payments.iter().map(payment_json).collect();
        let metadata = order.metadata.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok());
        let sum = |amounts: fn(&PaymentRow) -> Fen| {
            self.payments.iter().map(|payment| amounts(payment).get()).fold(0_u64, u64::saturating_add)
        };
        json!({
            "object": "order",
            "merchant": order.merchant.as_str(),
            "out_trade_no": order.out_trade_no.as_str(),
            "channel": order.channel,
            "api_version": order.api_version,
            "status": order.status,
            "amount": {
                "total": order.total.map(Fen::get),
                "currency": order.currency.as_deref().unwrap_or("CNY"),
            },
            "payments": payments,
            "refunds": { "reserved": sum(|payment| payment.refund_reserved), "succeeded": sum(|payment| payment.refunded) },
            "attach": self.term("attach"),
            "payer": order.payer,
            "metadata": metadata.unwrap_or_else(|| json!({})),
            "time_expire": order.expires_at.map(format_rfc3339),
            "created_at": format_rfc3339(order.created_at),
            "updated_at": format_rfc3339(order.updated_at),
            "seq": order.seq,
        })
    }

    /// Returns a refund as the shop sees it.
    pub(crate) fn refund_json(&self, refund: &RefundRow) -> Value {
        json!({
            "object": "refund",
            "merchant": refund.merchant.as_str(),
            "out_trade_no": refund.out_trade_no.as_str(),
            "out_refund_no": refund.out_refund_no.as_str(),
            "transaction_id": refund.transaction_id.as_str(),
            "refund_id": refund.refund_id,
            "amount": {
                "refund": refund.amount.get(),
                "currency": self.order.currency.as_deref().unwrap_or("CNY"),
            },
            "reason": refund.reason,
            "source": refund.source,
            "status": refund.status,
            "success_time": refund.success_at.map(format_rfc3339),
            "created_at": format_rfc3339(refund.created_at),
            "updated_at": format_rfc3339(refund.updated_at),
            "seq": self.order.seq,
        })
    }

    fn term(&self, name: &str) -> Option<Value> {
        let terms: Value = serde_json::from_str(self.order.terms.as_deref()?).ok()?;
        terms.get(name).filter(|value| !value.is_null()).cloned()
    }
}

fn payment_json(payment: &PaymentRow) -> Value {
    json!({
        "transaction_id": payment.transaction_id.as_str(),
        "total": payment.total.get(),
        "payer_total": payment.payer_total.map(Fen::get),
        "success_time": format_rfc3339(payment.success_at),
    })
}
