//! A cached value that expires, fetched by one caller at a time.

use super::deadline::Deadline;
use crate::clock::UnixTime;
use core::time::Duration;

/// A cached value from WeChat Pay that must be refreshed from time to time.
///
/// Between `refresh_at` and `expires_at` the value is stale but valid: one caller fetches, all others keep using it. A
/// fetcher that vanishes loses its lease, and the next caller fetches. A late fetcher cannot overwrite the newer value.
///
/// If the clock is set back, no lease and no delay lasts longer than its own length. The value becomes stale, because its
/// true age is unknown then; it expires by the clock, or when it is [invalidated](Self::invalidate).
///
/// ```text
///          fill                    refresh_at            expires_at
///   empty ──────▶ fresh ─────────────────▶ stale ─────────────▶ empty
///     │             Use to all               │ Fetch to one       ▲
///     │ Fetch to one, Wait to the others     │ Use to the others  │ invalidate
/// ```
#[derive(Debug)]
pub struct Refreshable<T> {
    current: Option<Entry<T>>,
    lease: Option<Deadline>,
    last_lease: u64,
}

#[derive(Debug)]
struct Entry<T> {
    value: T,
    refresh: Deadline,
    expires_at: UnixTime,
}

/// The right to fetch a new value, as a fencing number. Not `Clone`: there is one current lease.
#[derive(Debug, PartialEq, Eq)]
pub struct Lease(u64);

impl Lease {
    pub(super) fn new(number: u64) -> Self {
        Self(number)
    }

    pub(super) fn number(&self) -> u64 {
        self.0
    }
}

/// The result of a claim: the value, or the next action of the caller.
#[derive(Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is no fourth action")]
pub enum Claim<T> {
    /// Use this value.
    Use(T),
    /// Fetch the value, then call [`Refreshable::fill`] or [`Refreshable::release`].
    Fetch(Lease),
    /// The value is being fetched by another caller. Claim again at this time.
    Wait(UnixTime),
}

impl<T> Default for Refreshable<T> {
    fn default() -> Self {
        Self { current: None, lease: None, last_lease: 0 }
    }
}

impl<T: Clone + PartialEq> Refreshable<T> {
    /// The duration of a lease, after which the next caller takes over.
    pub const LEASE_TIMEOUT: Duration = Duration::from_secs(15);
    /// The interval after which a waiting caller claims again.
    pub const POLL_INTERVAL: Duration = Duration::from_millis(50);
    /// The delay after a failed refresh before the next attempt, while the old value is still valid.
    pub const RETRY_DELAY: Duration = Duration::from_secs(30);

    /// Claims the value.
    pub fn claim(&mut self, now: UnixTime) -> Claim<T> {
        let leased = self.lease.is_some_and(|lease| lease.is_pending(now));
        match &self.current {
            Some(entry) if now < entry.expires_at && (leased || entry.refresh.is_pending(now)) => {
                Claim::Use(entry.value.clone())
            }
            _ if leased => Claim::Wait(now.after(Self::POLL_INTERVAL)),
            _ => {
                self.last_lease = self.last_lease.wrapping_add(1);
                self.lease = Some(Deadline::after(now, Self::LEASE_TIMEOUT));
                Claim::Fetch(Lease(self.last_lease))
            }
        }
    }

    /// Stores a fetched value, unless another caller has taken over the lease.
    pub fn fill(
        &mut self,
        Lease(number): Lease,
        value: T,
        now: UnixTime,
        refresh_at: UnixTime,
        expires_at: UnixTime,
    ) {
        if number == self.last_lease {
            self.put(value, now, refresh_at, expires_at);
        }
    }

    /// Stores a value from another source, such as a store shared with other processes. A fetch in progress loses its
    /// lease, because the older value must not overwrite the newer one.
    pub fn put(&mut self, value: T, now: UnixTime, refresh_at: UnixTime, expires_at: UnixTime) {
        self.current = Some(Entry { value, refresh: Deadline::at(refresh_at, now), expires_at });
        self.lease = None;
        self.last_lease = self.last_lease.wrapping_add(1);
    }

    /// Ends the lease without a value. An old value that is still valid stays in use, and is fetched again after
    /// [`RETRY_DELAY`](Self::RETRY_DELAY). If there is none, the next caller fetches.
    pub fn release(&mut self, Lease(number): Lease, now: UnixTime) {
        if number != self.last_lease {
            return;
        }
        self.lease = None;
        if let Some(entry) = &mut self.current {
            entry.refresh = Deadline::after(now, Self::RETRY_DELAY);
        }
    }

    /// Removes a value that WeChat Pay rejected, unless a newer one is already stored.
    pub fn invalidate(&mut self, rejected: &T) {
        if self.current.as_ref().is_some_and(|entry| entry.value == *rejected) {
            self.current = None;
        }
    }

    /// Returns the value and its expiry, if it is valid. Never starts a fetch.
    pub fn peek(&self, now: UnixTime) -> Option<(&T, UnixTime)> {
        self.current
            .as_ref()
            .filter(|entry| now < entry.expires_at)
            .map(|entry| (&entry.value, entry.expires_at))
    }

