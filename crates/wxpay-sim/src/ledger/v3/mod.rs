//! The APIv3 ledger: orders, payments, refunds, profit sharing and transfers. [`TransactionRecord`] is the public view
//! of an order.

mod combined;
mod day;
mod order;
mod refund;
mod sharing;
mod transfer;

pub use combined::CombinedRecord;
pub(crate) use combined::{Combined, PaidWhole, Wholes};
pub(crate) use day::{Days, Line, Share, What, fee};
pub(crate) use order::{Ended, Order, OrderKey, Sub};
pub use order::{Payment, TradeState, TradeType, TransactionRecord};
pub(crate) use refund::Refund;
pub use refund::{RefundRecord, RefundStatus};
pub(crate) use sharing::{Part, Return, Sharing, Sharings};
pub use sharing::{
    PartFailure, PartRecord, PartResult, ReceiverRecord, ReturnFailure, ReturnRecord, ReturnResult,
    SharingRecord,
};
pub(crate) use transfer::{Authorization, Receipt, Scope, Transfer, Transfers};
pub use transfer::{
    AuthorizationRecord, AuthorizationState, CloseReason, ReceiptRecord, ReceiptState, TransferRecord,
    TransferState, TransferWay,
};

use std::collections::{BTreeMap, BTreeSet};
use wxpay_proto::{
    UnixTime,
    id::{MchId, OutRefundNo, OutTradeNo, RefundId, TransactionId},
};

/// All orders of APIv3, with indexes by each number that identifies them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    orders: BTreeMap<OrderKey, Order>,
    /// The merchants that have an order with this number.
    numbers: BTreeMap<OutTradeNo, BTreeSet<MchId>>,
    handles: BTreeMap<String, OrderKey>,
    transactions: BTreeMap<TransactionId, OrderKey>,
    refunds: BTreeMap<(MchId, OutRefundNo), OrderKey>,
    refund_ids: BTreeMap<RefundId, OrderKey>,
    pub(crate) combined: Wholes,
    pub(crate) sharings: Sharings,
    pub(crate) days: Days,
    pub(crate) transfers: Transfers,
}

impl Ledger {
    pub(crate) fn orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.values()
    }

    pub(crate) fn order(&self, key: &OrderKey) -> Option<&Order> {
        self.orders.get(key)
    }

    pub(crate) fn order_mut(&mut self, key: &OrderKey) -> Option<&mut Order> {
        self.orders.get_mut(key)
    }

    /// Returns the order with this number; if several merchants have one, that of the first merchant.
    pub(crate) fn by_number(&self, number: &OutTradeNo) -> Option<&Order> {
        let mchid = self.numbers.get(number)?.first()?;
        self.orders.get(&(mchid.clone(), number.clone()))
    }

    /// Returns the order with this `prepay_id`, `code_url` or `h5_url`.
    pub(crate) fn by_handle(&self, handle: &str) -> Option<&Order> {
        self.handles.get(handle).and_then(|key| self.orders.get(key))
    }

    /// Returns the order with WeChat Pay's number of its payment, if this merchant placed it.
    pub(crate) fn by_transaction(&self, mchid: &MchId, id: &str) -> Option<&Order> {
        let key = self.transactions.get(&id.parse().ok()?).filter(|(owner, _)| owner == mchid)?;
        self.orders.get(key)
    }

    pub(crate) fn by_refund(&self, mchid: &MchId, number: &OutRefundNo) -> Option<&Order> {
        self.refunds.get(&(mchid.clone(), number.clone())).and_then(|key| self.orders.get(key))
    }

    /// Returns the order with WeChat Pay's number of one of its refunds, if this merchant placed it.
    pub(crate) fn by_refund_id(&self, mchid: &MchId, id: &str) -> Option<&Order> {
        let key = self.refund_ids.get(&id.parse().ok()?).filter(|(owner, _)| owner == mchid)?;
        self.orders.get(key)
    }

    /// Adds an order. Replaces one with the same merchant and number.
    pub(crate) fn place(&mut self, order: Order) {
        let key = order.key();
        self.numbers.entry(key.1.clone()).or_default().insert(key.0.clone());
        if let Some(handle) = &order.handle {
            self.handles.insert(handle.clone(), key.clone());
        }
        self.orders.insert(key, order);
    }

    /// Replaces an order's `prepay_id`, `code_url` or `h5_url`. The old one still leads to the order.
    pub(crate) fn rename(&mut self, key: &OrderKey, handle: String, expires: UnixTime) {
        self.handles.insert(handle.clone(), key.clone());
        if let Some(order) = self.orders.get_mut(key) {
            (order.handle, order.expires) = (Some(handle), expires);
        }
    }

    pub(crate) fn pay(&mut self, key: &OrderKey, payment: Payment) {
        if let Some(order) = self.orders.get_mut(key) {
            self.transactions.insert(payment.transaction_id.clone(), key.clone());
            self.days.add(Line {
                at: UnixTime::from_secs(payment.success_at),
                key: key.clone(),
                sub_mchid: order.sub_mchid().cloned(),
                what: What::Paid(payment.transaction_id.clone()),
                amount: order.total,
                fee: fee(order.total.get()),
                balance: 0,
            });
            order.ended = order.ended.filter(|ended| *ended != Ended::UserPaying);
            order.payments.push(payment);
        }
    }

    pub(crate) fn refund(&mut self, key: &OrderKey, refund: Refund) {
        if let Some(order) = self.orders.get_mut(key) {
            let record = &refund.record;
            let (before, _) = order.given_back();
            let after = fee(before.saturating_add(record.refund.get()));
            self.days.add(Line {
                at: UnixTime::from_secs(record.created_at),
                key: key.clone(),
                sub_mchid: order.sub_mchid().cloned(),
                what: What::Refunded(record.out_refund_no.clone()),
                amount: record.refund,
                fee: after.checked_sub(fee(before)).unwrap_or_default(),
                balance: 0,
            });
            self.refunds.insert((key.0.clone(), record.out_refund_no.clone()), key.clone());
            self.refund_ids.insert(record.refund_id.clone(), key.clone());
            order.refunds.push(refund);
        }
    }

    /// Reverses a code payment. Does nothing if it was reversed before.
    pub(crate) fn reverse(&mut self, key: &OrderKey, now: UnixTime) {
        let Some(order) = self.orders.get_mut(key) else { return };
        if order.ended == Some(Ended::Revoked) {
            return;
        }
        order.ended = Some(Ended::Revoked);
        let Some(payment) = order.payments.first() else { return };
        self.days.add(Line {
            at: now,
            key: key.clone(),
            sub_mchid: order.sub_mchid().cloned(),
            what: What::Reversed(payment.transaction_id.clone()),
            amount: order.total,
            fee: fee(order.total.get()),
            balance: 0,
        });
    }
}
