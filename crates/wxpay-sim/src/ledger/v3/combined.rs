//! Combined orders: several merchants' orders that one payment pays. Each is an [`Order`](super::Order) like any other.

use super::{OrderKey, TradeType, TransactionRecord};
use crate::notices::NoticeRecord;
use serde::Serialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use wxpay_proto::{
    UnixTime,
    id::{AppId, MchId, OpenId, OutTradeNo, TransactionId},
};

/// What the gateway knows of one combined order. Times are seconds of the virtual clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CombinedRecord {
    /// The number of the whole.
    pub combine_out_trade_no: OutTradeNo,
    /// Who placed it.
    pub combine_mchid: MchId,
    /// The app.
    pub combine_appid: AppId,
    /// How it is paid.
    pub trade_type: TradeType,
    /// The name of the whole on the payer's phone.
    pub handle: String,
    /// The gateway's number of the payment, once it is paid.
    pub combine_transaction_id: Option<TransactionId>,
    /// When it was placed.
    pub created_at: u64,
    /// Until when it can be paid.
    pub expires_at: u64,
    /// Each merchant's order.
    pub sub_orders: Vec<TransactionRecord>,
    /// The notices of the whole and how they were answered.
    pub notices: Vec<NoticeRecord>,
}

/// One combined order as kept.
#[derive(Clone, Debug)]
pub(crate) struct Combined {
    /// Who placed it, and its number.
    pub(crate) key: OrderKey,
    pub(crate) appid: AppId,
    pub(crate) trade_type: TradeType,
    /// The request that placed it, sealed fields hashed.
    pub(crate) placed: Value,
    /// The `Wechatpay-Serial` of that request.
    pub(crate) asked: Option<String>,
    pub(crate) notify_url: Option<String>,
    pub(crate) handle: String,
    pub(crate) expires: UnixTime,
    pub(crate) created: UnixTime,
    /// The orders, at least one.
    pub(crate) subs: Vec<OrderKey>,
    pub(crate) paid: Option<PaidWhole>,
}

/// The payment of the whole.
#[derive(Clone, Debug)]
pub(crate) struct PaidWhole {
    pub(crate) transaction_id: TransactionId,
    pub(crate) openid: OpenId,
}

impl Combined {
    /// A text of the request that placed it.
    pub(crate) fn said(&self, pointer: &str) -> Option<&str> {
        self.placed.pointer(pointer).and_then(Value::as_str)
    }

    pub(crate) fn record(
        &self,
        sub_orders: Vec<TransactionRecord>,
        notices: Vec<NoticeRecord>,
    ) -> CombinedRecord {
        CombinedRecord {
            combine_out_trade_no: self.key.1.clone(),
            combine_mchid: self.key.0.clone(),
            combine_appid: self.appid.clone(),
            trade_type: self.trade_type,
            handle: self.handle.clone(),
            combine_transaction_id: self.paid.as_ref().map(|paid| paid.transaction_id.clone()),
            created_at: self.created.as_secs(),
            expires_at: self.expires.as_secs(),
            sub_orders,
            notices,
        }
    }
}

/// Every combined order, and the numbers that lead to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wholes {
    all: BTreeMap<OrderKey, Combined>,
    numbers: BTreeMap<OutTradeNo, BTreeSet<MchId>>,
    handles: BTreeMap<String, OrderKey>,
    transactions: BTreeMap<TransactionId, OrderKey>,
}

impl Wholes {
    pub(crate) fn of(&self, key: &OrderKey) -> Option<&Combined> {
        self.all.get(key)
    }

    /// The first merchant's of that number.
    pub(crate) fn by_number(&self, number: &OutTradeNo) -> Option<&Combined> {
        let mchid = self.numbers.get(number)?.first()?;
        self.all.get(&(mchid.clone(), number.clone()))
    }

    pub(crate) fn by_handle(&self, handle: &str) -> Option<&Combined> {
        self.handles.get(handle).and_then(|key| self.all.get(key))
    }

    /// By the gateway's number, if it is this merchant's.
    pub(crate) fn by_transaction(&self, mchid: &MchId, id: &str) -> Option<&Combined> {
        let key = self.transactions.get(&id.parse().ok()?).filter(|(owner, _)| owner == mchid)?;
        self.all.get(key)
    }

    pub(crate) fn place(&mut self, whole: Combined) {
        self.numbers.entry(whole.key.1.clone()).or_default().insert(whole.key.0.clone());
        self.handles.insert(whole.handle.clone(), whole.key.clone());
        self.all.insert(whole.key.clone(), whole);
    }

    /// Gives the whole another name on the payer's phone; the old one still leads to it.
    pub(crate) fn rename(&mut self, key: &OrderKey, handle: String, expires: UnixTime) {
        self.handles.insert(handle.clone(), key.clone());
        if let Some(whole) = self.all.get_mut(key) {
            (whole.handle, whole.expires) = (handle, expires);
        }
    }

    /// Keeps the payment; the first one's numbers stay those of the whole.
    pub(crate) fn pay(&mut self, key: &OrderKey, paid: PaidWhole) {
        if let Some(whole) = self.all.get_mut(key) {
            self.transactions.insert(paid.transaction_id.clone(), key.clone());
            whole.paid.get_or_insert(paid);
        }
    }
}
