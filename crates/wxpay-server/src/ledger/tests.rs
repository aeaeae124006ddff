use super::*;
use proptest::{prelude::*, test_runner::TestRunner};
use rusqlite::Connection;
use std::{net::Ipv4Addr, time::Duration};
use tokio::runtime::Runtime;
use wxpay_proto::{
    Fate, Fen, UnixTime,
    id::{OutTradeNo, PrepayId},
    payment::{Evidence, Payment},
    wire::charset::Charset,
};

mod interleavings;
mod owners;
mod storage;

const NOON: UnixTime = UnixTime::from_secs(1_400_000_000);

fn after(secs: u64) -> UnixTime {
    NOON.after(Duration::from_secs(secs))
}

fn scratch() -> (tempfile::TempDir, Ledger) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
    (dir, ledger)
}

fn terms(number: &str) -> Terms {
    Terms {
        out_trade_no: number.parse().unwrap(),
        total_fee: Fen::new(100),
        body: "茶".to_owned(),
        spbill_create_ip: Ipv4Addr::new(203, 0, 113, 7),
        charset: Charset::Gbk,
        attach: Some("a".to_owned()),
        traceid: None,
        time_expire: None,
    }
}

fn number(text: &str) -> OutTradeNo {
    text.parse().unwrap()
}

fn prepayid() -> PrepayId {
    "1101000000140429eb40476f8896f4c9".parse().unwrap()
}

fn payment(serial: u8, total_fee: u64, discount: u64, secs: u64) -> Payment {
    let id = format!("19000001092014050800000000{serial:02}").parse().unwrap();
    Payment::new(id, Fen::new(total_fee), Fen::new(discount), UnixTime::from_secs(secs))
}

fn notification(number: &str, payment: &Payment) -> ReceivedNotification {
    let out_trade_no: OutTradeNo = number.parse().unwrap();
    ReceivedNotification {
        digest: format!("{number} {payment:?}"),
        notify_id: "n".parse().unwrap(),
        openid: "o".parse().unwrap(),
        evidence: Some(Evidence::from_storage(out_trade_no.clone(), payment.clone())),
        out_trade_no,
        payment: payment.clone(),
    }
}

async fn place(ledger: &Ledger, number: &str) -> Placed {
    ledger.place(terms(number), Schedule::default(), NOON).await.unwrap()
}

async fn view(ledger: &Ledger, text: &str) -> Order {
    ledger.order(&number(text)).await.unwrap().unwrap()
}

/// The status as stored, for people who read the file.
async fn stored(ledger: &Ledger, text: &str) -> String {
    let text = text.to_owned();
    let select = move |db: &Connection| {
        let sql = "SELECT status FROM orders WHERE out_trade_no = ?1";
        Ok(db.query_row(sql, [text], |row| row.get(0))?)
    };
    ledger.readers().read(select).await.unwrap()
}

async fn kinds(ledger: &Ledger, text: &str) -> Vec<String> {
    let events = ledger.events(0, 1000).await.unwrap();
    let own = events.into_iter().filter(|event| event.out_trade_no.as_str() == text);
    own.map(|event| event.kind).collect()
}

#[tokio::test]
async fn an_order_and_its_payment_survive_closing_and_opening_the_file() {
    let (dir, ledger) = scratch();
    assert!(matches!(
        place(&ledger, "A1").await,
        Placed::Send(Placement { first: true, may_exist_upstream: false })
    ));
    ledger.prepaid(number("A1"), prepayid(), Schedule::default(), NOON).await.unwrap();
    ledger.record_notification(notification("A1", &payment(1, 60, 40, 5)), after(9)).await.unwrap();
    let before = view(&ledger, "A1").await;
    ledger.close().await;
    let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
    assert_eq!(view(&ledger, "A1").await, before);
    assert_eq!((before.status, before.discount), (Status::Paid, Some(Fen::new(40))));
    assert_eq!(kinds(&ledger, "A1").await, ["order.paid"]);
}

#[tokio::test]
async fn equal_terms_are_the_same_order_and_other_terms_are_a_conflict() {
    let (_dir, ledger) = scratch();
    place(&ledger, "A1").await;
    assert!(matches!(
        place(&ledger, "A1").await,
        Placed::Send(Placement { first: false, may_exist_upstream: true })
    ));
    ledger.prepaid(number("A1"), prepayid(), Schedule::default(), NOON).await.unwrap();
    assert_eq!(place(&ledger, "A1").await, Placed::Ready(prepayid()));
    let other = Terms { total_fee: Fen::new(101), ..terms("A1") };
    assert_eq!(ledger.place(other, Schedule::default(), NOON).await.unwrap(), Placed::Conflict("total_fee"));
    // An expired prepayid is not returned.
    let replaced = ledger.place(terms("A1"), Schedule::default(), after(7200)).await.unwrap();
    assert!(matches!(replaced, Placed::Send(_)));
}

