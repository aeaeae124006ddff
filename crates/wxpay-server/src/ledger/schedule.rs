//! The polling schedule of open orders and pending refunds.

use super::Context;
use std::{sync::Arc, time::Duration};
use wxpay_proto::UnixTime;

/// The polling schedule. The due times are in the ledger, so they survive a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Schedule {
    /// The intervals between queries; the last one repeats.
    pub(crate) intervals: Arc<[Duration]>,
    /// The time for which an order can be paid that was placed without `time_expire`.
    pub(crate) lifetime: Duration,
    /// The time after `expires_at` in which a payment that was started in time may still complete.
    pub(crate) margin: Duration,
}

/// Intervals from 15 seconds to 30 minutes, a lifetime of 2 hours, and a margin of 5 minutes.
impl Default for Schedule {
    fn default() -> Self {
        let intervals = [15, 30, 60, 120, 300, 600, 1800].map(Duration::from_secs);
        Self {
            intervals: Arc::new(intervals),
            lifetime: Duration::from_hours(2),
            margin: Duration::from_mins(5),
        }
    }
}

impl Schedule {
    /// Returns the time of the first query of an order that was begun now.
    pub(crate) fn first(&self, now: UnixTime) -> UnixTime {
        now.after(self.interval(0))
    }

    /// Returns the time of the next query after this number of attempts, with jitter.
    pub(crate) fn next(&self, attempts: u64, context: &Context) -> UnixTime {
        let attempts = usize::try_from(attempts).unwrap_or(usize::MAX);
        context.now.after(context.jittered(self.interval(attempts)))
    }

    /// Returns the time until which an order is polled by the schedule.
    pub(crate) fn until(&self, expires_at: UnixTime) -> UnixTime {
        expires_at.after(self.margin)
    }

    fn interval(&self, attempts: usize) -> Duration {
        let interval = self.intervals.get(attempts).or_else(|| self.intervals.last());
        interval.copied().unwrap_or(Duration::from_mins(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(random: u64) -> Context {
        Context { now: UnixTime::from_secs(1000), random }
    }

    #[test]
    fn the_last_interval_repeats_and_jitter_shortens_by_a_fifth_at_most() {
        let schedule = Schedule::default();
        assert_eq!(schedule.first(UnixTime::from_secs(1000)), UnixTime::from_secs(1015));
        assert_eq!(schedule.next(1, &context(0)), UnixTime::from_secs(1030));
        assert_eq!(schedule.next(1, &context(u64::MAX)), UnixTime::from_secs(1024));
        for attempts in [6, 7, u64::MAX] {
            assert_eq!(schedule.next(attempts, &context(0)), UnixTime::from_secs(2800));
        }
    }

    #[test]
    fn a_schedule_without_intervals_polls_every_minute() {
        let schedule = Schedule { intervals: Arc::new([]), ..Schedule::default() };
        assert_eq!(schedule.next(3, &context(0)), UnixTime::from_secs(1060));
    }
}
