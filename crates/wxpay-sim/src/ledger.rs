//! The gateway's records of orders, payments, refunds, profit sharing and transfers: one ledger for all API versions.
//!
//! The front ends translate requests into the acts of this module, one function each, and the records into replies. An
//! order placed through one API version is paid, queried, closed and refunded through any other.
//!
//! | act | file |
//! |---|---|
//! | place an order, renew its handle | `place.rs` |
//! | pay it, fail to pay it | `pay.rs` |
//! | close it, reverse a code payment | `close.rs` |
//! | refund it | `refund.rs` |
//! | share a payment, unfreeze its rest | `sharing/share.rs` |
//! | return a share | `sharing/return_share.rs` |
//! | add and remove receivers | `sharing/receiver.rs` |
//! | transfer money to a user | `transfer/send.rs` |
//! | lock, confirm, fail, cancel a transfer | `transfer/outcome.rs`, by the states of `transfer/state.rs` |
//! | request, confirm, close an authorization | `transfer/authorize.rs` |
//! | request a receipt of a transfer | `transfer/receipt.rs` |
//! | list a day's movements for its bills | `journal.rs` |
//! | forget the oldest orders | `retention.rs` |
//! | forget the oldest transfers and authorizations | `transfer/retention.rs` |
//!
//! [`OrderRecord`] is the public view of an order, to compare a merchant's books with in tests.

mod close;
mod combined;
mod journal;
mod numbers;
mod order;
mod pay;
mod place;
mod refund;
mod retention;
mod sharing;
#[cfg(test)]
mod testing;
mod transfer;

pub(crate) use close::CloseError;
pub use combined::CombinedRecord;
pub(crate) use combined::{CombinedOrder, CombinedOrders, CombinedPayment};
pub(crate) use journal::{EntryKind, Journal, JournalEntry, SharingEntry};
pub(crate) use numbers::NumberSource;
pub use order::{
    Currency, DeliveryRecord, FailedPayment, NotPaidReason, OrderRecord, Payment, PrepayRecord, TradeState,
    TradeType,
};
pub(crate) use order::{
    Order, OrderId, OrderKey, Party, PlacedFor, Prepay, RequestDigest, SubMerchant, Terms,
};
pub(crate) use place::NewOrder;
pub(crate) use refund::{NewRefund, Refund, RefundError};
pub use refund::{RefundRecord, RefundStatus};
pub(crate) use sharing::{
    MAX_SHARED_RATIO, MERCHANT_ID, NewReceiverAmount, NewReturn, NewSharing, Return, ReturnError, ShareError,
    Sharing, SharingDetail, Sharings,
};
pub use sharing::{
    ReceiverRecord, ReturnFailure, ReturnRecord, ReturnResult, SharingDetailFailure, SharingDetailRecord,
    SharingDetailResult, SharingRecord,
};
pub(crate) use transfer::{
    Authorization, AuthorizationUse, CancelError, CloseAuthorizationError, NewAuthorization, NewTransfer,
    Payee, Receipt, ReceiptError, Scope, ScopeTaken, Transfer, TransferError, Transfers,
};
pub use transfer::{
    AuthorizationRecord, AuthorizationState, CloseReason, ReceiptRecord, ReceiptState, TransferMethod,
    TransferRecord, TransferState,
};

use retention::Retention;
use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};
use wxpay_proto::id::{MchId, OutRefundNo, OutTradeNo, RefundId, TransactionId};

/// The records of all merchants, with an index by each number that identifies one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    accounts: BTreeMap<MchId, Account>,
    orders: BTreeMap<OrderId, Order>,
    last_order: OrderId,
    handles: BTreeMap<Box<str>, OrderId>,
    transactions: BTreeMap<TransactionId, OrderId>,
    refund_ids: BTreeMap<RefundId, OrderId>,
    /// The parties of the orders, each once: most orders share theirs.
    parties: BTreeSet<Arc<Party>>,
    retention: Retention,
    pub(crate) combined: CombinedOrders,
    pub(crate) sharings: Sharings,
    pub(crate) journal: Journal,
    pub(crate) transfers: Transfers,
}

/// The orders and refunds of one merchant, by its numbers.
#[derive(Clone, Debug, Default)]
struct Account {
    /// The notify URL of the latest order: most orders of a merchant share it.
    notify_url: Option<Arc<str>>,
    orders: BTreeMap<OutTradeNo, OrderId>,
    refunds: BTreeMap<OutRefundNo, OrderId>,
}

