//! The ledger on storage that fails: at each write and each sync in turn, once or from then on, until a run meets no
//! failure. After each run the ledger must hold everything it acknowledged: while it is open, after a crash of the
//! process, after a power cut, and when it is opened again.
//!
//! SQLite runs unchanged on its own file layer: `failing_storage.c`, preloaded into this test's process, sits below it.
//! Not covered: storage that lies (a sync that succeeds without effect), that returns other bytes than were written, or
//! that loses a synced directory entry.

#![cfg(target_os = "linux")]

use super::*;
use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

/// The operation that fails.
#[derive(Clone, Copy, Debug)]
enum Operation {
    Write,
    Sync,
}

/// A failure of the storage: the `first` operation of its kind and the following ones, `times` in all.
#[derive(Clone, Copy, Debug)]
struct StorageFault {
    operation: Operation,
    first: u32,
    times: u32,
    error: i32,
}

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const FOR_EVER: u32 = u32::MAX;

impl StorageFault {
    const NONE: Self = Self { operation: Operation::Write, first: 0, times: 0, error: EIO };

    fn arm(self) {
        let kind = match self.operation {
            Operation::Write => "write",
            Operation::Sync => "sync",
        };
        let Self { first, times, error, .. } = self;
        drop(File::open(format!("/failing-storage/arm/{kind}/{first}/{times}/{error}")));
    }

    /// The number of failures since `arm`; `None` if the library is not preloaded.
    fn failures() -> Option<i32> {
        let code = File::open("/failing-storage/failures").unwrap_err().raw_os_error().unwrap();
        code.checked_sub(1000).filter(|failures| *failures >= 0)
    }
}

/// Runs the current test again in a process of its own, with the library preloaded.
fn run_with_failing_storage() {
    let dir = tempfile::tempdir().unwrap();
    let library = dir.path().join("failing_storage.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ledger/tests/failing_storage.c");
    // A C compiler is there: SQLite was built with it.
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let built = Command::new(compiler)
        .args(["-shared", "-fPIC", "-O1", "-o", library.to_str().unwrap(), source, "-ldl", "-lpthread"])
        .status()
        .unwrap();
    assert!(built.success());
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", std::thread::current().name().unwrap(), "--nocapture"])
        .env("LD_PRELOAD", library)
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && stdout.contains("1 passed"), "{stdout}{stderr}");
}

