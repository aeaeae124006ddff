//! The journal of each day's money movements, from which bills are made.

use super::OrderKey;
use crate::time;
use std::collections::BTreeMap;
use wxpay_proto::{
    Fen, UnixTime,
    id::{MchId, OutRefundNo, TransactionId},
};

/// A movement of money.
#[derive(Clone, Debug)]
pub(crate) struct JournalEntry {
    pub(crate) at: UnixTime,
    pub(crate) key: OrderKey,
    /// The sub-merchant, if a service provider placed the order.
    pub(crate) sub_mchid: Option<MchId>,
    pub(crate) kind: EntryKind,
    pub(crate) amount: Fen,
    /// WeChat Pay's fee that was charged or returned.
    pub(crate) fee: Fen,
    /// The balance of the merchant that owns the money, after amount and fee, in fen.
    pub(crate) balance: i64,
}

/// The kind of a movement.
#[derive(Clone, Debug)]
pub(crate) enum EntryKind {
    Payment(TransactionId),
    Refund(OutRefundNo),
    /// A code payment was reversed.
    Reversal(TransactionId),
    /// Money of a profit sharing moved.
    Sharing(SharingEntry),
}

/// A movement of a profit sharing, by the merchant's numbers. A receiver's amount also has WeChat Pay's `detail_id`.
#[derive(Clone, Debug)]
pub(crate) enum SharingEntry {
    /// A receiver was credited.
    ToReceiver { out_order_no: String, detail_id: String },
    /// The rest was unfrozen for the payment's merchant. The balance does not change: the money was in the account
    /// before.
    Unfrozen { out_order_no: String, detail_id: String },
    /// A receiver returned its amount.
    Return { out_return_no: String },
}

/// A day and the merchant that placed the orders of its movements.
type Page = (String, MchId);

/// The movements by day and ordering merchant, and the balance of each merchant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    entries: BTreeMap<Page, BTreeMap<u64, JournalEntry>>,
    /// The places of each order's movements.
    by_order: BTreeMap<OrderKey, Vec<(Page, u64)>>,
    last_number: u64,
    balances: BTreeMap<MchId, i64>,
}

impl Journal {
    pub(crate) fn add(&mut self, entry: JournalEntry) {
        let owner = entry.sub_mchid.as_ref().unwrap_or(&entry.key.0).clone();
        let fen = |amount: Fen| i64::try_from(amount.get()).unwrap_or(i64::MAX);
        let net = fen(entry.amount).saturating_sub(fen(entry.fee));
        let balance = self.balances.entry(owner).or_default();
        *balance = match entry.kind {
            EntryKind::Payment(_) | EntryKind::Sharing(SharingEntry::Return { .. }) => {
                balance.saturating_add(net)
            }
            EntryKind::Refund(_)
            | EntryKind::Reversal(_)
            | EntryKind::Sharing(SharingEntry::ToReceiver { .. }) => balance.saturating_sub(net),
            EntryKind::Sharing(SharingEntry::Unfrozen { .. }) => *balance,
        };
        let entry = JournalEntry { balance: *balance, ..entry };
        let page = (time::yyyymmdd(entry.at), entry.key.0.clone());
        self.last_number = self.last_number.saturating_add(1);
        self.by_order.entry(entry.key.clone()).or_default().push((page.clone(), self.last_number));
        self.entries.entry(page).or_default().insert(self.last_number, entry);
    }

    /// Removes the movements of an order. Balances stay as they are.
    pub(super) fn forget_order(&mut self, key: &OrderKey) {
        for (page, number) in self.by_order.remove(key).into_iter().flatten() {
            if let Some(entries) = self.entries.get_mut(&page) {
                entries.remove(&number);
                if entries.is_empty() {
                    self.entries.remove(&page);
                }
            }
        }
    }

    /// Returns the movements of a merchant's orders on a day, `yyyyMMdd`.
    pub(crate) fn entries(&self, day: &str, mchid: &MchId) -> impl Iterator<Item = &JournalEntry> + use<'_> {
        self.entries.get(&(day.into(), mchid.clone())).into_iter().flat_map(BTreeMap::values)
    }
}

/// Returns WeChat Pay's fee: 0.60 %, rounded to the nearest fen.
pub(super) fn platform_fee(amount: u64) -> Fen {
    let scaled = u128::from(amount).saturating_mul(6).saturating_add(500);
    Fen::new(scaled.checked_div(1000).and_then(|fee| u64::try_from(fee).ok()).unwrap_or_default())
}
