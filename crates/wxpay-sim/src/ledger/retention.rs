//! Retention: how many orders the ledger keeps, and which it forgets first.

use super::{Ledger, OrderId, OrderKey};
use std::collections::BTreeSet;
use wxpay_proto::UnixTime;

/// The orders by the time at which they may be forgotten.
#[derive(Clone, Debug, Default)]
pub(super) struct Retention {
    /// The open orders, by the time at which they are closed.
    open: BTreeSet<(UnixTime, OrderId)>,
    /// The orders that are paid, closed, reversed or failed.
    finished: BTreeSet<OrderId>,
}

impl Retention {
    pub(super) fn opened(&mut self, id: OrderId, closes_at: UnixTime) {
        self.open.insert((closes_at, id));
    }

    pub(super) fn prolonged(&mut self, id: OrderId, before: UnixTime, closes_at: UnixTime) {
        if self.open.remove(&(before, id)) {
            self.open.insert((closes_at, id));
        }
    }

    pub(super) fn finished(&mut self, id: OrderId, closes_at: UnixTime) {
        if self.open.remove(&(closes_at, id)) {
            self.finished.insert(id);
        }
    }

    fn forget(&mut self, id: OrderId, closes_at: UnixTime) {
        self.open.remove(&(closes_at, id));
        self.finished.remove(&id);
    }

    /// Returns the oldest order that is no longer open.
    fn oldest_closed(&self, now: UnixTime) -> Option<OrderId> {
        let expired = self.open.first().filter(|(closes_at, _)| *closes_at <= now).map(|(_, id)| *id);
        self.finished.first().copied().into_iter().chain(expired).min()
    }
}

impl Ledger {
    /// Forgets orders until at most `max_orders` are left: the oldest closed one first, and the oldest open one if none
    /// is closed. Returns the forgotten orders and combined orders.
    pub(crate) fn forget_beyond(&mut self, max_orders: usize, now: UnixTime) -> Vec<OrderKey> {
        let mut forgotten = Vec::new();
        while self.orders.len() > max_orders {
            let oldest = self.retention.oldest_closed(now).or_else(|| self.orders.keys().next().copied());
            let Some(order) = oldest.and_then(|id| self.orders.get(&id)) else { break };
            match order.combined.as_deref().cloned() {
                None => forgotten.extend(self.forget(&order.key())),
                Some(combined) => {
                    let sub_orders = self.combined.forget(&combined);
                    // A combined order is one payment: its sub-orders are forgotten with it.
                    if sub_orders.is_empty() {
                        forgotten.extend(self.forget(&order.key()));
                    }
                    for key in &sub_orders {
                        forgotten.extend(self.forget(key));
                    }
                    forgotten.push(combined);
                }
            }
        }
        forgotten
    }

    /// Forgets an order with all that belongs to it. Returns its key if it existed.
    fn forget(&mut self, key: &OrderKey) -> Option<OrderKey> {
        let id = self.id_of(key)?;
        let order = self.orders.remove(&id)?;
        self.retention.forget(id, order.closes_at);
        for handle in order.prepays().filter_map(|prepay| prepay.handle.as_deref()) {
            self.handles.remove(handle);
        }
        for payment in &order.history().payments {
            self.transactions.remove(&payment.transaction_id);
        }
        if let Some(account) = self.accounts.get_mut(&key.0) {
            account.orders.remove(&key.1);
            for refund in &order.history().refunds {
                account.refunds.remove(&refund.record.out_refund_no);
                self.refund_ids.remove(&refund.record.refund_id);
            }
        }
        self.sharings.forget_order(key);
        self.journal.forget_order(key);
        Some(key.clone())
    }
}
