//! The notifications that this process acknowledged, to be compared with the ledger.

use crate::{
    engine::{Ledger, LedgerError},
    ledger::{Prefix, rows::inbox::InboxRow},
};
use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The notifications that are remembered until the next audit. Those beyond are not compared.
const MAX_REMEMBERED: usize = 10_000;
/// The rows of one read.
const ROWS_PER_READ: usize = 500;

/// The notifications that were acknowledged and not yet found in the ledger: the acknowledgement promises that each is
/// there.
#[derive(Debug, Default)]
pub(crate) struct Acknowledged(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    keys: BTreeSet<InboxKey>,
    /// The number of notifications that were acknowledged without a row.
    without_row: usize,
}

/// The key of a notification's row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct InboxKey {
    month: u64,
    digest: String,
}

impl InboxKey {
    pub(super) fn of(row: &InboxRow) -> Self {
        Self { month: row.month, digest: row.digest.clone() }
    }
}

impl Acknowledged {
    /// Adds a notification that was acknowledged, with the key of the row that was reported as written.
    pub(super) fn add(&self, key: Option<InboxKey>) {
        let mut state = self.lock();
        match key {
            Some(key) if state.keys.len() < MAX_REMEMBERED => drop(state.keys.insert(key)),
            Some(_) => {}
            None => state.without_row = state.without_row.saturating_add(1),
        }
    }

    /// Counts the notifications that the ledger does not have. They are counted again by the next audit; those that it
    /// has are forgotten.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read, or a row is corrupt.
    pub(crate) async fn unrecorded(&self, ledger: &Ledger) -> Result<usize, LedgerError> {
        let (keys, without_row) = {
            let state = self.lock();
            (state.keys.iter().cloned().collect::<Vec<_>>(), state.without_row)
        };
        let mut missing = keys.len().saturating_add(without_row);
        for part in keys.chunks(ROWS_PER_READ) {
            let load = |key: &InboxKey| Prefix::<InboxRow>::all().and(&key.month).and(&key.digest).load();
            let rows = ledger.read(part.iter().map(load).collect()).await?;
            let mut state = self.lock();
            for row in rows.all::<InboxRow>()? {
                state.keys.remove(&InboxKey::of(&row));
                missing = missing.saturating_sub(1);
            }
        }
        Ok(missing)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
