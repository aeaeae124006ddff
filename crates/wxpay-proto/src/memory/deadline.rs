//! The end of a period by a clock that may be set.

use crate::clock::UnixTime;
use core::time::Duration;

/// The end of a lease, a delay or a quota: a period whose length is known when it begins.
///
/// The system clock may be set back during the period. An end that is further away than the whole period can only come
/// from that, and counts as reached: nobody waits for as long as the clock was set back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deadline {
    end: UnixTime,
    length: Duration,
}

impl Deadline {
    /// The difference between two readings of the clock that does not mean that it was set back: each caller reads the
    /// clock before it locks the memory, and may be delayed in between.
    pub(super) const MAX_SKEW: Duration = Duration::from_secs(5);

    /// Returns the end of a period of this length that begins now.
    pub(super) fn after(now: UnixTime, length: Duration) -> Self {
        Self { end: now.after(length), length }
    }

    /// Returns the end of a period that begins now and ends at this time.
    pub(super) fn at(end: UnixTime, now: UnixTime) -> Self {
        Self { end, length: end.since(now) }
    }

    /// Returns whether the period still lasts.
    pub(super) fn is_pending(self, now: UnixTime) -> bool {
        now < self.end && self.end.since(now) <= self.length.saturating_add(Self::MAX_SKEW)
    }

    pub(super) fn end(self) -> UnixTime {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    #[test]
    fn a_deadline_is_pending_until_its_end() {
        let deadline = Deadline::after(at(1000), Duration::from_secs(15));
        assert!(deadline.is_pending(at(1000)) && deadline.is_pending(UnixTime::from_millis(1_014_999)));
        assert!(!deadline.is_pending(at(1015)));
        assert_eq!(Deadline::at(at(1015), at(1000)), deadline);
    }

    #[test]
    fn a_deadline_is_over_when_the_clock_was_set_back() {
        let deadline = Deadline::after(at(10_000), Duration::from_secs(15));
        for back in [6, 3600, 10_000] {
            assert!(!deadline.is_pending(at(10_000 - back)), "{back} seconds");
        }
    }

    #[test]
    fn an_earlier_reading_of_the_clock_by_another_caller_does_not_end_a_deadline() {
        let deadline = Deadline::after(at(1000), Duration::from_secs(15));
        assert!(deadline.is_pending(UnixTime::from_millis(999_999)) && deadline.is_pending(at(995)));
    }
}
