//! PostgreSQL, for any number of processes.
//!
//! Each operation is one transaction on a connection of a small pool. Its loads are sent at once, and so are its changes.
//! Group commit is the database's: transactions of several connections share its syncs.

mod apply;
mod dial;
mod failure;
mod migrate;
mod partitions;
mod plan;
mod pool;
mod read;
mod session;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod texts;
mod tls;
mod transaction;
mod url;
mod values;

pub(crate) use url::PostgresUrl;

use super::{
    LedgerError, LedgerMetrics,
    migrations::{MIGRATIONS, Migrations, Schema},
    probe::{PROBE_CONTEXT, Probe},
    scan::RawScan,
};
use crate::ledger::{Context, Load, Operation, Rows, TableInfo, Value, rows::TABLES};
use dial::Dialer;
use pool::Pool;
use std::sync::Arc;
use transaction::Transactions;

/// A ledger in a PostgreSQL database.
#[derive(Debug)]
pub(super) struct Postgres(Arc<Transactions>);

/// The settings of the connections to a database.
#[derive(Clone, Debug)]
pub(crate) struct PostgresSettings {
    /// The URL.
    pub(crate) url: PostgresUrl,
    /// Authorities to trust besides the public ones, in PEM.
    pub(crate) ca: Option<Vec<u8>>,
    /// The limit of connections.
    pub(crate) connections: u32,
}

impl Postgres {
    /// Connects, and brings the schema up to date.
    pub(super) async fn connect(settings: &PostgresSettings) -> Result<Self, LedgerError> {
        Self::connect_with(settings, MIGRATIONS).await
    }

    /// Connects, and carries out these migrations.
    async fn connect_with(settings: &PostgresSettings, migrations: Migrations) -> Result<Self, LedgerError> {
        let dialer = Dialer::new(&settings.url, settings.ca.as_deref())?;
        let session = dialer.dial().await?;
        migrate::migrate(&session, migrations).await?;
        session.close().await;
        let pool = Pool::new(dialer, settings.connections);
        Ok(Self(Arc::new(Transactions::new(pool, settings.url.isolation))))
    }

    /// Returns the schema.
    pub(super) async fn schema(settings: &PostgresSettings) -> Result<Schema, LedgerError> {
        let session = Dialer::new(&settings.url, settings.ca.as_deref())?.dial().await?;
        let schema = migrate::schema(&session).await;
        session.close().await;
        schema
    }

    pub(super) async fn run<O: Operation>(
        &self,
        operation: O,
        context: Context,
    ) -> Result<O::Output, LedgerError> {
        let transactions = Arc::clone(&self.0);
        // A task of its own: it runs even if the caller stops waiting.
        let run = tokio::spawn(async move { transactions.run(&operation, &context).await });
        run.await.unwrap_or_else(|error| {
            Err(if error.is_panic() { LedgerError::Panicked } else { LedgerError::Closed })
        })
    }

    pub(super) async fn read(&self, loads: Vec<Load>) -> Result<Rows, LedgerError> {
        self.0.read(&loads).await
    }

    pub(super) async fn scan_raw(&self, scan: RawScan) -> Result<Vec<Vec<Value>>, LedgerError> {
        self.0.scan(&scan).await
    }

    /// Makes the partitions of these months.
    pub(super) async fn prepare_months(&self, months: &[u64]) -> Result<(), LedgerError> {
        let tables = TABLES.iter().filter(|table| table.is_monthly());
        let partitions: Vec<_> =
            tables.flat_map(|table| months.iter().map(|month| (table.name, *month))).collect();
        self.0.make_partitions(&partitions).await
    }

    /// Drops the partitions of a table that are of earlier months. Returns their number.
    pub(super) async fn drop_months(&self, table: &TableInfo, before: u64) -> Result<usize, LedgerError> {
        self.0.drop_partitions(table, before).await
    }

    pub(super) async fn probe(&self) -> Result<(), LedgerError> {
        self.run(Probe, PROBE_CONTEXT).await
    }

    pub(super) fn metrics(&self) -> LedgerMetrics {
        self.0.metrics()
    }

    pub(super) async fn close(&self) {
        self.0.pool.close().await;
    }
}
