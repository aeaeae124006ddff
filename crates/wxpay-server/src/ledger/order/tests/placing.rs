//! Law 1: the shop's number is the identity, and its terms are replaceable only while the order cannot exist.

use super::*;

#[test]
fn same_terms_are_the_same_order_and_other_terms_differ() {
    let (mut book, a1) = (Book::new(), key("A1"));
    assert!(matches!(book.place(&a1, terms(100)), Placed::Created { .. }));
    assert!(matches!(book.place(&a1, terms(100)), Placed::Existing { .. }));
    book.send_prepay(&a1, &terms(100));
    let Placed::Differs { stored_terms } = book.place(&a1, terms(200)) else { panic!("it must differ") };
    assert_eq!(stored_terms, terms(100).json);
    assert_eq!(book.events(&a1), [EventType::OrderCreated]);
}

#[test]
fn two_merchants_with_the_same_number_are_two_orders() {
    let (mut book, first, second) = (Book::new(), key("A1"), key_of("shop2", "A1"));
    book.open(&first);
    assert!(matches!(book.place(&second, terms(200)), Placed::Created { .. }));
    book.learn(&first, &payment(1), Source::Notification);
    assert_eq!(book.status(&first), OrderStatus::Paid);
    assert_eq!(book.status(&second), OrderStatus::Open);
    assert!(book.task(&first).is_none());
    assert!(book.task(&second).is_some());
}

#[test]
fn an_order_and_a_refund_of_one_number_have_numbers_and_tasks_of_their_own() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.open(&a1);
    let refund = Subject::refund(a1.merchant.clone(), &"A1".parse().unwrap());
    let refund_task = TaskRow { kind: TaskKind::Refund, subject: refund.clone(), ..book.task(&a1).unwrap() };
    let mut changes = crate::ledger::Changes::default();
    changes.put(&refund_task);
    book.store.apply(&changes).unwrap();
    let mut claim = ClaimNumber {
        merchant: a1.merchant.clone(),
        kind: NumberKind::Refund,
        number: "A1".into(),
        owner: a1.subject(),
    };
    assert_eq!(book.run(&claim), a1.subject());
    claim.owner = key("A2").subject();
    assert_eq!(book.run(&claim), a1.subject(), "the first claim decides");
    claim.kind = NumberKind::Transaction;
    assert_eq!(book.run(&claim), key("A2").subject(), "numbers of two kinds are two numbers");
    book.learn(&a1, &payment(1), Source::Notification);
    assert!(book.task(&a1).is_none(), "the order is paid");
    let left = book.store.load(TaskRow::of(a1.shard(), TaskKind::Refund, &refund));
    assert_eq!(left, [refund_task], "the task of the refund stays");
}

#[test]
fn a_number_does_not_burn_after_a_refusal_without_doubt() {
    for result in [PrepayResult::Refused, PrepayResult::NotSent] {
        let (mut book, a1) = (Book::new(), key("A1"));
        book.place(&a1, terms(100));
        let call = book.send_prepay(&a1, &terms(100));
        assert!(!call.had_doubt);
        assert!(book.may_exist(&a1), "written before the call is sent");
        book.end_prepay(&a1, &call, result);
        assert!(!book.may_exist(&a1));
        assert!(matches!(book.place(&a1, terms(200)), Placed::Existing { .. }));
        assert_eq!(book.state(&a1).order.total, Some(Fen::new(200)));
        assert_eq!(book.count(&a1, EventType::OrderCreated), 1, "once for each order, not for each terms");
        assert!(matches!(book.begin_prepay(&a1, &terms(100)), BegunPrepay::Stale(_)));
        book.send_prepay(&a1, &terms(200));
    }
}

#[test]
fn a_refusal_after_an_earlier_doubt_keeps_the_terms() {
    for result in [PrepayResult::Refused, PrepayResult::NotSent] {
        let (mut book, a1) = (Book::new(), key("A1"));
        book.place(&a1, terms(100));
        let first = book.send_prepay(&a1, &terms(100));
        book.end_prepay(&a1, &first, PrepayResult::Unknown);
        book.wait(60);
        let second = book.send_prepay(&a1, &terms(100));
        assert!(second.had_doubt);
        book.end_prepay(&a1, &second, result.clone());
        assert!(book.may_exist(&a1));
        assert!(matches!(book.place(&a1, terms(200)), Placed::Differs { .. }));
        if result == PrepayResult::Refused {
            assert_eq!(book.task(&a1).unwrap().due_at, book.now, "it may be paid by now: query it at once");
        }
    }
}

