//! The only clock and the only source of chance: nothing else here may ask the operating system for either.

use std::time::{SystemTime, UNIX_EPOCH};
use tokio::time::Instant;
use wxpay_proto::{UnixTime, entropy::Entropy};

/// The time of day; the epoch itself if the machine believes that it is earlier.
#[allow(clippy::disallowed_methods, reason = "the one clock")]
pub(crate) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::EPOCH.after(since)
}

/// A moment of the clock that nobody can set: for durations and deadlines only.
#[allow(clippy::disallowed_methods, reason = "the one stopwatch")]
pub(crate) fn stopwatch() -> Instant {
    Instant::now()
}

/// Fresh bytes from the operating system.
///
/// # Errors
///
/// When it has none to give.
#[allow(clippy::disallowed_methods, reason = "the one source of chance")]
pub(crate) fn try_entropy() -> Result<Entropy, getrandom::Error> {
    let mut fresh = [0; 32];
    getrandom::fill(&mut fresh)?;
    Ok(Entropy::new(fresh))
}

/// Fresh bytes, once [`try_entropy`] has been seen to work.
///
/// # Panics
///
/// When the operating system stops giving any. A payment signed with predictable bytes would be worse.
#[allow(clippy::expect_used, reason = "the builder drew once already, and there is no safe way to go on")]
pub(crate) fn entropy() -> Entropy {
    try_entropy().expect("the operating system gave random bytes before")
}