#[tokio::test]
async fn an_order_certainly_unknown_to_wechat_pay_is_not_polled() {
    for (fate, polled) in [(Fate::NotSent, false), (Fate::Refused, false), (Fate::Unknown, true)] {
        let (_dir, ledger) = scratch();
        let Placed::Send(placement) = place(&ledger, "A1").await else { panic!("a new order") };
        assert_eq!(
            ledger.due(after(3600), 9).await.unwrap().len(),
            1,
            "the order must be due before anything is sent"
        );
        ledger.not_prepaid(number("A1"), placement, fate, after(1)).await.unwrap();
        assert_eq!(!ledger.due(after(3600), 9).await.unwrap().is_empty(), polled, "{fate:?}");
        // Once the fate is unknown, a later refusal of one attempt is no proof about the order.
        let Placed::Send(placement) = place(&ledger, "A1").await else { panic!("an open order") };
        assert_eq!(placement.may_exist_upstream, polled);
        ledger.not_prepaid(number("A1"), placement, Fate::Refused, after(2)).await.unwrap();
        let due_at_once = !ledger.due(after(2), 9).await.unwrap().is_empty();
        assert_eq!(due_at_once, polled, "an order of unknown fate that is refused is queried at once");
    }
}

#[tokio::test]
async fn the_intervals_between_queries_grow_until_a_last_query_ends_the_polling() {
    let (_dir, ledger) = scratch();
    place(&ledger, "A1").await;
    let schedule = Schedule::default();
    let (mut now, mut intervals, mut last) = (NOON, Vec::new(), NOON);
    while let Some(next) = view(&ledger, "A1").await.next_query_at {
        now = next.unix();
        intervals.push(now.since(last).as_secs());
        last = now;
        assert_eq!(ledger.due(now, 9).await.unwrap(), [number("A1")]);
        ledger.record_query(number("A1"), QueryResult::Unpaid, schedule.clone(), now, 0).await.unwrap();
    }
    // From 15 seconds, growing; the last query after two hours and five minutes.
    assert_eq!(intervals, [15, 30, 60, 120, 300, 600, 1800, 1800, 1800, 975]);
    assert_eq!(now, after(7500));
    assert_eq!(
        (view(&ledger, "A1").await.status, stored(&ledger, "A1").await),
        (Status::Expired, "expired".into())
    );
    assert_eq!(kinds(&ledger, "A1").await, ["order.expired"]);
}

#[tokio::test]
async fn jitter_shortens_an_interval_by_up_to_a_fifth_and_a_failed_query_expires_nothing() {
    let (_dir, ledger) = scratch();
    place(&ledger, "A1").await;
    let schedule = Schedule::default();
    ledger
        .record_query(number("A1"), QueryResult::Unpaid, schedule.clone(), after(15), u16::MAX)
        .await
        .unwrap();
    assert_eq!(view(&ledger, "A1").await.next_query_at.unwrap().unix(), after(15 + 24));
    ledger.record_query(number("A1"), QueryResult::Failed, schedule, after(9000), 0).await.unwrap();
    let order = view(&ledger, "A1").await;
    assert_eq!((order.status, order.next_query_at.unwrap().unix()), (Status::Open, after(9060)));
}

#[tokio::test]
async fn an_order_with_time_expire_is_polled_until_then() {
    let (_dir, ledger) = scratch();
    let own = Terms { time_expire: Some(after(600)), ..terms("A1") };
    ledger.place(own.clone(), Schedule::default(), NOON).await.unwrap();
    ledger.record_query(number("A1"), QueryResult::Unpaid, Schedule::default(), after(899), 0).await.unwrap();
    assert_eq!(view(&ledger, "A1").await.next_query_at.unwrap().unix(), after(900));
    ledger.record_query(number("A1"), QueryResult::Unpaid, Schedule::default(), after(900), 0).await.unwrap();
    assert_eq!(view(&ledger, "A1").await.status, Status::Expired);
    let again = ledger.place(own, Schedule::default(), after(901)).await.unwrap();
    assert_eq!(again, Placed::NotPayable { first: false });
}

