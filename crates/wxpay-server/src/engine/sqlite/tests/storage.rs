//! The ledger on storage that fails: at each write and each sync in turn, once or from then on, until a run meets no
//! failure. After each run the ledger must hold everything it acknowledged: while it is open, after a crash of the
//! process, after a power cut, and when it is opened again.
//!
//! SQLite runs unchanged on its own file layer: `failing_storage.c`, preloaded into this test's process, sits below it.
//! Not covered: storage that lies (a sync that succeeds without effect), that returns other bytes than were written, or
//! that loses a synced directory entry.

#![cfg(target_os = "linux")]

use super::*;
use crate::ledger::rows::merchant::TokenRow;
use std::{
    fs::{self, File},
    path::Path,
    process::Command,
};
use tokio::runtime::Runtime;

/// A failure of the storage: the `first` operation of its kind and the following ones, `times` in all.
#[derive(Clone, Copy, Debug)]
struct StorageFault {
    kind: &'static str,
    first: u32,
    times: u32,
    error: i32,
}

const EIO: i32 = 5;
const ENOSPC: i32 = 28;
const FOR_EVER: u32 = u32::MAX;

impl StorageFault {
    const NONE: Self = Self { kind: "write", first: 0, times: 0, error: EIO };

    fn arm(self) {
        let Self { kind, first, times, error } = self;
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
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/src/engine/sqlite/tests/failing_storage.c");
    // A C compiler is there: SQLite was built with it.
    let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    let built = Command::new(compiler)
        .args(["-shared", "-fPIC", "-O1", "-o", library.to_str().unwrap(), source, "-ldl", "-lpthread"])
        .status()
        .unwrap();
    assert!(built.success());
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", thread::current().name().unwrap(), "--nocapture"])
        .env("LD_PRELOAD", library)
        .output()
        .unwrap();
    let (stdout, stderr) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success() && stdout.contains("1 passed"), "{stdout}{stderr}");
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

/// An operation that writes rows of two tables.
fn pair(name: &str) -> Write {
    Write(changes(|changes| {
        changes.put(&LeaseRow { owner: "x".repeat(3000), ..lease(name, 1) });
        changes.put(&TokenRow {
            appid: name.to_owned(),
            sealed_token: "y".repeat(2000),
            version: 1,
            expires_at: CONTEXT.now,
        });
    }))
}

/// A typical history: single operations, and a group of concurrent ones. Returns the acknowledged operations.
async fn history(ledger: &Ledger) -> Vec<&'static str> {
    let mut acknowledged = Vec::new();
    for name in ["a", "b", "c"] {
        if ledger.run(pair(name), CONTEXT).await.is_ok() {
            acknowledged.push(name);
        }
    }
    let group = ["d", "e", "f"].map(|name| {
        let ledger = ledger.clone();
        (name, tokio::spawn(async move { ledger.run(pair(name), CONTEXT).await.is_ok() }))
    });
    for (name, task) in group {
        if task.await.unwrap() {
            acknowledged.push(name);
        }
    }
    acknowledged
}

/// Asserts that the ledger holds all that was acknowledged, and that every operation is there whole or not at all.
async fn assert_holds(ledger: &Ledger, acknowledged: &[&str], context: &str) {
    let leases = ledger.load(Prefix::<LeaseRow>::all()).await.unwrap();
    let tokens = ledger.load(Prefix::<TokenRow>::all()).await.unwrap();
    let leases: Vec<&str> = leases.iter().map(|row| row.name.as_str()).collect();
    let tokens: Vec<&str> = tokens.iter().map(|row| row.appid.as_str()).collect();
    assert_eq!(leases, tokens, "{context}");
    for name in acknowledged {
        assert!(leases.contains(name), "{name} {context}");
    }
}

/// Opens a ledger on sound storage and checks it. It must also be able to go on.
async fn assert_reopens(path: &Path, acknowledged: &[&str], context: &str) {
    let ledger = Ledger::open(path).unwrap_or_else(|error| panic!("{error:?} {context}"));
    assert_holds(&ledger, acknowledged, context).await;
    ledger.run(pair("later"), CONTEXT).await.unwrap();
    ledger.close().await;
}

/// Runs the history with one fault. Returns whether the storage failed.
async fn run(folders: &Folders, fault: StorageFault, checkpoint_pages: u32) -> bool {
    let path = folders.create("live").join("ledger.db");
    folders.create("durable");
    fault.arm();
    let opened = Sqlite::open_with(&path, Access::Server, MIGRATIONS, |connection| {
        Ok(connection.pragma_update(None, "wal_autocheckpoint", checkpoint_pages)?)
    });
    if let Ok(ledger) = opened.map(Ledger::from) {
        let mut acknowledged = history(&ledger).await;
        let failed = StorageFault::failures().unwrap() > 0;
        assert_holds(&ledger, &acknowledged, &format!("is in the open ledger, {fault:?}")).await;
        // Taken before anything is closed: what a crash of the process, and a cut of the power, leave behind.
        let (crashed, cut) = (folders.copy("live"), folders.copy("durable"));
        StorageFault::NONE.arm();
        assert_reopens(&crashed, &acknowledged, &format!("survives a crash, {fault:?}")).await;
        assert_reopens(&cut, &acknowledged, &format!("survives a power cut, {fault:?}")).await;
        // The same ledger goes on, now that its storage is sound again.
        let later = ledger.run(pair("g"), CONTEXT).await;
        assert!(later.is_ok(), "the ledger must go on: {later:?} {fault:?}");
        acknowledged.push("g");
        assert_holds(&ledger, &acknowledged, &format!("is there after recovery, {fault:?}")).await;
        ledger.close().await;
        assert_reopens(&path, &acknowledged, &format!("is there after a restart, {fault:?}")).await;
        return failed;
    }
    let failed = StorageFault::failures().unwrap() > 0;
    assert!(failed, "the ledger must open on sound storage");
    StorageFault::NONE.arm();
    assert_reopens(&path, &[], &format!("opens after a failed start, {fault:?}")).await;
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
    // With a checkpoint after every commit the database file is written too; with none, only the commit itself makes
    // the rest durable.
    for (kind, times, error, checkpoint_pages) in [
        ("sync", 1, EIO, 1),
        ("sync", FOR_EVER, EIO, 1),
        ("write", 1, EIO, 1000),
        ("write", FOR_EVER, ENOSPC, 1),
    ] {
        let mut first = 0;
        loop {
            (first, number) = (first + 1, number + 1);
            let folders = Folders { root: dir.path().to_owned(), run: number };
            let fault = StorageFault { kind, first, times, error };
            let failed = runtime.block_on(run(&folders, fault, checkpoint_pages));
            for state in ["live", "durable"] {
                drop(fs::remove_dir_all(dir.path().join(state).join(number.to_string())));
            }
            drop(fs::remove_dir_all(dir.path().join("copies")));
            if !failed {
                break;
            }
        }
        assert!(first > 10, "{kind}: the storage must have been asked for more");
    }
}
