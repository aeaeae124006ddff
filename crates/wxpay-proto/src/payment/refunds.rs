//! Refunds of a payment.

use crate::{
    id::{OutRefundNo, OutTradeNo, RefundId, TransactionId},
    money::Fen,
};
use alloc::collections::{BTreeMap, BTreeSet};

/// A successful refund, as WeChat Pay reports it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SucceededRefund {
    refund_id: RefundId,
    out_refund_no: OutRefundNo,
    transaction_id: TransactionId,
    refund: Fen,
    total: Fen,
}

impl SucceededRefund {
    /// Creates a refund: its numbers, the refunded payment, the refunded amount, and the price of the order.
    pub fn new(
        refund_id: RefundId,
        out_refund_no: OutRefundNo,
        transaction_id: TransactionId,
        refund: Fen,
        total: Fen,
    ) -> Self {
        Self { refund_id, out_refund_no, transaction_id, refund, total }
    }

    /// Returns WeChat Pay's number of the refund.
    pub fn refund_id(&self) -> &RefundId {
        &self.refund_id
    }

    /// Returns the merchant's number of the refund.
    pub fn out_refund_no(&self) -> &OutRefundNo {
        &self.out_refund_no
    }

    /// Returns WeChat Pay's number of the refunded payment.
    pub fn transaction_id(&self) -> &TransactionId {
        &self.transaction_id
    }

    /// Returns the refunded amount, coupons included.
    pub fn refund(&self) -> Fen {
        self.refund
    }

    /// Returns the price of the order.
    pub fn total(&self) -> Fen {
        self.total
    }
}

/// Evidence that a refund succeeded: from a verified notification, a query, or a stored record of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundEvidence {
    pub(super) out_trade_no: OutTradeNo,
    pub(super) refunded: SucceededRefund,
}

impl RefundEvidence {
    pub(crate) fn new(out_trade_no: OutTradeNo, refunded: SucceededRefund) -> Self {
        Self { out_trade_no, refunded }
    }

    /// Restores evidence that a ledger stored. **Only for evidence that was verified when it was stored**: nothing is
    /// verified here.
    pub fn from_storage(out_trade_no: OutTradeNo, refunded: SucceededRefund) -> Self {
        Self::new(out_trade_no, refunded)
    }

    /// Returns the number of the order.
    pub fn out_trade_no(&self) -> &OutTradeNo {
        &self.out_trade_no
    }

    /// Returns the refund.
    pub fn refunded(&self) -> &SucceededRefund {
        &self.refunded
    }
}

/// All refunds with evidence, in every version of each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Refunds(BTreeSet<SucceededRefund>);

impl Refunds {
    pub(super) fn merge(&mut self, refunded: &SucceededRefund) {
        self.0.insert(refunded.clone());
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &SucceededRefund> {
        self.0.iter()
    }

    pub(super) fn contains(&self, refund_id: &RefundId) -> bool {
        self.0.iter().any(|refunded| refunded.refund_id == *refund_id)
    }

    /// Returns one version of each refund. If versions contradict, it is the one with the largest amount.
    pub(super) fn one_per_id(&self) -> impl Iterator<Item = &SucceededRefund> {
        let mut largest: BTreeMap<&RefundId, &SucceededRefund> = BTreeMap::new();
        for refunded in &self.0 {
            let best = largest.entry(&refunded.refund_id).or_insert(refunded);
            if refunded.refund > best.refund {
                *best = refunded;
            }
        }
        largest.into_values()
    }

    /// Returns the versions that contradict another version of the same refund.
    pub(super) fn conflicting(&self) -> impl Iterator<Item = &SucceededRefund> {
        self.0
            .iter()
            .filter(|one| self.0.iter().any(|other| other.refund_id == one.refund_id && other != *one))
    }

    /// Returns the payments whose refunds exceed the price.
    ///
    /// Each refund states the price of the order, so the result does not depend on evidence of the payment. If the
    /// prices differ, the lowest counts, so that later evidence never removes an anomaly.
    pub(super) fn exceeded_payments(&self) -> impl Iterator<Item = &TransactionId> {
        let mut sums: BTreeMap<&TransactionId, Option<Fen>> = BTreeMap::new();
        for refunded in self.one_per_id() {
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