#[test]
fn a_refusal_does_not_answer_for_the_call_of_a_process_that_died() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.place(&a1, terms(100));
    let died = book.send_prepay(&a1, &terms(100));
    let until = book.state(&a1).order.prepay_call_until;
    book.wait(1);
    let second = book.send_prepay(&a1, &terms(100));
    book.end_prepay(&a1, &second, PrepayResult::Refused);
    let order = book.state(&a1).order;
    assert!(order.may_exist_upstream);
    assert!(order.prepay_call_until >= until, "the call of the dead process may still be repeated");
    // Its own end, late, answers neither for the later call.
    book.end_prepay(&a1, &died, PrepayResult::NotSent);
    assert!(book.may_exist(&a1));
}

#[test]
fn an_earlier_refusal_does_not_answer_for_a_later_call() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.place(&a1, terms(100));
    let first = book.send_prepay(&a1, &terms(100));
    let second = book.send_prepay(&a1, &terms(100));
    book.end_prepay(&a1, &first, PrepayResult::Refused);
    assert!(book.may_exist(&a1));
    let prepared = book.prepared();
    book.end_prepay(&a1, &second, prepared);
    assert!(matches!(book.begin_prepay(&a1, &terms(100)), BegunPrepay::Ready(_)));
}

#[test]
fn a_refusal_does_not_hide_an_order_that_a_query_found_meanwhile() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.place(&a1, terms(100));
    let call = book.send_prepay(&a1, &terms(100));
    book.query(&a1, unpaid());
    book.end_prepay(&a1, &call, PrepayResult::Refused);
    assert!(book.may_exist(&a1));
}

#[test]
fn a_refusal_after_an_expired_prepay_keeps_the_terms() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.place(&a1, terms(100));
    let call = book.send_prepay(&a1, &terms(100));
    let expires_at = book.now.after(Duration::from_mins(5));
    book.end_prepay(&a1, &call, PrepayResult::Prepared { prepay: "h5".into(), expires_at });
    book.wait(300);
    let again = book.send_prepay(&a1, &terms(100));
    assert!(again.had_doubt);
    book.end_prepay(&a1, &again, PrepayResult::Refused);
    assert!(book.may_exist(&a1));
}

#[test]
fn a_prepay_learned_late_is_kept_and_an_older_one_does_not_replace_it() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.place(&a1, terms(100));
    let first = book.send_prepay(&a1, &terms(100));
    let second = book.send_prepay(&a1, &terms(100));
    let result = |text: &str, seconds| PrepayResult::Prepared {
        prepay: text.into(),
        expires_at: START.after(Duration::from_secs(seconds)),
    };
    book.end_prepay(&a1, &second, result("second", 200));
    book.end_prepay(&a1, &first, result("first", 100));
    assert_eq!(book.state(&a1).order.prepay.as_deref(), Some("second"));
    book.end_prepay(&a1, &first, result("first", 300));
    assert_eq!(book.state(&a1).order.prepay.as_deref(), Some("first"));
}

#[test]
fn absence_that_holds_for_20_seconds_frees_the_terms() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.place(&a1, terms(100));
    let call = book.send_prepay(&a1, &terms(100));
    book.end_prepay(&a1, &call, PrepayResult::Unknown);
    book.wait(11);
    book.query(&a1, QueryAnswer::NotFound);
    book.wait(19);
    book.query(&a1, QueryAnswer::NotFound);
    assert!(matches!(book.place(&a1, terms(200)), Placed::Differs { .. }), "19 seconds are too few");
    book.wait(1);
    book.query(&a1, QueryAnswer::NotFound);
    assert!(!book.may_exist(&a1));
    assert!(matches!(book.place(&a1, terms(200)), Placed::Existing { .. }));
    assert_eq!(book.state(&a1).order.total, Some(Fen::new(200)));
}

#[test]
fn absence_must_hold_for_longer_while_a_call_may_be_sent_whatever_the_clocks_say() {
    for ahead in [0, 86_400] {
        let (mut book, a1) = (Book::new(), key("A1"));
        book.place(&a1, terms(100));
        book.send_prepay(&a1, &terms(100));
        // The clock of the process that queries.
        book.now = book.now.after(Duration::from_secs(ahead));
        book.query(&a1, QueryAnswer::NotFound);
        book.wait(139);
        book.query(&a1, QueryAnswer::NotFound);
        assert!(
            book.may_exist(&a1),
            "another process may send the call for two minutes, and it may arrive late"
        );
        book.wait(1);
        book.query(&a1, QueryAnswer::NotFound);
        assert!(!book.may_exist(&a1));
    }
}

