//! The two clocks of a simulation: business time, which a test moves, and the wall clock, which signatures use.
//!
//! Expiry, retries, bills and refunds follow business time. Signatures and certificates are checked by programs that
//! have a clock of their own, so they follow the wall clock: a real program goes on working after business time was
//! moved.

use std::time::Duration;
use wxpay_proto::UnixTime;

/// A moment on both clocks.
///
/// A test in virtual time has one clock: a [`UnixTime`] converts to a moment with equal times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "two clocks, and nothing else by definition")]
pub struct Now {
    /// The business time: expiry, retries, refunds, bills.
    pub business: UnixTime,
    /// The time of signatures and certificates, and of the times in a merchant's requests.
    pub wall: UnixTime,
}

impl From<UnixTime> for Now {
    fn from(time: UnixTime) -> Self {
        Self { business: time, wall: time }
    }
}

impl Now {
    /// Converts a time that a merchant wrote by its own clock to business time. Returns `None` if it is not in the
    /// future.
    pub(crate) fn business_time_of(self, wall: UnixTime) -> Option<UnixTime> {
        (wall > self.wall).then(|| self.business.after(wall.since(self.wall)))
    }
}

/// The business clock of a simulation: real time with an offset, or a frozen time. Pure: it converts the real time,
/// which the caller passes.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    frozen: Option<UnixTime>,
    ahead: Duration,
    /// Lag behind the real clock; zero while frozen.
    behind_real: Duration,
    is_single: bool,
}

impl Clock {
    /// Creates a clock that runs with the real one.
    pub const fn running() -> Self {
        Self { frozen: None, ahead: Duration::ZERO, behind_real: Duration::ZERO, is_single: false }
    }

    /// Creates a clock that is frozen at a time until it is advanced or run.
    pub const fn frozen(at: UnixTime) -> Self {
        Self { frozen: Some(at), ahead: Duration::ZERO, behind_real: Duration::ZERO, is_single: false }
    }

    /// Makes signatures follow the business clock too, for programs that are driven in virtual time.
    #[must_use]
    pub const fn with_virtual_signatures(self) -> Self {
        Self { is_single: true, ..self }
    }

    /// Returns the business time at a real time.
    pub fn business(&self, real: UnixTime) -> UnixTime {
        self.frozen.unwrap_or_else(|| real.before(self.behind_real)).after(self.ahead)
    }

    /// Returns both times at a real time.
    pub fn now(&self, real: UnixTime) -> Now {
        let business = self.business(real);
        Now { business, wall: if self.is_single { business } else { real } }
    }

    /// Returns true if the clock runs, false if it is frozen.
    pub const fn runs(&self) -> bool {
        self.frozen.is_none()
    }

    /// Freezes the clock at its current time, until it is advanced or run.
    pub fn freeze(&mut self, real: UnixTime) {
        *self = Self { is_single: self.is_single, ..Self::frozen(self.business(real)) };
    }

    /// Lets the clock run from its current time.
    pub fn run(&mut self, real: UnixTime) {
        self.start_from(self.business(real), real);
    }

    /// Advances the clock.
    pub fn advance(&mut self, by: Duration) {
        self.ahead = self.ahead.saturating_add(by);
    }

    /// Sets the clock, forward or back. It goes on as before: frozen or running.
    pub fn set(&mut self, time: UnixTime, real: UnixTime) {
        if self.runs() {
            self.start_from(time, real);
        } else {
            *self = Self { is_single: self.is_single, ..Self::frozen(time) };
        }
    }

    fn start_from(&mut self, time: UnixTime, real: UnixTime) {
        // `since` returns zero for a later time, so at most one of the two offsets is not zero.
        let (ahead, behind_real) = (time.since(real), real.since(time));
        *self = Self { frozen: None, ahead, behind_real, ..*self };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_clock_is_real_time_plus_the_advance() {
        let mut clock = Clock::running();
        clock.advance(Duration::from_secs(60));
        assert_eq!(clock.business(UnixTime::from_secs(100)), UnixTime::from_secs(160));
    }

    #[test]
    fn frozen_clock_moves_only_when_advanced() {
        let mut clock = Clock::frozen(UnixTime::from_secs(5));
        assert_eq!(clock.business(UnixTime::from_secs(100)), UnixTime::from_secs(5));
        clock.advance(Duration::from_secs(7));
        assert_eq!(clock.business(UnixTime::from_secs(900)), UnixTime::from_secs(12));
    }

    #[test]
    fn clock_is_set_forward_and_back() {
        let at = UnixTime::from_secs;
        let mut clock = Clock::running();
        clock.set(at(50), at(100));
        assert_eq!(clock.business(at(110)), at(60));
        clock.set(at(500), at(110));
        assert_eq!(clock.business(at(111)), at(501));
        clock.freeze(at(111));
        clock.set(at(7), at(120));
        assert_eq!(clock.business(at(900)), at(7));
    }

    #[test]
    fn signatures_use_the_wall_clock_unless_they_are_virtual() {
        let at = UnixTime::from_secs;
        let clock = Clock::frozen(at(5));
        assert_eq!(clock.now(at(100)), Now { business: at(5), wall: at(100) });
        assert_eq!(clock.with_virtual_signatures().now(at(100)), Now::from(at(5)));
    }

    #[test]
    fn a_merchants_time_is_moved_to_the_business_clock() {
        let at = UnixTime::from_secs;
        let now = Now { business: at(1000), wall: at(100) };
        assert_eq!(now.business_time_of(at(130)), Some(at(1030)));
        assert_eq!(now.business_time_of(at(100)), None);
    }

    #[test]
    fn clock_freezes_and_resumes_at_its_current_time() {
        let at = UnixTime::from_secs;
        for (mut clock, now) in
            [(Clock::frozen(at(5)), 5), (Clock::frozen(at(500)), 500), (Clock::running(), 100)]
        {
            clock.run(at(100));
            assert!(clock.runs());
            assert_eq!((clock.business(at(100)), clock.business(at(130))), (at(now), at(now + 30)));
            clock.advance(Duration::from_secs(10));
            clock.freeze(at(130));
            assert!(!clock.runs());
            assert_eq!((clock.business(at(130)), clock.business(at(900))), (at(now + 40), at(now + 40)));
            clock.run(at(900));
            assert_eq!(clock.business(at(901)), at(now + 41));
        }
    }
}
