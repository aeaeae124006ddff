//! Errors of the ledger.

use std::{error, fmt, sync::Arc};

/// An error of the ledger; the operation changed nothing.
///
/// Cheap to clone: a failed commit is reported to every caller whose write was in it.
#[derive(Clone, Debug)]
pub struct Failure(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Closed,
    InUse,
    NoWal,
    RolledBack,
    Corrupt(&'static str),
    File(Arc<std::io::Error>),
    Migration(Arc<refinery::Error>),
    Sqlite(Arc<rusqlite::Error>),
}

impl Failure {
    pub(super) const CLOSED: Self = Self(Kind::Closed);
    pub(super) const IN_USE: Self = Self(Kind::InUse);
    pub(super) const NO_WAL: Self = Self(Kind::NoWal);
    pub(super) const ROLLED_BACK: Self = Self(Kind::RolledBack);

    /// An invalid stored value in `column`.
    pub(super) const fn corrupt(column: &'static str) -> Self {
        Self(Kind::Corrupt(column))
    }

    pub(super) fn file(error: std::io::Error) -> Self {
        Self(Kind::File(Arc::new(error)))
    }

    pub(super) fn migration(error: refinery::Error) -> Self {
        Self(Kind::Migration(Arc::new(error)))
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self(Kind::Sqlite(Arc::new(error)))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Closed => f.write_str("the ledger is closed"),
            Kind::InUse => f.write_str("the ledger is in use by another process"),
            Kind::NoWal => f.write_str(
                "the ledger file cannot use a write-ahead log, which needs a local file system with shared memory",
            ),
            Kind::RolledBack => f.write_str("the ledger rolled the transaction back"),
            Kind::Corrupt(column) => write!(f, "the ledger holds an invalid {column}"),
            Kind::File(_) => f.write_str("the ledger file cannot be opened"),
            Kind::Migration(_) => f.write_str("the ledger's schema cannot be migrated"),
            Kind::Sqlite(_) => f.write_str("SQLite failed"),
        }
    }
}

impl error::Error for Failure {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.0 {
            Kind::Closed | Kind::InUse | Kind::NoWal | Kind::RolledBack | Kind::Corrupt(_) => None,
            Kind::File(error) => Some(error),
            Kind::Migration(error) => Some(error),
            Kind::Sqlite(error) => Some(error),
        }
    }
}
