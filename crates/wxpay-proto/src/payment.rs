//! The state of one payment and its refunds, merged from evidence.
//!
//! A merchant learns of a payment from several sources (notification, query, its own record): late, twice, out of
//! order, or never. **Evidence** is a verified fact about a payment or a refund. [`PaymentState`] is a join semilattice
//! over it: [`merge`](PaymentState::merge) is commutative, associative and idempotent. Act on the [`Transition`]s
//! between two states: each occurs once. One transaction pays one order: [`TransactionOwners`] records which.
//!
//! ```
//! use wxpay_proto::{Fen, UnixTime, payment::{Transition, Evidence, PaymentState, Payment, PaymentStatus, TransactionOwners}};
//!
//! let number: wxpay_proto::id::OutTradeNo = "20140508001".parse()?;
//! let paid = Payment::new("1900000109201405083141592653".parse()?, Fen::new(1949), Fen::new(50), UnixTime::from_secs(1_399_515_000));
//! let evidence = Evidence::from_storage(number.clone(), paid.clone());
//!
//! let mut owners = TransactionOwners::default();
//! let before = PaymentState::new(number, Fen::new(1999));
//! let mut after = before.clone();
//! after.merge(&evidence, owners.claim(&evidence))?;
//! assert_eq!(after.status(), PaymentStatus::Paid(paid.clone()));
//! assert_eq!(after.transitions_since(&before), [Transition::Paid(paid)]);
//!
//! let again = after.clone();
//! after.merge(&evidence, owners.claim(&evidence))?;
//! assert!(after.transitions_since(&again).is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod evidence;
mod owners;
mod refunds;

pub use evidence::{Evidence, Payment};
pub use owners::TransactionOwners;
pub use refunds::{RefundEvidence, SucceededRefund};

use crate::{
    id::{OutTradeNo, TransactionId},
    money::Fen,
    prelude::*,
};
use alloc::collections::BTreeSet;
use core::{error, fmt};
use refunds::Refunds;

/// The state of one order's payments and refunds, as far as evidence shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentState {
    out_trade_no: OutTradeNo,
    ordered: Fen,
    payments: BTreeSet<Payment>,
    /// Payments that belong to another order, each with its owner. They pay nothing here.
    foreign: BTreeSet<(Payment, OutTradeNo)>,
    refunds: Refunds,
}

/// The payment status of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PaymentStatus {
    /// There is no evidence of a payment.
    Open,
    /// Paid with the ordered amount, by this payment. If there are several, it is the earliest.
    Paid(Payment),
    /// There is evidence of payments, but none pays this order: another amount, or a transaction of another order. The
    /// order needs manual review.
    Anomalous,
}

/// An anomaly: evidence that contradicts other evidence, or the order. Each needs manual review.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Anomaly {
    /// The order was paid more than once: this payment came after the one that paid it.
    SecondPayment(Payment),
    /// The payment's `total_fee + discount` differs from the ordered amount.
    AmountMismatch(Payment),
    /// Two verified messages contradict each other about one `transaction_id`. This is one of the versions.
    ConflictingPayment(Payment),
    /// The transaction belongs to another order, which claimed it first. It pays nothing here.
    TransactionOfAnotherOrder {
        /// The payment that the evidence names.
        payment: Payment,
        /// The number of the order that the transaction belongs to.
        owner: OutTradeNo,
    },
    /// The refunds exceed this payment.
    RefundsExceedPayment(TransactionId),
    /// Two verified messages contradict each other about one `refund_id`. This is one of the versions.
    ConflictingRefund(SucceededRefund),
}

/// A transition caused by new evidence. Each occurs once, even if evidence arrives repeatedly or out of order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Transition {
    /// The order became paid: inform the shop, deliver.
    Paid(Payment),
    /// A refund succeeded: inform the shop.
    Refunded(SucceededRefund),
    /// An anomaly appeared: it needs manual review.
    Anomaly(Anomaly),
}

/// The error for evidence of another order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OrderMismatch;

impl fmt::Display for OrderMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the evidence belongs to another order")
    }
}

impl error::Error for OrderMismatch {}

impl PaymentState {
    /// Creates the state of an order of this amount, without evidence.
    pub fn new(out_trade_no: OutTradeNo, ordered: Fen) -> Self {
        Self {
            out_trade_no,
            ordered,
            payments: BTreeSet::new(),
            foreign: BTreeSet::new(),
            refunds: Refunds::default(),
        }
    }

