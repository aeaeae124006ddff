//! Two versions of the server on one database.

use super::*;
use crate::{engine::migrations::Migration, ledger::lease::RenewLeases};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

const SCHEMA: Migration = Migration::expand(include_str!("../../schema.sql"));
const EXPANSION: Migration = Migration::expand(
    "ALTER TABLE leases ADD COLUMN note TEXT; CREATE INDEX leases_by_owner ON leases (owner, name); \
     UPDATE leases SET note = owner;",
);
const CONTRACTION: Migration = Migration::contract("ALTER TABLE leases DROP COLUMN note;", 2);
const OLD: Migrations = Migrations(&[SCHEMA]);
const NEW: Migrations = Migrations(&[SCHEMA, EXPANSION]);
const NEWER: Migrations = Migrations(&[SCHEMA, EXPANSION, CONTRACTION]);

async fn with(url: &str, migrations: Migrations) -> Result<Ledger, LedgerError> {
    Ok(Ledger::from(Postgres::connect_with(&settings(url), migrations).await?))
}

/// A process that knows this version lives for ten seconds from now, by the clock of the database.
async fn live(ledger: &Ledger, process: &str, schema_version: i64) {
    let (process, claims, forgotten) = (process.to_owned(), Vec::new(), Vec::new());
    let renew = RenewLeases { process, schema_version, claims, duration: Duration::from_secs(10), forgotten };
    let now = crate::ambient::Ambient::now(&crate::ambient::System);
    ledger.run(renew, Context { now, random: 0 }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_process_goes_on_under_load_while_a_newer_one_migrates() {
    let Some(server) = server() else { return };
    for isolation in ISOLATIONS {
        let url = format!("{}?{isolation}", server.create());
        let old = with(&url, OLD).await.unwrap();
        live(&old, "old", 1).await;
        let is_over = Arc::new(AtomicBool::new(false));
        let load = |ledger: &Ledger, name: &'static str| {
            let (ledger, is_over) = (ledger.clone(), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut count = 0;
                while !is_over.load(Ordering::Relaxed) {
                    match ledger.run(Count(name), Context { random: count + 1, ..CONTEXT }).await {
                        Ok(counted) => {
                            count += 1;
                            assert_eq!(counted, count);
                        }
                        // The table is so small that its transactions conflict when they are serializable.
                        Err(error) => assert!(error.cause().contains("SQLSTATE 40"), "{error:?}"),
                    }
                    let rows = ledger.load(LeaseRow::of(name)).await.unwrap();
                    assert_eq!(rows.first().map_or(0, |row| row.version), count);
                }
                count
            })
        };
        let mut loads = vec![load(&old, "a"), load(&old, "b")];
        tokio::time::sleep(Duration::from_millis(300)).await;
        let new = with(&url, NEW).await.unwrap();
        live(&new, "new", 2).await;
        loads.push(load(&new, "c"));
        // The older version starts again, too.
        let again = with(&url, OLD).await.unwrap();
        loads.push(load(&again, "d"));
        // What the older one still uses is not removed.
        let newer = with(&url, NEWER).await.unwrap();
        assert_eq!(Postgres::schema(&settings(&url)).await.unwrap().version, 2);
        tokio::time::sleep(Duration::from_millis(300)).await;
        is_over.store(true, Ordering::Relaxed);
        for load in loads {
            assert!(load.await.unwrap() > 0);
        }
        // When it has stopped, it is.
        let stopped = crate::ledger::lease::ReleaseLeases { claims: Vec::new(), ending: Some("old".into()) };
        old.run(stopped, CONTEXT).await.unwrap();
        with(&url, NEWER).await.unwrap();
        assert_eq!(Postgres::schema(&settings(&url)).await.unwrap(), Schema { version: 3, min_version: 2 });
        let refused = with(&url, OLD).await.unwrap_err();
        assert!(matches!(refused, LedgerError::NewerSchema { required: 2, known: 1 }), "{refused:?}");
        // A program that knows what it contracted to goes on.
        with(&url, NEW).await.unwrap().probe().await.unwrap();
        assert!(newer.run(Count("a"), CONTEXT).await.unwrap() > 10);
    }
}
