//! Migrations, all in one transaction.

use super::{connect, values::scalar};
use crate::engine::{LedgerError, migrations::missing};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::path::Path;

/// The id of the application in the file's header: `wxpy`.
pub(super) const APPLICATION_ID: i32 = 0x7778_7079;

const VERSION: &str = "SELECT coalesce(max(version), 0) FROM schema_versions";

/// Brings the schema up to date.
///
/// A new file gets its id with the first schema, and before it is switched to a write-ahead log: so the id is in the
/// file itself, whenever the process is killed.
pub(super) fn migrate(connection: &mut Connection, is_new: bool) -> Result<(), LedgerError> {
    if is_new {
        connection.pragma_update(None, "synchronous", "FULL")?;
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if scalar(&transaction, "PRAGMA application_id")? != i64::from(APPLICATION_ID) {
        if scalar(&transaction, "SELECT count(*) FROM sqlite_schema")? != 0 {
            return Err(LedgerError::NotALedger);
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction
            .execute_batch("CREATE TABLE schema_versions (version INTEGER NOT NULL PRIMARY KEY) STRICT")?;
    }
    let found = scalar(&transaction, VERSION)?;
    for (version, text) in missing(found)? {
        transaction.execute_batch(&for_sqlite(text))?;
        transaction.execute("INSERT INTO schema_versions VALUES (?1)", [version])?;
    }
    Ok(transaction.commit()?)
}

/// Returns the version of the schema of a file, 0 if there is none.
pub(in crate::engine) fn version(path: &Path) -> Result<i64, LedgerError> {
    if !path.exists() {
        return Ok(0);
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    if scalar(&connection, "PRAGMA application_id")? != i64::from(APPLICATION_ID) {
        return Err(LedgerError::NotALedger);
    }
    scalar(&connection, VERSION)
}

/// Rewrites a text for SQLite. Tables without a row id are one B-tree each.
fn for_sqlite(text: &str) -> String {
    text.replace(" BIGINT", " INTEGER")
        .replace(" SMALLINT", " INTEGER")
        .replace("\n);", "\n) STRICT, WITHOUT ROWID;")
}
