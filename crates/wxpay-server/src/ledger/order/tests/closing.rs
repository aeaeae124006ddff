//! Law 2: a decision that destroys is written before its call, and no payment is reported before it is resolved.

use super::*;

fn closing() -> (Book, OrderKey, CloseCall) {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.open(&a1);
    let call = book.send_close(&a1, CloseKind::Close);
    assert_eq!(book.status(&a1), OrderStatus::Closing);
    (book, a1, call)
}

#[test]
fn a_payment_learned_while_closing_waits_and_pays_if_the_close_failed() {
    for result in [CloseResult::Paid, CloseResult::Refused, CloseResult::NotSent] {
        let (mut book, a1, call) = closing();
        book.learn(&a1, &payment(1), Source::Notification);
        assert_eq!(book.status(&a1), OrderStatus::Closing);
        assert_eq!(book.count(&a1, EventType::OrderPaid), 0);
        assert_eq!(book.state(&a1).payments.len(), 1, "stored, and not lost in a crash");
        book.end_close(&a1, call, result);
        assert_eq!(book.status(&a1), OrderStatus::Paid);
        assert_eq!(book.events(&a1), [EventType::OrderCreated, EventType::OrderPaid]);
        assert!(book.task(&a1).is_none());
    }
}

#[test]
fn a_payment_learned_while_closing_opens_a_case_if_the_order_was_closed() {
    let (mut book, a1, call) = closing();
    book.learn(&a1, &payment(1), Source::Notification);
    book.end_close(&a1, call, CloseResult::Closed);
    assert_eq!(book.status(&a1), OrderStatus::Anomalous);
    assert_eq!(book.open_kinds(&a1), [CaseKind::PaidAfterClose]);
    assert_eq!(book.count(&a1, EventType::OrderPaid), 0);
    assert_eq!(book.count(&a1, EventType::OrderClosed), 1);
    // What comes later does not make it paid.
    book.learn(&a1, &payment(2), Source::Query);
    assert_eq!(book.status(&a1), OrderStatus::Anomalous);
    assert_eq!(book.count(&a1, EventType::OrderPaid), 0);
}

#[test]
fn a_payment_learned_after_the_close_opens_the_same_case() {
    let (mut book, a1, call) = closing();
    book.end_close(&a1, call, CloseResult::Closed);
    assert_eq!(book.status(&a1), OrderStatus::Closed);
    assert!(book.task(&a1).is_none());
    book.learn(&a1, &payment(1), Source::Notification);
    assert_eq!(book.status(&a1), OrderStatus::Anomalous);
    assert_eq!(book.open_kinds(&a1), [CaseKind::PaidAfterClose]);
}

#[test]
fn an_unknown_close_stands_until_its_repetition_ends() {
    let (mut book, a1, call) = closing();
    book.end_close(&a1, call, CloseResult::Unknown);
    assert_eq!(book.status(&a1), OrderStatus::Closing);
    assert!(book.task(&a1).unwrap().due_at > book.now);
    book.wait(30);
    assert!(book.query(&a1, unpaid()).should_close, "the decision stands, and is carried out");
    let again = book.send_close(&a1, CloseKind::Close);
    assert!(again.had_doubt);
    book.end_close(&a1, again, CloseResult::NotSent);
    assert_eq!(book.status(&a1), OrderStatus::Closing, "the first call may have been carried out");
    book.end_close(&a1, again, CloseResult::Closed);
    assert_eq!(book.status(&a1), OrderStatus::Closed);
    book.end_close(&a1, again, CloseResult::Closed);
    assert_eq!(book.events(&a1), [EventType::OrderCreated, EventType::OrderClosed]);
}

#[test]
fn an_order_that_is_paid_already_is_queried_at_once_and_then_paid() {
    let (mut book, a1, call) = closing();
    book.end_close(&a1, call, CloseResult::Paid);
    assert_eq!(book.task(&a1).unwrap().due_at, book.now);
    book.learn(&a1, &payment(1), Source::Query);
    assert_eq!(book.status(&a1), OrderStatus::Paid);
}

#[test]
fn an_order_that_was_never_sent_is_closed_without_a_call() {
    for (kind, requested, status, event) in [
        (CloseKind::Close, true, OrderStatus::Closed, EventType::OrderClosed),
        (CloseKind::Close, false, OrderStatus::Expired, EventType::OrderClosed),
        (CloseKind::Reverse, true, OrderStatus::Reversed, EventType::OrderReversed),
    ] {
        let (mut book, a1) = (Book::new(), key("A1"));
        book.place(&a1, terms(100));
        assert!(matches!(book.begin_close(&a1, kind, requested), BegunClose::Done(_)));
        assert_eq!(book.status(&a1), status);
        assert_eq!(book.events(&a1), [EventType::OrderCreated, event]);
        assert!(book.task(&a1).is_none());
        assert!(matches!(book.begin_close(&a1, kind, requested), BegunClose::NotOpen(_)));
    }
}

#[test]
fn a_close_that_finds_no_order_ends_when_the_absence_held() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.place(&a1, terms(100));
    let prepay = book.send_prepay(&a1, &terms(100));
    book.end_prepay(&a1, &prepay, PrepayResult::Unknown);
    book.wait(30);
    let call = book.send_close(&a1, CloseKind::Close);
    book.end_close(&a1, call, CloseResult::NotFound);
    assert_eq!(book.status(&a1), OrderStatus::Closing, "it may be on its way");
    book.wait(20);
    let call = book.send_close(&a1, CloseKind::Close);
    book.end_close(&a1, call, CloseResult::NotFound);
    assert_eq!(book.status(&a1), OrderStatus::Closed);
    assert!(!book.may_exist(&a1));
}

#[test]
fn a_payment_that_our_own_reversal_returned_is_no_anomaly() {
    for learned_first in [true, false] {
        let (mut book, a1) = (Book::new(), key("A1"));
        book.open(&a1);
        let call = book.send_close(&a1, CloseKind::Reverse);
        assert_eq!(book.status(&a1), OrderStatus::Reversing);
        if learned_first {
            book.learn(&a1, &payment(1), Source::Notification);
        }
        book.end_close(&a1, call, CloseResult::Closed);
        if !learned_first {
            book.learn(&a1, &payment(1), Source::Notification);
        }
        assert_eq!(book.status(&a1), OrderStatus::Reversed);
        assert_eq!(book.events(&a1), [EventType::OrderCreated, EventType::OrderReversed]);
        assert_eq!(book.state(&a1).payments.len(), 1);
    }
}

#[test]
fn a_paid_order_stays_paid_whatever_contradicts_it() {
    for answer in [QueryAnswer::Closed, QueryAnswer::Revoked, QueryAnswer::PayError] {
        let (mut book, a1) = (Book::new(), key("A1"));
        book.open(&a1);
        book.learn(&a1, &payment(1), Source::Notification);
        book.query(&a1, answer.clone());
        book.query(&a1, answer);
        assert_eq!(book.status(&a1), OrderStatus::Paid);
        assert_eq!(book.open_kinds(&a1), [CaseKind::ContradictoryEvidence]);
        assert_eq!(book.count(&a1, EventType::OrderAnomalous), 1);
    }
}