    /// Merges evidence of a payment. In any order, any number of times, the same evidence gives the same state.
    ///
    /// `owner` is the number of the order that the transaction belongs to: the result of
    /// [`TransactionOwners::claim`], or of the same claim in a database. It never changes once claimed. If it is another
    /// order, the evidence is an anomaly and pays nothing.
    ///
    /// # Errors
    ///
    /// Returns [`OrderMismatch`] if the evidence belongs to another order. The state is then unchanged.
    pub fn merge(&mut self, evidence: &Evidence, owner: &OutTradeNo) -> Result<(), OrderMismatch> {
        if evidence.out_trade_no != self.out_trade_no {
            return Err(OrderMismatch);
        }
        if *owner == self.out_trade_no {
            self.payments.insert(evidence.payment.clone());
        } else {
            self.foreign.insert((evidence.payment.clone(), owner.clone()));
        }
        Ok(())
    }

    /// Merges evidence of a refund, as [`merge`](Self::merge) does for a payment. It may arrive before the payment.
    ///
    /// # Errors
    ///
    /// Returns [`OrderMismatch`] if the evidence belongs to another order. The state is then unchanged.
    pub fn merge_refund(&mut self, evidence: &RefundEvidence) -> Result<(), OrderMismatch> {
        if evidence.out_trade_no != self.out_trade_no {
            return Err(OrderMismatch);
        }
        self.refunds.merge(&evidence.refunded);
        Ok(())
    }

    /// Returns the number of the order.
    pub fn out_trade_no(&self) -> &OutTradeNo {
        &self.out_trade_no
    }

    /// Returns the ordered amount.
    pub fn ordered(&self) -> Fen {
        self.ordered
    }

    /// Returns every payment of this order with evidence, earliest first.
    pub fn payments(&self) -> impl Iterator<Item = &Payment> {
        self.payments.iter()
    }

    /// Returns every refund with evidence.
    pub fn refunds(&self) -> impl Iterator<Item = &SucceededRefund> {
        self.refunds.iter()
    }

    /// Returns the total of the refunds. `None` on overflow.
    pub fn refunded_total(&self) -> Option<Fen> {
        self.refunds.one_per_id().try_fold(Fen::ZERO, |sum, refunded| sum.checked_add(refunded.refund()))
    }

    /// Returns the status. Once paid, an order stays paid, even if it is refunded.
    pub fn status(&self) -> PaymentStatus {
        match self.matching_payment() {
            Some(payment) => PaymentStatus::Paid(payment.clone()),
            None if self.payments.is_empty() && self.foreign.is_empty() => PaymentStatus::Open,
            None => PaymentStatus::Anomalous,
        }
    }

    /// Returns all anomalies.
    pub fn anomalies(&self) -> Vec<Anomaly> {
        let paid_by = self.matching_payment();
        let mut anomalies = Vec::new();
        for payment in &self.payments {
            if self.versions(payment) > 1 {
                anomalies.push(Anomaly::ConflictingPayment(payment.clone()));
            }
            if !self.matches_amount(payment) {
                anomalies.push(Anomaly::AmountMismatch(payment.clone()));
            } else if paid_by.is_some_and(|first| first.transaction_id != payment.transaction_id) {
                anomalies.push(Anomaly::SecondPayment(payment.clone()));
            }
        }
        let foreign = self.foreign.iter().cloned();
        anomalies
            .extend(foreign.map(|(payment, owner)| Anomaly::TransactionOfAnotherOrder { payment, owner }));
        anomalies.extend(self.refunds.exceeded_payments().cloned().map(Anomaly::RefundsExceedPayment));
        anomalies.extend(self.refunds.conflicting().cloned().map(Anomaly::ConflictingRefund));
        anomalies.sort();
        anomalies
    }

    /// Returns the transitions from `before` to this state.
    pub fn transitions_since(&self, before: &Self) -> Vec<Transition> {
        let known = before.anomalies();
        let paid = match (before.matching_payment(), self.matching_payment()) {
            (None, Some(payment)) => Some(Transition::Paid(payment.clone())),
            (None | Some(_), _) => None,
        };
        let refunded =
            self.refunds.one_per_id().filter(|refunded| !before.refunds.contains(refunded.refund_id()));
        let refunded = refunded.cloned().map(Transition::Refunded);
        let new_anomalies =
            self.anomalies().into_iter().filter(|anomaly| !known.contains(anomaly)).map(Transition::Anomaly);
        paid.into_iter().chain(refunded).chain(new_anomalies).collect()
    }

    fn matching_payment(&self) -> Option<&Payment> {
        self.payments.iter().find(|payment| self.matches_amount(payment))
    }

    fn matches_amount(&self, payment: &Payment) -> bool {
        payment.amount() == Some(self.ordered)
    }

    fn versions(&self, payment: &Payment) -> usize {
        self.payments.iter().filter(|other| other.transaction_id == payment.transaction_id).count()
    }
}

#[cfg(test)]
mod tests;