impl Ledger {
    /// Returns the orders after this one, in the order in which they were placed.
    pub(crate) fn orders_after(&self, after: OrderId) -> impl Iterator<Item = (OrderId, &Order)> {
        self.orders.range((Bound::Excluded(after), Bound::Unbounded)).map(|(id, order)| (*id, order))
    }

    /// Returns the orders before one, the newest first.
    pub(crate) fn orders_before(&self, before: OrderId) -> impl Iterator<Item = (OrderId, &Order)> {
        self.orders.range(..before).rev().map(|(id, order)| (*id, order))
    }

    pub(crate) fn orders(&self) -> impl ExactSizeIterator<Item = &Order> {
        self.orders.values()
    }

    pub(crate) fn order_count(&self) -> usize {
        self.orders.len()
    }

    fn id_of(&self, key: &OrderKey) -> Option<OrderId> {
        self.accounts.get(&key.0)?.orders.get(&key.1).copied()
    }

    pub(crate) fn order(&self, key: &OrderKey) -> Option<&Order> {
        self.orders.get(&self.id_of(key)?)
    }

    /// Returns an order to change it. What decides whether it is open is changed by the acts only.
    pub(crate) fn order_mut(&mut self, key: &OrderKey) -> Option<&mut Order> {
        let id = self.id_of(key)?;
        self.orders.get_mut(&id)
    }

    /// Returns the order with this number; if several merchants have one, that of the first merchant.
    pub(crate) fn order_by_number(&self, number: &OutTradeNo) -> Option<&Order> {
        let id = self.accounts.values().find_map(|account| account.orders.get(number))?;
        self.orders.get(id)
    }

    /// Returns the order with this `prepay_id`, `code_url` or `h5_url`, the latest or an earlier one.
    pub(crate) fn order_by_handle(&self, handle: &str) -> Option<&Order> {
        self.handles.get(handle).and_then(|id| self.orders.get(id))
    }

    /// Returns the order with WeChat Pay's number of its payment, if this merchant placed it.
    pub(crate) fn order_by_transaction(&self, mchid: &MchId, id: &str) -> Option<&Order> {
        self.owned(*self.transactions.get(&id.parse().ok()?)?, mchid)
    }

    pub(crate) fn order_by_refund(&self, mchid: &MchId, number: &OutRefundNo) -> Option<&Order> {
        self.orders.get(self.accounts.get(mchid)?.refunds.get(number)?)
    }

    /// Returns the refunds after a merchant's refund number, merchant by merchant in the order of their numbers.
    pub(crate) fn refunds_after(
        &self,
        after: Option<(&str, &str)>,
    ) -> impl Iterator<Item = (&Order, &Refund)> {
        let after: Option<(MchId, OutRefundNo)> =
            after.and_then(|(mchid, number)| Some((mchid.parse().ok()?, number.parse().ok()?)));
        let first = after.as_ref().map(|(mchid, _)| mchid.clone());
        let accounts = match first {
            Some(mchid) => self.accounts.range(mchid..),
            None => self.accounts.range::<MchId, _>(..),
        };
        accounts.flat_map(move |(mchid, account)| {
            let rest = match &after {
                Some((first, number)) if first == mchid => {
                    account.refunds.range((Bound::Excluded(number.clone()), Bound::Unbounded))
                }
                _ => account.refunds.range::<OutRefundNo, _>(..),
            };
            rest.filter_map(|(number, id)| {
                let order = self.orders.get(id)?;
                Some((order, order.refund(number)?))
            })
        })
    }

    pub(crate) fn refund_count(&self) -> usize {
        self.refund_ids.len()
    }

    /// Returns the order with WeChat Pay's number of one of its refunds, if this merchant placed it.
    pub(crate) fn order_by_refund_id(&self, mchid: &MchId, id: &str) -> Option<&Order> {
        self.owned(*self.refund_ids.get(&id.parse().ok()?)?, mchid)
    }

    fn owned(&self, id: OrderId, mchid: &MchId) -> Option<&Order> {
        self.orders.get(&id).filter(|order| order.mchid() == mchid)
    }

    /// Returns the shared copy of a party.
    fn interned(&mut self, party: Party) -> Arc<Party> {
        if let Some(known) = self.parties.get(&party) {
            return Arc::clone(known);
        }
        let party = Arc::new(party);
        self.parties.insert(Arc::clone(&party));
        party
    }
}
