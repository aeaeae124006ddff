//! Code payments whose reversal is in doubt, refused, or contradicted by a payment.

use super::{
    codes::{charging, code_terms, query_paid, reversing, still_paying, user_paying},
    *,
};

#[test]
fn no_result_of_a_reversal_takes_its_decision_back() {
    for result in [
        CloseResult::Paid,
        CloseResult::Refused,
        CloseResult::NotSent,
        CloseResult::Unknown,
        CloseResult::NotFound,
    ] {
        let (mut book, a1, call) = reversing();
        book.end_close(&a1, call, result);
        assert_eq!(book.status(&a1), OrderStatus::Reversing, "{result:?}");
        assert!(book.task(&a1).is_some(), "{result:?}: it is repeated");
        assert!(book.query(&a1, still_paying()).should_close, "{result:?}");
    }
}

/// Two processes reverse the order. The call of one is refused while that of the other is on its way: if the order were
/// open again, its payment would be announced, and then returned.
#[test]
fn a_refused_reversal_does_not_pay_an_order_that_another_call_still_reverses() {
    let (mut book, a1, first) = reversing();
    let second = book.send_close(&a1, CloseKind::Reverse);
    book.end_close(&a1, first, CloseResult::Refused);
    let begun = book.begin_call(&a1);
    query_paid(&mut book, &a1, begun);
    assert_eq!(book.count(&a1, EventType::OrderPaid), 0);
    book.end_close(&a1, second, CloseResult::Closed);
    assert_eq!(book.events(&a1), [EventType::OrderCreated, EventType::OrderReversed]);
    book.query(&a1, QueryAnswer::Revoked);
    assert!(book.open_kinds(&a1).is_empty(), "our own reversal is no anomaly");
}

#[test]
fn a_charge_that_cannot_be_queried_is_reversed_all_the_same() {
    let (mut book, a1) = user_paying();
    let failed = || QueryAnswer::Failed { error: "timeout".into() };
    assert!(!book.query(&a1, failed()).should_close);
    book.wait(45);
    assert!(book.query(&a1, failed()).should_close);
}

#[test]
fn a_charge_that_is_lost_frees_its_number_before_it_would_be_reversed() {
    let (mut book, a1, call) = charging();
    book.end_prepay(&a1, &call, PrepayResult::Unknown);
    for _ in 0..5 {
        book.wait(5);
        assert!(!book.query(&a1, QueryAnswer::NotFound).should_close);
    }
    assert_eq!(book.status(&a1), OrderStatus::Open);
    assert!(!book.may_exist(&a1));
    book.wait(60);
    assert!(!book.query(&a1, QueryAnswer::NotFound).should_close, "there is nothing to reverse");
}

/// The process died with the charge: nobody knows whether it was sent, and it may yet be.
#[test]
fn a_charge_that_nobody_ended_is_reversed_until_it_cannot_exist() {
    let (mut book, a1, _) = charging();
    book.wait(46);
    assert!(book.query(&a1, QueryAnswer::NotFound).should_close);
    let call = book.send_close(&a1, CloseKind::Reverse);
    book.end_close(&a1, call, CloseResult::NotFound);
    book.wait(139);
    let call = book.send_close(&a1, CloseKind::Reverse);
    book.end_close(&a1, call, CloseResult::NotFound);
    assert_eq!(book.status(&a1), OrderStatus::Reversing, "it may yet be sent");
    book.wait(2);
    let call = book.send_close(&a1, CloseKind::Reverse);
    book.end_close(&a1, call, CloseResult::NotFound);
    assert_eq!(book.status(&a1), OrderStatus::Reversed);
    assert!(matches!(book.begin_placing(&a1, code_terms()), Placed::Existing { call: None, .. }));
}

