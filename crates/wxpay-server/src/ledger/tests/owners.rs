use super::*;
use std::path::Path;

/// The orders that a transaction pays, and the anomalies, in the order of the numbers A1 and A2.
async fn outcome(ledger: &Ledger) -> Vec<(Status, Vec<String>)> {
    let mut outcome = Vec::new();
    for order in ["A1", "A2"] {
        outcome.push((view(ledger, order).await.status, kinds(ledger, order).await));
    }
    outcome
}

fn paid() -> (Status, Vec<String>) {
    (Status::Paid, vec!["order.paid".to_owned()])
}

fn anomalous() -> (Status, Vec<String>) {
    (Status::Anomalous, vec!["order.anomalous".to_owned()])
}

async fn record(ledger: &Ledger, order: &str) -> Merged {
    ledger.record_notification(notification(order, &payment(1, 100, 0, 5)), NOON).await.unwrap()
}

async fn query(ledger: &Ledger, order: &str) -> Merged {
    let found = QueryResult::Paid(Evidence::from_storage(number(order), payment(1, 100, 0, 5)));
    ledger.record_query(number(order), found, Schedule::default(), NOON, 0).await.unwrap()
}

#[tokio::test]
async fn a_transaction_pays_only_the_order_that_claimed_it_first() {
    for queried_first in [false, true] {
        for (first, second) in [("A1", "A2"), ("A2", "A1")] {
            let (_dir, ledger) = scratch();
            place(&ledger, "A1").await;
            place(&ledger, "A2").await;
            if queried_first {
                query(&ledger, first).await;
                record(&ledger, second).await;
            } else {
                record(&ledger, first).await;
                query(&ledger, second).await;
            }
            let expected = if first == "A1" { [paid(), anomalous()] } else { [anomalous(), paid()] };
            assert_eq!(outcome(&ledger).await, expected);
            let loser = view(&ledger, second).await;
            let anomaly = loser.anomalies.first().unwrap();
            assert_eq!(anomaly["anomaly"], "transaction_of_another_order");
            assert_eq!(anomaly["owner"], first);
            assert_eq!((loser.transaction_id, loser.paid_at), (None, None));
            // Again, in any order, nothing new follows.
            assert_eq!(record(&ledger, second).await, Merged::Nothing);
            assert_eq!(query(&ledger, first).await, Merged::Nothing);
            assert_eq!(outcome(&ledger).await, expected);
            // A delivery can be reported for the order that was paid only.
            let report =
                || Report { delivered: true, message: "ok".to_owned(), openid: Some("o".parse().unwrap()) };
            let reported = ledger.record_delivery(number(second), report(), NOON).await.unwrap();
            assert_eq!(reported, Reported::NotPaid);
            let reported = ledger.record_delivery(number(first), report(), NOON).await.unwrap();
            assert!(matches!(reported, Reported::Send { .. }));
        }
    }
}

#[tokio::test]
async fn an_order_that_claimed_no_transaction_is_still_paid_by_its_own() {
    let (_dir, ledger) = scratch();
    place(&ledger, "A1").await;
    place(&ledger, "A2").await;
    record(&ledger, "A1").await;
    record(&ledger, "A2").await;
    ledger.record_notification(notification("A2", &payment(2, 100, 0, 9)), NOON).await.unwrap();
    assert_eq!(view(&ledger, "A2").await.status, Status::Paid);
    assert_eq!(kinds(&ledger, "A2").await, ["order.anomalous", "order.paid"]);
}

#[tokio::test]
async fn the_owner_of_a_transaction_is_known_after_a_restart() {
    let (dir, ledger) = scratch();
    place(&ledger, "A1").await;
    place(&ledger, "A2").await;
    record(&ledger, "A1").await;
    ledger.close().await;
    let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
    record(&ledger, "A2").await;
    assert_eq!(outcome(&ledger).await, [paid(), anomalous()]);
    ledger.close().await;
    let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
    assert_eq!(outcome(&ledger).await, [paid(), anomalous()]);
}

#[tokio::test]
async fn a_crash_between_the_claim_and_the_payment_leaves_the_claim() {
    let (dir, ledger) = scratch();
    place(&ledger, "A1").await;
    place(&ledger, "A2").await;
    let first = Evidence::from_storage(number("A1"), payment(1, 100, 0, 5));
    ledger.claim_transaction(&first, NOON).await.unwrap();
    ledger.close().await;
    let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
    assert_eq!(view(&ledger, "A1").await.status, Status::Open);
    record(&ledger, "A2").await;
    assert_eq!(outcome(&ledger).await, [(Status::Open, Vec::new()), anomalous()]);
    // WeChat Pay sends the notification again, since it was not answered.
    record(&ledger, "A1").await;
    assert_eq!(outcome(&ledger).await, [paid(), anomalous()]);
}

