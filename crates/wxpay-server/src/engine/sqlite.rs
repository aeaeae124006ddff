//! SQLite: one writer with group commit, and a few readers.
//!
//! A durable commit costs one fsync, for any contents. Operations queued during one commit share the next one, so
//! every answered operation is on disk, and 64 callers may share one fsync.

mod backup;
mod file;
mod group;
mod job;
mod migrate;
mod readers;
mod values;
mod writer;

pub(crate) use backup::backup;
pub(super) use migrate::schema;

use super::{
    LedgerError, LedgerMetrics,
    migrations::{MIGRATIONS, Migrations},
    probe::{PROBE_CONTEXT, Probe},
    scan::RawScan,
};
use crate::ledger::{Context, Load, Operation, Rows, Value};
use file::{Access, LockedFile};
use group::{Counters, Queue};
use job::Run;
use readers::{Read, Readers};
use rusqlite::{Connection, ErrorCode, OpenFlags, config::DbConfig, ffi};
use std::{
    path::Path,
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};
// `group` takes its channels from here, so that a test can compile it with other ones.
use tokio::sync;
use writer::Writer;

/// Limit of operations in one commit.
const MAX_GROUP: usize = 256;
/// Capacity of the queue of operations; further callers wait.
const QUEUE_CAPACITY: usize = 1024;
/// The time that a connection waits for the lock of another, such as one that copies the file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// A ledger in a SQLite file.
#[derive(Debug)]
pub(super) struct Sqlite {
    // Dropped before the queue, whose end closes the file: the lock is released after every connection.
    readers: Readers,
    queue: Queue,
    counters: Arc<Counters>,
}

impl Sqlite {
    /// Opens the file, or creates it, readable by its owner only: it contains personal data.
    pub(super) fn open(path: &Path) -> Result<Self, LedgerError> {
        Self::open_with(path, Access::Server, MIGRATIONS, |_| Ok(()))
    }

    /// Opens the file for an operator's command.
    pub(super) fn open_beside(path: &Path) -> Result<Self, LedgerError> {
        Self::open_with(path, Access::Beside, MIGRATIONS, |_| Ok(()))
    }

    /// Opens the file with these migrations, and a further configuration of the writer's connection.
    fn open_with(
        path: &Path,
        access: Access,
        migrations: Migrations,
        configure: impl FnOnce(&mut Connection) -> Result<(), LedgerError>,
    ) -> Result<Self, LedgerError> {
        let is_only = matches!(access, Access::Server);
        let file = Arc::new(LockedFile::open(path, access)?);
        let is_new = file.check_header()?;
        let mut connection = connect(file.path(), OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        migrate::migrate(&mut connection, migrations, is_new, is_only)?;
        use_write_ahead_log(&connection)?;
        file::sync_directory(file.path())?;
        configure(&mut connection)?;
        let readers = Readers::open(&file)?;
        let (queue, messages) = group::queue(QUEUE_CAPACITY);
        let counters = Arc::new(Counters::default());
        let shared = Arc::clone(&counters);
        let (started, starting) = std::sync::mpsc::sync_channel(1);
        let write = move || {
            let closing = match Writer::new(&connection, Arc::clone(&file)) {
                Ok(mut writer) => {
                    drop(started.send(Ok(())));
                    messages.run(&mut writer, MAX_GROUP, &shared)
                }
                Err(error) => {
                    drop(started.send(Err(error)));
                    None
                }
            };
            drop(connection);
            drop(file);
            if let Some(closing) = closing {
                closing.confirm();
            }
        };
        thread::Builder::new().name("ledger".to_owned()).spawn(write)?;
        starting.recv().unwrap_or(Err(LedgerError::Closed))?;
        Ok(Self { readers, queue, counters })
    }

    pub(super) async fn run<O: Operation>(
        &self,
        operation: O,
        context: Context,
    ) -> Result<O::Output, LedgerError> {
        self.queue.write(Run::new(operation, context)).await
    }

    pub(super) async fn read(&self, loads: Vec<Load>) -> Result<Rows, LedgerError> {
        self.readers.read(Read::new(loads)).await
    }

    pub(super) async fn scan_raw(&self, scan: RawScan) -> Result<Vec<Vec<Value>>, LedgerError> {
        self.readers.read(scan).await
    }

    pub(super) async fn probe(&self) -> Result<(), LedgerError> {
        self.run(Probe, PROBE_CONTEXT).await
    }

    pub(super) fn metrics(&self) -> LedgerMetrics {
        let Counters { operations, commits, commit_micros } = &*self.counters;
        LedgerMetrics {
            operations: operations.load(Ordering::Relaxed),
            commits: commits.load(Ordering::Relaxed),
            commit_micros: commit_micros.load(Ordering::Relaxed),
            queued: u64::try_from(self.queue.len()).unwrap_or(u64::MAX),
        }
    }

    pub(super) async fn close(&self) {
        self.readers.close().await;
        self.queue.close().await;
    }
}

/// Opens a connection to a file that exists.
fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, LedgerError> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Plans must not depend on the values that are bound: SQLite would prepare a statement again for each.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// Configures the writer's connection. `FULL` syncs at every commit, which is enough in WAL mode only: with a rollback
/// journal, a power cut can undo the last commit. In WAL mode readers do not wait for the writer either.
fn use_write_ahead_log(connection: &Connection) -> Result<(), LedgerError> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // If the switch fails, SQLite keeps the other mode, although it has answered `wal`. So read from the file, then ask.
    connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    if mode != "wal" {
        return Err(LedgerError::NoWriteAheadLog);
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    // 8 MB: SQLite searches the whole table of its cache in most commits.
    connection.pragma_update(None, "cache_size", -8_192)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // 32 MB: pages that many commits write are copied to the database file once.
    connection.pragma_update(None, "wal_autocheckpoint", 8_000)?;
    Ok(())
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        let found = error.sqlite_error().copied();
        let is = |code| found.is_some_and(|found| found.code == code);
        let is_moved = found.is_some_and(|found| found.extended_code == ffi::SQLITE_READONLY_DBMOVED);
        if is(ErrorCode::DiskFull) {
            Self::Full
        } else if is(ErrorCode::NotADatabase) {
            Self::NotALedger
        } else if is_moved {
            Self::FileRemoved
        } else {
            Self::Database(Arc::new(error))
        }
    }
}

#[cfg(test)]
mod tests;
