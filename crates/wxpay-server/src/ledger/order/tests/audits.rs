//! Tests of the audit: what operations write passes, and each change by hand is found.

use super::*;
use crate::ledger::{
    Changes, Rows, Table,
    rows::{
        order::OrderRow,
        payment::{EvidenceRow, PaymentRow},
    },
};

impl Book {
    fn violations(&self, key: &OrderKey) -> Vec<&'static str> {
        let mut rows = Rows::default();
        for load in OrderState::audit_loads(key) {
            self.store.load_into(&load, &mut rows);
        }
        for load in OrderState::audit_case_loads(&rows).unwrap() {
            self.store.load_into(&load, &mut rows);
        }
        OrderState::violations(&rows).unwrap().into_iter().map(|(_, rule)| rule).collect()
    }

    /// Changes a row by hand.
    fn tamper<T: Table>(&mut self, prefix: Prefix<T>, change: impl FnOnce(&mut T)) {
        let mut row = self.store.load(prefix).remove(0);
        change(&mut row);
        let mut changes = Changes::default();
        changes.put(&row);
        self.store.apply(&changes).unwrap();
    }
}

fn case_id(key: &OrderKey, kind: CaseKind, cause: &str) -> String {
    CaseRow::id(&key.subject(), kind, cause)
}

fn paid() -> (Book, OrderKey) {
    let (mut book, key) = (Book::new(), key("A1"));
    book.open(&key);
    book.learn(&key, &payment(1), Source::Notification);
    (book, key)
}

#[test]
fn states_that_operations_write_pass_the_audit() {
    let (mut book, key) = paid();
    assert_eq!(book.violations(&key), Vec::<&str>::new());
    book.learn(&key, &payment(2), Source::Query);
    assert_eq!(book.violations(&key), Vec::<&str>::new(), "a second payment");
    let unplaced = key_of("shop1", "A2");
    book.learn(&unplaced, &payment(3), Source::Notification);
    assert_eq!(book.violations(&unplaced), Vec::<&str>::new(), "a payment before its order");
    assert_eq!(book.violations(&key_of("shop1", "A3")), Vec::<&str>::new(), "an unknown number");
}

#[test]
fn a_lost_payment_and_an_invented_one_are_found() {
    let (mut book, key) = paid();
    book.tamper(OrderRow::of(&key), |order| order.status = OrderStatus::Open);
    assert_eq!(book.violations(&key), ["the status must follow from the payments"]);

    let (mut book, key) = paid();
    let mut changes = Changes::default();
    changes.delete(EvidenceRow::of(&key));
    book.store.apply(&changes).unwrap();
    assert_eq!(
        book.violations(&key),
        [
            "the payments must be those that the evidence gives",
            "a paid order must have the evidence of a payment"
        ]
    );

    let (mut book, key) = paid();
    book.tamper(PaymentRow::of(&key), |payment| payment.total = Fen::new(99));
    assert_eq!(book.violations(&key), ["the payments must be those that the evidence gives"]);
}

#[test]
fn sums_of_refunds_that_do_not_exist_are_found() {
    let (mut book, key) = paid();
    book.tamper(PaymentRow::of(&key), |payment| payment.refunded = Fen::new(1));
    assert_eq!(book.violations(&key), ["the sums of the refunds must be those of the refunds"]);
}

#[test]
fn a_second_payment_without_a_case_is_found() {
    let (mut book, key) = paid();
    book.learn(&key, &payment(2), Source::Notification);
    let second = payment(2).transaction_id.to_string();
    let mut changes = Changes::default();
    changes.delete(CaseRow::of(key.shard(), &case_id(&key, CaseKind::SecondPayment, &second)));
    book.store.apply(&changes).unwrap();
    assert_eq!(book.violations(&key), ["every payment but one must have a case"]);
}

#[test]
fn the_case_of_a_number_covers_only_the_payments_that_it_names() {
    let (mut book, unplaced) = (Book::new(), key("A1"));
    book.learn(&unplaced, &payment(1), Source::Notification);
    book.learn(&unplaced, &payment(2), Source::Notification);
    assert_eq!(book.violations(&unplaced), Vec::<&str>::new());
    let case_id = case_id(&unplaced, CaseKind::UnknownPayment, "");
    book.tamper(CaseRow::of(unplaced.shard(), &case_id), |case| case.data = "{}".into());
    assert_eq!(book.violations(&unplaced), ["every payment but one must have a case"]);
}