#[tokio::test]
async fn a_notification_without_success_is_stored_and_pays_nothing() {
    let (_dir, ledger) = scratch();
    place(&ledger, "A1").await;
    let failed = ReceivedNotification { evidence: None, ..notification("A1", &payment(1, 100, 0, 5)) };
    assert_eq!(ledger.record_notification(failed, after(1)).await.unwrap(), Merged::Nothing);
    assert_eq!(view(&ledger, "A1").await.status, Status::Open);
    let count =
        |db: &Connection| Ok(db.query_row("SELECT count(*) FROM notifications", [], |row| row.get(0))?);
    assert_eq!(ledger.readers().read::<i64>(count).await.unwrap(), 1);
}

#[tokio::test]
async fn evidence_of_an_unknown_order_is_reported_once() {
    let (_dir, ledger) = scratch();
    let paid = payment(1, 100, 0, 5);
    let found = QueryResult::Paid(Evidence::from_storage(number("A1"), paid.clone()));
    for _ in 0..2 {
        ledger.record_notification(notification("A1", &paid), NOON).await.unwrap();
        ledger.record_query(number("A1"), found.clone(), Schedule::default(), NOON, 0).await.unwrap();
    }
    assert_eq!(kinds(&ledger, "A1").await, ["payment.unknown_order"]);
}

#[tokio::test]
async fn a_delivery_report_names_the_payer_of_the_payment_that_pays_the_order() {
    let (_dir, ledger) = scratch();
    place(&ledger, "A1").await;
    // Another payer pays too little, and another attempt fails: neither is the payer of the order.
    let other = |openid: &str, payment: &Payment| ReceivedNotification {
        openid: openid.parse().unwrap(),
        ..notification("A1", payment)
    };
    ledger.record_notification(other("toolittle", &payment(1, 1, 0, 1)), after(1)).await.unwrap();
    let failed = ReceivedNotification { evidence: None, ..other("failed", &payment(2, 100, 0, 1)) };
    let failed = ReceivedNotification { digest: "failed".to_owned(), ..failed };
    ledger.record_notification(failed, after(2)).await.unwrap();
    ledger.record_notification(other("payer", &payment(2, 100, 0, 5)), after(3)).await.unwrap();
    let report = Report { delivered: true, message: "ok".to_owned(), openid: None };
    let Reported::Send { openid, transaction_id, .. } =
        ledger.record_delivery(number("A1"), report, after(4)).await.unwrap()
    else {
        panic!("the report must be sent")
    };
    assert_eq!((openid.as_str(), &transaction_id), ("payer", payment(2, 100, 0, 5).transaction_id()));
}

