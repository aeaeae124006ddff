//! The gateway's records of orders, payments, refunds, profit sharing and transfers, to compare a merchant's books with
//! in tests. [`TransactionRecord`] is the public view of an order; [`v1`] holds the orders of APIv1.

mod combined;
mod journal;
mod order;
mod refund;
mod sharing;
mod transfer;
pub mod v1;

pub use combined::CombinedRecord;
pub(crate) use combined::{CombinedOrder, CombinedOrders, CombinedPayment};
pub(crate) use journal::{EntryKind, Journal, JournalEntry, SharingEntry, platform_fee};
pub(crate) use order::{Order, OrderKey, RecordedState, SubMerchant};
pub use order::{Payment, TradeState, TradeType, TransactionRecord};
pub(crate) use refund::Refund;
pub use refund::{RefundRecord, RefundStatus};
pub use sharing::{
    ReceiverRecord, ReturnFailure, ReturnRecord, ReturnResult, SharingDetailFailure, SharingDetailRecord,
    SharingDetailResult, SharingRecord,
};
pub(crate) use sharing::{Return, Sharing, SharingDetail, Sharings};
pub(crate) use transfer::{Authorization, Receipt, Scope, Transfer, Transfers};
pub use transfer::{
    AuthorizationRecord, AuthorizationState, CloseReason, ReceiptRecord, ReceiptState, TransferMethod,
    TransferRecord, TransferState,
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
    merchants_by_number: BTreeMap<OutTradeNo, BTreeSet<MchId>>,
    handles: BTreeMap<String, OrderKey>,
    transactions: BTreeMap<TransactionId, OrderKey>,
    refunds: BTreeMap<(MchId, OutRefundNo), OrderKey>,
    refund_ids: BTreeMap<RefundId, OrderKey>,
    pub(crate) combined: CombinedOrders,
    pub(crate) sharings: Sharings,
    pub(crate) journal: Journal,
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
    pub(crate) fn order_by_number(&self, number: &OutTradeNo) -> Option<&Order> {
        let mchid = self.merchants_by_number.get(number)?.first()?;
        self.orders.get(&(mchid.clone(), number.clone()))
    }

    /// Returns the order with this `prepay_id`, `code_url` or `h5_url`.
    pub(crate) fn order_by_handle(&self, handle: &str) -> Option<&Order> {
        self.handles.get(handle).and_then(|key| self.orders.get(key))
    }

    /// Returns the order with WeChat Pay's number of its payment, if this merchant placed it.
    pub(crate) fn order_by_transaction(&self, mchid: &MchId, id: &str) -> Option<&Order> {
        let key = self.transactions.get(&id.parse().ok()?).filter(|(owner, _)| owner == mchid)?;
        self.orders.get(key)
    }

    pub(crate) fn order_by_refund(&self, mchid: &MchId, number: &OutRefundNo) -> Option<&Order> {
        self.refunds.get(&(mchid.clone(), number.clone())).and_then(|key| self.orders.get(key))
    }

    /// Returns the order with WeChat Pay's number of one of its refunds, if this merchant placed it.
    pub(crate) fn order_by_refund_id(&self, mchid: &MchId, id: &str) -> Option<&Order> {
        let key = self.refund_ids.get(&id.parse().ok()?).filter(|(owner, _)| owner == mchid)?;
        self.orders.get(key)
    }

    /// Adds an order. Replaces one with the same merchant and number.
    pub(crate) fn place(&mut self, order: Order) {
        let key = order.key();
        self.merchants_by_number.entry(key.1.clone()).or_default().insert(key.0.clone());
        if let Some(handle) = &order.handle {
            self.handles.insert(handle.clone(), key.clone());
        }
        self.orders.insert(key, order);
    }

    /// Replaces an order's `prepay_id`, `code_url` or `h5_url`. The order is still found by the old one.
    pub(crate) fn replace_handle(&mut self, key: &OrderKey, handle: String, expires_at: UnixTime) {
        self.handles.insert(handle.clone(), key.clone());
        if let Some(order) = self.orders.get_mut(key) {
            (order.handle, order.handle_expires_at) = (Some(handle), expires_at);
        }
    }

    pub(crate) fn add_payment(&mut self, key: &OrderKey, payment: Payment) {
        if let Some(order) = self.orders.get_mut(key) {
            self.transactions.insert(payment.transaction_id.clone(), key.clone());
            self.journal.add(JournalEntry {
                at: UnixTime::from_secs(payment.success_at),
                key: key.clone(),
                sub_mchid: order.sub_mchid().cloned(),
                kind: EntryKind::Payment(payment.transaction_id.clone()),
                amount: order.total,
                fee: platform_fee(order.total.get()),
                balance: 0,
            });
            order.recorded_state = order.recorded_state.filter(|state| *state != RecordedState::UserPaying);
            order.payments.push(payment);
        }
    }

    pub(crate) fn add_refund(&mut self, key: &OrderKey, refund: Refund) {
        if let Some(order) = self.orders.get_mut(key) {
            let record = &refund.record;
            // The returned fee is a difference of totals, so that partial refunds add up to the exact fee.
            let (before, _) = order.refund_totals();
            let after = platform_fee(before.saturating_add(record.refund.get()));
            self.journal.add(JournalEntry {
                at: UnixTime::from_secs(record.created_at),
                key: key.clone(),
                sub_mchid: order.sub_mchid().cloned(),
                kind: EntryKind::Refund(record.out_refund_no.clone()),
                amount: record.refund,
                fee: after.checked_sub(platform_fee(before)).unwrap_or_default(),
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
        if order.recorded_state == Some(RecordedState::Revoked) {
            return;
        }
        order.recorded_state = Some(RecordedState::Revoked);
        let Some(payment) = order.payments.first() else { return };
        self.journal.add(JournalEntry {
            at: now,
            key: key.clone(),
            sub_mchid: order.sub_mchid().cloned(),
            kind: EntryKind::Reversal(payment.transaction_id.clone()),
            amount: order.total,
            fee: platform_fee(order.total.get()),
            balance: 0,
        });
    }
}
