//! Code payments: one charge at a time, and a decision to reverse that is never taken back.

use super::*;

/// The terms of a code payment of 100 fen.
pub(super) fn code_terms() -> PlacedTerms {
    PlacedTerms { channel: "code".into(), ..terms(100) }
}

/// Returns a book with an order whose charge is begun.
pub(super) fn charging() -> (Book, OrderKey, PrepayCall) {
    let (mut book, a1) = (Book::new(), key("A1"));
    match book.begin_placing(&a1, code_terms()) {
        Placed::Created { call: Some(call), .. } => (book, a1, call),
        other => panic!("{other:?}"),
    }
}

/// Returns a book with an order whose payer is entering the password.
pub(super) fn user_paying() -> (Book, OrderKey) {
    let (mut book, a1, call) = charging();
    let signed_at = Some(book.signed);
    book.end_prepay(&a1, &call, PrepayResult::UserPaying { signed_at });
    (book, a1)
}

pub(super) fn still_paying() -> QueryAnswer {
    QueryAnswer::Unpaid { trade_state: "USERPAYING".into() }
}

/// Returns a book with an order whose decision to reverse is written, and its call.
pub(super) fn reversing() -> (Book, OrderKey, CloseCall) {
    let (mut book, a1) = user_paying();
    book.wait(46);
    assert!(book.query(&a1, still_paying()).should_close);
    let call = book.send_close(&a1, CloseKind::Reverse);
    assert_eq!(book.status(&a1), OrderStatus::Reversing);
    (book, a1, call)
}

/// Queries, and learns that the order is paid.
pub(super) fn query_paid(book: &mut Book, a1: &OrderKey, begun: CallBegun) -> Learned {
    book.run(&LearnPayment {
        key: a1.clone(),
        payment: payment(1),
        owner: a1.subject(),
        source: Source::Query,
        begun: Some(begun),
        inbox: None,
        schedule: Schedule::default(),
    })
}

fn due_in(book: &Book, key: &OrderKey) -> u64 {
    book.task(key).unwrap().due_at.since(book.now).as_secs()
}

#[test]
fn a_charge_is_not_begun_again_while_it_may_exist() {
    let (mut book, a1, call) = charging();
    let again = |book: &mut Book| match book.begin_placing(&a1, code_terms()) {
        Placed::Existing { call, .. } => call.is_some(),
        other => panic!("{other:?}"),
    };
    assert!(!again(&mut book), "the first one is on its way");
    book.end_prepay(&a1, &call, PrepayResult::Unknown);
    assert!(!again(&mut book), "it may have been carried out");
    assert!(matches!(book.begin_prepay(&a1, &code_terms()), BegunPrepay::Ready(_)));
    book.query(&a1, QueryAnswer::NotFound);
    assert!(!again(&mut book), "it may be on its way");
    book.wait(20);
    book.query(&a1, QueryAnswer::NotFound);
    assert!(again(&mut book), "it is known to be lost");
}

#[test]
fn a_charge_that_was_refused_or_not_sent_may_be_begun_again() {
    for result in [PrepayResult::Refused, PrepayResult::NotSent] {
        let (mut book, a1, call) = charging();
        book.end_prepay(&a1, &call, result);
        assert!(!book.state(&a1).order.is_charging());
        let Placed::Existing { call: Some(second), .. } = book.begin_placing(&a1, code_terms()) else {
            panic!()
        };
        assert_eq!((second.number, second.had_doubt), (2, false));
        assert!(matches!(book.begin_placing(&a1, code_terms()), Placed::Existing { call: None, .. }));
    }
}

#[test]
fn a_refusal_proves_nothing_if_the_order_was_queried_or_reversed_meanwhile() {
    let (mut book, a1, call) = charging();
    book.query(&a1, still_paying());
    book.end_prepay(&a1, &call, PrepayResult::Refused);
    assert!(book.may_exist(&a1));
    assert_eq!(due_in(&book, &a1), 0, "it is queried at once");
    let (mut book, a1, call) = charging();
    book.wait(16);
    book.send_close(&a1, CloseKind::Reverse);
    book.end_prepay(&a1, &call, PrepayResult::Refused);
    assert!(book.may_exist(&a1));
    assert_eq!(book.status(&a1), OrderStatus::Reversing);
}

