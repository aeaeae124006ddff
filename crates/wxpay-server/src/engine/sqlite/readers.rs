//! Readers: a few read-only connections.
//!
//! A short read runs on the caller's thread if a connection is free: a change of the thread costs more than the read.
//! Other reads, and those that find no free connection, run where blocking is allowed.

use super::{
    connect,
    file::LockedFile,
    values::{bind, each_row},
};
use crate::{
    engine::{
        LedgerError,
        scan::RawScan,
        tables,
        texts::{self, Dialect, Texts},
    },
    ledger::{Load, Rows, Value},
};
use rusqlite::{Connection, OpenFlags};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, TryLockError},
};
use tokio::sync::Semaphore;

/// Number of connections, the limit of concurrent reads.
const READERS: usize = 4;
/// Limit of the rows of a scan that runs on the caller's thread.
const SHORT_SCAN: usize = 200;
/// Limit of the loads that run on the caller's thread.
const SHORT_READ: usize = 8;

type TextsByTable = BTreeMap<&'static str, Texts>;

/// A read.
pub(super) trait ReadJob: Send + 'static {
    type Output: Send + 'static;
    /// Returns whether the read is certainly short.
    fn is_short(&self) -> bool;
    /// Reads the committed rows as of one moment.
    fn run(&self, connection: &Connection, texts: &TextsByTable) -> Result<Self::Output, LedgerError>;
}

/// A read of rows by their keys.
#[derive(Debug)]
pub(super) struct Read(Vec<Load>);

impl Read {
    pub(super) fn new(loads: Vec<Load>) -> Self {
        Self(loads)
    }
}

impl ReadJob for Read {
    type Output = Rows;

    fn is_short(&self) -> bool {
        // A load of more than one row is of those of one number, if the number is given.
        self.0.len() <= SHORT_READ
            && self.0.iter().all(|load| load.prefix.len().saturating_add(1) >= load.table.key)
            && self.0.iter().all(|load| !load.prefix.is_empty())
    }

    fn run(&self, connection: &Connection, texts: &TextsByTable) -> Result<Rows, LedgerError> {
        let mut rows = Rows::default();
        let mut load_all = || -> Result<(), LedgerError> {
            for load in &self.0 {
                let Load { table, prefix, .. } = load;
                let text = texts.get(table.name).and_then(|texts| texts.load(load));
                let text = text.ok_or(LedgerError::Conflict(table.name))?;
                let mut statement = connection.prepare_cached(text)?;
                bind(&mut statement, prefix)?;
                each_row(&mut statement, table, |row| rows.push(table, row))?;
            }
            Ok(())
        };
        if self.0.len() == 1 {
            load_all()?;
        } else {
            let transaction = connection.unchecked_transaction()?;
            load_all()?;
            transaction.commit()?;
        }
        Ok(rows)
    }
}

impl ReadJob for RawScan {
    type Output = Vec<Vec<Value>>;

    fn is_short(&self) -> bool {
        self.limit <= SHORT_SCAN
    }

    fn run(&self, connection: &Connection, _: &TextsByTable) -> Result<Self::Output, LedgerError> {
        let (text, cells) = texts::scan(self, Dialect::Sqlite);
        let mut statement = connection.prepare_cached(&text)?;
        bind(&mut statement, cells)?;
        let mut rows = Vec::new();
        each_row(&mut statement, self.table, |row| rows.push(row))?;
        Ok(rows)
    }
}

/// A pool of read-only connections.
#[derive(Debug)]
pub(super) struct Readers(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    connections: Vec<Mutex<Option<Connection>>>,
    texts: TextsByTable,
    /// Bounds the reads that wait for a connection.
    permits: Semaphore,
    /// Released after the connections.
    file: Mutex<Option<Arc<LockedFile>>>,
}

impl Readers {
    pub(super) fn open(file: &Arc<LockedFile>) -> Result<Self, LedgerError> {
        let open = || -> Result<_, LedgerError> {
            let connection = connect(file.path(), OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            connection.pragma_update(None, "cache_size", -8_192)?;
            connection.set_prepared_statement_cache_capacity(128);
            Ok(Mutex::new(Some(connection)))
        };
        Ok(Self(Arc::new(Pool {
            connections: (0..READERS).map(|_| open()).collect::<Result<_, _>>()?,
            texts: tables().map(|table| (table.name, Texts::new(table, Dialect::Sqlite))).collect(),
            permits: Semaphore::new(READERS),
            file: Mutex::new(Some(Arc::clone(file))),
        })))
    }

    pub(super) async fn read<J: ReadJob>(&self, job: J) -> Result<J::Output, LedgerError> {
        if job.is_short()
            && let Some(outcome) = self.0.read_now(&job)
        {
            return outcome;
        }
        let permit = self.0.permits.acquire().await.map_err(|_| LedgerError::Closed)?;
        let pool = Arc::clone(&self.0);
        let read = tokio::task::spawn_blocking(move || pool.read(&job)).await;
        drop(permit);
        read.unwrap_or(Err(LedgerError::Closed))
    }

    /// Waits for active reads, then closes the connections.
    pub(super) async fn close(&self) {
        self.0.permits.close();
        let pool = Arc::clone(&self.0);
        let close = move || {
            for connection in &pool.connections {
                drop(connection.lock().unwrap_or_else(PoisonError::into_inner).take());
            }
            drop(pool.file.lock().unwrap_or_else(PoisonError::into_inner).take());
        };
        // An error means that the runtime shuts down.
        drop(tokio::task::spawn_blocking(close).await);
    }
}

impl Pool {
    /// Reads if a connection is free.
    fn read_now<J: ReadJob>(&self, job: &J) -> Option<Result<J::Output, LedgerError>> {
        let free = self.connections.iter().find_map(|connection| match connection.try_lock() {
            Ok(connection) => Some(connection),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        })?;
        Some(free.as_ref().map_or(Err(LedgerError::Closed), |connection| job.run(connection, &self.texts)))
    }

    /// Reads, if need be when a connection is free.
    fn read<J: ReadJob>(&self, job: &J) -> Result<J::Output, LedgerError> {
        if let Some(outcome) = self.read_now(job) {
            return outcome;
        }
        let Some(first) = self.connections.first() else { return Err(LedgerError::Closed) };
        let connection = first.lock().unwrap_or_else(PoisonError::into_inner);
        connection.as_ref().map_or(Err(LedgerError::Closed), |connection| job.run(connection, &self.texts))
    }
}
