//! Placing an order, and renewing the handle by which it is paid.

use super::{
    Account, Ledger, Order, OrderId, OrderKey, Party, Prepay, TradeType,
    order::{RecordedState, Terms},
};
use std::sync::Arc;
use wxpay_proto::{UnixTime, id::OutTradeNo};

/// An order to place.
pub(crate) struct NewOrder {
    pub(crate) party: Party,
    pub(crate) out_trade_no: OutTradeNo,
    /// The combined order that the order is a sub-order of.
    pub(crate) combined: Option<OrderKey>,
    pub(crate) trade_type: TradeType,
    /// The identifier that the payer's client pays by; `None` for a code payment and for a sub-order.
    pub(crate) handle: Option<String>,
    /// The time until which it can be paid.
    pub(crate) expires_at: UnixTime,
    /// The time at which the order is closed if it is not paid.
    pub(crate) closes_at: UnixTime,
    /// True if the payer of a code payment must type the password.
    pub(crate) awaits_password: bool,
    pub(crate) terms: Terms,
}

impl NewOrder {
    pub(crate) fn key(&self) -> OrderKey {
        (self.party.mchid.clone(), self.out_trade_no.clone())
    }
}

impl Account {
    /// Shares the notify URL with the order before, if it is the same: it is a good part of an order's memory.
    fn share_notify_url(&mut self, terms: &mut Terms) {
        if self.notify_url == terms.notify_url {
            terms.notify_url.clone_from(&self.notify_url);
        } else {
            self.notify_url.clone_from(&terms.notify_url);
        }
    }
}

impl Ledger {
    /// Places an order. Placing an order again under its number adds a prepay with terms of its own: whether that is
    /// allowed is the front end's rule.
    pub(crate) fn place(&mut self, new: NewOrder, now: UnixTime) {
        let key = new.key();
        let mut terms = new.terms;
        self.accounts.entry(key.0.clone()).or_default().share_notify_url(&mut terms);
        let handle = new.handle.map(String::into_boxed_str);
        let prepay = Prepay {
            handle: handle.clone(),
            created_at: now,
            expires_at: new.expires_at,
            terms: Arc::new(terms),
        };
        if let Some(id) = self.id_of(&key) {
            return self.add_prepay(id, prepay, Some(new.closes_at));
        }
        self.last_order = OrderId(self.last_order.0.saturating_add(1));
        let id = self.last_order;
        let order = Order {
            party: self.interned(new.party),
            out_trade_no: new.out_trade_no,
            combined: new.combined.map(Box::new),
            trade_type: new.trade_type,
            prepay,
            closes_at: new.closes_at,
            created_at: now,
            recorded_state: new.awaits_password.then_some(RecordedState::UserPaying),
            history: None,
        };
        self.handles.extend(handle.map(|handle| (handle, id)));
        self.accounts.entry(key.0).or_default().orders.insert(key.1, id);
        self.retention.opened(id, order.closes_at);
        self.orders.insert(id, order);
    }

    /// Renews the handle of an order under the same terms. The order is still found by the old one.
    pub(crate) fn renew(
        &mut self,
        key: &OrderKey,
        handle: Option<String>,
        expires_at: UnixTime,
        now: UnixTime,
    ) {
        let Some(id) = self.id_of(key) else { return };
        let Some(order) = self.orders.get(&id) else { return };
        let handle = handle.map(String::into_boxed_str);
        let prepay = Prepay { handle, created_at: now, expires_at, terms: Arc::clone(&order.prepay.terms) };
        self.add_prepay(id, prepay, None);
    }

    fn add_prepay(&mut self, id: OrderId, prepay: Prepay, closes_at: Option<UnixTime>) {
        let Some(order) = self.orders.get_mut(&id) else { return };
        self.handles.extend(prepay.handle.clone().map(|handle| (handle, id)));
        let before = std::mem::replace(&mut order.prepay, prepay);
        order.history_mut().earlier_prepays.push(before);
        if let Some(closes_at) = closes_at {
            let before = std::mem::replace(&mut order.closes_at, closes_at);
            self.retention.prolonged(id, before, closes_at);
        }
    }
}
