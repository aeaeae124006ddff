//! Permutations: evidence in any order and any number of times gives one result.

use super::*;
use crate::ledger::rows::payment::PaymentRow;
use proptest::{prelude::*, sample};

/// One piece of knowledge, or a call that the shop repeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Place,
    Notified(u64),
    Queried(u64),
    /// The payment 1 with another amount: contradicts it.
    Contradictory,
    /// A payment of 1 fen.
    Mismatch,
    /// A payment in another currency.
    OtherCurrency,
    /// A transaction of another number.
    Foreign,
    Unpaid,
    Failed,
    Close(CloseResult),
}

const PAID: &[Piece] = &[
    Piece::Place,
    Piece::Notified(1),
    Piece::Queried(1),
    Piece::Notified(2),
    Piece::Queried(3),
    Piece::Contradictory,
    Piece::Mismatch,
    Piece::OtherCurrency,
    Piece::Foreign,
    Piece::Unpaid,
    Piece::Failed,
];

/// The outcome, which must not depend on the order of the pieces.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    status: OrderStatus,
    payments: Vec<PaymentRow>,
    /// The types of the order's events. Those of cases differ: the case of a payment of an unknown number is opened
    /// only if it was learned before the order was placed.
    events: BTreeSet<EventType>,
    open_cases: BTreeSet<(CaseKind, Option<String>)>,
    has_task: bool,
}

/// Applies the pieces to a ledger, checks what must hold after each, and returns the outcome.
fn outcome(mut book: Book, close: Option<CloseCall>, pieces: &[Piece]) -> Outcome {
    let a1 = key("A1");
    let status = |book: &Book| {
        let row = book.store.load(crate::ledger::rows::order::OrderRow::of(&a1)).pop();
        row.map_or(OrderStatus::Unplaced, |row| row.status)
    };
    for piece in pieces {
        let before = status(&book);
        book.wait(1);
        apply(&mut book, &a1, close, *piece);
        let after = status(&book);
        assert!(before.can_become(after), "{before} became {after} by {piece:?}");
        assert!(book.count(&a1, EventType::OrderPaid) <= 1);
        assert!(book.count(&a1, EventType::OrderAnomalous) <= 1);
        assert!(book.count(&a1, EventType::OrderClosed) <= 1);
    }
    let is_of_order = |event: &EventType| event.as_str().starts_with("order.");
    Outcome {
        status: status(&book),
        payments: book.state(&a1).payments,
        events: book.events(&a1).into_iter().filter(is_of_order).collect(),
        open_cases: book.open_cases(&a1),
        has_task: book.task(&a1).is_some(),
    }
}

fn apply(book: &mut Book, a1: &OrderKey, close: Option<CloseCall>, piece: Piece) {
    let notified = Source::Notification;
    match piece {
        Piece::Place => drop(book.place(a1, terms(100))),
        Piece::Notified(serial) => drop(book.learn(a1, &payment(serial), notified)),
        Piece::Queried(serial) => {
            let with_app = LearnedPayment { appid: Some("wx1".into()), ..payment(serial) };
            book.learn(a1, &with_app, Source::Query);
        }
        Piece::Contradictory => {
            book.learn(a1, &LearnedPayment { total: Fen::new(99), ..payment(1) }, notified);
        }
        Piece::Mismatch => {
            book.learn(a1, &LearnedPayment { total: Fen::new(1), ..payment(4) }, notified);
        }
        Piece::OtherCurrency => {
            book.learn(a1, &LearnedPayment { currency: "USD".into(), ..payment(5) }, notified);
        }
        Piece::Foreign => drop(book.learn_owned(a1, &payment(6), key("A2").subject(), notified)),
        Piece::Unpaid | Piece::Failed => {
            let answer = if piece == Piece::Unpaid {
                unpaid()
            } else {
                QueryAnswer::Failed { error: "timeout".into() }
            };
            let begun = CallBegun { version: 0, status: OrderStatus::Unplaced };
            book.answer(a1, begun, answer);
        }
        Piece::Close(result) => drop(book.end_close(a1, close.unwrap(), result)),
    }
}

/// Chooses pieces, then returns them as chosen, and shuffled with duplicates.
fn shuffled(
    pieces: &'static [Piece],
    required: &'static [Piece],
) -> impl Strategy<Value = (Vec<Piece>, Vec<Piece>)> {
    sample::subsequence(pieces, 0..=pieces.len()).prop_flat_map(move |mut chosen| {
        for piece in required {
            if !chosen.contains(piece) {
                chosen.insert(0, *piece);
            }
        }
        let duplicates = proptest::collection::vec(sample::select(chosen.clone()), 0..6);
        let many = duplicates.prop_map({
            let chosen = chosen.clone();
            move |duplicates| [chosen.clone(), duplicates].concat()
        });
        (Just(chosen), many.prop_shuffle())
    })
}

const CLOSED: &[Piece] = &[
    Piece::Notified(1),
    Piece::Queried(1),
    Piece::Notified(2),
    Piece::Mismatch,
    Piece::Foreign,
    Piece::Unpaid,
    Piece::Place,
    Piece::Close(CloseResult::Unknown),
    Piece::Close(CloseResult::Closed),
];

const NOT_CLOSED: &[Piece] = &[
    Piece::Notified(1),
    Piece::Queried(1),
    Piece::Notified(2),
    Piece::Mismatch,
    Piece::Foreign,
    Piece::Unpaid,
    Piece::Place,
    Piece::Close(CloseResult::Unknown),
    Piece::Close(CloseResult::Refused),
    Piece::Close(CloseResult::NotSent),
    Piece::Close(CloseResult::Paid),
];

fn closing() -> (Book, Option<CloseCall>) {
    let mut book = Book::new();
    book.open(&key("A1"));
    let call = book.send_close(&key("A1"), CloseKind::Close);
    (book, Some(call))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn evidence_and_placings_in_any_order_give_the_same_order(
        (chosen, many) in shuffled(PAID, &[Piece::Place]),
    ) {
        prop_assert_eq!(outcome(Book::new(), None, &many), outcome(Book::new(), None, &chosen));
    }

    #[test]
    fn a_close_that_was_carried_out_and_evidence_in_any_order_give_the_same_order(
        (chosen, many) in shuffled(CLOSED, &[Piece::Close(CloseResult::Closed)]),
    ) {
        let (book, call) = closing();
        let outcome_of_many = outcome(book.clone(), call, &many);
        prop_assert!(!outcome_of_many.events.contains(&EventType::OrderPaid));
        prop_assert_eq!(outcome_of_many, outcome(book, call, &chosen));
    }

    #[test]
    fn a_close_that_was_not_carried_out_and_evidence_in_any_order_give_the_same_order(
        (chosen, many) in shuffled(NOT_CLOSED, &[Piece::Close(CloseResult::Paid), Piece::Notified(1)]),
    ) {
        let (book, call) = closing();
        let outcome_of_many = outcome(book.clone(), call, &many);
        prop_assert_eq!(outcome_of_many.status, OrderStatus::Paid);
        prop_assert_eq!(outcome_of_many, outcome(book, call, &chosen));
    }
}
