//! Profit sharing: the profit sharings of each order, the returns, and the receivers.
//!
//! A payment can be shared if its order requested it, from one minute to 30 days after the payment, 50 times. All
//! receivers together get at most 30 % of the payment. `share.rs`, `return_share.rs` and `receiver.rs` hold the acts.

mod receiver;
mod record;
mod return_share;
mod share;
#[cfg(test)]
mod tests;

pub(crate) use receiver::{MERCHANT_ID, Receivers};

pub use record::{
    ReceiverRecord, ReturnFailure, ReturnRecord, ReturnResult, SharingDetailFailure, SharingDetailRecord,
    SharingDetailResult, SharingRecord,
};
pub(crate) use return_share::{NewReturn, ReturnError};
pub(crate) use share::{MAX_SHARED_RATIO, NewReceiverAmount, NewSharing, ShareError};

use super::{OrderKey, RequestDigest};
use std::{collections::BTreeMap, ops::Bound};
use wxpay_proto::{
    Fen, UnixTime,
    id::{MchId, TransactionId},
};

/// The merchant, and its number of the profit sharing or return.
type Key = (MchId, String);

/// All profit sharings, returns and receivers, with indexes by each number that identifies them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sharings {
    all: BTreeMap<Key, Sharing>,
    ids: BTreeMap<String, Key>,
    /// The profit sharings of each order.
    orders: BTreeMap<OrderKey, Vec<Key>>,
    returns: BTreeMap<Key, Return>,
    pub(crate) receivers: Receivers,
}

impl Sharings {
    /// Returns the profit sharings after a merchant's number.
    pub(crate) fn after(&self, after: Option<(&str, &str)>) -> impl Iterator<Item = &Sharing> {
        let key = after.and_then(|(mchid, number)| Some((mchid.parse().ok()?, String::from(number))));
        let from = key.map_or(Bound::Unbounded, Bound::Excluded);
        self.all.range((from, Bound::Unbounded)).map(|(_, sharing)| sharing)
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Sharing> {
        self.all.values()
    }

    pub(crate) fn get(&self, mchid: &MchId, out_order_no: &str) -> Option<&Sharing> {
        self.all.get(&(mchid.clone(), out_order_no.into()))
    }

    fn get_mut(&mut self, mchid: &MchId, out_order_no: &str) -> Option<&mut Sharing> {
        self.all.get_mut(&(mchid.clone(), out_order_no.into()))
    }

    /// Returns the profit sharing with WeChat Pay's number, if it belongs to this merchant.
    pub(crate) fn by_id(&self, mchid: &MchId, order_id: &str) -> Option<&Sharing> {
        let key = self.ids.get(order_id).filter(|(owner, _)| owner == mchid)?;
        self.all.get(key)
    }

    fn add(&mut self, sharing: Sharing) {
        let key = (sharing.order.0.clone(), sharing.out_order_no.clone());
        self.ids.insert(sharing.order_id.clone(), key.clone());
        self.orders.entry(sharing.order.clone()).or_default().push(key.clone());
        self.all.insert(key, sharing);
    }

    pub(crate) fn get_return(&self, mchid: &MchId, out_return_no: &str) -> Option<&Return> {
        self.returns.get(&(mchid.clone(), out_return_no.into()))
    }

    fn return_mut(&mut self, mchid: &MchId, out_return_no: &str) -> Option<&mut Return> {
        self.returns.get_mut(&(mchid.clone(), out_return_no.into()))
    }

    /// Adds a return to its profit sharing.
    fn add_return(&mut self, mchid: &MchId, sharing_return: Return) {
        let number = sharing_return.record.out_return_no.clone();
        if let Some(sharing) = self.get_mut(mchid, &sharing_return.record.out_order_no) {
            sharing.returns.push(number.clone());
        }
        self.returns.insert((mchid.clone(), number), sharing_return);
    }

    /// Removes the profit sharings of an order and their returns.
    pub(super) fn forget_order(&mut self, order: &OrderKey) {
        for key in self.orders.remove(order).into_iter().flatten() {
            let Some(sharing) = self.all.remove(&key) else { continue };
            self.ids.remove(&sharing.order_id);
            for number in sharing.returns {
                self.returns.remove(&(order.0.clone(), number));
            }
        }
    }

    /// Returns the profit sharings of an order.
    pub(crate) fn of_order<'a>(&'a self, order: &OrderKey) -> impl Iterator<Item = &'a Sharing> {
        let keys = self.orders.get(order).into_iter().flatten();
        keys.filter_map(|key| self.all.get(key))
    }

    /// Returns whether nothing more of the order can be shared.
    fn is_unfrozen(&self, order: &OrderKey) -> bool {
        self.of_order(order).any(|sharing| sharing.unfreezes_rest)
    }

    /// Returns the sum of the receivers' amounts of an order, paid or pending, in fen. Returns are not subtracted.
    fn shared_total(&self, order: &OrderKey) -> u64 {
        self.sum(order, |detail| !detail.is_merchant)
    }

    /// Returns the amount taken from an order's frozen money, in fen: the receivers' amounts and the unfrozen rest.
    fn taken_total(&self, order: &OrderKey) -> u64 {
        self.sum(order, |_| true)
    }

    fn sum(&self, order: &OrderKey, is_wanted: impl Fn(&SharingDetail) -> bool) -> u64 {
        let details = self.of_order(order).flat_map(|sharing| &sharing.details);
        let details = details.filter(|detail| detail.is_counted() && is_wanted(detail));
        total(details.map(|detail| detail.record.amount))
    }

    /// Returns the sum of the receivers' amounts of an order, paid or pending, less the successful returns, in fen.
    pub(crate) fn held_by_receivers(&self, order: &OrderKey) -> u64 {
        let returns = self.of_order(order).flat_map(|sharing| self.returns_of(sharing));
        let returns = returns.filter(|each| each.record.result == ReturnResult::Success);
        self.shared_total(order).saturating_sub(total(returns.map(|each| each.record.amount)))
    }

    /// Returns the returns of a profit sharing, in any state.
    pub(crate) fn returns_of<'a>(&'a self, sharing: &'a Sharing) -> impl Iterator<Item = &'a Return> {
        let mchid = &sharing.order.0;
        sharing.returns.iter().filter_map(move |number| self.get_return(mchid, number))
    }

    /// Returns the sum of the returns by a merchant to a profit sharing, finished or pending, in fen.
    fn returned_total(&self, sharing: &Sharing, return_mchid: &str) -> u64 {
        let returns = self.returns_of(sharing);
        let returns = returns.filter(|each| each.is_counted() && each.record.return_mchid == return_mchid);
        total(returns.map(|each| each.record.amount))
    }
}

