//! Ledgers on the PostgreSQL server of the tests.

use super::{Postgres, PostgresSettings, PostgresUrl};
use crate::engine::Ledger;
pub(super) use wxpay_testkit::postgres::server;

/// Returns the settings for a URL.
pub(crate) fn settings(url: &str) -> PostgresSettings {
    PostgresSettings { url: PostgresUrl::parse(url).unwrap(), ca: None, connections: 8 }
}

/// Opens the ledger of a URL.
pub(crate) async fn open(url: &str) -> Ledger {
    Ledger::from(Postgres::connect(&settings(url)).await.unwrap())
}

/// Opens an empty ledger, if there is a server.
pub(crate) async fn empty() -> Option<Ledger> {
    let server = server()?;
    Some(open(&server.create()).await)
}
