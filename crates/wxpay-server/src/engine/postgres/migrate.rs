//! Migrations: all in one transaction, of one process at a time.

use super::{
    failure::{Failure, Kind},
    session::{Request, Session},
};
use crate::engine::{LedgerError, migrations::missing};
use std::time::Duration;
use tokio::time::sleep;

/// The deadline of the migrations. A large index takes its time.
const MIGRATION_TIMEOUT: Duration = Duration::from_mins(30);
/// Limit of the tries: of several processes that create the table of versions, all but one fail.
const MAX_TRIES: u32 = 8;
const RETRY_DELAY: Duration = Duration::from_millis(100);

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; \
     CREATE TABLE IF NOT EXISTS schema_versions (version BIGINT NOT NULL PRIMARY KEY)";
/// Other processes wait here. They still read the version.
const LOCK: &str = "LOCK TABLE schema_versions IN EXCLUSIVE MODE";
const VERSION: &str = "SELECT coalesce(max(version), 0) FROM schema_versions";
const HAS_VERSIONS: &str = "SELECT to_regclass('schema_versions') IS NOT NULL";
const HAS_TABLES: &str = "SELECT count(*) > 0 FROM pg_catalog.pg_class \
     WHERE relkind IN ('r', 'p') AND relnamespace = to_regnamespace(current_schema()::text)";

/// Returns the version of the schema, 0 without one.
///
/// # Errors
///
/// If the database has tables of another program, or cannot be read.
pub(super) async fn version(session: &Session) -> Result<i64, LedgerError> {
    if is_true(session, HAS_VERSIONS).await? {
        return Ok(number(session, VERSION).await?);
    }
    if is_true(session, HAS_TABLES).await? { Err(LedgerError::OtherTables) } else { Ok(0) }
}

/// Brings the schema up to date.
///
/// # Errors
///
/// If the schema is newer than this server, the database has tables of another program, or a migration fails.
pub(super) async fn migrate(session: &Session) -> Result<(), LedgerError> {
    if missing(version(session).await?)?.next().is_none() {
        return Ok(());
    }
    let mut tries = 1_u32;
    loop {
        let failure = match migrate_once(session).await {
            Ok(outcome) => return outcome,
            Err(failure) => failure,
        };
        // If this fails, the connection is lost, and so is the transaction.
        drop(session.send(vec![Request::Batch("ROLLBACK")]).await);
        if failure.kind != Kind::Conflict || tries >= MAX_TRIES {
            return Err(failure.error());
        }
        sleep(RETRY_DELAY).await;
        tries = tries.saturating_add(1);
    }
}

async fn migrate_once(session: &Session) -> Result<Result<(), LedgerError>, Failure> {
    session.send(vec![Request::Batch(BEGIN)]).await?;
    session.send_within(MIGRATION_TIMEOUT, vec![Request::Batch(LOCK)]).await?;
    let texts = match missing(number(session, VERSION).await?) {
        Ok(texts) => texts,
        Err(error) => {
            session.send(vec![Request::Batch("ROLLBACK")]).await?;
            return Ok(Err(error));
        }
    };
    for (version, text) in texts {
        let insert = format!("INSERT INTO schema_versions VALUES ({version})");
        let text = for_postgres(text);
        let requests = vec![Request::Batch(&text), Request::Batch(&insert)];
        session.send_within(MIGRATION_TIMEOUT, requests).await?;
    }
    session.send_within(MIGRATION_TIMEOUT, vec![Request::Batch("COMMIT")]).await?;
    Ok(Ok(()))
}

/// Rewrites a text for PostgreSQL: texts are ordered by their bytes, as in every engine, whatever the language of the
/// database. An index in the order of a language breaks when the language's rules are updated.
fn for_postgres(text: &str) -> String {
    text.replace(" TEXT", " TEXT COLLATE \"C\"")
}

async fn is_true(session: &Session, query: &str) -> Result<bool, Failure> {
    Ok(ask(session, query).await? == "t")
}

async fn number(session: &Session, query: &str) -> Result<i64, Failure> {
    let text = ask(session, query).await?;
    text.parse().map_err(|_| Failure::unexpected("a version is no number"))
}

async fn ask(session: &Session, query: &str) -> Result<String, Failure> {
    Ok(session.ask(query).await?.into_iter().next().flatten().unwrap_or_default())
}
