#![allow(clippy::arithmetic_side_effects, reason = "tests fail by panicking")]

use super::*;
use crate::{
    engine::{
        Ledger,
        conformance::{CONTEXT, Count, Write, assert_equal, changes, lease},
    },
    ledger::{Corrupt, Decision, Prefix, rows::task::LeaseRow},
};
use std::{
    panic::resume_unwind,
    path::PathBuf,
    sync::{Mutex, atomic::AtomicBool, mpsc},
};

mod files;
mod interleavings;
mod schema;
mod storage;
mod versions;

struct Scratch {
    dir: tempfile::TempDir,
}

impl Scratch {
    fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("ledger.db")
    }

    fn open(&self) -> Ledger {
        Ledger::open(&self.path()).unwrap()
    }

    /// Opens the file as it is, without the rest of the engine.
    fn raw(&self) -> Connection {
        Connection::open(self.path()).unwrap()
    }
}

fn insert(name: &str) -> Write {
    Write(changes(|changes| changes.insert(&lease(name, 1))))
}

async fn versions(ledger: &Ledger) -> Vec<(String, u64)> {
    let rows = ledger.load(Prefix::<LeaseRow>::all()).await.unwrap();
    rows.into_iter().map(|row| (row.name, row.version)).collect()
}

/// An operation that lets the writer wait, so that the next operations form one group.
#[derive(Clone, Debug)]
struct Hold(Arc<Mutex<(mpsc::Sender<()>, mpsc::Receiver<()>)>>);

impl Operation for Hold {
    type Output = ();

    fn loads(&self) -> Vec<Load> {
        Vec::new()
    }

    fn decide(&self, _: &Rows, _: &Context) -> Result<Decision<()>, Corrupt> {
        let ends = self.0.lock().unwrap();
        ends.0.send(()).unwrap();
        ends.1.recv().unwrap();
        Ok(Decision::unchanged(()))
    }
}

/// Holds the writer. Returns the callback that releases it.
async fn hold(ledger: &Ledger) -> impl FnOnce() + use<> {
    let ((started, has_started), (release, released)) = (mpsc::channel(), mpsc::channel());
    let held = Hold(Arc::new(Mutex::new((started, released))));
    let ledger = ledger.clone();
    tokio::spawn(async move { ledger.run(held, CONTEXT).await.unwrap() });
    tokio::task::spawn_blocking(move || has_started.recv().unwrap()).await.unwrap();
    move || release.send(()).unwrap()
}

/// An operation that panics.
#[derive(Clone, Debug)]
struct Panics;

impl Operation for Panics {
    type Output = ();

    fn loads(&self) -> Vec<Load> {
        Vec::new()
    }

    fn decide(&self, _: &Rows, _: &Context) -> Result<Decision<()>, Corrupt> {
        resume_unwind(Box::new("planned"))
    }
}

