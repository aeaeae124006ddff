//! Partitions by month.

use super::*;
use crate::{
    ledger::{
        Scan,
        inbox::RecordNotification,
        rows::{
            TABLES,
            access::AuditRow,
            inbox::{InboxResult, InboxRow},
        },
    },
    testing::TestWorld,
};
use wxpay_proto::UnixTime;

fn notification(month: u64, digest: &str) -> RecordNotification {
    let inbox = InboxRow {
        month,
        digest: digest.into(),
        result: InboxResult::Ignored,
        merchant: None,
        kind: None,
        subject: None,
        headers: "{}".into(),
        body: "{}".into(),
        received_at: CONTEXT.now,
        count: 1,
    };
    RecordNotification { inbox }
}

/// Returns the partitions of a table.
fn partitions(server: &wxpay_testkit::postgres::Server, url: &str, table: &str) -> Vec<String> {
    let query = format!(
        "SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = '{table}'::regclass ORDER BY inhrelid::regclass::text"
    );
    server.execute(url.rsplit('/').next().unwrap(), &query).lines().map(str::to_owned).collect()
}

#[test]
fn the_tables_that_are_kept_by_month_are_those_without_money() {
    let monthly = TABLES.iter().filter(|table| table.is_monthly()).map(|table| table.name);
    assert_eq!(monthly.collect::<Vec<_>>(), ["audit", "events", "calls", "inbox", "attempts"]);
}

#[tokio::test]
async fn this_month_and_the_next_are_made_ahead_by_processes_at_once() {
    let Some(server) = server() else { return };
    let url = server.create();
    let (one, other) = (open(&url).await, open(&url).await);
    // 2026-12-01 in China.
    let now = UnixTime::from_secs(1_796_060_000);
    let (first, second) = tokio::join!(one.prepare_months(now), other.prepare_months(now));
    first.and(second).unwrap();
    for table in TABLES.iter().filter(|table| table.is_monthly()) {
        let names = [format!("{}_202612", table.name), format!("{}_202701", table.name)];
        assert_eq!(partitions(server, &url, table.name), names);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_of_a_month_without_partition_makes_it_and_loses_nothing() {
    let Some(server) = server() else { return };
    for isolation in ISOLATIONS {
        let url = server.create();
        let ledgers = [open(&format!("{url}?{isolation}")).await, open(&url).await];
        let record = |number: u64| {
            let ledger = ledgers[usize::try_from(number % 2).unwrap()].clone();
            let context = Context { random: (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15), ..CONTEXT };
            let month = 202_611 + number % 3;
            tokio::spawn(async move {
                ledger.run(notification(month, &format!("d{number}")), context).await.unwrap();
            })
        };
        for task in (0..30).map(record).collect::<Vec<_>>() {
            task.await.unwrap();
        }
        let rows = ledgers[0].scan(Scan::<InboxRow>::of("", 100)).await.unwrap();
        assert_eq!(rows.len(), 30);
        assert!(rows.is_sorted_by_key(|row| (row.month, row.digest.clone())));
        assert_eq!(partitions(server, &url, "inbox"), ["inbox_202611", "inbox_202612", "inbox_202613"]);
    }
}

#[tokio::test]
async fn months_are_dropped_before_a_month_and_not_while_their_table_is_in_use() {
    let Some(server) = server() else { return };
    let url = server.create();
    let ledger = open(&url).await;
    for month in [202_609, 202_610, 202_611, 202_612] {
        ledger.run(notification(month, "d"), CONTEXT).await.unwrap();
    }
    assert_eq!(ledger.drop_months(InboxRow::INFO, 202_611).await.unwrap(), Some(2));
    assert_eq!(ledger.drop_months(InboxRow::INFO, 202_611).await.unwrap(), Some(0));
    let rows = ledger.scan(Scan::<InboxRow>::of("", 100)).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.month).collect::<Vec<_>>(), [202_611, 202_612]);
    assert_eq!(ledger.drop_months(AuditRow::INFO, 202_611).await.unwrap(), Some(0));
    // A backup reads all tables for a long time. Payments go on meanwhile, also those of a month without partition.
    let name = url.rsplit('/').next().unwrap().to_owned();
    let reading = std::thread::spawn(move || {
        server.execute(&name, "BEGIN; LOCK TABLE inbox IN ACCESS SHARE MODE; SELECT pg_sleep(9); COMMIT");
    });
    tokio::time::sleep(Duration::from_secs(1)).await;
    let dropping = tokio::spawn({
        let ledger = ledger.clone();
        async move { ledger.drop_months(InboxRow::INFO, 202_612).await }
    });
    let mut slowest = Duration::ZERO;
    for number in 0..60_u64 {
        let began = Instant::now();
        let month = 202_612 + number % 2 * 89;
        ledger.run(notification(month, &format!("n{number}")), CONTEXT).await.unwrap();
        slowest = slowest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(slowest < Duration::from_millis(1500), "{slowest:?}");
    assert!(dropping.await.unwrap().is_err(), "the table is in use");
    reading.join().unwrap();
    assert_eq!(ledger.drop_months(InboxRow::INFO, 202_612).await.unwrap(), Some(1));
}

#[tokio::test]
async fn retention_drops_whole_months_and_keeps_the_rest() {
    let Some(server) = server() else { return };
    let url = server.create();
    let ledger = open(&url).await;
    let app = TestWorld::new().on(ledger.clone(), "p1");
    for month in [202_501, 202_606, 202_611] {
        ledger.run(notification(month, "d"), CONTEXT).await.unwrap();
    }
    // Notifications are kept for 180 days: the first whole month is June of 2026.
    assert_eq!(crate::tasks::delete_all(&app).await.unwrap(), 1);
    assert_eq!(partitions(server, &url, "inbox"), ["inbox_202606", "inbox_202611"]);
}
