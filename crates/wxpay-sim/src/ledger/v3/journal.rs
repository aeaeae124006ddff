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
    pub(crate) what: EntryKind,
    pub(crate) amount: Fen,
    /// WeChat Pay's fee that was charged or returned.
    pub(crate) fee: Fen,
    /// The balance of the merchant that owns the money, after amount and fee, in fen.
    pub(crate) balance: i64,
}

/// The kind of a movement.
#[derive(Clone, Debug)]
pub(crate) enum EntryKind {
    Paid(TransactionId),
    Refunded(OutRefundNo),
    /// A code payment was reversed.
    Reversed(TransactionId),
    /// Money of a profit sharing moved.
    Shared(SharingEntry),
}

/// A movement of a profit sharing, by the merchant's numbers. A receiver's amount also has WeChat Pay's `detail_id`.
#[derive(Clone, Debug)]
pub(crate) enum SharingEntry {
    /// A receiver was credited.
    Part { out_order_no: String, detail_id: String },
    /// The rest was unfrozen for the payment's merchant. The balance does not change: the money was in the account
    /// before.
    Own { out_order_no: String, detail_id: String },
    /// A receiver returned its amount.
    Back { out_return_no: String },
}

/// The movements by day and ordering merchant, and the balance of each merchant.
#[derive(Clone, Debug, Default)]
pub(crate) struct Journal {
    lines: BTreeMap<(String, MchId), Vec<JournalEntry>>,
    balances: BTreeMap<MchId, i64>,
}

impl Journal {
    pub(crate) fn add(&mut self, line: JournalEntry) {
        let owner = line.sub_mchid.as_ref().unwrap_or(&line.key.0).clone();
        let fen = |amount: Fen| i64::try_from(amount.get()).unwrap_or(i64::MAX);
        let net = fen(line.amount).saturating_sub(fen(line.fee));
        let balance = self.balances.entry(owner).or_default();
        *balance = match line.what {
            EntryKind::Paid(_) | EntryKind::Shared(SharingEntry::Back { .. }) => balance.saturating_add(net),
            EntryKind::Refunded(_)
            | EntryKind::Reversed(_)
            | EntryKind::Shared(SharingEntry::Part { .. }) => balance.saturating_sub(net),
            EntryKind::Shared(SharingEntry::Own { .. }) => *balance,
        };
        let line = JournalEntry { balance: *balance, ..line };
        self.lines.entry((time::yyyymmdd(line.at), line.key.0.clone())).or_default().push(line);
    }

    /// Returns the movements of a merchant's orders on a day, `yyyyMMdd`.
    pub(crate) fn entries(&self, day: &str, mchid: &MchId) -> &[JournalEntry] {
        self.lines.get(&(day.into(), mchid.clone())).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Returns WeChat Pay's fee: 0.60 %, rounded to the nearest fen.
pub(crate) fn platform_fee(amount: u64) -> Fen {
    let scaled = u128::from(amount).saturating_mul(6).saturating_add(500);
    Fen::new(scaled.checked_div(1000).and_then(|fee| u64::try_from(fee).ok()).unwrap_or_default())
}
