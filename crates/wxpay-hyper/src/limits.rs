//! Limits of a download.

use std::time::Duration;

/// The timeout and the maximum size of a download.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DownloadLimits {
    pub(crate) timeout: Duration,
    pub(crate) max_bytes: u64,
}

impl Default for DownloadLimits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(30 * 60), max_bytes: 8 << 30 }
    }
}
