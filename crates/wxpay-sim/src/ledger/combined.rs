//! Combined orders: orders of several merchants, paid by one payment. Each sub-order is an [`Order`](super::Order).

use super::{OrderKey, OrderRecord, TradeType, order::RequestDigest};
use crate::{front_end::OrderForm, notifications::NotificationRecord};
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use wxpay_proto::{
    UnixTime,
    id::{AppId, MchId, OpenId, OutTradeNo, TransactionId},
};

/// A combined order as the gateway recorded it. Times are seconds of the business clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CombinedRecord {
    /// The combined order's number.
    pub combine_out_trade_no: OutTradeNo,
    /// The merchant that placed the combined order.
    pub combine_mchid: MchId,
    /// The app of the merchant that placed the combined order.
    pub combine_appid: AppId,
    /// The way in which the combined order is paid.
    pub trade_type: TradeType,
    /// The identifier that the payer's client pays by.
    pub handle: String,
    /// WeChat Pay's number of the payment, once the combined order is paid.
    pub combine_transaction_id: Option<TransactionId>,
    /// The time at which the combined order was placed.
    pub created_at: u64,
    /// The time until which the combined order can be paid.
    pub expires_at: u64,
    /// The sub-orders.
    pub sub_orders: Vec<OrderRecord>,
    /// The notifications of the combined order and the merchant's responses to them.
    pub notifications: Vec<NotificationRecord>,
}

/// A combined order as stored.
#[derive(Clone, Debug)]
pub(crate) struct CombinedOrder {
    /// The merchant that placed the combined order, and its number.
    pub(crate) key: OrderKey,
    pub(crate) appid: AppId,
    pub(crate) trade_type: TradeType,
    /// The identity of the request that placed the combined order.
    pub(crate) request: RequestDigest,
    pub(crate) device_id: Option<Box<str>>,
    pub(crate) trade_scenario: Option<Box<str>>,
    /// The form in which the front end that placed it notifies of its payment.
    pub(crate) form: Arc<dyn OrderForm>,
    pub(crate) notify_url: Option<String>,
    pub(crate) handle: String,
    /// The handles before it, by which it is still found.
    pub(crate) earlier_handles: Vec<String>,
    pub(crate) expires_at: UnixTime,
    pub(crate) created_at: UnixTime,
    /// The sub-orders, at least one.
    pub(crate) sub_orders: Vec<OrderKey>,
    /// The payments. There is more than one only if a fault allows a second payment.
    pub(crate) payments: Vec<CombinedPayment>,
}

/// The payment of a combined order.
#[derive(Clone, Debug)]
pub(crate) struct CombinedPayment {
    pub(crate) transaction_id: TransactionId,
    pub(crate) openid: OpenId,
}

impl CombinedOrder {
    pub(crate) fn record(
        &self,
        sub_orders: Vec<OrderRecord>,
        notifications: Vec<NotificationRecord>,
    ) -> CombinedRecord {
        CombinedRecord {
            combine_out_trade_no: self.key.1.clone(),
            combine_mchid: self.key.0.clone(),
            combine_appid: self.appid.clone(),
            trade_type: self.trade_type,
            handle: self.handle.clone(),
            combine_transaction_id: self.payments.first().map(|payment| payment.transaction_id.clone()),
            created_at: self.created_at.as_secs(),
            expires_at: self.expires_at.as_secs(),
            sub_orders,
            notifications,
        }
    }
}

/// All combined orders, with indexes by each number that identifies them.
#[derive(Clone, Debug, Default)]
pub(crate) struct CombinedOrders {
    all: BTreeMap<OrderKey, CombinedOrder>,
    numbers: BTreeMap<OutTradeNo, BTreeSet<MchId>>,
    handles: BTreeMap<String, OrderKey>,
    transactions: BTreeMap<TransactionId, OrderKey>,
}

impl CombinedOrders {
    pub(crate) fn get(&self, key: &OrderKey) -> Option<&CombinedOrder> {
        self.all.get(key)
    }

    /// Returns the combined order with this number; if several merchants have one, that of the first merchant.
    pub(crate) fn by_number(&self, number: &OutTradeNo) -> Option<&CombinedOrder> {
        let mchid = self.numbers.get(number)?.first()?;
        self.all.get(&(mchid.clone(), number.clone()))
    }

    pub(crate) fn by_handle(&self, handle: &str) -> Option<&CombinedOrder> {
        self.handles.get(handle).and_then(|key| self.all.get(key))
    }

    /// Returns the combined order with WeChat Pay's number of its payment, if this merchant placed it.
    pub(crate) fn by_transaction(&self, mchid: &MchId, id: &str) -> Option<&CombinedOrder> {
        let key = self.transactions.get(&id.parse().ok()?).filter(|(owner, _)| owner == mchid)?;
        self.all.get(key)
    }

    pub(crate) fn place(&mut self, combined: CombinedOrder) {
        self.numbers.entry(combined.key.1.clone()).or_default().insert(combined.key.0.clone());
        self.handles.insert(combined.handle.clone(), combined.key.clone());
        self.all.insert(combined.key.clone(), combined);
    }

    /// Removes a combined order. Returns the keys of its sub-orders.
    pub(super) fn forget(&mut self, key: &OrderKey) -> Vec<OrderKey> {
        let Some(combined) = self.all.remove(key) else { return Vec::new() };
        for handle in combined.earlier_handles.iter().chain([&combined.handle]) {
            self.handles.remove(handle);
        }
        for payment in &combined.payments {
            self.transactions.remove(&payment.transaction_id);
        }
        if let Some(merchants) = self.numbers.get_mut(&key.1) {
            merchants.remove(&key.0);
            if merchants.is_empty() {
                self.numbers.remove(&key.1);
            }
        }
        combined.sub_orders
    }

    /// Replaces the identifier that the payer's client pays by. The combined order is still found by the old one.
    pub(crate) fn replace_handle(&mut self, key: &OrderKey, handle: String, expires_at: UnixTime) {
        self.handles.insert(handle.clone(), key.clone());
        if let Some(combined) = self.all.get_mut(key) {
            let before = std::mem::replace(&mut combined.handle, handle);
            combined.earlier_handles.push(before);
            combined.expires_at = expires_at;
        }
    }

    /// Records the payment. A second payment does not replace the first. The order is found by either number.
    pub(crate) fn add_payment(&mut self, key: &OrderKey, payment: CombinedPayment) {
        if let Some(combined) = self.all.get_mut(key) {
            self.transactions.insert(payment.transaction_id.clone(), key.clone());
            combined.payments.push(payment);
        }
    }
}
