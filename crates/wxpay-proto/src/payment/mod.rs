//! The state of one payment and its refunds, merged from evidence.
//!
//! A merchant learns of a payment from several sources (notification, query, its own record): late, twice, out of
//! order, or never. **Evidence** is a verified fact about a payment or a refund. [`PaymentState`] is a join semilattice
//! over it: [`merge`](PaymentState::merge) is commutative, associative and idempotent. Act on the [`Transition`]s
//! between two states: each occurs once.
//!
//! ```
//! use wxpay_proto::{Fen, UnixTime, payment::{Transition, Evidence, PaymentState, Payment, PaymentStatus}};
//!
//! let number: wxpay_proto::id::OutTradeNo = "20140508001".parse()?;
//! let paid = Payment::new("1900000109201405083141592653".parse()?, Fen::new(1949), Fen::new(50), UnixTime::from_secs(1_399_515_000));
//! let evidence = Evidence::from_storage(number.clone(), paid.clone());
//!
//! let before = PaymentState::new(number, Fen::new(1999));
//! let mut after = before.clone();
//! after.merge(&evidence)?;
//! assert_eq!(after.status(), PaymentStatus::Paid(paid.clone()));
//! assert_eq!(after.transitions_since(&before), [Transition::Paid(paid)]);
//!
//! let again = after.clone();
//! after.merge(&evidence)?;
//! assert!(after.transitions_since(&again).is_empty());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod refunds;

pub use refunds::{RefundEvidence, SucceededRefund};

use crate::{
    clock::UnixTime,
    id::{OutTradeNo, TransactionId},
    money::Fen,
};
use alloc::{collections::BTreeSet, vec::Vec};
use core::{error, fmt};
use refunds::Refunds;

/// A payment, as WeChat Pay reports it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Payment {
    // `Ord` is derived: `time_end` must be the first field, so that payments sort by time.
    time_end: UnixTime,
    transaction_id: TransactionId,
    total_fee: Fen,
    discount: Fen,
}

impl Payment {
    /// Creates a payment: its number, the amount the payer paid, the discount that WeChat Pay added, and the time.
    #[must_use]
    pub fn new(transaction_id: TransactionId, total_fee: Fen, discount: Fen, time_end: UnixTime) -> Self {
        Self { time_end, transaction_id, total_fee, discount }
    }

    /// Returns WeChat Pay's number of the payment.
    #[must_use]
    pub fn transaction_id(&self) -> &TransactionId {
        &self.transaction_id
    }

    /// Returns the amount the payer paid.
    #[must_use]
    pub fn total_fee(&self) -> Fen {
        self.total_fee
    }

    /// Returns the discount on the price.
    #[must_use]
    pub fn discount(&self) -> Fen {
        self.discount
    }

    /// Returns the time of the payment, to the second.
    #[must_use]
    pub fn time_end(&self) -> UnixTime {
        self.time_end
    }

    /// Returns the amount that is compared with the order: `total_fee + discount`. `None` on overflow.
    #[must_use]
    pub fn amount(&self) -> Option<Fen> {
        self.total_fee.checked_add(self.discount)
    }
}

/// Evidence that an order was paid: from a verified notification, a query, or a stored record of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    out_trade_no: OutTradeNo,
    payment: Payment,
}

impl Evidence {
    pub(crate) fn new(out_trade_no: OutTradeNo, payment: Payment) -> Self {
        Self { out_trade_no, payment }
    }

    /// Restores evidence that a ledger stored. **Only for evidence that was verified when it was stored**: nothing is
    /// verified here.
    #[must_use]
    pub fn from_storage(out_trade_no: OutTradeNo, payment: Payment) -> Self {
        Self::new(out_trade_no, payment)
    }

    /// Returns the number of the order.
    #[must_use]
    pub fn out_trade_no(&self) -> &OutTradeNo {
        &self.out_trade_no
    }

    /// Returns the payment.
    #[must_use]
    pub fn payment(&self) -> &Payment {
        &self.payment
    }
}

