//! The calls that are to be stored, bounded.

use crate::ledger::rows::inbox::CallRow;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Notify;

/// The largest number of calls that wait. The log is for people; it must not fill the memory while the ledger is away.
const MAX_WAITING: usize = 4096;
/// The largest number of calls that are stored together.
const BATCH: usize = 200;

/// The calls that are to be stored. Clones are handles to the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct CallLog(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    waiting: Mutex<VecDeque<CallRow>>,
    added: Notify,
}

impl CallLog {
    /// Adds a call. The oldest one is dropped if too many wait.
    pub(super) fn add(&self, call: CallRow) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() >= MAX_WAITING {
            waiting.pop_front();
        }
        waiting.push_back(call);
        drop(waiting);
        self.0.added.notify_one();
    }

    /// Waits until a call was added.
    pub(crate) async fn added(&self) {
        self.0.added.notified().await;
    }

    /// Takes the oldest calls.
    pub(crate) fn take(&self) -> Vec<CallRow> {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let count = waiting.len().min(BATCH);
        waiting.drain(..count).collect()
    }

    /// Puts calls back that could not be stored, unless too many wait.
    pub(crate) fn put_back(&self, calls: Vec<CallRow>) {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for call in calls.into_iter().rev() {
            if waiting.len() < MAX_WAITING {
                waiting.push_front(call);
            }
        }
    }
}
