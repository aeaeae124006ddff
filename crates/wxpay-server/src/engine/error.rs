//! Errors of the ledger.

use crate::ledger::Corrupt;
use std::{error, fmt, io, sync::Arc};

/// An error of the ledger. Nothing was acknowledged, and nothing was changed, except after [`LedgerError::UnknownCommit`],
/// and after [`LedgerError::Database`] or [`LedgerError::FileRemoved`] at a commit of SQLite: then the change may or may
/// not be there, after a restart of SQLite. The same operation with the same number finds out.
///
/// Cheap to clone: a failed commit is reported to every caller whose operation was in it.
#[derive(Clone, Debug)]
pub(crate) enum LedgerError {
    /// The ledger was closed.
    Closed,
    /// The file is used by another process.
    InUse,
    /// The disk is full.
    Full,
    /// The file was removed or replaced while it was in use.
    FileRemoved,
    /// A stored value breaks the rule of its column.
    Corrupt(Corrupt),
    /// The schema requires a newer version of the server.
    NewerSchema {
        /// The version of the schema that a server must know.
        required: i64,
        /// The newest version that this server knows.
        known: i64,
    },
    /// A process of an older version is running, which a migration would break.
    OlderProcess {
        /// The version of the schema that a process must know.
        required: i64,
        /// The newest version that the process knows.
        known: i64,
    },
    /// The file is the ledger of version 0.1.0 of this server.
    OldServerFile,
    /// The file is something else than a ledger.
    NotALedger,
    /// The file system cannot share memory for the write-ahead log.
    NoWriteAheadLog,
    /// The operation stopped with a panic.
    Panicked,
    /// The changes of the operation conflicted with the rows of this table, again and again.
    Conflict(&'static str),
    /// The file could not be opened.
    File(Arc<io::Error>),
    /// The database has tables of another program.
    OtherTables,
    /// The database cannot hold a ledger, for this reason.
    Unsupported(String),
    /// No host of the database accepts a connection for writing.
    Unreachable(Arc<dyn error::Error + Send + Sync>),
    /// The connection was lost at a commit: whether the changes are stored is unknown.
    UnknownCommit(Arc<dyn error::Error + Send + Sync>),
    /// The database failed.
    Database(Arc<dyn error::Error + Send + Sync>),
}

impl LedgerError {
    /// Returns the text of the cause, for the log; empty if there is none.
    pub(crate) fn cause(&self) -> String {
        error::Error::source(self).map(ToString::to_string).unwrap_or_default()
    }
}

impl From<Corrupt> for LedgerError {
    fn from(corrupt: Corrupt) -> Self {
        Self::Corrupt(corrupt)
    }
}

impl From<io::Error> for LedgerError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::StorageFull { Self::Full } else { Self::File(Arc::new(error)) }
    }
}

impl fmt::Display for LedgerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => f.write_str("the ledger is closed"),
            Self::InUse => f.write_str("the ledger file is in use by another process"),
            Self::Full => f.write_str("the disk of the ledger is full; free some space"),
            Self::FileRemoved => f.write_str(
                "the ledger file was removed or replaced while it was in use; restore it and restart the server",
            ),
            Self::Corrupt(corrupt) => corrupt.fmt(f),
            Self::NewerSchema { required, known } => write!(
                f,
                "the ledger requires a server that knows schema {required}, this one knows schema {known} at most; use \
                 a newer server"
            ),
            Self::OlderProcess { required, known } => write!(
                f,
                "a server that knows schema {known} at most is running on the ledger, and this one requires schema \
                 {required} of all; stop the older server first"
            ),
            Self::OldServerFile => f.write_str(
                "the ledger file was made by version 0.1.0 of this server and was left untouched; set another path",
            ),
            Self::NotALedger => {
                f.write_str("the file is not a ledger of this server and was left untouched; set another path")
            }
            Self::NoWriteAheadLog => f.write_str(
                "the ledger file cannot use a write-ahead log, which requires a local file system with shared memory",
            ),
            Self::Panicked => f.write_str("an operation of the ledger stopped unexpectedly"),
            Self::Conflict(table) => write!(f, "an operation conflicts with the rows of table {table}"),
            Self::File(_) => f.write_str("the ledger file cannot be opened"),
            Self::OtherTables => f.write_str(
                "the database has tables of another program and was left untouched; create an empty database",
            ),
            Self::Unsupported(reason) => f.write_str(reason),
            Self::Unreachable(_) => f.write_str("no host of the database accepts a connection for writing"),
            Self::UnknownCommit(_) => f.write_str(
                "the connection to the database was lost at a commit, whose outcome is unknown; \
                 send the same request again",
            ),
            Self::Database(_) => f.write_str("the database of the ledger failed"),
        }
    }
}

impl error::Error for LedgerError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match self {
            Self::File(error) => Some(error),
            Self::Unreachable(error) | Self::UnknownCommit(error) | Self::Database(error) => Some(&**error),
            Self::Closed
            | Self::InUse
            | Self::Full
            | Self::FileRemoved
            | Self::Corrupt(_)
            | Self::NewerSchema { .. }
            | Self::OlderProcess { .. }
            | Self::OldServerFile
            | Self::NotALedger
            | Self::NoWriteAheadLog
            | Self::Panicked
            | Self::OtherTables
            | Self::Unsupported(_)
            | Self::Conflict(_) => None,
        }
    }
}
