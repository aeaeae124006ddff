//! The virtual clock: the real one and an offset, or a time that stands still.

use std::time::Duration;
use wxpay_proto::UnixTime;

/// What time the simulation says it is. Pure: it is told the real time and answers the virtual one.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    frozen: Option<UnixTime>,
    ahead: Duration,
}

impl Clock {
    /// A clock that runs with the real one.
    #[must_use]
    pub const fn running() -> Self {
        Self { frozen: None, ahead: Duration::ZERO }
    }

    /// A clock that stands at a moment until it is advanced.
    #[must_use]
    pub const fn frozen(at: UnixTime) -> Self {
        Self { frozen: Some(at), ahead: Duration::ZERO }
    }

    /// The virtual time at a real time.
    #[must_use]
    pub fn now(&self, real: UnixTime) -> UnixTime {
        self.frozen.unwrap_or(real).after(self.ahead)
    }

    /// Whether time passes by itself.
    #[must_use]
    pub const fn runs(&self) -> bool {
        self.frozen.is_none()
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
}
