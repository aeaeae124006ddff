//! Deduplication of notifications.

use super::deadline::Deadline;
use crate::{clock::UnixTime, prelude::*};
use alloc::collections::{BTreeMap, VecDeque};
use core::time::Duration;

/// The notifications received recently, so that a duplicate is not handled while the first is still being handled.
///
/// The number is bounded: beyond [`CAPACITY`](Self::CAPACITY) the oldest are dropped. Dropping is harmless, because the
/// handler of a notification must be idempotent anyway: a duplicate may arrive in another process or after a restart. A
/// new notification must never be taken for a duplicate, which would lose a payment. So the key is a digest of the
/// whole content.
#[derive(Debug, Default)]
pub struct Deduplicator {
    entries: BTreeMap<String, Entry>,
    order: VecDeque<String>,
    started: u64,
}

#[derive(Debug)]
struct Entry {
    processing: u64,
    /// The end of the handling timeout; `None` once the notification was handled.
    in_progress: Option<Deadline>,
}

/// The permission to handle a notification. Report the result to [`Deduplicator::complete`] or [`Deduplicator::fail`].
#[derive(Debug, PartialEq, Eq)]
pub struct Processing {
    key: String,
    number: u64,
}

/// The state of a received notification. It determines the action of the caller.
#[derive(Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no fourth case")]
pub enum Delivery {
    /// The notification is new. Handle it, then call [`Deduplicator::complete`] or [`Deduplicator::fail`].
    New(Processing),
    /// The notification is being handled by another caller. Check again at this time.
    InProgress(UnixTime),
    /// The notification is a duplicate of a handled one. Acknowledge it without work.
    Duplicate,
}

impl Deduplicator {
    /// The maximum number of stored notifications.
    pub const CAPACITY: usize = 4096;
    /// The handling timeout, after which a duplicate is handled instead.
    pub const PROCESSING_TIMEOUT: Duration = Duration::from_secs(30);
    /// The interval after which a waiting caller checks again.
    pub const POLL_INTERVAL: Duration = Duration::from_millis(20);

    /// Registers a received notification. `key` is the digest of its whole content.
    pub fn begin(&mut self, key: &str, now: UnixTime) -> Delivery {
        match self.entries.get(key).map(|entry| entry.in_progress) {
            Some(None) => return Delivery::Duplicate,
            Some(Some(timeout)) if timeout.is_pending(now) => {
                return Delivery::InProgress(now.after(Self::POLL_INTERVAL));
            }
            Some(Some(_)) => {}
            None => self.order.push_back(String::from(key)),
        }
        self.started = self.started.wrapping_add(1);
        let in_progress = Some(Deadline::after(now, Self::PROCESSING_TIMEOUT));
        let entry = Entry { processing: self.started, in_progress };
        self.entries.insert(String::from(key), entry);
        while self.order.len() > Self::CAPACITY {
            if let Some(oldest) = self.order.pop_front() {
                self.entries.remove(&oldest);
            }
        }
        Delivery::New(Processing { key: String::from(key), number: self.started })
    }

    /// Marks the notification as handled. Later duplicates are not handled again.
    pub fn complete(&mut self, processing: &Processing) {
        // The number is not compared: a handler that finishes late has handled the notification all the same.
        if let Some(entry) = self.entries.get_mut(&processing.key) {
            entry.in_progress = None;
        }
    }

    /// Marks the handling as failed. The next duplicate is handled instead.
    pub fn fail(&mut self, processing: &Processing) {
        if self.entries.get(&processing.key).is_some_and(|entry| entry.processing == processing.number) {
            self.entries.remove(&processing.key);
            self.order.retain(|key| *key != processing.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    fn first(deduplicator: &mut Deduplicator, key: &str, now: UnixTime) -> Processing {
        let Delivery::New(processing) = deduplicator.begin(key, now) else {
            panic!("expected a new notification")
        };
        processing
    }

    #[test]
    fn a_duplicate_waits_for_the_first_and_is_not_processed() {
        let mut deduplicator = Deduplicator::default();
        let processing = first(&mut deduplicator, "a", at(0));
        assert!(matches!(deduplicator.begin("a", at(1)), Delivery::InProgress(_)));
        deduplicator.complete(&processing);
        assert_eq!(deduplicator.begin("a", at(2)), Delivery::Duplicate);
    }

    #[test]
    fn a_duplicate_is_handled_after_the_first_handler_failed() {
        let mut deduplicator = Deduplicator::default();
        let processing = first(&mut deduplicator, "a", at(0));
        deduplicator.fail(&processing);
        assert!(matches!(deduplicator.begin("a", at(1)), Delivery::New(_)));
    }

    #[test]
    fn a_handler_that_never_returns_is_replaced_and_its_late_failure_changes_nothing() {
        let mut deduplicator = Deduplicator::default();
        let lost = first(&mut deduplicator, "a", at(0));
        let taken_over = first(&mut deduplicator, "a", at(30));
        deduplicator.fail(&lost);
        assert!(matches!(deduplicator.begin("a", at(31)), Delivery::InProgress(_)));
        deduplicator.complete(&taken_over);
        assert_eq!(deduplicator.begin("a", at(32)), Delivery::Duplicate);
    }

    #[test]
    fn a_clock_set_back_by_an_hour_makes_no_duplicate_wait_for_a_lost_handler() {
        let mut deduplicator = Deduplicator::default();
        let _lost = first(&mut deduplicator, "a", at(10_000));
        first(&mut deduplicator, "a", at(10_000 - 3600));
    }

    #[test]
    fn a_duplicate_whose_clock_was_read_earlier_waits_for_the_first() {
        let mut deduplicator = Deduplicator::default();
        let _processing = first(&mut deduplicator, "a", at(1000));
        let earlier = UnixTime::from_millis(999_990);
        assert!(matches!(deduplicator.begin("a", earlier), Delivery::InProgress(_)));
    }

    #[test]
    fn the_oldest_entries_are_dropped_beyond_the_capacity() {
        let mut deduplicator = Deduplicator::default();
        for number in 0..=Deduplicator::CAPACITY {
            let processing = first(&mut deduplicator, &format!("{number}"), at(0));
            deduplicator.complete(&processing);
        }
        assert!(matches!(deduplicator.begin("0", at(1)), Delivery::New(_)), "the oldest must be dropped");
        assert_eq!(deduplicator.begin("4096", at(1)), Delivery::Duplicate);
        assert!(
            deduplicator.entries.len() <= Deduplicator::CAPACITY
                && deduplicator.order.len() == deduplicator.entries.len()
        );
    }
}