    /// Returns the time of the next claim, so that the value is refreshed before it is needed. `None` while there is no
    /// value.
    pub fn refresh_at(&self) -> Option<UnixTime> {
        let entry = self.current.as_ref()?;
        let refresh_at = entry.refresh.end();
        Some(self.lease.map_or(refresh_at, |lease| lease.end().max(refresh_at)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    fn lease(cache: &mut Refreshable<u32>, now: UnixTime) -> Lease {
        let Claim::Fetch(lease) = cache.claim(now) else { panic!("expected a lease") };
        lease
    }

    #[test]
    fn one_of_many_callers_fetches_and_the_others_wait() {
        let mut cache = Refreshable::default();
        let first = lease(&mut cache, at(0));
        for _ in 0..100 {
            assert_eq!(cache.claim(at(1)), Claim::Wait(at(1).after(Duration::from_millis(50))));
        }
        cache.fill(first, 7, at(1), at(5400), at(7200));
        assert_eq!(cache.claim(at(2)), Claim::Use(7));
    }

    #[test]
    fn a_stale_value_is_used_while_one_caller_refreshes_it() {
        let mut cache = Refreshable::default();
        let first = lease(&mut cache, at(0));
        cache.fill(first, 7, at(1), at(5400), at(7200));
        let second = lease(&mut cache, at(5400));
        assert_eq!(cache.claim(at(5401)), Claim::Use(7));
        cache.fill(second, 8, at(5401), at(10800), at(12600));
        assert_eq!(cache.claim(at(5402)), Claim::Use(8));
    }

    #[test]
    fn a_late_fetcher_does_not_overwrite_its_successor() {
        let mut cache = Refreshable::default();
        let slow = lease(&mut cache, at(0));
        let quick = lease(&mut cache, at(15));
        cache.fill(quick, 2, at(16), at(100), at(200));
        cache.fill(slow, 1, at(16), at(100), at(200));
        assert_eq!(cache.claim(at(16)), Claim::Use(2));
    }

    #[test]
    fn invalidate_of_an_old_value_keeps_the_new_one() {
        let mut cache = Refreshable::default();
        let first = lease(&mut cache, at(0));
        cache.fill(first, 2, at(1), at(100), at(200));
        cache.invalidate(&1);
        assert_eq!(cache.claim(at(1)), Claim::Use(2));
        cache.invalidate(&2);
        assert!(matches!(cache.claim(at(1)), Claim::Fetch(_)));
    }

    #[test]
    fn a_failed_refresh_leaves_the_good_value_in_use_until_it_expires() {
        let mut cache = Refreshable::default();
        let first = lease(&mut cache, at(0));
        cache.fill(first, 7, at(1), at(100), at(200));
        let second = lease(&mut cache, at(150));
        cache.release(second, at(151));
        assert_eq!(cache.claim(at(152)), Claim::Use(7));
        let third = lease(&mut cache, at(181));
        cache.release(third, at(199));
        assert!(
            matches!(cache.claim(at(200)), Claim::Fetch(_)),
            "the retry delay must not extend the expiry"
        );
    }

    #[test]
    fn a_value_from_another_source_is_not_overwritten_by_an_older_fetch() {
        let mut cache = Refreshable::default();
        let slow = lease(&mut cache, at(0));
        cache.put(2, at(1), at(100), at(200));
        cache.fill(slow, 1, at(1), at(100), at(200));
        assert_eq!(cache.peek(at(1)), Some((&2, at(200))));
        assert_eq!(cache.refresh_at(), Some(at(100)));
        assert_eq!(cache.peek(at(200)), None);
    }

    #[test]
    fn a_failed_first_fetch_lets_the_next_caller_fetch_at_once() {
        let mut cache = Refreshable::default();
        let first = lease(&mut cache, at(0));
        assert!(matches!(cache.claim(at(0)), Claim::Wait(_)));
        cache.release(first, at(1));
        let second = lease(&mut cache, at(1));
        cache.fill(second, 7, at(2), at(100), at(200));
        assert_eq!(cache.claim(at(2)), Claim::Use(7));
    }

    #[test]
    fn a_late_failure_does_not_end_the_lease_of_the_successor() {
        let mut cache = Refreshable::<u32>::default();
        let slow = lease(&mut cache, at(0));
        let _quick = lease(&mut cache, at(15));
        cache.release(slow, at(16));
        assert!(matches!(cache.claim(at(16)), Claim::Wait(_)));
    }

    #[test]
    fn a_clock_set_back_by_an_hour_makes_nobody_wait_for_a_vanished_fetcher() {
        let mut cache = Refreshable::<u32>::default();
        let _vanished = lease(&mut cache, at(10_000));
        assert!(matches!(cache.claim(at(10_000 - 3600)), Claim::Fetch(_)));
    }

    #[test]
    fn a_clock_set_back_by_an_hour_makes_a_value_stale_and_keeps_it_in_use() {
        let mut cache = Refreshable::default();
        let first = lease(&mut cache, at(10_000));
        cache.fill(first, 7, at(10_000), at(15_400), at(17_200));
        let refresh = lease(&mut cache, at(6_400));
        assert_eq!(cache.claim(at(6_401)), Claim::Use(7));
        cache.release(refresh, at(6_402));
        assert_eq!(cache.claim(at(6_431)), Claim::Use(7), "the retry delay is counted by the new clock");
        lease(&mut cache, at(6_432));
    }

    #[test]
    fn a_caller_that_read_the_clock_earlier_does_not_fetch_a_second_time() {
        let mut cache = Refreshable::default();
        let first = lease(&mut cache, at(1000));
        assert!(matches!(cache.claim(UnixTime::from_millis(999_990)), Claim::Wait(_)));
        cache.fill(first, 7, at(1000), at(5400), at(7200));
        assert_eq!(cache.claim(UnixTime::from_millis(999_990)), Claim::Use(7));
    }
}
