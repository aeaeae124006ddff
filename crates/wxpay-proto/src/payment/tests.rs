//! Tests of the payment state.

use super::*;
use crate::clock::UnixTime;
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
        state.merge(piece, &owner(piece)).unwrap();
    }
    state
}

/// Returns the owner of a payment: another order for every payment of serial 9, this order for all others.
fn owner(evidence: &Evidence) -> OutTradeNo {
    let is_foreign = evidence.payment().transaction_id().as_str().ends_with('9');
    if is_foreign { other_number() } else { number() }
}

fn other_number() -> OutTradeNo {
    "20140508002".parse().unwrap()
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
fn only_the_exact_amount_pays_an_order() {
    for (total_fee, discount) in [(99, 0), (101, 0), (100, 1), (200, 0), (99, 2), (0, 0), (u64::MAX, 101)] {
        let state = state_of(&[evidence(payment(1, total_fee, discount, 5))]);
        assert_eq!(state.status(), PaymentStatus::Anomalous, "{total_fee} + {discount}");
        assert_eq!(state.anomalies(), [Anomaly::AmountMismatch(payment(1, total_fee, discount, 5))]);
        let transitions = state.transitions_since(&state_of(&[]));
        assert!(matches!(transitions[..], [Transition::Anomaly(_)]), "{transitions:?}");
    }
    for (total_fee, discount) in [(100, 0), (0, 100), (99, 1)] {
        let state = state_of(&[evidence(payment(1, total_fee, discount, 5))]);
        assert_eq!(state.status(), PaymentStatus::Paid(payment(1, total_fee, discount, 5)));
    }
}

#[test]
fn an_overpayment_beside_the_exact_payment_does_not_pay_the_order() {
    let state = state_of(&[evidence(payment(1, 101, 0, 5)), evidence(payment(2, 100, 0, 9))]);
    assert_eq!(state.status(), PaymentStatus::Paid(payment(2, 100, 0, 9)));
    assert_eq!(state.anomalies(), [Anomaly::AmountMismatch(payment(1, 101, 0, 5))]);
}

#[test]
fn a_transaction_of_another_order_is_an_anomaly_once_and_pays_nothing() {
    let stolen = payment(9, 100, 0, 5);
    let anomaly = Anomaly::TransactionOfAnotherOrder { payment: stolen.clone(), owner: other_number() };
    let before = state_of(&[]);
    let state = state_of(&[evidence(stolen.clone()), evidence(stolen.clone())]);
    assert_eq!(state.status(), PaymentStatus::Anomalous);
    assert_eq!(state.payments().count(), 0);
    assert_eq!(state.anomalies(), core::slice::from_ref(&anomaly));
    assert_eq!(state.transitions_since(&before), [Transition::Anomaly(anomaly.clone())]);
    let again = state_of(&[evidence(stolen.clone()), evidence(stolen.clone())]);
    assert_eq!(again.transitions_since(&state), []);

    let paid = state_of(&[evidence(stolen), evidence(payment(1, 100, 0, 6))]);
    assert_eq!(paid.status(), PaymentStatus::Paid(payment(1, 100, 0, 6)), "its own payment still pays it");
    assert_eq!(paid.anomalies(), [anomaly]);
}

#[test]
fn a_transaction_belongs_to_the_first_order_that_claims_it() {
    let mut owners = TransactionOwners::default();
    let first = evidence(payment(1, 100, 0, 5));
    let second = Evidence::new(other_number(), payment(1, 60, 40, 6));
    assert_eq!(owners.owner(first.payment().transaction_id()), None);
    assert_eq!(owners.claim(&first), first.out_trade_no());
    assert_eq!(
        owners.claim(&second),
        first.out_trade_no(),
        "another amount and time do not change the owner"
    );
    assert_eq!(owners.owner(first.payment().transaction_id()), Some(first.out_trade_no()));
    let other = Evidence::new(other_number(), payment(2, 100, 0, 5));
    assert_eq!(owners.claim(&other), &other_number());
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
    assert_eq!(state.merge(&other, &number()), Err(OrderMismatch));
    assert_eq!(state.merge(&other, other.out_trade_no()), Err(OrderMismatch));
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
fn the_first_refund_causes_a_transition_and_a_known_one_never_again() {
    let none = state_with_refunds(&[]);
    let one = state_with_refunds(&[refund(1, 60, 100)]);
    let told = |refund: &RefundEvidence| Transition::Refunded(refund.refunded().clone());
    assert_eq!(one.transitions_since(&none), [told(&refund(1, 60, 100))]);
    assert_eq!(one.transitions_since(&one), []);
    let both = state_with_refunds(&[refund(1, 60, 100), refund(2, 10, 100)]);
    assert_eq!(both.transitions_since(&one), [told(&refund(2, 10, 100))]);
    assert_eq!(both.transitions_since(&none), [told(&refund(1, 60, 100)), told(&refund(2, 10, 100))]);
    assert_eq!(both.transitions_since(&both), []);
}

#[test]
fn a_second_version_of_a_known_refund_is_an_anomaly_and_no_second_refund() {
    let one = state_with_refunds(&[refund(1, 60, 100)]);
    let both = state_with_refunds(&[refund(1, 60, 100), refund(1, 50, 100)]);
    let transitions = both.transitions_since(&one);
    assert!(transitions.iter().all(|transition| matches!(transition, Transition::Anomaly(_))));
    assert_eq!(transitions.len(), 2);
}

#[test]
fn partial_refunds_add_up_to_the_price_but_not_beyond() {
    let pieces: Vec<_> = (0..10).map(|serial| refund(serial, 10, 100)).collect();
    let state = state_with_refunds(&pieces);
    assert_eq!((state.refunded_total(), state.anomalies().len()), (Some(Fen::new(100)), 0));
    let mut beyond = state.clone();
    beyond.merge_refund(&RefundEvidence::new(number(), more(1))).unwrap();
    assert_eq!(beyond.refunded_total(), Some(Fen::new(101)));
    let exceeded = Anomaly::RefundsExceedPayment(payment(1, 100, 0, 5).transaction_id().clone());
    assert_eq!(
        beyond.transitions_since(&state),
        [Transition::Refunded(more(1)), Transition::Anomaly(exceeded)]
    );
}

/// One more refund, of this amount, beside those of the serials 0 to 9.
fn more(amount: u64) -> SucceededRefund {
    SucceededRefund::new(
        "50000000382019052709732678999".parse().unwrap(),
        "R99".parse().unwrap(),
        payment(1, 100, 0, 5).transaction_id().clone(),
        Fen::new(amount),
        Fen::new(100),
    )
}

#[test]
fn refunds_beyond_the_payment_are_an_anomaly_even_before_the_payment_is_known() {
    let exceeded_payments = [Anomaly::RefundsExceedPayment(payment(1, 100, 0, 5).transaction_id().clone())];
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
        prop::sample::select(Vec::from([0_u8, 1, 2, 9])),
        prop::sample::select(Vec::from([100_u64, 101, 60, 1])),
        prop::sample::select(Vec::from([0_u64, 40])),
        0_u64..3,
    )
        .prop_map(|(serial, total_fee, discount, secs)| evidence(payment(serial, total_fee, discount, secs)))
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
            let piece = repeated.get(&evidence);
            again.merge(piece, &owner(piece)).unwrap();
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
            state.merge(piece, &owner(piece)).unwrap();
            transitions.extend(state.transitions_since(&before));
            let was_paid = matches!(before.status(), PaymentStatus::Paid(_));
            prop_assert!(!was_paid || matches!(state.status(), PaymentStatus::Paid(_)));
        }
        let paid = transitions.iter().filter(|transition| matches!(transition, Transition::Paid(_))).count();
        prop_assert_eq!(paid, usize::from(matches!(state.status(), PaymentStatus::Paid(_))));
    }

    #[test]
    fn one_transaction_pays_at_most_one_order_in_any_order_of_arrival(
        arrivals in prop::collection::vec((any::<bool>(), 0_u8..3, 99_u64..102), 0..16),
    ) {
        let mut owners = TransactionOwners::default();
        let mut states = [number(), other_number()].map(|number| PaymentState::new(number, Fen::new(100)));
        let mut paid = Vec::new();
        for (is_other, serial, total_fee) in arrivals {
            let state = &mut states[usize::from(is_other)];
            let before = state.clone();
            let piece = Evidence::new(state.out_trade_no().clone(), payment(serial, total_fee, 0, 5));
            state.merge(&piece, owners.claim(&piece)).unwrap();
            paid.extend(state.transitions_since(&before).into_iter().filter_map(|transition| match transition {
                Transition::Paid(payment) => Some(payment.transaction_id().clone()),
                Transition::Refunded(_) | Transition::Anomaly(_) => None,
            }));
        }
        let distinct: BTreeSet<_> = paid.iter().collect();
        prop_assert_eq!(distinct.len(), paid.len(), "{:?}", paid);
    }
}
