//! The clock and the randomness of this crate. Everything else takes both from an [`Ambient`], so that tests control them.

use std::{fmt, time::SystemTime};
use wxpay_proto::{UnixTime, entropy::Entropy};

/// A source of time and randomness.
pub trait Ambient: Send + Sync + fmt::Debug {
    /// Returns the current time.
    fn now(&self) -> UnixTime;

    /// Draws 32 unpredictable bytes.
    fn entropy(&self) -> Entropy;
}

/// The operating system's clock and randomness.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct System;

impl Ambient for System {
    /// Returns the system time, or the epoch if the system clock is set earlier.
    fn now(&self) -> UnixTime {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        UnixTime::EPOCH.after(since_epoch)
    }

    /// Draws 32 random bytes.
    ///
    /// # Panics
    ///
    /// If the operating system returns no random bytes. A payment signed with predictable bytes would be worse.
    #[expect(clippy::expect_used, reason = "signing with predictable bytes would be unsafe")]
    fn entropy(&self) -> Entropy {
        let mut fresh = [0; 32];
        getrandom::fill(&mut fresh).expect("the operating system must return random bytes");
        Entropy::new(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_clock_is_past_2024_and_its_draws_differ() {
        assert!(System.now() > UnixTime::from_secs(1_704_067_200));
        assert_ne!(System.entropy().into_bytes(), System.entropy().into_bytes());
    }
}
