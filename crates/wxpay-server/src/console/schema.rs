//! The schema of the ledger, and the move from a file to PostgreSQL.

use super::{
    Console,
    audit::{Violation, violations},
};
use crate::{
    engine::{self, Ledger, LedgerError, copy},
    server::{StartError, open_ledger},
    settings::{Database, Settings},
};
use std::io;

/// The versions of a schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaVersions {
    /// The version of the ledger; 0 if it has no schema yet.
    pub found: i64,
    /// The oldest version that a program must know to use the ledger. It can use a newer one, too.
    pub required: i64,
    /// The newest version, which this program brings a ledger to.
    pub newest: i64,
}

/// The result of [`Console::copy_ledger`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct CopiedLedger {
    /// The number of copied rows. Each was read again and compared.
    pub rows: u64,
    /// The orders that do not follow from their evidence, in the source as in the copy.
    pub violations: Vec<Violation>,
}

impl Console {
    /// Returns the versions of the ledger's schema. Changes nothing.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read, or is something else.
    pub async fn schema(settings: &Settings) -> Result<SchemaVersions, StartError> {
        let database = &settings.values.database;
        let found = match database {
            Database::Sqlite(path) => Ledger::schema(path),
            Database::Postgres(url) => Ledger::schema_of(&settings.postgres(url)).await,
        };
        let found = found.map_err(|cause| StartError::ledger(database, cause))?;
        Ok(SchemaVersions { found: found.version, required: found.min_version, newest: engine::newest() })
    }

    /// Brings the schema up to date, and creates the ledger if there is none. A server does so by itself when it starts.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be opened, or requires a newer program; or if a migration would break a server that runs.
    pub async fn migrate(settings: &Settings) -> Result<SchemaVersions, StartError> {
        open_ledger(settings, false).await?.close().await;
        Self::schema(settings).await
    }

    /// Copies the ledger file of `from`, which no server may use meanwhile, to the empty PostgreSQL database of `to`. Then
    /// reads both again, compares every row, and audits every order of both.
    ///
    /// # Errors
    ///
    /// If `from` is no file, or `to` is no PostgreSQL database or not empty; if one cannot be opened, fails, or differs
    /// afterwards. The database may have a part of the rows then.
    pub async fn copy_ledger(from: &Settings, to: &Settings) -> Result<CopiedLedger, StartError> {
        let (Database::Sqlite(file), Database::Postgres(_)) = (&from.values.database, &to.values.database)
        else {
            return Err(StartError::setting(
                "a ledger is copied from a file (sqlite:PATH) to PostgreSQL (postgres://…)",
            ));
        };
        if !file.exists() {
            let missing = LedgerError::from(io::Error::from(io::ErrorKind::NotFound));
            return Err(StartError::ledger(&from.values.database, missing));
        }
        // As a server, which no other may be meanwhile.
        let source = open_ledger(from, true).await?;
        let target = open_ledger(to, true).await?;
        let copied = Self::copy(&source, &target, &to.values.database).await;
        source.close().await;
        target.close().await;
        copied
    }

    async fn copy(source: &Ledger, target: &Ledger, to: &Database) -> Result<CopiedLedger, StartError> {
        if !copy::is_empty(target).await? {
            return Err(StartError::setting(format!(
                "the ledger {to} is not empty: create an empty database"
            )));
        }
        let rows = copy::copy(source, target).await?;
        if let Some(table) = copy::difference(source, target).await? {
            return Err(StartError::setting(format!(
                "the copies of table {table} differ: is a server using one of them?"
            )));
        }
        let found = violations(target).await?;
        if found != violations(source).await? {
            return Err(StartError::setting(
                "the audits of both ledgers differ: is a server using one of them?",
            ));
        }
        Ok(CopiedLedger { rows, violations: found })
    }
}
