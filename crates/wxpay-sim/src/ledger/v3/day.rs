//! What was traded on which day: what bills are made of.

use super::OrderKey;
use crate::time;
use std::collections::BTreeMap;
use wxpay_proto::{
    Fen, UnixTime,
    id::{MchId, OutRefundNo, TransactionId},
};

/// One thing that moved money.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) at: UnixTime,
    pub(crate) key: OrderKey,
    /// For whom, if not for the one who ordered.
    pub(crate) sub_mchid: Option<MchId>,
    pub(crate) what: What,
    pub(crate) amount: Fen,
    /// The platform's fee that was taken, or given back.
    pub(crate) fee: Fen,
    /// What the account of the merchant whose money it is holds after amount and fee, in fen.
    pub(crate) balance: i64,
}

/// What it was.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Paid(TransactionId),
    Refunded(OutRefundNo),
    /// A code pay was taken back.
    Reversed(TransactionId),
    /// Something of a sharing moved.
    Shared(Share),
}

/// What moved of a sharing: by the merchant's numbers, a part by the gateway's besides.
#[derive(Clone, Debug)]
pub(crate) enum Share {
    /// A receiver got it.
    Part { out_order_no: String, detail_id: String },
    /// The payment's merchant got it: it was in the same account before, frozen.
    Own { out_order_no: String, detail_id: String },
    /// A receiver gave it back.
    Back { out_return_no: String },
}

/// The lines of each day, by who ordered, and what each merchant's account holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Days {
    lines: BTreeMap<(String, MchId), Vec<Line>>,
    balances: BTreeMap<MchId, i64>,
}

impl Days {
    pub(crate) fn add(&mut self, line: Line) {
        let owner = line.sub_mchid.as_ref().unwrap_or(&line.key.0).clone();
        let fen = |amount: Fen| i64::try_from(amount.get()).unwrap_or(i64::MAX);
        let net = fen(line.amount).saturating_sub(fen(line.fee));
        let balance = self.balances.entry(owner).or_default();
        *balance = match line.what {
            What::Paid(_) | What::Shared(Share::Back { .. }) => balance.saturating_add(net),
            What::Refunded(_) | What::Reversed(_) | What::Shared(Share::Part { .. }) => {
                balance.saturating_sub(net)
            }
            What::Shared(Share::Own { .. }) => *balance,
        };
        let line = Line { balance: *balance, ..line };
        self.lines.entry((time::day(line.at), line.key.0.clone())).or_default().push(line);
    }

    /// What a merchant's orders moved on a day, `yyyyMMdd`.
    pub(crate) fn of(&self, day: &str, mchid: &MchId) -> &[Line] {
        self.lines.get(&(day.into(), mchid.clone())).map(Vec::as_slice).unwrap_or_default()
    }
}

/// The platform's fee: 0.60 %, to the nearest fen.
pub(crate) fn fee(amount: u64) -> Fen {
    let scaled = u128::from(amount).saturating_mul(6).saturating_add(500);
    Fen::new(scaled.checked_div(1000).and_then(|fee| u64::try_from(fee).ok()).unwrap_or_default())
}
