#![allow(clippy::arithmetic_side_effects, reason = "tests fail by panicking")]
#![allow(clippy::print_stderr, reason = "a measurement prints its result")]

use super::testing::{open, server, settings};
use super::*;
use crate::{
    engine::{
        Ledger,
        conformance::{CONTEXT, Count, Write, changes, lease},
    },
    ledger::{Prefix, Table as _, rows::task::LeaseRow},
};
use std::time::{Duration, Instant};

mod concurrency;
mod connections;
mod encryption;
mod numbering;
mod partitions;
mod pooler;
mod proxy;
mod schema;
mod versions;

/// The isolations, as parameters of a URL.
const ISOLATIONS: [&str; 2] = ["isolation=read-committed", "isolation=serializable"];

async fn versions(ledger: &Ledger) -> Vec<(String, u64)> {
    let rows = ledger.load(Prefix::<LeaseRow>::all()).await.unwrap();
    rows.into_iter().map(|row| (row.name, row.version)).collect()
}

/// Connects, which must fail. Returns the error with its cause.
async fn refusal(url: &str) -> String {
    let error = Postgres::connect(&settings(url)).await.unwrap_err();
    format!("{error}: {}", error.cause())
}

#[tokio::test]
async fn a_text_that_was_edited_by_hand_is_corrupt_and_the_ledger_goes_on() {
    let Some(server) = server() else { return };
    let url = server.create();
    let ledger = open(&url).await;
    let database = url.rsplit('/').next().unwrap();
    server.execute(database, "INSERT INTO leases VALUES ('a', U&'\\0001\\0003', 1, 0)");
    let error = ledger.run(Count("a"), CONTEXT).await.unwrap_err();
    assert!(matches!(error, LedgerError::Corrupt(corrupt) if corrupt.column == "owner"), "{error:?}");
    assert_eq!(ledger.run(Count("b"), CONTEXT).await.unwrap(), 1);
}

#[tokio::test]
async fn an_error_of_the_server_shows_no_row() {
    let Some(ledger) = testing::empty().await else { return };
    let row = crate::ledger::rows::webhook::EndpointRow {
        endpoint: "we_1".into(),
        merchant: None,
        url: "https://planted".into(),
        types: String::new(),
        sealed_secrets: "planted".into(),
        status: crate::ledger::rows::webhook::EndpointStatus::Enabled,
        failing_since: None,
        version: 1,
        created_at: CONTEXT.now,
    };
    let mut values = row.values();
    // It violates a check, whose error quotes the row.
    values[5] = Value::Text("unknown".into());
    let change = crate::ledger::Change::Write {
        table: crate::ledger::rows::webhook::EndpointRow::INFO,
        values,
        mode: crate::ledger::Mode::Put,
    };
    let error = ledger.run(Write(vec![change].into()), CONTEXT).await.unwrap_err();
    assert!(error.cause().contains("SQLSTATE 23514"), "{}", error.cause());
    assert!(!format!("{error:?} {}", error.cause()).contains("planted"), "{error:?}");
}

#[tokio::test]
async fn metrics_count_operations_and_the_time_of_their_commits() {
    let Some(ledger) = testing::empty().await else { return };
    ledger.run(Count("a"), CONTEXT).await.unwrap();
    ledger.probe().await.unwrap();
    let metrics = ledger.metrics();
    assert_eq!((metrics.operations, metrics.commits, metrics.queued), (2, 2, 0));
    assert!(metrics.commit_micros > 0);
}

/// Measures operations on many rows and on one. Run it with `--ignored --nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn operations_per_second() {
    const CALLERS: u64 = 8;
    const EACH: u64 = 250;
    let Some(server) = server() else { return };
    for isolation in ISOLATIONS {
        for (name, is_hot) in [("many rows", false), ("one row", true)] {
            let ledger = open(&format!("{}?{isolation}", server.create())).await;
            let begun = Instant::now();
            let work = |caller: u64| {
                let ledger = ledger.clone();
                let names = ["a", "b", "c", "d", "e", "f", "g", "h"];
                let name = if is_hot { "a" } else { names[usize::try_from(caller).unwrap()] };
                tokio::spawn(async move {
                    let mut failed = 0;
                    for number in 0..EACH {
                        let random = (caller * EACH + number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
                        let context = Context { random, ..CONTEXT };
                        failed += u64::from(ledger.run(Count(name), context).await.is_err());
                    }
                    failed
                })
            };
            let mut failed = 0;
            for task in (0..CALLERS).map(work).collect::<Vec<_>>() {
                failed += task.await.unwrap();
            }
            let per_second = CALLERS * EACH * 1000 / u64::try_from(begun.elapsed().as_millis()).unwrap();
            eprintln!("{isolation}, {name}: {per_second}/s, {failed} failed");
        }
    }
}
