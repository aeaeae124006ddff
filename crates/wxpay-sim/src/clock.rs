//! The virtual clock: real time with an offset, or a frozen time.

use std::time::Duration;
use wxpay_proto::UnixTime;

/// The virtual clock of a simulation. Pure: it converts the real time, which the caller passes, to the virtual time.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    frozen: Option<UnixTime>,
    ahead: Duration,
    /// Lag behind the real clock; zero while frozen.
    behind_real: Duration,
}

impl Clock {
    /// Creates a clock that runs with the real one.
    pub const fn running() -> Self {
        Self { frozen: None, ahead: Duration::ZERO, behind_real: Duration::ZERO }
    }

    /// Creates a clock that is frozen at a time until it is advanced or run.
    pub const fn frozen(at: UnixTime) -> Self {
        Self { frozen: Some(at), ahead: Duration::ZERO, behind_real: Duration::ZERO }
    }

    /// Returns the virtual time at a real time.
    pub fn now(&self, real: UnixTime) -> UnixTime {
        self.frozen.unwrap_or_else(|| real.before(self.behind_real)).after(self.ahead)
    }

    /// Returns true if the clock runs, false if it is frozen.
    pub const fn runs(&self) -> bool {
        self.frozen.is_none()
    }

    /// Freezes the clock at its current time, until it is advanced or run.
    pub fn freeze(&mut self, real: UnixTime) {
        *self = Self::frozen(self.now(real));
    }

    /// Lets the clock run from its current time.
    pub fn run(&mut self, real: UnixTime) {
        let now = self.now(real);
        // `since` returns zero for a later time, so at most one of the two offsets is not zero.
        *self = Self { frozen: None, ahead: now.since(real), behind_real: real.since(now) };
    }

    /// Advances the clock. A clock never goes back.
    pub fn advance(&mut self, by: Duration) {
        self.ahead = self.ahead.saturating_add(by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_clock_is_real_time_plus_the_advance() {
        let mut clock = Clock::running();
        clock.advance(Duration::from_secs(60));
        assert_eq!(clock.now(UnixTime::from_secs(100)), UnixTime::from_secs(160));
    }

    #[test]
    fn frozen_clock_moves_only_when_advanced() {
        let mut clock = Clock::frozen(UnixTime::from_secs(5));
        assert_eq!(clock.now(UnixTime::from_secs(100)), UnixTime::from_secs(5));
        clock.advance(Duration::from_secs(7));
        assert_eq!(clock.now(UnixTime::from_secs(900)), UnixTime::from_secs(12));
    }

    #[test]
    fn clock_freezes_and_resumes_at_its_current_time() {
        let at = UnixTime::from_secs;
        for (mut clock, now) in
            [(Clock::frozen(at(5)), 5), (Clock::frozen(at(500)), 500), (Clock::running(), 100)]
        {
            clock.run(at(100));
            assert!(clock.runs());
            assert_eq!((clock.now(at(100)), clock.now(at(130))), (at(now), at(now + 30)));
            clock.advance(Duration::from_secs(10));
            clock.freeze(at(130));
            assert!(!clock.runs());
            assert_eq!((clock.now(at(130)), clock.now(at(900))), (at(now + 40), at(now + 40)));
            clock.run(at(900));
            assert_eq!(clock.now(at(901)), at(now + 41));
        }
    }
}