/// The state of one order's payments and refunds, as far as evidence shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PaymentState {
    out_trade_no: OutTradeNo,
    ordered: Fen,
    payments: BTreeSet<Payment>,
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
    /// There are payments, but none of the ordered amount. The order needs manual review.
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
    #[must_use]
    pub fn new(out_trade_no: OutTradeNo, ordered: Fen) -> Self {
        Self { out_trade_no, ordered, payments: BTreeSet::new(), refunds: Refunds::default() }
    }

    /// Merges evidence of a payment. In any order, any number of times, the same evidence gives the same state.
    ///
    /// # Errors
    ///
    /// Returns [`OrderMismatch`] if the evidence belongs to another order. The state is then unchanged.
    pub fn merge(&mut self, evidence: &Evidence) -> Result<(), OrderMismatch> {
        if evidence.out_trade_no != self.out_trade_no {
            return Err(OrderMismatch);
        }
        self.payments.insert(evidence.payment.clone());
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
    #[must_use]
    pub fn out_trade_no(&self) -> &OutTradeNo {
        &self.out_trade_no
    }

    /// Returns the ordered amount.
    #[must_use]
    pub fn ordered(&self) -> Fen {
        self.ordered
    }

    /// Returns every payment with evidence, earliest first.
    pub fn payments(&self) -> impl Iterator<Item = &Payment> {
        self.payments.iter()
    }

    /// Returns every refund with evidence.
    pub fn refunds(&self) -> impl Iterator<Item = &SucceededRefund> {
        self.refunds.iter()
    }

    /// Returns the total of the refunds. `None` on overflow.
    #[must_use]
    pub fn refunded_total(&self) -> Option<Fen> {
        self.refunds.one_per_id().try_fold(Fen::ZERO, |sum, refunded| sum.checked_add(refunded.refund()))
    }

    /// Returns the status. Once paid, an order stays paid, even if it is refunded.
    #[must_use]
    pub fn status(&self) -> PaymentStatus {
        match self.matching_payment() {
            Some(payment) => PaymentStatus::Paid(payment.clone()),
            None if self.payments.is_empty() => PaymentStatus::Open,
            None => PaymentStatus::Anomalous,
        }
    }

    /// Returns all anomalies.
    #[must_use]
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
        anomalies.extend(self.refunds.exceeded_payments().cloned().map(Anomaly::RefundsExceedPayment));
        anomalies.extend(self.refunds.conflicting().cloned().map(Anomaly::ConflictingRefund));
        anomalies.sort();
        anomalies
    }

    /// Returns the transitions from `before` to this state.
    #[must_use]
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
mod tests {
    use super::*;
    use alloc::format;
    use proptest::prelude::*;

    fn number() -> OutTradeNo {
        "7240b65810859cbf2a8d9f76a638c0a3".parse().unwrap()
    }

    fn payment(serial: u8, total_fee: u64, discount: u64, secs: u64) -> Payment {
        let id = format!("19000001092014050800000000{serial:02}").parse().unwrap();
        Payment::new(id, Fen::new(total_fee), Fen::new(discount), UnixTime::from_secs(secs))
    }

    fn evidence(payment: Payment) -> Evidence {
        Evidence::new(number(), payment)
    }

    fn state_of(evidence: &[Evidence]) -> PaymentState {
        let mut state = PaymentState::new(number(), Fen::new(100));
        for piece in evidence {
            state.merge(piece).unwrap();
        }
        state
    }

    #[test]
    fn a_discount_counts_against_the_order() {
        let paid = payment(1, 60, 40, 5);
        assert_eq!(state_of(&[evidence(paid.clone())]).status(), PaymentStatus::Paid(paid));
    }

    #[test]
    fn a_different_amount_is_an_anomaly_and_does_not_pay_the_order() {
        let state = state_of(&[evidence(payment(1, 1, 0, 5))]);
        assert_eq!(state.status(), PaymentStatus::Anomalous);
        assert_eq!(state.anomalies(), [Anomaly::AmountMismatch(payment(1, 1, 0, 5))]);
        assert_eq!(payment(1, u64::MAX, 1, 5).amount(), None);
    }

    #[test]
    fn a_second_payment_is_an_anomaly_and_the_order_stays_paid() {
        let state = state_of(&[evidence(payment(2, 100, 0, 9)), evidence(payment(1, 100, 0, 5))]);
        assert_eq!(state.status(), PaymentStatus::Paid(payment(1, 100, 0, 5)));
        assert_eq!(state.anomalies(), [Anomaly::SecondPayment(payment(2, 100, 0, 9))]);
    }

    #[test]
    fn conflicting_evidence_of_one_payment_is_an_anomaly() {
        let state = state_of(&[evidence(payment(1, 100, 0, 5)), evidence(payment(1, 99, 1, 5))]);
        assert!(state.anomalies().contains(&Anomaly::ConflictingPayment(payment(1, 99, 1, 5))));
    }

    #[test]
    fn evidence_of_another_order_changes_nothing() {
        let mut state = state_of(&[]);
        let other = Evidence::new("1".parse().unwrap(), payment(1, 100, 0, 5));
        assert_eq!(state.merge(&other), Err(OrderMismatch));
        assert_eq!(state, state_of(&[]));
    }

    fn refund(serial: u8, refund: u64, total: u64) -> RefundEvidence {
        let payment = payment(1, 100, 0, 5);
        let (refund_id, number) = (format!("5000000038201905270973267885{serial}"), format!("R{serial}"));
        let refunded = SucceededRefund::new(
            refund_id.parse().unwrap(),
            number.parse().unwrap(),
            payment.transaction_id().clone(),
            Fen::new(refund),
            Fen::new(total),
        );
        RefundEvidence::new(self::number(), refunded)
    }