#[tokio::test]
async fn a_confirmed_operation_is_there_after_the_file_is_opened_again() {
    let scratch = Scratch::new();
    let ledger = scratch.open();
    for _ in 0..3 {
        ledger.run(Count("a"), CONTEXT).await.unwrap();
    }
    assert_eq!(versions(&ledger).await, [("a".to_owned(), 3)]);
    ledger.close().await;
    let ledger = scratch.open();
    assert_eq!(versions(&ledger).await, [("a".to_owned(), 3)]);
    ledger.probe().await.unwrap();
    ledger.probe().await.unwrap();
    ledger.close().await;
    assert_eq!(values::scalar(&scratch.raw(), "SELECT count FROM probe").unwrap(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_operations_share_few_commits() {
    let scratch = Scratch::new();
    let ledger = scratch.open();
    ledger.run(Count("a"), CONTEXT).await.unwrap();
    let before = ledger.metrics();
    assert_eq!((before.operations, before.commits, before.queued), (1, 1, 0));
    assert!(before.commit_micros > 0);
    let release = hold(&ledger).await;
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let ledger = ledger.clone();
            tokio::spawn(async move { ledger.run(Count("a"), CONTEXT).await })
        })
        .collect();
    while ledger.metrics().queued < 64 {
        tokio::task::yield_now().await;
    }
    release();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(versions(&ledger).await, [("a".to_owned(), 65)]);
    let after = ledger.metrics();
    assert_eq!(after.operations - before.operations, 65);
    // That of the held operation, and that of the group.
    assert_eq!(after.commits - before.commits, 2);
}

#[tokio::test]
async fn an_operation_that_fails_does_not_fail_its_group() {
    let scratch = Scratch::new();
    let ledger = scratch.open();
    ledger.run(insert("taken"), CONTEXT).await.unwrap();
    // A hand has edited the file: a version is not negative.
    scratch.raw().execute("INSERT INTO leases VALUES ('corrupt', 'o', -1, 0)", []).unwrap();
    let release = hold(&ledger).await;
    let (one, conflict, corrupt, panics, two, ()) = tokio::join!(biased;
        ledger.run(Count("a"), CONTEXT),
        ledger.run(insert("taken"), CONTEXT),
        ledger.run(Count("corrupt"), CONTEXT),
        ledger.run(Panics, CONTEXT),
        ledger.run(Count("a"), CONTEXT),
        async { release() },
    );
    assert_eq!((one.unwrap(), two.unwrap()), (1, 2));
    assert!(matches!(conflict, Err(LedgerError::Conflict("leases"))));
    assert!(matches!(corrupt, Err(LedgerError::Corrupt(Corrupt { table: "leases", column: "version" }))));
    assert!(matches!(panics, Err(LedgerError::Panicked)));
    assert_eq!(ledger.load(LeaseRow::of("a")).await.unwrap().len(), 1);
    assert_eq!(ledger.run(Count("a"), CONTEXT).await.unwrap(), 3);
}

#[tokio::test]
async fn a_corrupt_operation_alone_is_part_of_a_commit() {
    let scratch = Scratch::new();
    let ledger = scratch.open();
    scratch.raw().execute("INSERT INTO leases VALUES ('corrupt', 'o', -1, 0)", []).unwrap();
    let before = ledger.metrics().commits;
    let release = hold(&ledger).await;
    let (corrupt, counted, ()) = tokio::join!(biased;
        ledger.run(Count("corrupt"), CONTEXT),
        ledger.run(Count("a"), CONTEXT),
        async { release() },
    );
    assert!(matches!(corrupt, Err(LedgerError::Corrupt(_))));
    assert_eq!(counted.unwrap(), 1);
    // Nothing was rolled back: the held operation's commit, and one for both.
    assert_eq!(ledger.metrics().commits - before, 2);
}

#[tokio::test]
async fn a_failed_commit_fails_every_operation_in_it_and_leaves_nothing() {
    let scratch = Scratch::new();
    let fails = Arc::new(AtomicBool::new(false));
    let hook = Arc::clone(&fails);
    let sqlite = Sqlite::open_with(&scratch.path(), Access::Server, MIGRATIONS, move |connection| {
        Ok(connection.commit_hook(Some(move || hook.load(Ordering::SeqCst)))?)
    });
    let ledger = Ledger::from(sqlite.unwrap());
    ledger.run(Count("a"), CONTEXT).await.unwrap();
    let release = hold(&ledger).await;
    let (one, two, ()) = tokio::join!(biased;
        ledger.run(Count("a"), CONTEXT),
        ledger.run(Count("b"), CONTEXT),
        async {
            fails.store(true, Ordering::SeqCst);
            release();
        },
    );
    assert!(matches!(one, Err(LedgerError::Database(_))), "{one:?}");
    assert!(matches!(two, Err(LedgerError::Database(_))), "{two:?}");
    assert!(ledger.probe().await.is_err());
    assert_eq!(versions(&ledger).await, [("a".to_owned(), 1)]);
    fails.store(false, Ordering::SeqCst);
    assert_eq!(ledger.run(Count("a"), CONTEXT).await.unwrap(), 2);
}

#[tokio::test]
async fn a_full_disk_is_reported_and_the_ledger_goes_on_when_there_is_space() {
    let scratch = Scratch::new();
    let sqlite = Sqlite::open_with(&scratch.path(), Access::Server, MIGRATIONS, |connection| {
        let pages: i64 = connection.pragma_query_value(None, "page_count", |row| row.get(0))?;
        Ok(connection.pragma_update(None, "max_page_count", pages + 20)?)
    });
    let ledger = Ledger::from(sqlite.unwrap());
    let large = |name: &str| {
        let row = LeaseRow { owner: "x".repeat(30_000), ..lease(name, 1) };
        Write(changes(|changes| changes.put(&row)))
    };
    ledger.run(large("a"), CONTEXT).await.unwrap();
    let release = hold(&ledger).await;
    let (small, full, ()) = tokio::join!(biased;
        ledger.run(Count("small"), CONTEXT),
        async {
            let (b, c) = tokio::join!(ledger.run(large("b"), CONTEXT), ledger.run(large("c"), CONTEXT));
            b.and(c)
        },
        async { release() },
    );
    assert_eq!(small.unwrap(), 1);
    assert!(matches!(full, Err(LedgerError::Full)), "{full:?}");
    assert!(full.unwrap_err().to_string().contains("full"));
    ledger.run(Write(changes(|changes| changes.delete(LeaseRow::of("a")))), CONTEXT).await.unwrap();
    ledger.run(large("d"), CONTEXT).await.unwrap();
    assert_eq!(ledger.run(Count("small"), CONTEXT).await.unwrap(), 2);
}

#[tokio::test]
async fn a_caller_that_stops_waiting_does_not_stop_its_operation() {
    let scratch = Scratch::new();
    let ledger = scratch.open();
    let release = hold(&ledger).await;
    let caller = {
        let ledger = ledger.clone();
        tokio::spawn(async move { ledger.run(Count("a"), CONTEXT).await })
    };
    while ledger.metrics().queued == 0 {
        tokio::task::yield_now().await;
    }
    caller.abort();
    assert!(caller.await.unwrap_err().is_cancelled());
    release();
    assert_eq!(ledger.run(Count("a"), CONTEXT).await.unwrap(), 2);
}

#[tokio::test]
async fn a_read_sees_one_moment_of_several_tables() {
    let scratch = Scratch::new();
    let ledger = scratch.open();
    let shared = ledger.clone();
    let writes = tokio::spawn(async move {
        for _ in 0..200 {
            let both = changes(|changes| {
                changes.delete(Prefix::<LeaseRow>::all());
                changes.put(&lease("one", 1));
                changes.put(&lease("two", 1));
            });
            shared.run(Write(both), CONTEXT).await.unwrap();
            let none = changes(|changes| changes.delete(Prefix::<LeaseRow>::all()));
            shared.run(Write(none), CONTEXT).await.unwrap();
        }
    });
    let mut found = [0, 0];
    while !writes.is_finished() {
        let both = vec![LeaseRow::of("one").load(), LeaseRow::of("two").load()];
        let rows = ledger.read(both).await.unwrap().all::<LeaseRow>().unwrap().len();
        assert!(rows == 0 || rows == 2, "{rows}");
        found[rows / 2] += 1;
        tokio::task::yield_now().await;
    }
    writes.await.unwrap();
    assert!(found[0] > 0 && found[1] > 0, "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_reads_than_connections_are_all_answered() {
    let scratch = Scratch::new();
    let ledger = scratch.open();
    ledger.run(Count("a"), CONTEXT).await.unwrap();
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let ledger = ledger.clone();
            tokio::spawn(async move {
                // Every other read is not known to be short.
                let prefix = if number % 2 == 0 { LeaseRow::of("a") } else { Prefix::all() };
                ledger.load(prefix).await.unwrap().len()
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap(), 1);
    }
}

#[tokio::test]
async fn a_backup_made_during_writes_is_a_ledger_of_one_moment() {
    let scratch = Scratch::new();
    let ledger = scratch.open();
    ledger.run(Count("a"), CONTEXT).await.unwrap();
    let target = scratch.dir.path().join("copy.db");
    let (source, to) = (scratch.path(), target.clone());
    let copied = tokio::task::spawn_blocking(move || backup(&source, &to));
    while !copied.is_finished() {
        let both = changes(|changes| {
            changes.put(&lease("one", 1));
            changes.put(&lease("two", 1));
        });
        ledger.run(Write(both), CONTEXT).await.unwrap();
    }
    copied.await.unwrap().unwrap();
    let copy = Ledger::open(&target).unwrap();
    let names = versions(&copy).await.len();
    assert!(names == 1 || names == 3, "{names}");
    copy.close().await;
    std::fs::remove_file(&target).unwrap();
    backup(&scratch.path(), &target).unwrap();
    let copy = Ledger::open(&target).unwrap();
    assert_equal(&copy, &ledger).await;
    // The ledger is still locked and usable after a connection of its own process was closed.
    assert!(matches!(Ledger::open(&scratch.path()), Err(LedgerError::InUse)));
    ledger.run(Count("a"), CONTEXT).await.unwrap();
}

#[test]
fn a_backup_replaces_no_file_and_copies_no_other_file() {
    let scratch = Scratch::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let ledger = scratch.open();
    runtime.block_on(ledger.close());
    let target = scratch.dir.path().join("copy.db");
    std::fs::write(&target, "mine").unwrap();
    let error = backup(&scratch.path(), &target).unwrap_err();
    assert!(matches!(error, LedgerError::File(_)), "{error:?}");
    assert_eq!(std::fs::read(&target).unwrap(), b"mine");
    assert!(matches!(backup(&target, &scratch.dir.path().join("new")), Err(LedgerError::NotALedger)));
}
