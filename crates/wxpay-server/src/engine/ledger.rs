//! The handle to a ledger.

use super::{
    LedgerError, Schema,
    postgres::{Postgres, PostgresSettings},
    scan::RawScan,
    sqlite::{self, Sqlite},
};
use crate::ledger::{
    Context, Load, Operation, Prefix, Rows, Scan, Table, TableInfo, Value,
    month::{month_of, next_month},
};
use std::{path::Path, sync::Arc};
use wxpay_proto::UnixTime;

/// A ledger. Clones are handles to the same ledger.
#[derive(Clone, Debug)]
pub(crate) struct Ledger {
    engine: Engine,
}

#[derive(Clone, Debug)]
enum Engine {
    Sqlite(Arc<Sqlite>),
    Postgres(Arc<Postgres>),
    #[cfg(test)]
    Model(super::model::Model),
}

/// Counters of a ledger since it was opened, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LedgerMetrics {
    /// Operations that were committed.
    pub(crate) operations: u64,
    /// Commits. Many operations share one.
    pub(crate) commits: u64,
    /// The sum of the durations of all commits, in microseconds.
    pub(crate) commit_micros: u64,
    /// Operations that wait: for SQLite's writer, or for a connection to PostgreSQL.
    pub(crate) queued: u64,
}

