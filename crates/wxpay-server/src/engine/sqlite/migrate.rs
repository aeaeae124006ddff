//! Migrations, all in one transaction.

use super::{connect, values::scalar};
use crate::engine::{
    LedgerError,
    migrations::{Migrations, Schema},
};
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::path::Path;

/// The id of the application in the file's header: `wxpy`.
pub(super) const APPLICATION_ID: i32 = 0x7778_7079;

const VERSION: &str = "SELECT coalesce(max(version), 0) FROM schema_versions";
const MIN_VERSION: &str = "SELECT coalesce(max(min_version), 0) FROM schema_versions";
/// 0 if no process lives.
const OLDEST_LIVE: &str =
    "SELECT coalesce(min(schema_version), 0) FROM processes WHERE until >= unixepoch() * 1000";

/// Brings the schema up to date.
///
/// A new file gets its id with the first schema, and before it is switched to a write-ahead log: so the id is in the
/// file itself, whenever the process is killed. `is_only`: no other process serves, because this one has the file's lock.
pub(super) fn migrate(
    connection: &mut Connection,
    migrations: Migrations,
    is_new: bool,
    is_only: bool,
) -> Result<(), LedgerError> {
    if is_new {
        connection.pragma_update(None, "synchronous", "FULL")?;
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    if scalar(&transaction, "PRAGMA application_id")? != i64::from(APPLICATION_ID) {
        if scalar(&transaction, "SELECT count(*) FROM sqlite_schema")? != 0 {
            return Err(LedgerError::NotALedger);
        }
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.execute_batch(
            "CREATE TABLE schema_versions (version INTEGER NOT NULL PRIMARY KEY, min_version INTEGER NOT NULL) STRICT",
        )?;
    }
    let found = stored(&transaction)?;
    let live = if is_only || found.version == 0 { 0 } else { scalar(&transaction, OLDEST_LIVE)? };
    for step in migrations.missing(found, (live > 0).then_some(live))? {
        transaction.execute_batch(&for_sqlite(step.text))?;
        let Schema { version, min_version } = step.schema;
        transaction.execute("INSERT INTO schema_versions VALUES (?1, ?2)", [version, min_version])?;
    }
    Ok(transaction.commit()?)
}

/// Returns the schema of a file.
pub(in crate::engine) fn schema(path: &Path) -> Result<Schema, LedgerError> {
    if !path.exists() {
        return Ok(Schema::default());
    }
    let connection = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    if scalar(&connection, "PRAGMA application_id")? != i64::from(APPLICATION_ID) {
        return Err(LedgerError::NotALedger);
    }
    stored(&connection)
}

fn stored(connection: &Connection) -> Result<Schema, LedgerError> {
    Ok(Schema { version: scalar(connection, VERSION)?, min_version: scalar(connection, MIN_VERSION)? })
}

/// Rewrites a text for SQLite. Tables without a row id are one B-tree each.
fn for_sqlite(text: &str) -> String {
    text.replace("\n) PARTITION BY RANGE (month);", "\n);")
        .replace(" BIGINT", " INTEGER")
        .replace(" SMALLINT", " INTEGER")
        .replace("\n);", "\n) STRICT, WITHOUT ROWID;")
}