#[tokio::test]
async fn a_payment_that_cannot_be_stored_keeps_its_claim() {
    let (_dir, ledger) = scratch();
    place(&ledger, "A1").await;
    place(&ledger, "A2").await;
    let refuse = "CREATE TRIGGER refuse BEFORE INSERT ON payments BEGIN SELECT RAISE(ABORT, 'planned'); END";
    ledger.writer().write(move |db| Ok(db.execute_batch(refuse)?)).await.unwrap();
    let failed = ledger.record_notification(notification("A1", &payment(1, 100, 0, 5)), NOON).await;
    assert!(failed.is_err());
    ledger.writer().write(|db| Ok(db.execute_batch("DROP TRIGGER refuse")?)).await.unwrap();
    record(&ledger, "A2").await;
    record(&ledger, "A1").await;
    assert_eq!(outcome(&ledger).await, [paid(), anomalous()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_concurrent_claims_of_one_transaction_one_wins() {
    let (_dir, ledger) = scratch();
    let orders: Vec<String> = (0..8).map(|serial| format!("A{serial}")).collect();
    for order in &orders {
        place(&ledger, order).await;
    }
    let tasks: Vec<_> = orders
        .iter()
        .cycle()
        .take(32)
        .enumerate()
        .map(|(task, order)| {
            let (ledger, order) = (ledger.clone(), order.clone());
            tokio::spawn(async move {
                if task % 2 == 0 { record(&ledger, &order).await } else { query(&ledger, &order).await }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut statuses = Vec::new();
    for order in &orders {
        let status = view(&ledger, order).await.status;
        let expected = if status == Status::Paid { paid() } else { anomalous() };
        assert_eq!((status, kinds(&ledger, order).await), expected);
        statuses.push(status);
    }
    assert_eq!(statuses.iter().filter(|status| **status == Status::Paid).count(), 1);
}

#[tokio::test]
async fn a_transaction_of_another_order_is_named_as_such_when_the_number_is_unknown() {
    let (_dir, ledger) = scratch();
    place(&ledger, "A1").await;
    record(&ledger, "A1").await;
    assert_eq!(record(&ledger, "A2").await, Merged::UnknownOrder);
    let events = ledger.events(0, 9).await.unwrap();
    assert_eq!(events.last().unwrap().kind, "payment.unknown_order");
    assert_eq!(events.last().unwrap().data["owner"], "A1");
    // Placed later, the order is anomalous from the start.
    assert_eq!(place(&ledger, "A2").await, Placed::NotPayable { first: true });
    assert_eq!(view(&ledger, "A2").await.status, Status::Anomalous);
}

/// Writes a ledger of the schema before owners: A1 and A2 with the same transaction, A2 seen first.
fn write_ledger_without_owners(path: &Path) {
    let db = Connection::open(path).unwrap();
    db.execute_batch(include_str!("../migrations/V1__ledger.sql")).unwrap();
    db.execute_batch(
        "INSERT INTO orders VALUES ('A1', 100, 'b', '203.0.113.7', 'UTF-8', NULL, NULL, NULL, 0, 'paid', 1, NULL, NULL, NULL, 0, NULL, 0);
         INSERT INTO orders VALUES ('A2', 100, 'b', '203.0.113.7', 'UTF-8', NULL, NULL, NULL, 0, 'paid', 1, NULL, NULL, NULL, 0, NULL, 0);
         INSERT INTO payments VALUES ('A1', '1900000109201405080000000001', 100, 0, 1399515000000, 'notification', 7);
         INSERT INTO payments VALUES ('A2', '1900000109201405080000000001', 100, 0, 1399515000000, 'query', 6);
         INSERT INTO events (happened_at, kind, out_trade_no, data) VALUES (6, 'order.paid', 'A2', '{}');
         INSERT INTO events (happened_at, kind, out_trade_no, data) VALUES (7, 'order.paid', 'A1', '{}');",
    )
    .unwrap();
}

#[tokio::test]
async fn a_ledger_without_owners_is_opened_and_its_first_evidence_decides() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    // Created by this version, so that the migrations already applied are recorded; then set back.
    Ledger::open(&path).unwrap().close().await;
    let db = Connection::open(&path).unwrap();
    db.execute_batch(
        "DELETE FROM refinery_schema_history WHERE version > 1;
         DROP TABLE transaction_owners; DROP TABLE orders; DROP TABLE payments; DROP TABLE notifications;
         DROP TABLE deliveries; DROP TABLE events;",
    )
    .unwrap();
    drop(db);
    write_ledger_without_owners(&path);
    let ledger = Ledger::open(&path).unwrap();
    assert_eq!((view(&ledger, "A2").await.status, kinds(&ledger, "A2").await), paid());
    assert_eq!(view(&ledger, "A1").await.status, Status::Anomalous);
    assert_eq!(stored(&ledger, "A1").await, "anomalous");
    assert_eq!(kinds(&ledger, "A1").await, ["order.paid", "order.anomalous"]);
    // The event has the form of every other one.
    let event = ledger.events(0, 9).await.unwrap().pop().unwrap();
    assert_eq!(event.data, view(&ledger, "A1").await.anomalies[0]);
    assert!(event.happened_at.unix() > NOON);
    // Evidence that arrives again changes nothing.
    let paid_at = UnixTime::from_secs(1_399_515_000);
    let again =
        Payment::new("1900000109201405080000000001".parse().unwrap(), Fen::new(100), Fen::ZERO, paid_at);
    let merged = ledger.record_notification(notification("A1", &again), NOON).await.unwrap();
    assert_eq!(merged, Merged::Nothing);
}
