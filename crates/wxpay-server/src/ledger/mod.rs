//! The ledger: what was ordered, what is known of its payment, and what the shop must hear. On the disk before
//! anybody is told.
//!
//! ```text
//!   place ──▶ orders ◀── follow ── payments ◀── join ── notifications, queries
//!               │ next_query_at        │ transitions_since(before)
//!               ▼                      ▼
//!             due                    events ──▶ the shop
//! ```
//!
//! Two promises rest on this room: an order is on the disk before anything is sent for it, and a notice is on
//! the disk before it is answered `success`. Each write is one transaction with all that follows from it, so
//! that an effect happens exactly once, whatever is repeated, reordered, or interrupted.

mod column;
mod deliveries;
mod events;
mod evidence;
mod failure;
mod order;
mod place;
mod schedule;
mod sqlite;
mod terms;

pub use deliveries::Delivery;
pub(crate) use deliveries::{Report, Reported};
pub use events::Event;
pub(crate) use evidence::{Joined, Told};
pub use failure::Failure;
pub use order::{Order, Status};
pub(crate) use place::{Asking, Placed};
pub(crate) use schedule::Answer;
pub use schedule::Schedule;
pub use terms::Terms;

use sqlite::{Readers, Writer};
use std::path::Path;

/// The ledger of one server, in one file. Copies are handles to the same.
#[derive(Clone, Debug)]
pub struct Ledger {
    writer: Writer,
    readers: Readers,
}

impl Ledger {
    /// Opens the ledger in that file; makes it if there is none, readable by its owner alone.
    ///
    /// One process at a time: a lock file stands beside it.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened, is in use by another server, or is not a ledger of this version.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let writer = Writer::open(path)?;
        let readers = Readers::open(path)?;
        Ok(Self { writer, readers })
    }

    /// Whether the ledger can write: it commits nothing.
    ///
    /// # Errors
    ///
    /// When it cannot.
    pub async fn check(&self) -> Result<(), Failure> {
        self.writer.write(|_| Ok(())).await
    }

    /// How many commits were made since the ledger was opened. Many writes share one.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.writer.commits()
    }

    /// Commits what is queued and closes the file. What comes after fails.
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
