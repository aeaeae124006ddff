//! The migrations of every engine: embedded texts, forward only.

use super::LedgerError;

/// The migrations, from version 1. The texts are those of PostgreSQL; each engine rewrites them.
const MIGRATIONS: &[&str] = &[include_str!("schema.sql")];

/// Returns the newest version of the schema.
pub(crate) fn newest() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Returns the migrations that a schema of this version lacks, with their versions. Version 0 is no schema.
///
/// # Errors
///
/// If the schema is newer than this server.
pub(super) fn missing(found: i64) -> Result<impl Iterator<Item = (i64, &'static str)>, LedgerError> {
    let known = newest();
    if found > known {
        return Err(LedgerError::NewerSchema { found, known });
    }
    Ok((1_i64..).zip(MIGRATIONS.iter().copied()).filter(move |(version, _)| *version > found))
}
