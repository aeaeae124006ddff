//! Which notices were met already.

use crate::clock::UnixTime;
use alloc::{
    collections::{BTreeMap, VecDeque},
    string::String,
};
use core::time::Duration;

/// The notices met lately, so that a duplicate is not handled twice while the first is still being handled.
///
/// Bounded: beyond [`CAPACITY`](Self::CAPACITY) the oldest are forgotten. Forgetting is harmless, because
/// whoever handles a notice must be idempotent anyway: the same notice may arrive in another process, or
/// after a restart. To call a new notice *seen* would lose a payment; that cannot happen, because the key is
/// the digest of everything the notice says.
#[derive(Debug, Default)]
pub struct Seen {
    met: BTreeMap<String, Sighting>,
    order: VecDeque<String>,
    tickets: u64,
}

#[derive(Debug)]
struct Sighting {
    ticket: u64,
    /// `None` once it was answered.
    underway_until: Option<UnixTime>,
}

/// The right to handle a notice, and the duty to say how that went.
#[derive(Debug, PartialEq, Eq)]
pub struct Ticket {
    key: String,
    number: u64,
}

/// What to do with a notice.
#[derive(Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no fourth case")]
pub enum Sight {
    /// Handle it, then call [`Seen::answered`] or [`Seen::failed`].
    First(Ticket),
    /// Somebody is handling it; look again at that time.
    Underway(UnixTime),
    /// It was handled; answer that it was.
    Answered,
}

impl Seen {
    /// How many notices are remembered.
    pub const CAPACITY: usize = 4096;
    /// How long a handler may take before a duplicate is handled in its place.
    pub const PATIENCE: Duration = Duration::from_secs(30);
    /// How long to wait before looking again.
    pub const GLANCE: Duration = Duration::from_millis(20);

    /// Meets a notice, by a key that tells everything it says.
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

    /// It was handled, and the answer says so. A later duplicate is not handled again.
    pub fn answered(&mut self, ticket: &Ticket) {
        if let Some(sighting) = self.met.get_mut(&ticket.key) {
            sighting.underway_until = None;
        }
    }

    /// It could not be handled; the next duplicate is handled in its place.
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
        let Sight::First(ticket) = seen.meet(key, now) else { panic!("no ticket was given") };
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
        assert!(matches!(seen.meet("0", at(1)), Sight::First(_)), "the oldest is forgotten");
        assert_eq!(seen.meet("4096", at(1)), Sight::Answered);
        assert!(seen.met.len() <= Seen::CAPACITY && seen.order.len() == seen.met.len());
    }
}