impl Ledger {
    /// Opens a ledger file, or creates it, readable by its owner only. Blocks.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, is in use by another process, or is not a ledger of this version.
    pub(crate) fn open(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self { engine: Engine::Sqlite(Arc::new(Sqlite::open(path)?)) })
    }

    /// Opens a ledger file for an operator's command, beside a server that uses it or without one. Blocks.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, or is not a ledger of this version.
    pub(crate) fn open_beside(path: &Path) -> Result<Self, LedgerError> {
        Ok(Self { engine: Engine::Sqlite(Arc::new(Sqlite::open_beside(path)?)) })
    }

    /// Connects to a PostgreSQL database, and brings its schema up to date.
    ///
    /// # Errors
    ///
    /// If no host accepts a connection for writing, or the database cannot hold a ledger of this version.
    pub(crate) async fn connect(settings: &PostgresSettings) -> Result<Self, LedgerError> {
        Ok(Self { engine: Engine::Postgres(Arc::new(Postgres::connect(settings).await?)) })
    }

    /// Returns the schema of a ledger file. Changes nothing. Blocks.
    ///
    /// # Errors
    ///
    /// If the file is not a ledger.
    pub(crate) fn schema(path: &Path) -> Result<Schema, LedgerError> {
        sqlite::schema(path)
    }

    /// Returns the schema of a PostgreSQL database. Changes nothing.
    ///
    /// # Errors
    ///
    /// If no host accepts a connection for writing, or the database has tables of another program.
    pub(crate) async fn schema_of(settings: &PostgresSettings) -> Result<Schema, LedgerError> {
        Postgres::schema(settings).await
    }

    /// Runs an operation and returns its output after its changes are committed. It runs even if the caller stops
    /// waiting.
    ///
    /// # Errors
    ///
    /// If the changes are not, or not known to be, committed.
    pub(crate) async fn run<O: Operation>(
        &self,
        operation: O,
        context: Context,
    ) -> Result<O::Output, LedgerError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.run(operation, context).await,
            Engine::Postgres(postgres) => postgres.run(operation, context).await,
            #[cfg(test)]
            Engine::Model(model) => model.run(operation, context).await,
        }
    }

    /// Returns the rows with a prefix of the key, in the order of the key.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub(crate) async fn load<T: Table>(&self, prefix: Prefix<T>) -> Result<Vec<T>, LedgerError> {
        Ok(self.read(vec![prefix.load()]).await?.all()?)
    }

    /// Returns the rows of several loads, as of one moment.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub(crate) async fn read(&self, loads: Vec<Load>) -> Result<Rows, LedgerError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.read(loads).await,
            Engine::Postgres(postgres) => postgres.read(loads).await,
            #[cfg(test)]
            Engine::Model(model) => model.read(&loads).await,
        }
    }

    /// Returns the rows of a scan.
    ///
    /// # Errors
    ///
    /// If they cannot be read.
    pub(crate) async fn scan<T: Table>(&self, scan: Scan<T>) -> Result<Vec<T>, LedgerError> {
        let rows = self.scan_raw(scan.into()).await?;
        Ok(rows.into_iter().map(T::from_values).collect::<Result<_, _>>()?)
    }

    /// Returns the cells of the rows of a scan.
    pub(super) async fn scan_raw(&self, scan: RawScan) -> Result<Vec<Vec<Value>>, LedgerError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.scan_raw(scan).await,
            Engine::Postgres(postgres) => postgres.scan_raw(scan).await,
            #[cfg(test)]
            Engine::Model(model) => model.scan_raw(&scan).await,
        }
    }

    /// Makes room for the rows of this month and the next one, where tables have a partition for each month.
    ///
    /// # Errors
    ///
    /// If a partition cannot be made. It will be with the first row of its month.
    pub(crate) async fn prepare_months(&self, now: UnixTime) -> Result<(), LedgerError> {
        let month = month_of(now);
        match &self.engine {
            Engine::Postgres(postgres) => postgres.prepare_months(&[month, next_month(month)]).await,
            Engine::Sqlite(_) => Ok(()),
            #[cfg(test)]
            Engine::Model(_) => Ok(()),
        }
    }

    /// Deletes the rows of earlier months by dropping their partitions. Returns the number of months; `None` if the tables
    /// have no partitions: then rows are deleted one by one.
    ///
    /// # Errors
    ///
    /// If the table is in use all the time, or the database fails. Some may be dropped.
    pub(crate) async fn drop_months(
        &self,
        table: &TableInfo,
        before: u64,
    ) -> Result<Option<usize>, LedgerError> {
        match &self.engine {
            Engine::Postgres(postgres) => postgres.drop_months(table, before).await.map(Some),
            Engine::Sqlite(_) => Ok(None),
            #[cfg(test)]
            Engine::Model(_) => Ok(None),
        }
    }

    /// Checks that the ledger is writable, by a commit of one row.
    ///
    /// # Errors
    ///
    /// If it is not: the disk is full, or the file or the database is gone.
    pub(crate) async fn probe(&self) -> Result<(), LedgerError> {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.probe().await,
            Engine::Postgres(postgres) => postgres.probe().await,
            #[cfg(test)]
            Engine::Model(model) => model.probe(),
        }
    }

    /// Returns counters.
    pub(crate) fn metrics(&self) -> LedgerMetrics {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.metrics(),
            Engine::Postgres(postgres) => postgres.metrics(),
            #[cfg(test)]
            Engine::Model(model) => model.metrics(),
        }
    }

    /// Commits the operations that wait, and closes the ledger. Later calls fail.
    pub(crate) async fn close(&self) {
        match &self.engine {
            Engine::Sqlite(sqlite) => sqlite.close().await,
            Engine::Postgres(postgres) => postgres.close().await,
            #[cfg(test)]
            Engine::Model(model) => model.close(),
        }
    }
}

#[cfg(test)]
impl From<super::model::Model> for Ledger {
    fn from(model: super::model::Model) -> Self {
        Self { engine: Engine::Model(model) }
    }
}

#[cfg(test)]
impl From<Postgres> for Ledger {
    fn from(postgres: Postgres) -> Self {
        Self { engine: Engine::Postgres(Arc::new(postgres)) }
    }
}

#[cfg(test)]
impl From<Sqlite> for Ledger {
    fn from(sqlite: Sqlite) -> Self {
        Self { engine: Engine::Sqlite(Arc::new(sqlite)) }
    }
}
