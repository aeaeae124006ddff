//! Rate limits: a token bucket for each API key, by the generic cell rate algorithm, which stores one time per key.

use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};
use tokio::time::Instant;

/// A rate with a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// Requests per second in the long run.
    pub(crate) per_second: NonZeroU32,
    /// Requests that may come at once.
    pub(crate) burst: NonZeroU32,
}

impl Rate {
    /// Returns the time in which one request is earned.
    fn interval(self) -> Duration {
        Duration::from_secs(1).checked_div(self.per_second.get()).unwrap_or_default()
    }
}

/// The limit of one process: its share of a rate.
#[derive(Clone, Copy, Debug)]
struct Share {
    interval: Duration,
    tolerance: Duration,
}

impl Share {
    /// Returns the share of one of `processes`, over which the requests of each client are spread. It permits at least
    /// one request at a time.
    fn of(rate: Rate, processes: NonZeroU32) -> Self {
        let interval = rate.interval().saturating_mul(processes.get());
        let burst = rate.burst.get().checked_div(processes.get()).unwrap_or_default();
        Self { interval, tolerance: interval.saturating_mul(burst.saturating_sub(1)) }
    }
}

/// Maximum number of clients that are remembered.
const MAX_CLIENTS: usize = 10_000;

/// The limiter of one process. Clients are known by the ids of their keys.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    rate: Rate,
    /// For each client, the time at which its bucket is full again. Absent: it is full.
    full_at: BTreeMap<String, Instant>,
    max_clients: usize,
}

impl RateLimiter {
    /// Creates a limiter with one rate for every client.
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, full_at: BTreeMap::new(), max_clients: MAX_CLIENTS }
    }

    /// Counts a request. The rate is that of all `processes` together.
    ///
    /// # Errors
    ///
    /// Returns the time after which the client may send the next request. The refused request is not counted.
    pub(crate) fn check(
        &mut self,
        client: &str,
        now: Instant,
        processes: NonZeroU32,
    ) -> Result<(), Duration> {
        let share = Share::of(self.rate, processes);
        let full_at = self.full_at.get(client).copied().unwrap_or(now).max(now);
        let ahead = full_at.saturating_duration_since(now);
        if let Some(wait) = ahead.checked_sub(share.tolerance).filter(|wait| !wait.is_zero()) {
            return Err(wait);
        }
        let next = full_at.checked_add(share.interval).unwrap_or(full_at);
        if let Some(stored) = self.full_at.get_mut(client) {
            *stored = next;
        } else {
            self.make_room(now);
            self.full_at.insert(client.into(), next);
        }
        Ok(())
    }

    /// Forgets clients whose buckets are full, and if there are none the one whose bucket is full first.
    fn make_room(&mut self, now: Instant) {
        if self.full_at.len() < self.max_clients {
            return;
        }
        self.full_at.retain(|_, full_at| *full_at > now);
        if self.full_at.len() >= self.max_clients {
            let first = self.full_at.iter().min_by_key(|(_, full_at)| **full_at);
            if let Some(client) = first.map(|(client, _)| client.clone()) {
                self.full_at.remove(&client);
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    const ALONE: NonZeroU32 = NonZeroU32::MIN;

    fn rate(per_second: u32, burst: u32) -> Rate {
        Rate { per_second: NonZeroU32::new(per_second).unwrap(), burst: NonZeroU32::new(burst).unwrap() }
    }

    #[test]
    fn burst_passes_at_once_and_the_rate_afterwards() {
        let (mut limiter, start) = (RateLimiter::new(rate(10, 3)), Instant::now());
        for _ in 0..3 {
            assert_eq!(limiter.check("a", start, ALONE), Ok(()));
        }
        let wait = limiter.check("a", start, ALONE).unwrap_err();
        assert_eq!(wait, Duration::from_millis(100));
        assert_eq!(limiter.check("b", start, ALONE), Ok(()), "another client has its own bucket");
        assert!(limiter.check("a", start + wait - Duration::from_millis(1), ALONE).is_err());
        assert_eq!(limiter.check("a", start + wait, ALONE), Ok(()));
        assert!(limiter.check("a", start + wait, ALONE).is_err());
    }

    #[test]
    fn long_run_never_exceeds_rate_and_burst() {
        let (mut limiter, start) = (RateLimiter::new(rate(20, 5)), Instant::now());
        let passed = (0..10_000)
            .filter(|milli| limiter.check("a", start + Duration::from_millis(*milli), ALONE).is_ok());
        assert_eq!(passed.count(), 5 + 199);
    }

    #[test]
    fn number_of_clients_is_bounded_and_the_busiest_stay_limited() {
        let (mut limiter, start) = (RateLimiter::new(rate(1, 2)), Instant::now());
        limiter.max_clients = 10;
        limiter.check("busy", start, ALONE).unwrap();
        limiter.check("busy", start, ALONE).unwrap();
        for number in 0..1000 {
            limiter.check(&format!("client {number}"), start, ALONE).unwrap();
            assert!(limiter.full_at.len() <= 10);
        }
        assert!(limiter.check("busy", start, ALONE).is_err());
        limiter.check("late", start + Duration::from_mins(1), ALONE).unwrap();
        assert_eq!(limiter.full_at.len(), 1);
    }

    #[test]
    fn the_limits_of_several_processes_add_up_to_the_rate() {
        let (three, start) = (NonZeroU32::new(3).unwrap(), Instant::now());
        let passed = (0..3).map(|_| {
            let mut limiter = RateLimiter::new(rate(30, 9));
            let at = |milli| start + Duration::from_millis(milli);
            (0..10_000).filter(|milli| limiter.check("a", at(*milli), three).is_ok()).count()
        });
        assert_eq!(passed.sum::<usize>(), 3 * (3 + 99));
        let mut limiter = RateLimiter::new(rate(1, 1));
        limiter.check("a", start, three).unwrap();
        assert_eq!(limiter.check("a", start, three), Err(Duration::from_secs(3)), "one at least");
    }
}
