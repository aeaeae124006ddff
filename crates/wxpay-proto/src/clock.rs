//! Wall-clock time, passed in by the caller.

use core::{fmt, time::Duration};

/// A time in milliseconds since 1970-01-01T00:00:00Z. There is deliberately no `now()`: the driver of a flow passes the
/// time in.
///
/// ```
/// use core::time::Duration;
/// use wxpay_proto::UnixTime;
///
/// let ordered = UnixTime::from_secs(1_399_514_976);
/// let expires = ordered.after(Duration::from_secs(7200));
/// assert_eq!(expires.as_secs(), 1_399_522_176);
/// assert_eq!(expires.since(ordered), Duration::from_secs(7200));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The earliest time: 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// Creates a time from whole seconds, the unit of the protocol.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Creates a time from milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Returns whole seconds, rounded down: the unit of the protocol.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// Returns milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Returns `self + duration`, saturating at the latest time.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Returns `self - duration`, saturating at the epoch.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Returns the duration from `earlier` to `self`, or zero if `self` is not later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Prints whole seconds, as the protocol writes them.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_secs().fmt(f)
    }
}
