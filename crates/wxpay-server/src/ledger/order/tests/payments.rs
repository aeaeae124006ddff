//! Laws 3 and 8: payments hang on the root, and a transaction belongs to one number.

use super::*;
use crate::ledger::{
    order::delivery::{AcknowledgeDelivery, RecordDelivery, RecordedDelivery},
    refund::{LearnRefund, RefundReport},
    rows::{
        inbox::{InboxResult, InboxRow},
        refund::RefundStatus,
    },
};

#[test]
fn two_payments_of_one_number_pay_once_and_open_a_case() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.open(&a1);
    assert!(book.learn(&a1, &payment(2), Source::Notification).is_new);
    book.learn(&a1, &payment(1), Source::Query);
    assert_eq!(book.status(&a1), OrderStatus::Paid);
    assert_eq!(book.state(&a1).payments.len(), 2);
    assert_eq!(book.count(&a1, EventType::OrderPaid), 1);
    let second = payment(2).transaction_id.as_str().to_owned();
    assert_eq!(book.open_cases(&a1), [(CaseKind::SecondPayment, Some(second))].into());
}

#[test]
fn one_transaction_for_two_numbers_pays_only_the_first() {
    let (mut book, a1, a2) = (Book::new(), key("A1"), key("A2"));
    book.open(&a1);
    book.open(&a2);
    book.learn(&a1, &payment(1), Source::Notification);
    book.learn(&a2, &payment(1), Source::Notification);
    assert_eq!(book.status(&a1), OrderStatus::Paid);
    assert_eq!(book.status(&a2), OrderStatus::Anomalous);
    assert!(book.state(&a2).payments.is_empty());
    assert_eq!(book.count(&a2, EventType::OrderPaid), 0);
    assert_eq!(book.open_kinds(&a2), [CaseKind::TransactionOfAnotherNumber]);
    assert!(book.open_cases(&a1).is_empty());
    // Its own payment still pays it.
    book.learn(&a2, &payment(2), Source::Query);
    assert_eq!(book.status(&a2), OrderStatus::Paid);
    assert_eq!(book.count(&a2, EventType::OrderPaid), 1);
}

#[test]
fn another_amount_or_currency_does_not_pay() {
    let other_amount = LearnedPayment { total: Fen::new(1), ..payment(1) };
    let other_currency = LearnedPayment { currency: "USD".into(), ..payment(1) };
    for wrong in [other_amount, other_currency] {
        let (mut book, a1) = (Book::new(), key("A1"));
        book.open(&a1);
        book.learn(&a1, &wrong, Source::Notification);
        assert_eq!(book.status(&a1), OrderStatus::Anomalous);
        assert_eq!(book.open_kinds(&a1), [CaseKind::AmountMismatch]);
        assert_eq!(book.count(&a1, EventType::OrderPaid), 0);
        assert_eq!(book.count(&a1, EventType::OrderAnomalous), 1);
        assert!(book.task(&a1).is_some(), "a payment of the right amount may follow");
        book.learn(&a1, &payment(2), Source::Query);
        assert_eq!(book.status(&a1), OrderStatus::Paid);
        assert_eq!(book.count(&a1, EventType::OrderPaid), 1);
    }
}

#[test]
fn contradictory_evidence_of_one_transaction_opens_a_case_and_less_detail_does_not() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.open(&a1);
    let bill = LearnedPayment { payer_total: None, bank_type: None, payer: None, ..payment(1) };
    book.learn(&a1, &bill, Source::Bill);
    assert!(book.learn(&a1, &payment(1), Source::Query).is_new);
    assert!(book.open_cases(&a1).is_empty());
    assert_eq!(book.state(&a1).payments[0].bank_type.as_deref(), Some("OTHERS"), "details are added");
    let other = LearnedPayment { success_at: START, ..payment(1) };
    book.learn(&a1, &other, Source::Query);
    assert_eq!(book.open_kinds(&a1), [CaseKind::ContradictoryEvidence]);
    assert_eq!(book.state(&a1).payments.len(), 1);
    assert_eq!(book.count(&a1, EventType::OrderPaid), 1);
}

#[test]
fn a_payment_before_placing_opens_a_case_that_placing_resolves() {
    let (mut book, a1) = (Book::new(), key("A1"));
    let learned = book.learn(&a1, &payment(1), Source::Notification);
    assert_eq!(learned.state.order.status, OrderStatus::Unplaced);
    assert_eq!(book.open_kinds(&a1), [CaseKind::UnknownPayment]);
    assert_eq!(book.events(&a1), [EventType::CaseOpened]);
    let Placed::Created { state, .. } = book.place(&a1, terms(100)) else { panic!("it is new") };
    assert_eq!(state.order.status, OrderStatus::Paid);
    assert!(book.open_cases(&a1).is_empty());
    let events =
        [EventType::CaseOpened, EventType::OrderCreated, EventType::CaseResolved, EventType::OrderPaid];
    assert_eq!(book.events(&a1), events);
    assert!(book.task(&a1).is_none());
    assert!(matches!(book.begin_prepay(&a1, &terms(100)), BegunPrepay::NotOpen(_)));
}

#[test]
fn a_payment_of_another_amount_before_placing_becomes_a_mismatch() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.learn(&a1, &payment(1), Source::Notification);
    book.place(&a1, terms(200));
    assert_eq!(book.status(&a1), OrderStatus::Anomalous);
    assert_eq!(book.open_kinds(&a1), [CaseKind::AmountMismatch]);
}

