//! Polling: by the schedule, closed by the signed time, never ended by a failure.

use super::*;

#[test]
fn our_clock_a_day_ahead_does_not_close_an_order() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.open(&a1);
    book.now = book.now.after(Duration::from_hours(24));
    assert!(!book.query(&a1, unpaid()).should_close);
    assert_eq!(book.status(&a1), OrderStatus::Open);
    assert!(book.task(&a1).is_some());
    book.signed = START.after(LIFETIME);
    assert!(!book.query(&a1, unpaid()).should_close, "it can be paid until then");
    book.signed = book.signed.after(Duration::from_secs(1));
    assert!(book.query(&a1, unpaid()).should_close);
    let begun = book.begin_call(&a1);
    let without_time = RecordQuery {
        key: a1.clone(),
        begun,
        answer: unpaid(),
        signed_at: None,
        steady_at: book.signed,
        schedule: Schedule::default(),
    };
    assert!(!book.run(&without_time).should_close, "only a signed time decides");
}

#[test]
fn an_order_of_api_v1_expires_after_the_margin_and_is_not_closed() {
    let (mut book, a1) = (Book::new(), key("A1"));
    let v1 = PlacedTerms { api_version: ApiVersion::V1, ..terms(100) };
    book.place(&a1, v1.clone());
    let call = book.send_prepay(&a1, &v1);
    let prepared = book.prepared();
    book.end_prepay(&a1, &call, prepared);
    book.wait(7200 + 300);
    assert!(!book.query(&a1, unpaid()).should_close);
    assert_eq!(book.status(&a1), OrderStatus::Open);
    book.wait(1);
    assert!(!book.query(&a1, unpaid()).should_close);
    assert_eq!(book.status(&a1), OrderStatus::Expired);
    assert_eq!(book.count(&a1, EventType::OrderClosed), 1);
    assert!(matches!(book.place(&a1, v1), Placed::Existing { .. }));
    assert_eq!(book.status(&a1), OrderStatus::Expired, "it existed at WeChat Pay, so it is not placed again");
}

#[test]
fn a_failed_query_never_ends_the_polling() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.open(&a1);
    for _ in 0..20 {
        book.wait(3600);
        let failed = QueryAnswer::Failed { error: "timeout".into() };
        assert!(!book.query(&a1, failed).should_close);
        let task = book.task(&a1).unwrap();
        assert_eq!(task.last_error.as_deref(), Some("timeout"));
        assert!(task.due_at > book.now && task.due_at <= book.now.after(Duration::from_mins(30)));
    }
    assert_eq!(book.task(&a1).unwrap().attempts, 20);
    book.query(&a1, unpaid());
    assert_eq!(book.task(&a1).unwrap().last_error, None);
}

#[test]
fn the_last_query_before_the_expiry_is_followed_by_one_right_after_it() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.open(&a1);
    assert_eq!(book.task(&a1).unwrap().due_at, START.after(Duration::from_secs(15)));
    book.wait(7190);
    book.query(&a1, unpaid());
    assert_eq!(book.task(&a1).unwrap().due_at, START.after(LIFETIME).after(Duration::from_secs(1)));
}

#[test]
fn a_final_answer_ends_the_order_and_its_polling() {
    for (answer, status, event) in [
        (QueryAnswer::Closed, OrderStatus::Closed, EventType::OrderClosed),
        (QueryAnswer::PayError, OrderStatus::Failed, EventType::OrderClosed),
        (QueryAnswer::Revoked, OrderStatus::Reversed, EventType::OrderReversed),
    ] {
        let (mut book, a1) = (Book::new(), key("A1"));
        book.open(&a1);
        book.query(&a1, answer.clone());
        book.query(&a1, answer);
        assert_eq!(book.status(&a1), status);
        assert_eq!(book.events(&a1), [EventType::OrderCreated, event]);
        assert!(book.task(&a1).is_none());
        assert!(matches!(book.place(&a1, terms(200)), Placed::Differs { .. }), "the number is used");
    }
}

#[test]
fn an_expired_order_that_does_not_exist_expires_once_the_absence_held() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.open(&a1);
    book.wait(7201);
    book.query(&a1, QueryAnswer::NotFound);
    assert_eq!(book.status(&a1), OrderStatus::Open);
    assert_eq!(book.task(&a1).unwrap().due_at, book.now.after(Duration::from_secs(21)));
    book.wait(21);
    book.query(&a1, QueryAnswer::NotFound);
    assert_eq!(book.status(&a1), OrderStatus::Expired);
}

#[test]
fn a_query_of_an_unknown_number_stores_nothing() {
    let (mut book, a1) = (Book::new(), key("A1"));
    let before = book.store.clone();
    let begun = CallBegun { version: 0, status: OrderStatus::Unplaced };
    assert_eq!(book.answer(&a1, begun, QueryAnswer::Closed).state.order.status, OrderStatus::Unplaced);
    assert_eq!(book.store, before);
}
