//! The connection of a process to its ledger.

use crate::ledger::Changes;
use std::{fmt, pin::Pin};

/// A gate between a process and its ledger, by which a test cuts the process off, slows it down, and sees what it does.
pub(crate) trait Gate: fmt::Debug + Send + Sync {
    /// Waits until the process may go on: for ever after it was killed.
    fn pass(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;

    /// Observes an operation that was committed, with its changes.
    fn committed(&self, operation: &dyn fmt::Debug, changes: &Changes);
}
