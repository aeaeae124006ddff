//! Failures of statements: what they mean for the transaction, and what may be printed of them.

use crate::{engine::LedgerError, ledger::Corrupt};
use std::{error, fmt, sync::Arc, time::Duration};
use tokio_postgres::error::{DbError, SqlState};

/// The failure of a statement.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    cause: Arc<Cause>,
}

/// The meaning of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A conflict with another transaction. Nothing is changed, and the operation may run again.
    Conflict,
    /// The connection is lost, or the server refuses to go on with it.
    Lost,
    /// No reply came in time. The statement may still be running.
    TimedOut,
    /// The disk of the database is full.
    Full,
    /// A table has no partition for the month of a row.
    NoPartition,
    /// A stored value breaks the rule of its column.
    Corrupt(Corrupt),
    /// The server refused the statement.
    Refused,
}

/// The text of a failure.
///
/// Of the server's errors only code and message are kept: detail and context may quote rows, which hold personal data
/// and sealed secrets.
#[derive(Debug)]
enum Cause {
    Server { code: String, message: String },
    Client(String),
    Timeout(Duration),
}

impl Failure {
    /// Returns the failure of a statement without a reply in this time.
    pub(super) fn timeout(after: Duration) -> Self {
        Self { kind: Kind::TimedOut, cause: Arc::new(Cause::Timeout(after)) }
    }

    /// Returns the failure of a reply that this server does not understand.
    pub(super) fn unexpected(what: &str) -> Self {
        Self { kind: Kind::Lost, cause: Arc::new(Cause::Client(what.to_owned())) }
    }

    /// Returns the failure of a row with an invalid cell.
    pub(super) fn corrupt(corrupt: Corrupt) -> Self {
        Self { kind: Kind::Corrupt(corrupt), cause: Arc::new(Cause::Client(corrupt.to_string())) }
    }

    /// Returns whether the connection can still be used.
    pub(super) fn leaves_connection(&self) -> bool {
        match self.kind {
            Kind::Lost | Kind::TimedOut => false,
            Kind::Conflict | Kind::Full | Kind::NoPartition | Kind::Corrupt(_) | Kind::Refused => true,
        }
    }

    /// Returns the error of an operation of which nothing was committed.
    pub(super) fn error(self) -> LedgerError {
        match self.kind {
            Kind::Full => LedgerError::Full,
            Kind::Corrupt(corrupt) => LedgerError::Corrupt(corrupt),
            Kind::Conflict | Kind::Lost | Kind::TimedOut | Kind::NoPartition | Kind::Refused => {
                LedgerError::Database(self.cause)
            }
        }
    }

    /// Returns the error of an operation whose commit failed in this way. Only of few failures it is certain that nothing
    /// was committed: a server that shuts down, for example, may have committed before.
    pub(super) fn error_of_commit(self) -> LedgerError {
        match self.kind {
            Kind::Conflict => self.error(),
            Kind::Full
            | Kind::Lost
            | Kind::TimedOut
            | Kind::NoPartition
            | Kind::Corrupt(_)
            | Kind::Refused => LedgerError::UnknownCommit(self.cause),
        }
    }
}

impl From<Failure> for LedgerError {
    fn from(failure: Failure) -> Self {
        failure.error()
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(server) = error.as_db_error() else {
            let mut text = error.to_string();
            if let Some(source) = error::Error::source(&error) {
                let source = source.to_string();
                if !text.contains(&source) {
                    text = format!("{text}: {source}");
                }
            }
            return Self { kind: Kind::Lost, cause: Arc::new(Cause::Client(text)) };
        };
        let cause =
            Cause::Server { code: server.code().code().to_owned(), message: server.message().to_owned() };
        Self { kind: kind(server), cause: Arc::new(cause) }
    }
}

fn kind(error: &DbError) -> Kind {
    let code = error.code();
    let conflicts = [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
        SqlState::UNIQUE_VIOLATION,
        SqlState::LOCK_NOT_AVAILABLE,
    ];
    // A server that became a standby refuses writes; another host is the primary now.
    let is_lost = *code == SqlState::READ_ONLY_SQL_TRANSACTION
        || *code == SqlState::TOO_MANY_CONNECTIONS
        || ["08", "57P"].iter().any(|class| code.code().starts_with(class));
    if conflicts.contains(code) {
        Kind::Conflict
    } else if *code == SqlState::CHECK_VIOLATION && error.constraint().is_none() {
        // No check of the table: that of its partitions.
        Kind::NoPartition
    } else if *code == SqlState::DISK_FULL {
        Kind::Full
    } else if is_lost {
        Kind::Lost
    } else {
        Kind::Refused
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Server { code, message } => write!(f, "{message} (SQLSTATE {code})"),
            Self::Client(text) => f.write_str(text),
            Self::Timeout(after) => write!(f, "no reply within {} s", after.as_secs()),
        }
    }
}

impl error::Error for Cause {}
