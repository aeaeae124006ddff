//! Scheduled tasks: events that happen without a request, such as a payer entering a password or a refund completing.

use super::Gateway;
use std::collections::BTreeMap;
use wxpay_proto::{UnixTime, id::MchId};

/// A scheduled task. It checks for itself whether it is still needed: state may have changed since it was added.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// The function to run: gateway, merchant, the merchant's number, and the time the task was due.
    pub(crate) run: fn(&mut Gateway, &MchId, &str, UnixTime),
    pub(crate) mchid: MchId,
    /// The merchant's number of the order, refund or transfer.
    pub(crate) number: String,
}

/// The scheduled tasks, in order of time.
#[derive(Clone, Debug, Default)]
pub(crate) struct TaskQueue {
    // The number keeps tasks of the same second in the order they were added, so that a run is reproducible.
    tasks: BTreeMap<(UnixTime, u64), Task>,
    last: u64,
}

impl TaskQueue {
    pub(crate) fn add(&mut self, at: UnixTime, task: Task) {
        self.last = self.last.saturating_add(1);
        self.tasks.insert((at, self.last), task);
    }

    pub(crate) fn next(&self) -> Option<UnixTime> {
        self.tasks.keys().next().map(|(at, _)| *at)
    }

    /// Removes and returns the first task that is due, with its time.
    pub(crate) fn take(&mut self, now: UnixTime) -> Option<(UnixTime, Task)> {
        let entry = self.tasks.first_entry().filter(|entry| entry.key().0 <= now)?;
        let ((at, _), task) = entry.remove_entry();
        Some((at, task))
    }
}
