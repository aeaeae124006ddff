//! What came back of a payment.

use crate::{
    id::{OutRefundNo, OutTradeNo, RefundId, TransactionId},
    money::Fen,
};
use alloc::collections::{BTreeMap, BTreeSet};

/// One refund whose money is back, as WeChat Pay tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Refunded {
    refund_id: RefundId,
    out_refund_no: OutRefundNo,
    transaction_id: TransactionId,
    refund: Fen,
    total: Fen,
}

impl Refunded {
    /// A refund: its numbers, the payment that it is of, how much came back, and what the order's price was.
    #[must_use]
    pub fn new(
        refund_id: RefundId,
        out_refund_no: OutRefundNo,
        transaction_id: TransactionId,
        refund: Fen,
        total: Fen,
    ) -> Self {
        Self { refund_id, out_refund_no, transaction_id, refund, total }
    }

    /// WeChat Pay's number of it.
    #[must_use]
    pub fn refund_id(&self) -> &RefundId {
        &self.refund_id
    }

    /// The merchant's number of it.
    #[must_use]
    pub fn out_refund_no(&self) -> &OutRefundNo {
        &self.out_refund_no
    }

    /// The payment that it is of.
    #[must_use]
    pub fn transaction_id(&self) -> &TransactionId {
        &self.transaction_id
    }

    /// How much came back, coupons included.
    #[must_use]
    pub fn refund(&self) -> Fen {
        self.refund
    }

    /// What the order's price was.
    #[must_use]
    pub fn total(&self) -> Fen {
        self.total
    }
}

/// That a refund's money is back, from a verified notice, a query, or one's own record of such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundEvidence {
    pub(super) out_trade_no: OutTradeNo,
    pub(super) refunded: Refunded,
}

impl RefundEvidence {
    pub(crate) fn new(out_trade_no: OutTradeNo, refunded: Refunded) -> Self {
        Self { out_trade_no, refunded }
    }

    /// Takes up evidence again that a ledger stored. **Only for what was verified when it was stored**: nothing
    /// is checked here.
    #[must_use]
    pub fn recalled(out_trade_no: OutTradeNo, refunded: Refunded) -> Self {
        Self::new(out_trade_no, refunded)
    }

    /// The order it is about.
    #[must_use]
    pub fn out_trade_no(&self) -> &OutTradeNo {
        &self.out_trade_no
    }

    /// What it tells.
    #[must_use]
    pub fn refunded(&self) -> &Refunded {
        &self.refunded
    }
}

/// Every refund that was told of, in every version that was told of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Refunds(BTreeSet<Refunded>);

impl Refunds {
    pub(super) fn join(&mut self, refunded: &Refunded) {
        self.0.insert(refunded.clone());
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Refunded> {
        self.0.iter()
    }

    pub(super) fn knows(&self, refund_id: &RefundId) -> bool {
        self.0.iter().any(|refunded| refunded.refund_id == *refund_id)
    }

    /// One version of each: of contradicting ones the largest.
    pub(super) fn each(&self) -> impl Iterator<Item = &Refunded> {
        let mut each: BTreeMap<&RefundId, &Refunded> = BTreeMap::new();
        for refunded in &self.0 {
            let kept = each.entry(&refunded.refund_id).or_insert(refunded);
            if refunded.refund > kept.refund {
                *kept = refunded;
            }
        }
        each.into_values()
    }

    /// Those of which two different stories were told.
    pub(super) fn contradicting(&self) -> impl Iterator<Item = &Refunded> {
        self.0
            .iter()
            .filter(|one| self.0.iter().any(|other| other.refund_id == one.refund_id && other != *one))
    }

    /// The payments of which more came back than there was.
    ///
    /// A refund tells the order's price itself, so this does not depend on the payment being known; and of several prices the
    /// lowest counts, so that more knowledge never takes it back.
    pub(super) fn overdrawn(&self) -> impl Iterator<Item = &TransactionId> {
        let mut sums: BTreeMap<&TransactionId, Option<Fen>> = BTreeMap::new();
        for refunded in self.each() {
            let sum = sums.entry(&refunded.transaction_id).or_insert(Some(Fen::ZERO));
            *sum = sum.and_then(|sum| sum.checked_add(refunded.refund));
        }
        let lowest = |payment: &TransactionId| {
            self.0.iter().filter(|one| one.transaction_id == *payment).map(|one| one.total).min()
        };
        sums.into_iter()
            .filter(move |(payment, sum)| {
                sum.is_none_or(|sum| lowest(payment).is_some_and(|total| sum > total))
            })
            .map(|(payment, _)| payment)
    }
}
