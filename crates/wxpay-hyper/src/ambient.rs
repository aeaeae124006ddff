//! The only clock, the only source of randomness and the only access to the environment of this crate. Every other
//! module takes them from here.

use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::Instant;
use wxpay_proto::{UnixTime, entropy::Entropy};

/// Returns the system time, or the epoch if the system clock is set earlier.
#[allow(clippy::disallowed_methods, reason = "the only clock")]
pub(crate) fn now() -> UnixTime {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::EPOCH.after(since_epoch)
}

/// Returns the monotonic time, for durations and deadlines only.
#[allow(clippy::disallowed_methods, reason = "the only monotonic clock")]
pub(crate) fn monotonic_now() -> Instant {
    Instant::now()
}

/// Draws 32 random bytes from the operating system.
///
/// # Errors
///
/// If the operating system returns no random bytes.
#[allow(clippy::disallowed_methods, reason = "the only source of randomness")]
pub(crate) fn try_entropy() -> Result<Entropy, getrandom::Error> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)?;
    Ok(Entropy::new(seed))
}

/// Draws 32 random bytes. The builder has called [`try_entropy`] before.
///
/// # Panics
///
/// If the operating system returns no random bytes. A payment signed with predictable bytes would be worse.
#[allow(
    clippy::expect_used,
    reason = "the builder drew random bytes before, and signing without them would be unsafe"
)]
pub(crate) fn entropy() -> Entropy {
    try_entropy().expect("the operating system must keep returning random bytes")
}

/// Returns the value of an environment variable, if it is set and UTF-8.
#[cfg(feature = "aws-lc")]
#[allow(clippy::disallowed_methods, reason = "the only access to the environment")]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
