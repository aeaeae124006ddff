//! Due times in order: finds the due entries without scanning the others.

use std::collections::{BTreeMap, BTreeSet};
use wxpay_proto::UnixTime;

/// The due times of numbered entries. An entry has one due time or none.
#[derive(Clone, Debug, Default)]
pub(super) struct DueQueue {
    /// The contents of `times`, sorted by time and then by number.
    order: BTreeSet<(UnixTime, u64)>,
    times: BTreeMap<u64, UnixTime>,
}

impl DueQueue {
    /// Sets the due time of an entry, or removes it.
    pub(super) fn set(&mut self, number: u64, due: Option<UnixTime>) {
        let before = match due {
            Some(due) => self.times.insert(number, due),
            None => self.times.remove(&number),
        };
        if let Some(before) = before {
            self.order.remove(&(before, number));
        }
        if let Some(due) = due {
            self.order.insert((due, number));
        }
    }

    pub(super) fn due_at(&self, number: u64) -> Option<UnixTime> {
        self.times.get(&number).copied()
    }

    /// Returns the earliest due time.
    pub(super) fn first(&self) -> Option<UnixTime> {
        self.order.first().map(|(due, _)| *due)
    }

    /// Returns the entries due by now, the longest due first; at equal times the lowest number first.
    pub(super) fn due_by(&self, now: UnixTime) -> impl Iterator<Item = u64> {
        self.order.range(..=(now, u64::MAX)).map(|(_, number)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_secs(seconds)
    }

    #[test]
    fn the_longest_due_entry_is_first_and_each_entry_is_due_once() {
        let mut queue = DueQueue::default();
        for (number, due) in [(3, 20), (1, 20), (2, 10), (0, 30)] {
            queue.set(number, Some(at(due)));
        }
        assert_eq!(queue.first(), Some(at(10)));
        assert_eq!(queue.due_by(at(20)).collect::<Vec<_>>(), [2, 1, 3]);
        queue.set(2, Some(at(25)));
        queue.set(1, None);
        queue.set(7, None);
        assert_eq!((queue.due_at(1), queue.due_at(2)), (None, Some(at(25))));
        assert_eq!(queue.due_by(at(30)).collect::<Vec<_>>(), [3, 2, 0]);
        assert_eq!(queue.due_by(at(9)).count(), 0);
    }
}
