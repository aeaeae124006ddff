//! What happens by itself at a later time: a payer's password, a refund that settles.

use super::Gateway;
use std::collections::BTreeMap;
use wxpay_proto::{UnixTime, id::MchId};

/// Something to do. It finds out for itself whether it is still wanted.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// What to do, to what of whose, and when it is due.
    pub(crate) run: fn(&mut Gateway, &MchId, &str, UnixTime),
    pub(crate) mchid: MchId,
    /// The merchant's number of an order, a refund, a transfer.
    pub(crate) number: String,
}

/// What is to be done, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Agenda {
    tasks: BTreeMap<(UnixTime, u64), Task>,
    last: u64,
}

impl Agenda {
    pub(crate) fn add(&mut self, at: UnixTime, task: Task) {
        self.last = self.last.saturating_add(1);
        self.tasks.insert((at, self.last), task);
    }

    pub(crate) fn next(&self) -> Option<UnixTime> {
        self.tasks.keys().next().map(|(at, _)| *at)
    }

    /// Takes out the first task that is due.
    pub(crate) fn take(&mut self, now: UnixTime) -> Option<(UnixTime, Task)> {
        let entry = self.tasks.first_entry().filter(|entry| entry.key().0 <= now)?;
        let ((at, _), task) = entry.remove_entry();
        Some((at, task))
    }
}
