//! Files: those that are refused, those that disappear, and their locks.

use super::*;
use std::{fs, path::Path, time::Instant};

/// Returns the names and contents of all files.
fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

#[test]
fn a_ledger_in_use_is_not_opened_twice_under_any_name() {
    let scratch = Scratch::new();
    let _ledger = scratch.open();
    let error = Ledger::open(&scratch.path()).unwrap_err();
    assert_eq!(error.to_string(), "the ledger file is in use by another process");
    if cfg!(target_os = "linux") {
        let other = scratch.dir.path().join("other.db");
        fs::hard_link(scratch.path(), &other).unwrap();
        assert!(matches!(Ledger::open(&other), Err(LedgerError::InUse)));
    }
}

#[tokio::test]
async fn a_dropped_ledger_can_be_opened_again() {
    let scratch = Scratch::new();
    let ledger = scratch.open();
    ledger.run(Count("a"), CONTEXT).await.unwrap();
    drop(ledger);
    let begun = Instant::now();
    loop {
        match Ledger::open(&scratch.path()) {
            Ok(ledger) => break assert_eq!(versions(&ledger).await, [("a".to_owned(), 1)]),
            Err(LedgerError::InUse) => assert!(begun.elapsed() < Duration::from_secs(20)),
            Err(error) => panic!("{error:?}"),
        }
        tokio::task::yield_now().await;
    }
}

#[cfg(unix)]
#[tokio::test]
async fn the_ledger_files_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let scratch = Scratch::new();
    let ledger = scratch.open();
    ledger.run(Count("a"), CONTEXT).await.unwrap();
    backup(&scratch.path(), &scratch.dir.path().join("copy.db")).unwrap();
    let mut count = 0;
    for file in fs::read_dir(scratch.dir.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o077, 0, "{:?}", file.file_name());
        count += 1;
    }
    assert!(count >= 3, "the file, its log and the copy");
}

#[cfg(unix)]
#[tokio::test]
async fn nothing_is_acknowledged_after_the_file_was_removed_or_replaced() {
    for is_replaced in [false, true] {
        let scratch = Scratch::new();
        let ledger = scratch.open();
        ledger.run(Count("a"), CONTEXT).await.unwrap();
        if is_replaced {
            let other = scratch.dir.path().join("other");
            fs::write(&other, "").unwrap();
            fs::rename(&other, scratch.path()).unwrap();
        } else {
            fs::remove_file(scratch.path()).unwrap();
        }
        for _ in 0..2 {
            assert!(matches!(ledger.run(Count("a"), CONTEXT).await, Err(LedgerError::FileRemoved)));
            assert!(matches!(ledger.probe().await, Err(LedgerError::FileRemoved)));
        }
    }
}

#[test]
fn a_file_of_the_old_server_is_refused_and_left_untouched() {
    // Closed cleanly, and killed: then the schema is in the write-ahead log only.
    for is_killed in [false, true] {
        let (scratch, old) = (Scratch::new(), tempfile::tempdir().unwrap());
        let connection = Connection::open(old.path().join("ledger.db")).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection
            .execute_batch(
                "CREATE TABLE refinery_schema_history (version INT4 PRIMARY KEY);
                 CREATE TABLE orders (out_trade_no TEXT PRIMARY KEY);",
            )
            .unwrap();
        let kept = if is_killed { Some(connection) } else { None };
        for (path, bytes) in contents(old.path()) {
            fs::write(scratch.dir.path().join(path.file_name().unwrap()), bytes).unwrap();
        }
        drop(kept);
        let before = contents(scratch.dir.path());
        assert!(matches!(Ledger::open(&scratch.path()), Err(LedgerError::OldServerFile)), "{is_killed}");
        assert!(contents(scratch.dir.path()) == before);
    }
}

#[test]
fn other_files_are_refused_and_left_untouched() {
    let scratch = Scratch::new();
    fs::write(scratch.path(), "some text").unwrap();
    let before = contents(scratch.dir.path());
    assert!(matches!(Ledger::open(&scratch.path()), Err(LedgerError::NotALedger)));
    assert!(contents(scratch.dir.path()) == before);

    let scratch = Scratch::new();
    scratch.raw().execute_batch("CREATE TABLE t (a)").unwrap();
    let before = contents(scratch.dir.path());
    assert!(matches!(Ledger::open(&scratch.path()), Err(LedgerError::NotALedger)));
    assert!(contents(scratch.dir.path()) == before);
    assert!(matches!(Ledger::open(scratch.dir.path()), Err(LedgerError::File(_))));
}

#[test]
fn every_commit_is_synced_and_a_database_without_a_write_ahead_log_is_refused() {
    let scratch = Scratch::new();
    let opened = Sqlite::open_with(&scratch.path(), Access::Server, MIGRATIONS, |connection| {
        const FULL: i64 = 2;
        assert_eq!(values::scalar(connection, "PRAGMA synchronous").unwrap(), FULL);
        Ok(())
    });
    assert!(opened.is_ok());
    let memory = Connection::open_in_memory().unwrap();
    assert!(matches!(use_write_ahead_log(&memory), Err(LedgerError::NoWriteAheadLog)));
}

#[tokio::test]
async fn a_newer_schema_is_refused() {
    let scratch = Scratch::new();
    scratch.open().close().await;
    scratch.raw().execute("INSERT INTO schema_versions VALUES (99, 98)", []).unwrap();
    let error = Ledger::open(&scratch.path()).unwrap_err();
    assert!(matches!(error, LedgerError::NewerSchema { required: 98, known: 1 }));
}

#[tokio::test]
async fn an_empty_file_becomes_a_ledger_and_a_killed_one_is_recovered() {
    let scratch = Scratch::new();
    fs::write(scratch.path(), "").unwrap();
    let ledger = scratch.open();
    ledger.run(Count("a"), CONTEXT).await.unwrap();
    // The copy is made by another process: a closed descriptor would release the locks of SQLite.
    let copy = tempfile::tempdir().unwrap();
    let source = scratch.dir.path().join(".");
    let copied = std::process::Command::new("cp").arg("-r").arg(source).arg(copy.path()).status().unwrap();
    assert!(copied.success());
    let recovered = Ledger::open(&copy.path().join("ledger.db")).unwrap();
    assert_equal(&recovered, &ledger).await;
}
