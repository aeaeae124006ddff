//! Migrations: all in one transaction, of one process at a time.

use super::{
    failure::{Failure, Kind},
    session::{Request, Session},
};
use crate::engine::{
    LedgerError,
    migrations::{Migrations, Schema, Step},
};
use std::time::Duration;
use tokio::time::sleep;

/// The deadline of the migrations. A large index takes its time.
const MIGRATION_TIMEOUT: Duration = Duration::from_mins(30);
/// Limit of the tries: of several processes that create the table of versions, all but one fail.
const MAX_TRIES: u32 = 8;
const RETRY_DELAY: Duration = Duration::from_millis(100);

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; \
     CREATE TABLE IF NOT EXISTS schema_versions \
     (version BIGINT NOT NULL PRIMARY KEY, min_version BIGINT NOT NULL)";
/// Other processes wait here. They still read the version.
const LOCK: &str = "LOCK TABLE schema_versions IN EXCLUSIVE MODE";
const SCHEMA: &str = "SELECT coalesce(max(version), 0), coalesce(max(min_version), 0) FROM schema_versions";
/// Null if no process lives.
const OLDEST_LIVE: &str = "SELECT min(schema_version) FROM processes \
     WHERE until >= (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
const HAS_VERSIONS: &str = "SELECT to_regclass('schema_versions') IS NOT NULL";
const HAS_TABLES: &str = "SELECT count(*) > 0 FROM pg_catalog.pg_class \
     WHERE relkind IN ('r', 'p') AND relnamespace = to_regnamespace(current_schema()::text)";

/// Returns the schema.
///
/// # Errors
///
/// If the database has tables of another program, or cannot be read.
pub(super) async fn schema(session: &Session) -> Result<Schema, LedgerError> {
    if is_true(session, HAS_VERSIONS).await? {
        return Ok(stored_schema(session).await?);
    }
    if is_true(session, HAS_TABLES).await? { Err(LedgerError::OtherTables) } else { Ok(Schema::default()) }
}

/// Brings the schema up to date.
///
/// # Errors
///
/// If the schema requires a newer server, or a migration would break a process that runs; if the database has tables of
/// another program, or a migration fails.
pub(super) async fn migrate(session: &Session, migrations: Migrations) -> Result<(), LedgerError> {
    if missing(session, migrations, schema(session).await?).await??.is_empty() {
        return Ok(());
    }
    let mut tries = 1_u32;
    loop {
        let failure = match migrate_once(session, migrations).await {
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

/// Returns the migrations to carry out.
async fn missing(
    session: &Session,
    migrations: Migrations,
    found: Schema,
) -> Result<Result<Vec<Step>, LedgerError>, Failure> {
    let live = if found.version == 0 { None } else { numbers(session, OLDEST_LIVE).await?.first().copied() };
    Ok(migrations.missing(found, live))
}

async fn migrate_once(session: &Session, migrations: Migrations) -> Result<Result<(), LedgerError>, Failure> {
    session.send(vec![Request::Batch(BEGIN)]).await?;
    session.send_within(MIGRATION_TIMEOUT, vec![Request::Batch(LOCK)]).await?;
    let found = stored_schema(session).await?;
    let steps = match missing(session, migrations, found).await? {
        Ok(steps) => steps,
        Err(error) => {
            session.send(vec![Request::Batch("ROLLBACK")]).await?;
            return Ok(Err(error));
        }
    };
    for step in steps {
        let Schema { version, min_version } = step.schema;
        let insert = format!("INSERT INTO schema_versions VALUES ({version}, {min_version})");
        let text = for_postgres(step.text);
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

async fn stored_schema(session: &Session) -> Result<Schema, Failure> {
    match numbers(session, SCHEMA).await?[..] {
        [version, min_version] => Ok(Schema { version, min_version }),
        _ => Err(Failure::unexpected("a version is no number")),
    }
}

/// Returns the numbers of the only row of a query, without nulls.
async fn numbers(session: &Session, query: &str) -> Result<Vec<i64>, Failure> {
    let cells = session.ask(query).await?.into_iter().flatten();
    let numbers: Result<_, _> = cells.map(|text| text.parse()).collect();
    numbers.map_err(|_| Failure::unexpected("a version is no number"))
}

async fn ask(session: &Session, query: &str) -> Result<String, Failure> {
    Ok(session.ask(query).await?.into_iter().next().flatten().unwrap_or_default())
}
