//! Operations: load, decide, change.

use super::{
    change::Changes,
    load::{Load, Rows},
    table::Corrupt,
};
use std::{fmt, time::Duration};
use wxpay_proto::UnixTime;

/// Everything besides rows that a decision may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Context {
    /// The time of the operation.
    pub(crate) now: UnixTime,
    /// A random number, for jitter. Nothing that must be unique is made from it.
    pub(crate) random: u64,
}

impl Context {
    /// Shortens a duration by up to a fifth, in proportion to the random number: tasks that were made together would
    /// be due together for ever.
    pub(crate) fn jittered(&self, full: Duration) -> Duration {
        let fifth = full.checked_div(5).unwrap_or_default();
        // 16 random bits are enough for a jitter.
        let share = u32::try_from(self.random & 0xffff).unwrap_or_default();
        full.saturating_sub(fifth.saturating_mul(share).checked_div(0xffff).unwrap_or_default())
    }
}

/// A transaction of the ledger, as data.
///
/// `decide` is a pure function of the rows, the operation and the context. An engine may call it several times, with
/// newer rows, until its changes are committed.
pub(crate) trait Operation: Clone + fmt::Debug + Send + Sync + 'static {
    /// The result, returned after the changes are committed.
    type Output: Send + 'static;

    /// Returns the rows that the decision needs.
    fn loads(&self) -> Vec<Load>;

    /// Decides.
    ///
    /// # Errors
    ///
    /// If a loaded row is corrupt. Nothing is changed.
    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<Self::Output>, Corrupt>;
}

/// The changes and the result of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Decision<T> {
    /// The changes. Empty if nothing is written.
    pub(crate) changes: Changes,
    /// The result.
    pub(crate) output: T,
}

impl<T> Decision<T> {
    /// Creates a decision that changes nothing.
    pub(crate) fn unchanged(output: T) -> Self {
        Self { changes: Changes::default(), output }
    }
}
