//! The suite for every engine, and the comparison of ledgers.

#![allow(clippy::arithmetic_side_effects, reason = "tests fail by panicking")]

mod random;
mod scans;

use super::{Ledger, LedgerError, model::Model, postgres, scan::RawScan};
use crate::ledger::{
    Changes, Context, Corrupt, Decision, Load, Operation, Prefix, Rows, Table, TableInfo, Value,
    rows::{TABLES, task::LeaseRow},
};
use std::slice;
use wxpay_proto::UnixTime;

/// Asserts that two ledgers have equal rows in every table.
pub(crate) async fn assert_equal(one: &Ledger, other: &Ledger) {
    for table in TABLES {
        assert!(all(one, table).await == all(other, table).await, "the tables {} differ", table.name);
    }
}

/// Returns all rows of a table.
async fn all(ledger: &Ledger, table: &'static TableInfo) -> Vec<Vec<Value>> {
    let scan = RawScan {
        table,
        index: "",
        equal: Vec::new(),
        until: None,
        after: None,
        is_descending: false,
        limit: 1_000_000,
    };
    ledger.scan_raw(scan).await.unwrap()
}

/// The ledgers of all engines, empty. That of PostgreSQL is left out where there is none.
struct Ledgers {
    _dir: tempfile::TempDir,
    /// The model is the first.
    all: Vec<Ledger>,
}

impl Ledgers {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let sqlite = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        let all = [Ledger::from(Model::new()), sqlite].into_iter().chain(postgres::testing::empty().await);
        Self { _dir: dir, all: all.collect() }
    }

    /// Writes the same to all ledgers. Returns the conflict, which must be that of all.
    async fn write(&self, changes: Changes) -> Result<(), &'static str> {
        let mut answers = Vec::new();
        for ledger in &self.all {
            answers.push(match ledger.run(Write(changes.clone()), CONTEXT).await {
                Ok(()) => Ok(()),
                Err(LedgerError::Conflict(table)) => Err(table),
                Err(error) => panic!("{error:?}"),
            });
        }
        let first = answers[0];
        assert_eq!(answers, vec![first; self.all.len()]);
        first
    }

    async fn assert_rows<T: Table>(&self, prefix: Prefix<T>, rows: &[T]) {
        for ledger in &self.all {
            assert_eq!(ledger.load(prefix.clone()).await.unwrap(), rows, "{ledger:?}");
        }
    }
}

pub(crate) const CONTEXT: Context = Context { now: UnixTime::from_secs(1_700_000_000), random: 0 };

/// An operation with fixed changes.
#[derive(Clone, Debug)]
pub(crate) struct Write(pub(crate) Changes);

impl Operation for Write {
    type Output = ();

    fn loads(&self) -> Vec<Load> {
        Vec::new()
    }

    fn decide(&self, _: &Rows, _: &Context) -> Result<Decision<()>, Corrupt> {
        Ok(Decision { changes: self.0.clone(), output: () })
    }
}

