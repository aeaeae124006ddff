//! Engines: they load, apply and commit. Decisions are the ledger's.
//!
//! [`Ledger`] is the handle that the rest of the server uses. Behind it is SQLite, or the model in tests. One suite,
//! `conformance`, runs on both, and one log of operations gives equal ledgers.

#[cfg(test)]
pub(crate) mod conformance;
mod error;
mod ledger;
#[cfg(test)]
pub(crate) mod model;
mod scan;
mod sqlite;

pub(crate) use error::LedgerError;
pub(crate) use ledger::{Ledger, LedgerMetrics};
pub(crate) use sqlite::backup;