#[tokio::test]
async fn an_acknowledged_delivery_report_is_not_sent_again_but_a_new_one_is() {
    let (_dir, ledger) = scratch();
    place(&ledger, "A1").await;
    let report = |delivered| Report { delivered, message: "ok".to_owned(), openid: None };
    let record = |delivered, at| ledger.record_delivery(number("A1"), report(delivered), at);
    assert_eq!(record(true, after(1)).await.unwrap(), Reported::NotPaid);
    ledger.record_notification(notification("A1", &payment(1, 100, 0, 5)), after(2)).await.unwrap();
    let Reported::Send { reported_at, .. } = record(true, after(3)).await.unwrap() else {
        panic!("the report must be sent")
    };
    let Reported::Send { reported_at: newer, .. } = record(false, after(4)).await.unwrap() else {
        panic!("the newer report must be sent")
    };
    // The reply to the older report arrives late and does not acknowledge the newer one.
    ledger.acknowledge_delivery(number("A1"), reported_at, after(5)).await.unwrap();
    assert_eq!(view(&ledger, "A1").await.delivery.unwrap().acknowledged_at, None);
    ledger.acknowledge_delivery(number("A1"), newer, after(6)).await.unwrap();
    assert_eq!(record(false, after(7)).await.unwrap(), Reported::Acknowledged);
    assert_eq!(
        ledger.record_delivery(number("B1"), report(true), after(8)).await.unwrap(),
        Reported::NoOrder
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_concurrent_tasks_lose_nothing_and_count_nothing_twice() {
    let (_dir, ledger) = scratch();
    let before = ledger.commits();
    let tasks: Vec<_> = (0..64)
        .map(|task| {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                // 16 orders with one payment each, 4 tasks each.
                let order = format!("A{}", task % 16);
                for _ in 0..4 {
                    place(&ledger, &order).await;
                    let paid = notification(&order, &payment(task % 16, 100, 0, 5));
                    ledger.record_notification(paid, NOON).await.unwrap();
                    assert_eq!(view(&ledger, &order).await.status, Status::Paid);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    for order in 0..16 {
        assert_eq!(kinds(&ledger, &format!("A{order}")).await, ["order.paid"]);
    }
    let commits = ledger.commits() - before;
    assert!(commits < 512 / 2, "{commits} commits for 512 writes");
}

#[tokio::test]
async fn a_stored_value_edited_by_hand_is_an_error_that_names_the_column() {
    let (_dir, ledger) = scratch();
    place(&ledger, "A1").await;
    for (update, column) in [
        ("UPDATE orders SET spbill_create_ip = 'x'", "spbill_create_ip"),
        ("UPDATE orders SET spbill_create_ip = '1.2.3.4', charset = 'x'", "charset"),
        ("UPDATE orders SET charset = 'GBK', placed_at = -1", "time"),
    ] {
        ledger.writer().write(move |db| Ok(db.execute_batch(update)?)).await.unwrap();
        let failure = ledger.order(&number("A1")).await.unwrap_err();
        assert_eq!(failure.to_string(), format!("the ledger holds an invalid {column}"));
    }
}

/// Payments, the same payments duplicated and shuffled, and two positions at which the order may be placed.
fn any_arrivals() -> impl Strategy<Value = (Vec<Payment>, Vec<Payment>, usize, usize)> {
    let one = (
        0_u8..3,
        prop::sample::select(vec![100_u64, 60, 1]),
        prop::sample::select(vec![0_u64, 40]),
        0_u64..3,
    )
        .prop_map(|(serial, total_fee, discount, secs)| payment(serial, total_fee, discount, secs));
    prop::collection::vec(one, 0..6).prop_flat_map(|once| {
        let doubled: Vec<_> = once.iter().chain(&once).cloned().collect();
        let places = 0..=doubled.len();
        (Just(once), Just(doubled).prop_shuffle(), places.clone(), places)
    })
}

/// Each case writes two ledgers to disk, so the number of cases is fixed and `PROPTEST_CASES` is ignored.
#[test]
fn order_and_number_of_notifications_do_not_change_the_payment_state() {
    let config = ProptestConfig { cases: 96, ..ProptestConfig::default() };
    let outcome =
        TestRunner::new(config).run(&any_arrivals(), |(once, shuffled, first_place, second_place)| {
            let runtime = Runtime::new().unwrap();
            let ((_dir, ledger), (_other_dir, other_ledger)) = (scratch(), scratch());
            runtime.block_on(async {
                // One ledger has A1, placed first, with each payment once. The other one has B1, with each payment
                // twice, by notification or by query, in any order, and placed at any point between them.
                place(&ledger, "A1").await;
                for payment in &once {
                    ledger.record_notification(notification("A1", payment), NOON).await.unwrap();
                }
                for (at, payment) in shuffled.iter().enumerate() {
                    if at == first_place.min(second_place) {
                        place(&other_ledger, "B1").await;
                    }
                    if at % 2 == 0 {
                        let received = notification("B1", payment);
                        other_ledger.record_notification(received, NOON).await.unwrap();
                    } else {
                        let result = QueryResult::Paid(Evidence::from_storage(number("B1"), payment.clone()));
                        other_ledger
                            .record_query(number("B1"), result, Schedule::default(), NOON, 0)
                            .await
                            .unwrap();
                    }
                }
                place(&other_ledger, "B1").await;
                let (one, other) = (view(&ledger, "A1").await, view(&other_ledger, "B1").await);
                assert_eq!(
                    (one.status, &one.transaction_id, one.paid_at, one.discount, &one.anomalies),
                    (other.status, &other.transaction_id, other.paid_at, other.discount, &other.anomalies),
                );
                // The stored status is the one that follows from the evidence.
                let name = serde_json::to_value(one.status).unwrap();
                assert_eq!(stored(&ledger, "A1").await, name.as_str().unwrap());
                assert_eq!(stored(&other_ledger, "B1").await, name.as_str().unwrap());
                // `order.paid` is emitted exactly once if the order is paid.
                for (ledger, order) in [(&ledger, "A1"), (&other_ledger, "B1")] {
                    let paid = kinds(ledger, order).await.iter().filter(|kind| *kind == "order.paid").count();
                    assert_eq!(paid, usize::from(one.status == Status::Paid));
                }
                ledger.close().await;
                other_ledger.close().await;
            });
            Ok(())
        });
    outcome.unwrap();
}
