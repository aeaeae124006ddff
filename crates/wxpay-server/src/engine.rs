//! Engines: they load, apply and commit. Decisions are the ledger's.
//!
//! [`Ledger`] is the handle that the rest of the server uses. Behind it is SQLite, PostgreSQL, or the model in tests.
//! One suite, `conformance`, runs on all, and one log of operations gives equal ledgers.

#[cfg(test)]
pub(crate) mod conformance;
pub(crate) mod copy;
mod error;
mod ledger;
mod migrations;
#[cfg(test)]
pub(crate) mod model;
pub(crate) mod postgres;
mod probe;
mod scan;
mod sqlite;
mod texts;

pub(crate) use error::LedgerError;
pub(crate) use ledger::{Ledger, LedgerMetrics};
pub(crate) use migrations::{Schema, newest};
pub(crate) use postgres::{PostgresSettings, PostgresUrl};
pub(crate) use sqlite::backup;

use crate::ledger::{Table as _, TableInfo, rows::TABLES};

/// Returns every table of an engine: those of the ledger, and the health check's.
fn tables() -> impl Iterator<Item = &'static TableInfo> {
    TABLES.iter().copied().chain([probe::ProbeRow::INFO])
}