/// A fact that the ledger acknowledged and must never lose.
#[derive(Clone, Debug)]
enum Fact {
    Placed(&'static str),
    Prepaid(&'static str),
    Paid(&'static str),
    UnknownOrder(&'static str),
    Expired(&'static str),
    Reported(&'static str),
    Acknowledged(&'static str),
}

/// The folders of one run.
struct Folders {
    root: PathBuf,
    run: u32,
}

impl Folders {
    fn create(&self, state: &str) -> PathBuf {
        let folder = self.root.join(state).join(self.run.to_string());
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Copies the files of a state as they are now. The copy is made by another process: if this one closed a second
    /// descriptor of the file, the locks of SQLite would be gone.
    fn copy(&self, state: &str) -> PathBuf {
        let copy = self.root.join("copies").join(format!("{}-{state}", self.run));
        fs::create_dir_all(&copy).unwrap();
        let source = self.root.join(state).join(self.run.to_string()).join(".");
        let copied =
            Command::new("cp").arg("-r").arg(source).arg(&copy).env_remove("LD_PRELOAD").status().unwrap();
        assert!(copied.success());
        copy.join("ledger.db")
    }
}

/// A typical history: orders, payments by notification and by query, an expiry, delivery reports, a group of concurrent
/// writes. Returns what the ledger acknowledged.
async fn history(ledger: &Ledger) -> Vec<Fact> {
    let mut facts = Vec::new();
    let mut note = |ok: bool, fact: Fact| {
        if ok {
            facts.push(fact);
        }
    };
    // At first a checkpoint after every commit, so that the database file is written too.
    let checkpoint_after = |pages: u32| {
        ledger.writer().write(move |db| Ok(db.pragma_update(None, "wal_autocheckpoint", pages)?))
    };
    drop(checkpoint_after(1).await);
    let schedule = Schedule::default;
    for order in ["A1", "A2", "A3", "A4"] {
        note(ledger.place(terms(order), schedule(), NOON).await.is_ok(), Fact::Placed(order));
    }
    let prepaid = ledger.prepaid(number("A1"), prepayid(), schedule(), NOON).await;
    note(prepaid.is_ok() && ledger.order(&number("A1")).await.unwrap().is_some(), Fact::Prepaid("A1"));
    let pay = |order: &'static str, serial| {
        let ledger = ledger.clone();
        tokio::spawn(async move {
            ledger.record_notification(notification(order, &payment(serial, 100, 0, 5)), after(1)).await
        })
    };
    let group = [pay("A1", 1), pay("A2", 2), pay("B1", 3)];
    for (number, merged) in ["A1", "A2", "B1"].into_iter().zip(group) {
        match merged.await.unwrap() {
            Ok(Merged::Transitions(_)) => note(true, Fact::Paid(number)),
            Ok(Merged::UnknownOrder) => note(true, Fact::UnknownOrder(number)),
            Ok(Merged::Nothing) => panic!("{number}: nothing was known before"),
            Err(_) => {}
        }
    }
    let found = QueryResult::Paid(Evidence::from_storage(number("A3"), payment(4, 100, 0, 6)));
    let merged = ledger.record_query(number("A3"), found, schedule(), after(15), 0).await;
    note(matches!(merged, Ok(Merged::Transitions(_))), Fact::Paid("A3"));
    let expired = ledger.record_query(number("A4"), QueryResult::Unpaid, schedule(), after(9000), 0).await;
    let is_placed = ledger.order(&number("A4")).await.unwrap().is_some();
    note(expired.is_ok() && is_placed, Fact::Expired("A4"));
    // Then none, so that only the commit itself makes the rest durable.
    drop(checkpoint_after(1000).await);
    let report = Report { delivered: false, message: "缺货".to_owned(), openid: None };
    if let Ok(Reported::Send { reported_at, .. }) =
        ledger.record_delivery(number("A1"), report, after(20)).await
    {
        note(true, Fact::Reported("A1"));
        let acknowledged = ledger.acknowledge_delivery(number("A1"), reported_at, after(21)).await;
        note(acknowledged.is_ok(), Fact::Acknowledged("A1"));
    }
    facts
}

/// Asserts that the ledger holds all facts, and that what it holds is whole: an order is paid if and only if its event
/// was emitted, once.
async fn assert_holds(ledger: &Ledger, facts: &[Fact], context: &str) {
    for order in ["A1", "A2", "A3", "A4"] {
        let Some(order_view) = ledger.order(&number(order)).await.unwrap() else { continue };
        let paid = kinds(ledger, order).await.iter().filter(|kind| *kind == "order.paid").count();
        assert_eq!(paid, usize::from(order_view.status == Status::Paid), "{order} {context}");
    }
    for fact in facts {
        let context = format!("{fact:?} {context}");
        match *fact {
            Fact::Placed(order) => {
                let order = ledger.order(&number(order)).await.unwrap();
                assert!(order.is_some_and(|order| order.total_fee == Fen::new(100)), "{context}");
            }
            Fact::Prepaid(order) => {
                let text = order.to_owned();
                let select = move |db: &Connection| {
                    let sql = "SELECT prepayid FROM orders WHERE out_trade_no = ?1";
                    Ok(db.query_row(sql, [text], |row| row.get::<_, Option<String>>(0))?)
                };
                let stored = ledger.readers().read(select).await.unwrap();
                assert_eq!(stored.as_deref(), Some(prepayid().as_str()), "{context}");
            }
            Fact::Paid(order) => assert_eq!(view(ledger, order).await.status, Status::Paid, "{context}"),
            Fact::UnknownOrder(order) => {
                assert_eq!(kinds(ledger, order).await, ["payment.unknown_order"], "{context}");
            }
            Fact::Expired(order) => {
                assert_eq!(view(ledger, order).await.status, Status::Expired, "{context}");
            }
            Fact::Reported(order) => {
                let delivery = view(ledger, order).await.delivery.unwrap();
                assert_eq!((delivery.delivered, &*delivery.message), (false, "缺货"), "{context}");
            }
            Fact::Acknowledged(order) => {
                assert!(view(ledger, order).await.delivery.unwrap().acknowledged_at.is_some(), "{context}");
            }
        }
    }
}

/// Opens a ledger on sound storage and checks it. It must also be able to go on.
async fn assert_reopens(path: &Path, facts: &[Fact], context: &str) {
    let ledger = Ledger::open(path).unwrap_or_else(|failure| panic!("{failure:?} {context}"));
    assert_holds(&ledger, facts, context).await;
    ledger.place(terms("C1"), Schedule::default(), NOON).await.unwrap();
    ledger.close().await;
}

/// Runs the history with one fault. Returns whether the storage failed.
async fn run(folders: &Folders, fault: StorageFault) -> bool {
    let path = folders.create("live").join("ledger.db");
    folders.create("durable");
    fault.arm();
    let mut facts = Vec::new();
    if let Ok(ledger) = Ledger::open(&path) {
        facts = history(&ledger).await;
        let failed = StorageFault::failures().unwrap() > 0;
        assert_holds(&ledger, &facts, &format!("is in the open ledger, {fault:?}")).await;
        // Taken before anything is closed: what a crash of the process, and a cut of the power, leave behind.
        let (crashed, cut) = (folders.copy("live"), folders.copy("durable"));
        StorageFault::NONE.arm();
        assert_reopens(&crashed, &facts, &format!("survives a crash, {fault:?}")).await;
        assert_reopens(&cut, &facts, &format!("survives a power cut, {fault:?}")).await;
        // The same ledger goes on, now that its storage is sound again.
        let place = ledger.place(terms("A5"), Schedule::default(), NOON).await;
        assert!(place.is_ok(), "the ledger must go on: {place:?} {fault:?}");
        facts.push(Fact::Placed("A5"));
        assert_holds(&ledger, &facts, &format!("is there after recovery, {fault:?}")).await;
        ledger.close().await;
        assert_reopens(&path, &facts, &format!("is there after a restart, {fault:?}")).await;
        return failed;
    }
    let failed = StorageFault::failures().unwrap() > 0;
    assert!(failed, "the ledger must open on sound storage");
    StorageFault::NONE.arm();
    assert_reopens(&path, &facts, &format!("opens after a failed start, {fault:?}")).await;
    failed
}

#[test]
fn whichever_write_or_sync_fails_the_ledger_keeps_what_it_acknowledged() {
    if StorageFault::failures().is_none() {
        return run_with_failing_storage();
    }
    let runtime = Runtime::new().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let mut number = 0;
    for (operation, times, error) in [
        (Operation::Sync, 1, EIO),
        (Operation::Sync, FOR_EVER, EIO),
        (Operation::Write, 1, EIO),
        (Operation::Write, FOR_EVER, ENOSPC),
    ] {
        let mut first = 0;
        loop {
            (first, number) = (first + 1, number + 1);
            let folders = Folders { root: dir.path().to_owned(), run: number };
            let failed = runtime.block_on(run(&folders, StorageFault { operation, first, times, error }));
            for state in ["live", "durable"] {
                drop(fs::remove_dir_all(dir.path().join(state).join(number.to_string())));
            }
            drop(fs::remove_dir_all(dir.path().join("copies")));
            if !failed {
                break;
            }
        }
        assert!(first > 20, "{operation:?}: the storage must have been asked for more");
    }
}

/// The one way in which SQLite fails a commit and leaves the transaction open.
#[tokio::test]
async fn a_failed_commit_is_rolled_back_and_reported_to_every_caller_in_it() {
    let (_dir, ledger) = scratch();
    ledger
        .writer()
        .write(|db| {
            Ok(db.execute_batch(
                "CREATE TABLE parents (id INTEGER PRIMARY KEY);
                 CREATE TABLE children (parent INTEGER REFERENCES parents DEFERRABLE INITIALLY DEFERRED);",
            )?)
        })
        .await
        .unwrap();
    // The group is formed while this job holds the writer.
    let (started, has_started) = sync::oneshot::channel();
    let (release, released) = std::sync::mpsc::channel();
    let writer = ledger.writer().clone();
    let slow = tokio::spawn(async move {
        let wait = move |_: &Connection| {
            started.send(()).unwrap();
            released.recv().unwrap();
            Ok(())
        };
        writer.write(wait).await
    });
    has_started.await.unwrap();
    let orphan = ledger.writer().write(|db| Ok(db.execute_batch("INSERT INTO children VALUES (1)")?));
    let stored = ledger.record_notification(
        ReceivedNotification { evidence: None, ..notification("A1", &payment(1, 100, 0, 5)) },
        NOON,
    );
    let (orphan, stored, ()) = tokio::join!(biased; orphan, stored, async { release.send(()).unwrap() });
    slow.await.unwrap().unwrap();
    assert_eq!(orphan.unwrap_err().to_string(), "SQLite failed");
    assert_eq!(stored.unwrap_err().to_string(), "SQLite failed");
    let count = |db: &Connection| {
        Ok(db.query_row(
            "SELECT (SELECT count(*) FROM notifications) + (SELECT count(*) FROM children)",
            [],
            |row| row.get(0),
        )?)
    };
    assert_eq!(ledger.readers().read::<i64>(count).await.unwrap(), 0);
    // Nothing of the failed transaction is left open: the next one commits.
    place(&ledger, "A1").await;
    assert_eq!(view(&ledger, "A1").await.status, Status::Open);
}