fn total(amounts: impl Iterator<Item = Fen>) -> u64 {
    amounts.fold(0, |sum, amount| sum.saturating_add(amount.get()))
}

/// A profit sharing as stored.
#[derive(Clone, Debug)]
pub(crate) struct Sharing {
    pub(crate) order: OrderKey,
    pub(crate) out_order_no: String,
    pub(crate) order_id: String,
    /// The payment that the request named.
    pub(crate) transaction_id: TransactionId,
    /// The identity of the request. A different request under the same number is refused.
    pub(crate) request: RequestDigest,
    pub(crate) details: Vec<SharingDetail>,
    /// True for the last sharing: nothing more of the payment can be shared.
    pub(crate) unfreezes_rest: bool,
    pub(crate) created_at: UnixTime,
    /// The merchant's numbers of the returns, in any state.
    pub(crate) returns: Vec<String>,
}

/// A receiver's amount as stored.
#[derive(Clone, Debug)]
pub(crate) struct SharingDetail {
    pub(crate) record: SharingDetailRecord,
    /// True if the receiver is the payment's merchant, which receives the unfrozen rest.
    pub(crate) is_merchant: bool,
    /// The failure that closes the payment when its processing time is over; `None` for a success.
    pub(crate) pending_failure: Option<SharingDetailFailure>,
}

/// A return as stored.
#[derive(Clone, Debug)]
pub(crate) struct Return {
    pub(crate) record: ReturnRecord,
    /// The identity of the request. A different request under the same number is refused.
    pub(crate) request: RequestDigest,
    /// The failure that ends the return when its processing time is over; `None` for a success.
    pub(crate) pending_failure: Option<ReturnFailure>,
}

impl SharingDetail {
    /// Returns whether the amount was paid to the receiver, or is being paid.
    fn is_counted(&self) -> bool {
        self.record.result != SharingDetailResult::Closed
    }

    fn amount(&self) -> Fen {
        self.record.amount
    }
}

impl Return {
    /// Returns whether the amount was returned, or is being returned.
    fn is_counted(&self) -> bool {
        self.record.result != ReturnResult::Failed
    }
}

impl Sharing {
    pub(crate) fn is_finished(&self) -> bool {
        self.details.iter().all(|detail| detail.record.result != SharingDetailResult::Pending)
    }

    /// Returns the amounts that were paid.
    pub(crate) fn paid_details(&self) -> impl Iterator<Item = &SharingDetail> {
        self.details.iter().filter(|detail| detail.record.result == SharingDetailResult::Success)
    }

    /// Returns the protocol's name of the state.
    pub(crate) fn state(&self) -> &'static str {
        if self.is_finished() { "FINISHED" } else { "PROCESSING" }
    }
}
