//! The ledger: orders, the evidence of their payments, and the events for the shop, in one SQLite file. Every write
//! is on disk before its caller is answered.
//!
//! ```text
//!   place ──▶ orders ◀── status ── payments ◀── merge ── notifications, queries
//!               │ next_query_at         │ transitions_since(before)
//!               ▼                       ▼
//!              due                    events ──▶ the shop
//! ```
//!
//! Two guarantees rest on this module: an order is on disk before anything is sent for it, and a notification is on
//! disk before it is answered `success`. Each write is one transaction with everything that follows from it. So every
//! transition happens exactly once, whatever is duplicated, reordered or interrupted.

mod column;
mod deliveries;
mod events;
mod evidence;
mod failure;
mod group;
mod order;
mod owners;
mod place;
mod schedule;
mod sqlite;
mod terms;

pub use deliveries::Delivery;
pub(crate) use deliveries::{Report, Reported};
pub use events::Event;
pub(crate) use evidence::{Merged, ReceivedNotification};
pub use failure::Failure;
pub use order::{Order, Status};
pub(crate) use place::{Placed, Placement};
pub(crate) use schedule::QueryResult;
pub use schedule::Schedule;
pub use terms::Terms;

use sqlite::{Readers, Writer};
use std::path::Path;
// `group` takes its channels from here, so that a test can compile it with other ones.
use tokio::sync;

/// The ledger of one server, in one file. Clones are handles to the same ledger.
#[derive(Clone, Debug)]
pub struct Ledger {
    writer: Writer,
    readers: Readers,
}

impl Ledger {
    /// Opens the ledger file, or creates it, readable by its owner only.
    ///
    /// Only one process may use it at a time; the lock file `PATH.lock` enforces this.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened, is in use by another process, or is not a ledger of this version.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let writer = Writer::open(path)?;
        let readers = Readers::open(path)?;
        Ok(Self { writer, readers })
    }

    /// Checks that the ledger is writable, by an empty commit.
    ///
    /// # Errors
    ///
    /// If it is not.
    pub async fn check(&self) -> Result<(), Failure> {
        self.writer.write(|_| Ok(())).await
    }

    /// Returns the number of commits since the ledger was opened. Many writes share one commit.
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// Commits queued writes and closes the file. Later operations fail.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    fn writer(&self) -> &Writer {
        &self.writer
    }

    fn readers(&self) -> &Readers {
        &self.readers
    }
}

#[cfg(test)]
mod tests;