#[test]
fn absence_from_before_the_end_of_a_call_does_not_count_after_it() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.place(&a1, terms(100));
    let call = book.send_prepay(&a1, &terms(100));
    book.query(&a1, QueryAnswer::NotFound);
    book.wait(40);
    book.end_prepay(&a1, &call, PrepayResult::Unknown);
    book.query(&a1, QueryAnswer::NotFound);
    assert!(book.may_exist(&a1), "the last request may still arrive");
}

#[test]
fn absence_does_not_count_while_a_prepay_is_valid() {
    let (mut prepared, a1) = (Book::new(), key("A1"));
    prepared.open(&a1);
    for _ in 0..3 {
        prepared.wait(60);
        prepared.query(&a1, QueryAnswer::NotFound);
    }
    assert!(prepared.may_exist(&a1), "the payer can still pay with the prepay id");
}

#[test]
fn absence_that_is_older_than_a_prepay_call_does_not_count() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.place(&a1, terms(100));
    let first = book.send_prepay(&a1, &terms(100));
    book.end_prepay(&a1, &first, PrepayResult::Unknown);
    book.wait(30);
    book.query(&a1, QueryAnswer::NotFound);
    let begun = book.begin_call(&a1);
    book.wait(30);
    let second = book.send_prepay(&a1, &terms(100));
    book.end_prepay(&a1, &second, PrepayResult::Unknown);
    book.answer(&a1, begun, QueryAnswer::NotFound);
    assert!(book.may_exist(&a1));
    assert_eq!(book.state(&a1).order.absent_since, None);
}

#[test]
fn an_order_that_never_existed_expires_and_can_be_placed_again() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.place(&a1, terms(100));
    book.wait(7201);
    book.query(&a1, QueryAnswer::NotFound);
    assert_eq!(book.status(&a1), OrderStatus::Expired);
    assert_eq!(book.events(&a1), [EventType::OrderCreated, EventType::OrderClosed]);
    assert!(book.task(&a1).is_none());
    assert!(matches!(book.place(&a1, terms(100)), Placed::Existing { .. }));
    assert_eq!(book.status(&a1), OrderStatus::Open);
    book.send_prepay(&a1, &terms(100));
    book.learn(&a1, &payment(1), Source::Notification);
    assert_eq!(book.status(&a1), OrderStatus::Paid);
    assert!(book.open_cases(&a1).is_empty());
}

#[test]
fn a_crash_while_a_prepay_call_is_under_way_leaves_a_query_that_is_due_soon() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.place(&a1, terms(100));
    for _ in 0..5 {
        book.wait(600);
        book.query(&a1, QueryAnswer::NotFound);
    }
    assert!(book.task(&a1).unwrap().due_at > book.now.after(Duration::from_secs(1000)));
    book.send_prepay(&a1, &terms(100));
    assert_eq!(book.task(&a1).unwrap().due_at, book.now.after(Duration::from_secs(15)));
}

#[test]
fn nothing_is_sent_for_an_order_that_is_not_open() {
    let (mut book, a1) = (Book::new(), key("A1"));
    assert!(matches!(book.begin_prepay(&a1, &terms(100)), BegunPrepay::NotOpen(_)));
    book.open(&a1);
    book.learn(&a1, &payment(1), Source::Notification);
    assert!(matches!(book.begin_prepay(&a1, &terms(100)), BegunPrepay::NotOpen(_)));
    let mut late = Book::new();
    late.place(&a1, terms(100));
    late.wait(7201);
    assert!(matches!(late.begin_prepay(&a1, &terms(100)), BegunPrepay::NotOpen(_)));
}

#[test]
fn debug_output_holds_no_personal_data() {
    let place = PlacedTerms { payer: Some("oPayer".into()), json: "oPayer".into(), ..terms(1) };
    let prepared = PrepayResult::Prepared { prepay: "secret prepay".into(), expires_at: START };
    let text = format!("{place:?} {:?} {prepared:?}", payment(1));
    assert!(!text.contains("oPayer") && !text.contains("openid") && !text.contains("secret"), "{text}");
}
