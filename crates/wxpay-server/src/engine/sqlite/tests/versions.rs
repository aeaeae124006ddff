//! Two versions of the server, one after the other, and a command of the newer one beside the older server.

use super::*;
use crate::{
    engine::migrations::{Migration, Schema},
    ledger::lease::{ReleaseLeases, RenewLeases},
};

const SCHEMA: Migration = Migration::expand(include_str!("../../schema.sql"));
const EXPANSION: Migration = Migration::expand(
    "ALTER TABLE leases ADD COLUMN note TEXT; CREATE INDEX leases_by_owner ON leases (owner, name);",
);
const CONTRACTION: Migration = Migration::contract("ALTER TABLE leases DROP COLUMN note;", 2);
const OLD: Migrations = Migrations(&[SCHEMA]);
const NEW: Migrations = Migrations(&[SCHEMA, EXPANSION]);
const NEWER: Migrations = Migrations(&[SCHEMA, EXPANSION, CONTRACTION]);

fn with(scratch: &Scratch, access: Access, migrations: Migrations) -> Result<Ledger, LedgerError> {
    Sqlite::open_with(&scratch.path(), access, migrations, |_| Ok(())).map(Ledger::from)
}

#[tokio::test]
async fn an_older_server_goes_on_while_a_newer_command_migrates() {
    let scratch = Scratch::new();
    let old = with(&scratch, Access::Server, OLD).unwrap();
    let now = crate::ambient::Ambient::now(&crate::ambient::System);
    let (process, claims, forgotten) = ("sqlite".to_owned(), Vec::new(), Vec::new());
    let renew =
        RenewLeases { process, schema_version: 1, claims, duration: Duration::from_secs(10), forgotten };
    old.run(renew, Context { now, random: 0 }).await.unwrap();
    let counting = tokio::spawn({
        let old = old.clone();
        async move {
            for count in 1..=200 {
                assert_eq!(old.run(Count("a"), CONTEXT).await.unwrap(), count);
            }
        }
    });
    // The contraction waits for the server.
    with(&scratch, Access::Beside, NEWER).unwrap().close().await;
    assert_eq!(schema(&scratch.path()).unwrap(), Schema { version: 2, min_version: 1 });
    counting.await.unwrap();
    assert_eq!(old.run(Count("a"), CONTEXT).await.unwrap(), 201);
    old.close().await;

    // Back to the older version, and on to the newer one.
    let again = with(&scratch, Access::Server, OLD).unwrap();
    assert_eq!(again.run(Count("a"), CONTEXT).await.unwrap(), 202);
    again.run(ReleaseLeases { claims: Vec::new(), ending: Some("sqlite".into()) }, CONTEXT).await.unwrap();
    again.close().await;
    with(&scratch, Access::Server, NEWER).unwrap().close().await;
    assert_eq!(schema(&scratch.path()).unwrap(), Schema { version: 3, min_version: 2 });
    let refused = with(&scratch, Access::Server, OLD).unwrap_err();
    assert!(matches!(refused, LedgerError::NewerSchema { required: 2, known: 1 }), "{refused:?}");
    let new = with(&scratch, Access::Server, NEW).unwrap();
    assert_eq!(new.run(Count("a"), CONTEXT).await.unwrap(), 203);
}

#[tokio::test]
async fn a_server_alone_does_not_wait_for_one_that_was_killed() {
    let scratch = Scratch::new();
    let old = with(&scratch, Access::Server, NEW).unwrap();
    let now = crate::ambient::Ambient::now(&crate::ambient::System);
    let (process, claims, forgotten) = ("sqlite".to_owned(), Vec::new(), Vec::new());
    let renew =
        RenewLeases { process, schema_version: 1, claims, duration: Duration::from_secs(10), forgotten };
    old.run(renew, Context { now, random: 0 }).await.unwrap();
    old.close().await;
    drop(old);
    with(&scratch, Access::Server, NEWER).unwrap().close().await;
    assert_eq!(schema(&scratch.path()).unwrap(), Schema { version: 3, min_version: 2 });
}