#[test]
fn a_charge_is_queried_every_five_seconds_and_reversed_after_forty_five() {
    let (mut book, a1) = user_paying();
    assert!(book.state(&a1).order.is_user_paying());
    for _ in 0..8 {
        assert_eq!(due_in(&book, &a1), 5);
        book.wait(5);
        assert!(!book.query(&a1, still_paying()).should_close);
    }
    book.wait(5);
    assert!(book.query(&a1, still_paying()).should_close);
    assert!(matches!(book.begin_close(&a1, CloseKind::Reverse, false), BegunClose::Begun { .. }));
    assert_eq!(due_in(&book, &a1), 5, "the call is repeated as often");
}

#[test]
fn a_charge_is_reversed_when_the_time_of_its_order_is_over() {
    let (mut book, a1) = (Book::new(), key("A1"));
    let (expires_at, call_until) = (START.after(Duration::from_secs(20)), START.after(CALL_DEADLINE));
    let terms = code_terms();
    let place = PlaceOrder {
        key: a1.clone(),
        terms,
        metadata: None,
        expires_at,
        call_until,
        schedule: Schedule::default(),
    };
    let Placed::Created { call: Some(call), .. } = book.run(&place) else { panic!() };
    book.end_prepay(&a1, &call, PrepayResult::UserPaying { signed_at: Some(START) });
    book.wait(20);
    assert!(!book.query(&a1, still_paying()).should_close);
    book.wait(1);
    assert!(book.query(&a1, still_paying()).should_close);
}

#[test]
fn a_young_charge_is_reversed_later_and_never_paid_meanwhile() {
    let (mut book, a1) = user_paying();
    book.wait(6);
    assert!(matches!(book.begin_close(&a1, CloseKind::Reverse, true), BegunClose::Later(_)));
    assert_eq!(book.status(&a1), OrderStatus::Reversing, "the decision is written");
    assert_eq!(due_in(&book, &a1), 9);
    let begun = book.begin_call(&a1);
    query_paid(&mut book, &a1, begun);
    assert_eq!(book.count(&a1, EventType::OrderPaid), 0);
    book.wait(9);
    let call = book.send_close(&a1, CloseKind::Reverse);
    book.end_close(&a1, call, CloseResult::Closed);
    assert_eq!(book.events(&a1), [EventType::OrderCreated, EventType::OrderReversed]);
    assert!(book.open_kinds(&a1).is_empty());
}

#[test]
fn a_payment_that_is_known_before_the_decision_is_never_reversed() {
    let (mut book, a1) = user_paying();
    let begun = book.begin_call(&a1);
    query_paid(&mut book, &a1, begun);
    assert_eq!(book.status(&a1), OrderStatus::Paid);
    assert!(book.task(&a1).is_none());
    for requested in [true, false] {
        assert!(matches!(book.begin_close(&a1, CloseKind::Reverse, requested), BegunClose::NotOpen(_)));
    }
    assert_eq!(book.events(&a1), [EventType::OrderCreated, EventType::OrderPaid]);
}

#[test]
fn the_time_of_a_charge_is_that_of_wechat_pay() {
    // Our clock is a day ahead when the charge begins, and right again soon after.
    for is_answered in [true, false] {
        let (mut book, a1) = (Book::new(), key("A1"));
        book.now = START.after(Duration::from_hours(24));
        let Placed::Created { call: Some(call), .. } = book.begin_placing(&a1, code_terms()) else {
            panic!()
        };
        let signed_at = Some(book.signed);
        let result = if is_answered { PrepayResult::UserPaying { signed_at } } else { PrepayResult::Unknown };
        book.end_prepay(&a1, &call, result);
        book.now = START;
        book.wait(5);
        assert!(!book.query(&a1, still_paying()).should_close);
        book.wait(45);
        assert!(book.query(&a1, still_paying()).should_close, "answered: {is_answered}");
    }
}