    fn state_with_refunds(refunds: &[RefundEvidence]) -> PaymentState {
        let mut state = state_of(&[evidence(payment(1, 100, 0, 5))]);
        for piece in refunds {
            state.merge_refund(piece).unwrap();
        }
        state
    }

    #[test]
    fn refunds_add_up_and_each_causes_one_transition() {
        let before = state_with_refunds(&[refund(1, 60, 100)]);
        let after = state_with_refunds(&[refund(1, 60, 100), refund(2, 40, 100), refund(1, 60, 100)]);
        assert_eq!(after.refunded_total(), Some(Fen::new(100)));
        assert_eq!(
            after.transitions_since(&before),
            [Transition::Refunded(refund(2, 40, 100).refunded().clone())]
        );
        assert_eq!(after.status(), PaymentStatus::Paid(payment(1, 100, 0, 5)));
        assert_eq!(after.anomalies(), []);
    }

    #[test]
    fn refunds_beyond_the_payment_are_an_anomaly_even_before_the_payment_is_known() {
        let exceeded_payments =
            [Anomaly::RefundsExceedPayment(payment(1, 100, 0, 5).transaction_id().clone())];
        let pieces = [refund(1, 60, 100), refund(2, 41, 100)];
        assert_eq!(state_with_refunds(&pieces).anomalies(), exceeded_payments);
        let mut first = state_of(&[]);
        for piece in &pieces {
            first.merge_refund(piece).unwrap();
        }
        assert_eq!(first.anomalies(), exceeded_payments);
        assert_eq!(state_with_refunds(&[refund(1, u64::MAX, 100), refund(2, 1, 100)]).refunded_total(), None);
    }

    #[test]
    fn conflicting_evidence_of_one_refund_is_an_anomaly_and_counts_once() {
        let state = state_with_refunds(&[refund(1, 60, 100), refund(1, 50, 100)]);
        let versions = [refund(1, 50, 100), refund(1, 60, 100)];
        let versions = versions.map(|piece| Anomaly::ConflictingRefund(piece.refunded().clone()));
        assert_eq!(state.anomalies(), versions);
        assert_eq!(state.refunded_total(), Some(Fen::new(60)));
        let other = RefundEvidence::new("1".parse().unwrap(), refund(1, 1, 1).refunded().clone());
        assert_eq!(state_of(&[]).merge_refund(&other), Err(OrderMismatch));
    }

    fn any_refund() -> impl Strategy<Value = RefundEvidence> {
        (0_u8..3, 1_u64..60, prop::sample::select(Vec::from([100_u64, 90])))
            .prop_map(|(serial, amount, total)| refund(serial, amount, total))
    }

    fn any_evidence() -> impl Strategy<Value = Evidence> {
        (
            0_u8..3,
            prop::sample::select(Vec::from([100_u64, 60, 1])),
            prop::sample::select(Vec::from([0_u64, 40])),
            0_u64..3,
        )
            .prop_map(|(serial, total_fee, discount, secs)| {
                evidence(payment(serial, total_fee, discount, secs))
            })
    }

    proptest! {
        #[test]
        fn merge_is_commutative_associative_and_idempotent(
            (evidence, shuffled) in prop::collection::vec(any_evidence(), 0..8)
                .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
            repeated in any::<prop::sample::Index>(),
        ) {
            let state = state_of(&evidence);
            prop_assert_eq!(&state_of(&shuffled), &state);
            if !evidence.is_empty() {
                let mut again = state.clone();
                again.merge(repeated.get(&evidence)).unwrap();
                prop_assert_eq!(again, state);
            }
        }

        #[test]
        fn refunds_merge_in_any_order_and_no_anomaly_disappears(
            (refunds, shuffled) in prop::collection::vec(any_refund(), 0..6)
                .prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        ) {
            prop_assert_eq!(state_with_refunds(&shuffled), state_with_refunds(&refunds));
            let mut known = Vec::new();
            for length in 0..=refunds.len() {
                let anomalies = state_with_refunds(&refunds[..length]).anomalies();
                prop_assert!(known.iter().all(|anomaly| anomalies.contains(anomaly)));
                known = anomalies;
            }
        }

        #[test]
        fn an_order_becomes_paid_once_and_stays_paid(evidence in prop::collection::vec(any_evidence(), 0..8)) {
            let mut state = state_of(&[]);
            let mut transitions = Vec::new();
            for piece in &evidence {
                let before = state.clone();
                state.merge(piece).unwrap();
                transitions.extend(state.transitions_since(&before));
                let was_paid = matches!(before.status(), PaymentStatus::Paid(_));
                prop_assert!(!was_paid || matches!(state.status(), PaymentStatus::Paid(_)));
            }
            let paid = transitions.iter().filter(|transition| matches!(transition, Transition::Paid(_))).count();
            prop_assert_eq!(paid, usize::from(matches!(state.status(), PaymentStatus::Paid(_))));
        }
    }
}