/// An operation that depends on what it reads: counts in `version`.
#[derive(Clone, Debug)]
pub(crate) struct Count(pub(crate) &'static str);

impl Operation for Count {
    type Output = u64;

    fn loads(&self) -> Vec<Load> {
        vec![LeaseRow::of(self.0).load()]
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<u64>, Corrupt> {
        let seen = rows.one::<LeaseRow>()?.map(|row| row.version);
        let row = LeaseRow { until: context.now, ..lease(self.0, seen.unwrap_or(0) + 1) };
        let mut changes = Changes::default();
        changes.root(&row, seen);
        Ok(Decision { changes, output: row.version })
    }
}

pub(crate) fn lease(name: &str, version: u64) -> LeaseRow {
    LeaseRow { name: name.to_owned(), owner: "我".to_owned(), version, until: CONTEXT.now }
}

pub(crate) fn changes(write: impl FnOnce(&mut Changes)) -> Changes {
    let mut changes = Changes::default();
    write(&mut changes);
    changes
}

#[tokio::test]
async fn put_inserts_and_replaces() {
    let ledgers = Ledgers::new().await;
    for version in [1, 7, 3] {
        ledgers.write(changes(|changes| changes.put(&lease("a", version)))).await.unwrap();
        ledgers.assert_rows(Prefix::all(), &[lease("a", version)]).await;
    }
}

#[tokio::test]
async fn insert_requires_an_absent_key() {
    let ledgers = Ledgers::new().await;
    let insert = || changes(|changes| changes.insert(&lease("a", 1)));
    assert_eq!(ledgers.write(insert()).await, Ok(()));
    assert_eq!(ledgers.write(insert()).await, Err("leases"));
    ledgers.assert_rows(Prefix::all(), &[lease("a", 1)]).await;
}

#[tokio::test]
async fn replace_requires_the_version_that_was_seen() {
    let ledgers = Ledgers::new().await;
    let root = |version, seen| changes(|changes| changes.root(&lease("a", version), seen));
    assert_eq!(ledgers.write(root(2, Some(1))).await, Err("leases"));
    assert_eq!(ledgers.write(root(1, None)).await, Ok(()));
    assert_eq!(ledgers.write(root(2, Some(2))).await, Err("leases"));
    assert_eq!(ledgers.write(root(2, Some(1))).await, Ok(()));
    assert_eq!(ledgers.write(root(2, Some(1))).await, Err("leases"));
    ledgers.assert_rows(LeaseRow::of("a"), &[lease("a", 2)]).await;
}

#[tokio::test]
async fn a_conflict_undoes_all_changes_of_its_operation() {
    let ledgers = Ledgers::new().await;
    ledgers.write(changes(|changes| changes.put(&lease("a", 1)))).await.unwrap();
    let conflicting = changes(|changes| {
        changes.put(&lease("a", 2));
        changes.put(&lease("b", 1));
        changes.delete(LeaseRow::of("a"));
        changes.put(&lease("a", 3));
        changes.insert(&lease("b", 1));
    });
    assert_eq!(ledgers.write(conflicting).await, Err("leases"));
    ledgers.assert_rows(Prefix::all(), &[lease("a", 1)]).await;
}

#[tokio::test]
async fn changes_are_applied_in_their_order() {
    let ledgers = Ledgers::new().await;
    let write = changes(|changes| {
        changes.insert(&lease("a", 1));
        changes.root(&lease("a", 2), Some(1));
        changes.delete(LeaseRow::of("a"));
        changes.insert(&lease("a", 5));
    });
    ledgers.write(write).await.unwrap();
    ledgers.assert_rows(Prefix::all(), slice::from_ref(&lease("a", 5))).await;
}

#[tokio::test]
async fn concurrent_operations_on_one_row_see_each_other() {
    let ledgers = Ledgers::new().await;
    for ledger in &ledgers.all {
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let ledger = ledger.clone();
                tokio::spawn(async move { ledger.run(Count("a"), CONTEXT).await.unwrap() })
            })
            .collect();
        let mut counts = Vec::new();
        for task in tasks {
            counts.push(task.await.unwrap());
        }
        counts.sort_unstable();
        assert_eq!(counts, (1..=64).collect::<Vec<_>>());
    }
    ledgers.assert_rows(Prefix::all(), &[lease("a", 64)]).await;
}

#[tokio::test]
async fn a_closed_ledger_fails_every_call() {
    let ledgers = Ledgers::new().await;
    for ledger in &ledgers.all {
        ledger.run(Count("a"), CONTEXT).await.unwrap();
        ledger.probe().await.unwrap();
        ledger.close().await;
        let is_closed = |error: LedgerError| matches!(error, LedgerError::Closed);
        assert!(is_closed(ledger.run(Count("a"), CONTEXT).await.unwrap_err()));
        assert!(is_closed(ledger.load(LeaseRow::of("a")).await.unwrap_err()));
        assert!(is_closed(ledger.load(Prefix::<LeaseRow>::all()).await.unwrap_err()));
        assert!(is_closed(ledger.probe().await.unwrap_err()));
        ledger.close().await;
    }
}

#[tokio::test]
async fn a_recorded_log_gives_an_equal_ledger_on_another_engine() {
    let ledgers = Ledgers::new().await;
    let model = Model::recording();
    let original = Ledger::from(model.clone());
    for name in ["a", "b", "a"] {
        original.run(Count(name), CONTEXT).await.unwrap();
    }
    model.fail_next(1);
    assert!(original.run(Count("c"), CONTEXT).await.is_err());
    model.lose_next(1);
    assert!(original.run(Count("d"), CONTEXT).await.is_err());
    let restarted = Ledger::from(Model::restored(model.snapshot()));
    assert_equal(&original, &restarted).await;
    for ledger in &ledgers.all {
        for recorded in model.log() {
            recorded.replay(ledger).await.unwrap();
        }
        assert_equal(&original, ledger).await;
    }
    ledgers.assert_rows(Prefix::all(), &[lease("a", 2), lease("b", 1), lease("d", 1)]).await;
}
