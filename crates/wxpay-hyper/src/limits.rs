//! Limits of a download.

use std::time::Duration;

/// The timeout and the maximum size of a download.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) timeout: Duration,
    pub(crate) most: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30 * 60), most: 8 << 30 }
    }
}