#[test]
fn an_order_that_ended_otherwise_while_reversing_ends_so() {
    for (answer, status, event) in [
        (QueryAnswer::Revoked, OrderStatus::Reversed, EventType::OrderReversed),
        (QueryAnswer::Closed, OrderStatus::Closed, EventType::OrderClosed),
        (QueryAnswer::PayError, OrderStatus::Failed, EventType::OrderClosed),
    ] {
        let (mut book, a1, call) = reversing();
        book.end_close(&a1, call, CloseResult::Refused);
        book.query(&a1, answer);
        assert_eq!(book.status(&a1), status);
        assert_eq!(book.events(&a1), [EventType::OrderCreated, event]);
        assert!(book.task(&a1).is_none());
    }
}

#[test]
fn a_payment_learned_after_the_reversal_is_verified_by_a_query() {
    let (mut book, a1, call) = reversing();
    let begun = book.begin_call(&a1);
    book.end_close(&a1, call, CloseResult::Closed);
    assert!(book.task(&a1).is_none());
    // The reply to a query that began before the reversal was confirmed.
    query_paid(&mut book, &a1, begun);
    assert_eq!(book.status(&a1), OrderStatus::Reversed);
    assert!(book.task(&a1).is_some());
    assert!(book.open_kinds(&a1).is_empty());
    book.query(&a1, QueryAnswer::Failed { error: "timeout".into() });
    assert!(book.task(&a1).is_some(), "it is not verified yet");
    book.query(&a1, QueryAnswer::Revoked);
    assert!(book.task(&a1).is_none());
    assert_eq!(book.events(&a1), [EventType::OrderCreated, EventType::OrderReversed]);
}

#[test]
fn a_payment_that_stays_after_the_reversal_is_a_case_and_can_be_refunded() {
    let (mut book, a1, call) = reversing();
    book.end_close(&a1, call, CloseResult::Closed);
    book.learn(&a1, &payment(1), Source::Bill);
    assert_eq!(book.status(&a1), OrderStatus::Reversed);
    let begun = book.begin_call(&a1);
    query_paid(&mut book, &a1, begun);
    assert_eq!(book.status(&a1), OrderStatus::Anomalous);
    assert_eq!(book.open_kinds(&a1), [CaseKind::PaidAfterClose]);
    assert_eq!(book.count(&a1, EventType::OrderPaid), 0);
    assert_eq!(book.count(&a1, EventType::OrderAnomalous), 1);
    assert!(book.task(&a1).is_none());
    query_paid(&mut book, &a1, begun);
    assert_eq!(book.count(&a1, EventType::OrderAnomalous), 1);
}

#[test]
fn a_payment_that_wechat_pay_does_not_reverse_is_a_case() {
    let (mut book, a1, mut call) = reversing();
    let begun = book.begin_call(&a1);
    query_paid(&mut book, &a1, begun);
    let mut calls = 0;
    while book.status(&a1) == OrderStatus::Reversing {
        book.end_close(&a1, call, CloseResult::Refused);
        if book.status(&a1) == OrderStatus::Reversing {
            book.wait(5);
            call = book.send_close(&a1, CloseKind::Reverse);
        }
        calls += 1;
        assert!(calls < 100, "it must end");
    }
    assert!(calls > 10, "not before it was tried for a while");
    assert_eq!(book.status(&a1), OrderStatus::Anomalous);
    assert_eq!(book.open_kinds(&a1), [CaseKind::PaidAfterClose]);
    assert_eq!(book.count(&a1, EventType::OrderPaid), 0);
    assert!(book.task(&a1).is_none());
}

#[test]
fn a_number_with_a_payment_is_not_absent_whatever_is_replied() {
    let (mut book, a1, call) = reversing();
    let begun = book.begin_call(&a1);
    query_paid(&mut book, &a1, begun);
    book.end_close(&a1, call, CloseResult::NotFound);
    // The first of these replies begins an absence, and the later ones would prove it.
    for _ in 0..3 {
        book.wait(200);
        let call = book.send_close(&a1, CloseKind::Reverse);
        book.end_close(&a1, call, CloseResult::NotFound);
    }
    assert_eq!(book.status(&a1), OrderStatus::Reversing);
    assert!(book.may_exist(&a1));
}