#[test]
fn a_second_payment_of_an_unknown_number_joins_its_case() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.learn(&a1, &payment(2), Source::Notification);
    book.learn(&a1, &payment(1), Source::Notification);
    let cases = book.store.load(Prefix::<CaseRow>::all());
    assert_eq!(cases.len(), 1);
    let data: serde_json::Value = serde_json::from_str(&cases[0].data).unwrap();
    assert_eq!(data["transactions"].as_array().unwrap().len(), 2);
    assert_eq!(data["transaction_id"], payment(1).transaction_id.as_str());
    book.place(&a1, terms(100));
    assert_eq!(book.open_kinds(&a1), [CaseKind::SecondPayment]);
}

#[test]
fn a_duplicate_changes_nothing_but_the_count_of_its_notification() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.open(&a1);
    let received = InboxRow {
        month: 202_701,
        digest: "digest".into(),
        result: InboxResult::Accepted,
        merchant: Some(a1.merchant.clone()),
        kind: Some("payment".into()),
        subject: Some(a1.subject()),
        headers: "{}".into(),
        body: "sealed".into(),
        received_at: START,
        count: 1,
    };
    let learn = LearnPayment {
        key: a1.clone(),
        payment: payment(1),
        owner: a1.subject(),
        source: Source::Notification,
        begun: None,
        inbox: Some(received),
        schedule: Schedule::default(),
    };
    assert!(book.run(&learn).is_new);
    let (state, events) = (book.state(&a1), book.events(&a1));
    book.wait(60);
    assert!(!book.run(&learn).is_new);
    assert_eq!((book.state(&a1), book.events(&a1)), (state, events));
    let inbox = book.store.load(Prefix::<InboxRow>::all());
    assert_eq!((inbox.len(), inbox[0].count, inbox[0].received_at), (1, 2, START));
}

#[test]
fn refunds_survive_a_payment_that_is_learned_again_with_more_detail() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.open(&a1);
    book.learn(&a1, &payment(1), Source::Notification);
    report_refund(&mut book, &a1, "R1", 30, RefundStatus::Processing);
    report_refund(&mut book, &a1, "R2", 20, RefundStatus::Success);
    let detailed = LearnedPayment { appid: Some("wx1".into()), ..payment(1) };
    book.learn(&a1, &detailed, Source::Query);
    let row = book.state(&a1).payments.remove(0);
    assert_eq!((row.refund_reserved, row.refunded), (Fen::new(30), Fen::new(20)));
    assert_eq!(row.appid.as_deref(), Some("wx1"));
}

#[test]
fn the_event_shows_the_order_as_it_is_after_the_change() {
    let (mut book, a1) = (Book::new(), key("A1"));
    book.open(&a1);
    book.wait(5);
    book.learn(&a1, &payment(1), Source::Notification);
    let rows = book.store.load(Prefix::<OutboxRow>::all().and(&a1.shard()));
    let paid: serde_json::Value = serde_json::from_str(&rows[1].data).unwrap();
    assert_eq!(rows[1].event_type, EventType::OrderPaid);
    assert_eq!((&paid["status"], &paid["seq"]), (&"paid".into(), &2.into()));
    assert_eq!(paid["payments"][0]["total"], 100);
    assert_eq!(paid, book.state(&a1).to_json());
}

#[test]
fn a_delivery_is_reported_for_a_paid_order_and_acknowledged_once() {
    let (mut book, a1) = (Book::new(), key("A1"));
    let report =
        |delivered, message: &str| RecordDelivery { key: key("A1"), delivered, message: message.into() };
    assert_eq!(book.run(&report(true, "")), RecordedDelivery::NotFound);
    book.open(&a1);
    assert!(matches!(book.run(&report(true, "")), RecordedDelivery::NotPaid(_)));
    book.learn(&a1, &payment(1), Source::Notification);
    let RecordedDelivery::Send(failed, _) = book.run(&report(false, "sold out")) else { panic!("new") };
    let RecordedDelivery::Send(sent, _) = book.run(&report(true, "")) else {
        panic!("it replaces the first")
    };
    assert_ne!(failed.reported_at, sent.reported_at);
    let acknowledge = |row: &crate::ledger::rows::order::DeliveryRow| AcknowledgeDelivery {
        key: key("A1"),
        reported_at: row.reported_at,
    };
    let late = book.run(&acknowledge(&failed)).unwrap();
    assert_eq!(late.acknowledged_at, None, "WeChat Pay accepted the report that was replaced");
    assert!(book.run(&acknowledge(&sent)).unwrap().acknowledged_at.is_some());
    assert!(matches!(book.run(&report(true, "")), RecordedDelivery::Acknowledged(..)));
}

#[test]
fn a_refund_that_was_reported_before_its_payment_counts_against_it() {
    let (mut book, a1) = (Book::new(), key("A1"));
    report_refund(&mut book, &a1, "R1", 20, RefundStatus::Success);
    book.learn(&a1, &payment(1), Source::Notification);
    let row = book.state(&a1).payments.remove(0);
    assert_eq!((row.refund_reserved, row.refunded), (Fen::ZERO, Fen::new(20)));
}

fn report_refund(book: &mut Book, key: &OrderKey, number: &str, amount: u64, status: RefundStatus) {
    let report = RefundReport {
        out_refund_no: number.parse().unwrap(),
        refund_id: None,
        transaction_id: payment(1).transaction_id,
        amount: Fen::new(amount),
        status,
        success_at: None,
    };
    let learn = LearnRefund { key: key.clone(), report, source: Source::Notification, inbox: None };
    book.store.run(&learn, &Context { now: START, random: 0 }).unwrap();
}
