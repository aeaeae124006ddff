//! Deduplication of notifications.

use crate::clock::UnixTime;
use alloc::{
    collections::{BTreeMap, VecDeque},
    string::String,
};
use core::time::Duration;

/// The notifications received recently, so that a duplicate is not handled while the first is still being handled.
///
/// The number is bounded: beyond [`CAPACITY`](Self::CAPACITY) the oldest are dropped. Dropping is harmless, because the
/// handler of a notification must be idempotent anyway: a duplicate may arrive in another process or after a restart.
/// A new notification is never taken for a duplicate, which would lose a payment: the key is the digest of its whole
/// content.
#[derive(Debug, Default)]
pub struct Seen {
    met: BTreeMap<String, Sighting>,
    order: VecDeque<String>,
    tickets: u64,
}

#[derive(Debug)]
struct Sighting {
    ticket: u64,
    /// The end of the handling timeout; `None` once the notification was handled.
    underway_until: Option<UnixTime>,
}

/// The right to handle a notification, and the duty to report the result.
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    key: String,
    number: u64,
}

/// The state of a received notification, and so the action to take.
#[derive(Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no fourth case")]
pub enum Sight {
    /// The notification is new. Handle it, then call [`Seen::answered`] or [`Seen::failed`].
    First(Ticket),
    /// The notification is being handled by another caller. Check again at this time.
    Underway(UnixTime),
    /// The notification is a duplicate of a handled one. Acknowledge it without work.
    Answered,
}

impl Seen {
    /// The maximum number of stored notifications.
    pub const CAPACITY: usize = 4096;
    /// The handling timeout, after which a duplicate is handled instead.
    pub const PATIENCE: Duration = Duration::from_secs(30);
    /// The interval after which a waiting caller checks again.
    pub const GLANCE: Duration = Duration::from_millis(20);

    /// Registers a received notification, by the digest of its whole content.
    pub fn meet(&mut self, key: &str, now: UnixTime) -> Sight {
        match self.met.get(key).map(|sighting| sighting.underway_until) {
            Some(None) => return Sight::Answered,
            Some(Some(until)) if now < until => return Sight::Underway(now.after(Self::GLANCE)),
            Some(Some(_)) => {}
            None => self.order.push_back(String::from(key)),
        }
        self.tickets = self.tickets.wrapping_add(1);
        let sighting = Sighting { ticket: self.tickets, underway_until: Some(now.after(Self::PATIENCE)) };
        self.met.insert(String::from(key), sighting);
        while self.order.len() > Self::CAPACITY {
            if let Some(oldest) = self.order.pop_front() {
                self.met.remove(&oldest);
            }
        }
        Sight::First(Ticket { key: String::from(key), number: self.tickets })
    }

    /// Marks the notification as handled. Later duplicates are not handled again.
    pub fn answered(&mut self, ticket: &Ticket) {
        // The number is not compared: a handler that finishes late has handled the notification all the same.
        if let Some(sighting) = self.met.get_mut(&ticket.key) {
            sighting.underway_until = None;
        }
    }

    /// Marks the handling as failed. The next duplicate is handled instead.
    pub fn failed(&mut self, ticket: &Ticket) {
        if self.met.get(&ticket.key).is_some_and(|sighting| sighting.ticket == ticket.number) {
            self.met.remove(&ticket.key);
            self.order.retain(|key| *key != ticket.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    fn first(seen: &mut Seen, key: &str, now: UnixTime) -> Ticket {
        let Sight::First(ticket) = seen.meet(key, now) else { panic!("expected a new notification") };
        ticket
    }

    #[test]
    fn a_duplicate_waits_for_the_first_and_is_then_answered_without_work() {
        let mut seen = Seen::default();
        let ticket = first(&mut seen, "a", at(0));
        assert!(matches!(seen.meet("a", at(1)), Sight::Underway(_)));
        seen.answered(&ticket);
        assert_eq!(seen.meet("a", at(2)), Sight::Answered);
    }

    #[test]
    fn when_the_first_fails_the_duplicate_takes_over() {
        let mut seen = Seen::default();
        let ticket = first(&mut seen, "a", at(0));
        seen.failed(&ticket);
        assert!(matches!(seen.meet("a", at(1)), Sight::First(_)));
    }

    #[test]
    fn a_handler_that_never_returns_is_replaced_and_its_late_failure_changes_nothing() {
        let mut seen = Seen::default();
        let lost = first(&mut seen, "a", at(0));
        let taken_over = first(&mut seen, "a", at(30));
        seen.failed(&lost);
        assert!(matches!(seen.meet("a", at(31)), Sight::Underway(_)));
        seen.answered(&taken_over);
        assert_eq!(seen.meet("a", at(32)), Sight::Answered);
    }

    #[test]
    fn the_oldest_are_forgotten_first_and_the_number_stays_bounded() {
        let mut seen = Seen::default();
        for number in 0..=Seen::CAPACITY {
            let ticket = first(&mut seen, &format!("{number}"), at(0));
            seen.answered(&ticket);
        }
        assert!(matches!(seen.meet("0", at(1)), Sight::First(_)), "the oldest must be dropped");
        assert_eq!(seen.meet("4096", at(1)), Sight::Answered);
        assert!(seen.met.len() <= Seen::CAPACITY && seen.order.len() == seen.met.len());
    }
}
