//! The virtual clock: the real one and an offset, or a time that stands still.

use std::time::Duration;
use wxpay_proto::UnixTime;

/// What time the simulation says it is. Pure: it is told the real time and answers the virtual one.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    frozen: Option<UnixTime>,
    ahead: Duration,
    /// How far it runs behind the real clock; nothing while it stands.
    behind: Duration,
}

impl Clock {
    /// A clock that runs with the real one.
    #[must_use]
    pub const fn running() -> Self {
        Self { frozen: None, ahead: Duration::ZERO, behind: Duration::ZERO }
    }

    /// A clock that stands at a moment until it is advanced.
    #[must_use]
    pub const fn frozen(at: UnixTime) -> Self {
        Self { frozen: Some(at), ahead: Duration::ZERO, behind: Duration::ZERO }
    }

    /// The virtual time at a real time.
    #[must_use]
    pub fn now(&self, real: UnixTime) -> UnixTime {
        self.frozen.unwrap_or_else(|| real.before(self.behind)).after(self.ahead)
    }

    /// Whether time passes by itself.
    #[must_use]
    pub const fn runs(&self) -> bool {
        self.frozen.is_none()
    }

    /// Stops where it is at a real time, until it is advanced or let run.
    pub fn freeze(&mut self, real: UnixTime) {
        *self = Self::frozen(self.now(real));
    }

    /// Runs on from where it is at a real time.
    pub fn run(&mut self, real: UnixTime) {
        let now = self.now(real);
        *self = Self { frozen: None, ahead: now.since(real), behind: real.since(now) };
    }

    /// Moves forward. A clock never goes back.
    pub fn advance(&mut self, by: Duration) {
        self.ahead = self.ahead.saturating_add(by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_running_clock_is_the_real_one_and_what_it_was_advanced() {
        let mut clock = Clock::running();
        clock.advance(Duration::from_secs(60));
        assert_eq!(clock.now(UnixTime::from_secs(100)), UnixTime::from_secs(160));
    }

    #[test]
    fn a_frozen_clock_moves_only_when_advanced() {
        let mut clock = Clock::frozen(UnixTime::from_secs(5));
        assert_eq!(clock.now(UnixTime::from_secs(100)), UnixTime::from_secs(5));
        clock.advance(Duration::from_secs(7));
        assert_eq!(clock.now(UnixTime::from_secs(900)), UnixTime::from_secs(12));
    }

    #[test]
    fn a_clock_stops_and_runs_on_where_it_was() {
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
