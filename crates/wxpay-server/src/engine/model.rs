//! The model engine: ordered maps, for tests. The conformance suite compares the other engines with it.

#![allow(clippy::arithmetic_side_effects, reason = "tests fail by panicking")]

mod gate;
mod recording;
mod store;
mod table;

pub(crate) use gate::Gate;
pub(crate) use recording::Recorded;
pub(crate) use store::{Conflict, Store};

use super::{LedgerError, LedgerMetrics, scan::RawScan};
use crate::ledger::{Context, Load, Operation, Rows, Value};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A ledger in memory. Clones are handles to the same ledger, through the same gate.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    state: Arc<Mutex<State>>,
    gate: Option<Arc<dyn Gate>>,
}

#[derive(Debug, Default)]
struct State {
    store: Store,
    is_closed: bool,
    /// The number of operations that fail before they change anything.
    failing: u64,
    /// The number of operations that are committed and answered with an error.
    losing: u64,
    operations: u64,
    log: Option<Vec<Recorded>>,
}

impl Model {
    /// Creates an empty ledger.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Creates an empty ledger that keeps a log of its operations.
    pub(crate) fn recording() -> Self {
        let model = Self::default();
        model.state().log = Some(Vec::new());
        model
    }

    /// Creates a ledger with the contents of a snapshot, as a restart finds it.
    pub(crate) fn restored(store: Store) -> Self {
        let model = Self::default();
        model.state().store = store;
        model
    }

    /// Returns a handle to the same ledger, through a gate.
    pub(crate) fn through(&self, gate: Arc<dyn Gate>) -> Self {
        Self { state: Arc::clone(&self.state), gate: Some(gate) }
    }

    /// Lets the next `count` operations fail. They change nothing.
    pub(crate) fn fail_next(&self, count: u64) {
        self.state().failing = count;
    }

    /// Lets the next `count` operations be committed, and answered with an error all the same.
    pub(crate) fn lose_next(&self, count: u64) {
        self.state().losing = count;
    }

    /// Applies changes that no operation decided on, as a fault would.
    pub(crate) fn tamper(&self, changes: &crate::ledger::Changes) {
        self.state().store.apply(changes).unwrap();
    }

    /// Returns a copy of the contents.
    pub(crate) fn snapshot(&self) -> Store {
        self.state().store.clone()
    }

    /// Returns the log of the committed operations. Empty if they are not recorded.
    pub(crate) fn log(&self) -> Vec<Recorded> {
        self.state().log.clone().unwrap_or_default()
    }

    pub(super) async fn run<O: Operation>(
        &self,
        operation: O,
        context: Context,
    ) -> Result<O::Output, LedgerError> {
        // Other tasks may run before the operation, and between it and its answer, as with a real engine.
        tokio::task::yield_now().await;
        self.pass().await;
        let output = self.commit(operation, &context);
        tokio::task::yield_now().await;
        self.pass().await;
        output
    }

    async fn pass(&self) {
        if let Some(gate) = &self.gate {
            gate.pass().await;
        }
    }

    fn commit<O: Operation>(&self, operation: O, context: &Context) -> Result<O::Output, LedgerError> {
        let mut state = self.writable()?;
        let decision = state.store.decide(&operation, context)?;
        state.store.apply(&decision.changes).map_err(|Conflict(table)| LedgerError::Conflict(table))?;
        state.operations += 1;
        if let Some(gate) = &self.gate {
            gate.committed(&operation, &decision.changes);
        }
        if let Some(log) = &mut state.log {
            log.push(Recorded::new(operation, *context));
        }
        if state.losing > 0 {
            state.losing -= 1;
            return Err(injected());
        }
        Ok(decision.output)
    }

    pub(super) async fn read(&self, loads: &[Load]) -> Result<Rows, LedgerError> {
        self.pass().await;
        let state = self.open()?;
        let mut rows = Rows::default();
        for load in loads {
            state.store.load_into(load, &mut rows);
        }
        Ok(rows)
    }

    pub(super) async fn scan_raw(&self, scan: &RawScan) -> Result<Vec<Vec<Value>>, LedgerError> {
        self.pass().await;
        Ok(self.open()?.store.scan_raw(scan))
    }

    pub(super) fn probe(&self) -> Result<(), LedgerError> {
        self.writable().map(drop)
    }

    pub(super) fn metrics(&self) -> LedgerMetrics {
        let operations = self.state().operations;
        LedgerMetrics { operations, commits: operations, ..LedgerMetrics::default() }
    }

    pub(super) fn close(&self) {
        self.state().is_closed = true;
    }

    fn writable(&self) -> Result<MutexGuard<'_, State>, LedgerError> {
        let mut state = self.open()?;
        if state.failing > 0 {
            state.failing -= 1;
            return Err(injected());
        }
        Ok(state)
    }

    fn open(&self) -> Result<MutexGuard<'_, State>, LedgerError> {
        let state = self.state();
        if state.is_closed { Err(LedgerError::Closed) } else { Ok(state) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A test that failed while it held the lock has failed already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn injected() -> LedgerError {
    LedgerError::Database(Arc::from(Box::<dyn std::error::Error + Send + Sync>::from("an injected failure")))
}
