//! Wall-clock time, as given by the caller.

use core::{fmt, time::Duration};

/// Milliseconds since 1970-01-01T00:00:00Z. There is deliberately no `now()`: whoever drives a flow says what
/// time it is.
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
    /// The first moment that can be told.
    pub const EPOCH: Self = Self(0);

    /// A time from whole seconds, as the wire carries it.
    #[must_use]
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// A time from milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Whole seconds, as the wire wants it.
    #[must_use]
    pub const fn as_secs(self) -> u64 {
        self.0 / 1000
    }

    /// Milliseconds.
    #[must_use]
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// `self + pause`, stopping at the end of time.
    #[must_use]
    pub fn after(self, pause: Duration) -> Self {
        Self(self.0.saturating_add(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)))
    }

    /// `self - pause`, stopping at the epoch.
    #[must_use]
    pub fn before(self, pause: Duration) -> Self {
        Self(self.0.saturating_sub(u64::try_from(pause.as_millis()).unwrap_or(u64::MAX)))
    }

    /// How long from `earlier` until `self`; zero when `self` is not later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Seconds, as on the wire.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.as_secs().fmt(f)
    }
}
