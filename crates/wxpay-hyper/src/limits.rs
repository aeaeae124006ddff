//! Limits of what is streamed.

use std::time::Duration;

/// How long and how large a file may be.
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
