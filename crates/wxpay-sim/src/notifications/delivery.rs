//! One delivery of a notice: what to POST, and what became of it.

use super::Made;
use serde::Serialize;
use std::time::Duration;

/// The name of one delivery; no two are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct DeliveryId(pub(super) u64);

/// A notice to POST now.
#[derive(Clone)]
pub struct Delivery {
    pub(super) id: DeliveryId,
    pub(super) out_trade_no: String,
    pub(super) made: Made,
    pub(super) timeout: Duration,
    pub(super) overlaps: bool,
    pub(super) forged: bool,
}

impl Delivery {
    /// What to report its result under; see [`Gateway::delivered`](crate::Gateway::delivered).
    #[must_use]
    pub const fn id(&self) -> DeliveryId {
        self.id
    }

    /// The order it is about; for a notice that is about none, the merchant's own number of what it is about.
    #[must_use]
    pub fn out_trade_no(&self) -> &str {
        &self.out_trade_no
    }

    /// Where to POST it: the `notify_url`, in the first generation with the signed query.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.made.url
    }

    /// The raw query of the URL, without `?`.
    #[must_use]
    pub fn query(&self) -> &str {
        self.made.url.split_once('?').map_or("", |(_, query)| query)
    }

    /// The headers besides `Host` and `Content-Length`.
    #[must_use]
    pub fn headers(&self) -> &[(&'static str, String)] {
        &self.made.headers
    }

    /// XML in the first generation, JSON in the third.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.made.body
    }

    /// How long to wait for the answer.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Whether to send it without waiting for the answer to the one before.
    #[must_use]
    pub const fn overlaps(&self) -> bool {
        self.overlaps
    }

    /// Whether it is a tampered copy, which the merchant must not believe.
    #[must_use]
    pub const fn is_forged(&self) -> bool {
        self.forged
    }
}

/// Shows no query and no body.
impl std::fmt::Debug for Delivery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Delivery")
            .field("id", &self.id)
            .field("out_trade_no", &self.out_trade_no)
            .field("forged", &self.forged)
            .finish_non_exhaustive()
    }
}

/// What became of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::exhaustive_enums, reason = "there is an answer or there is none")]
pub enum DeliveryResult {
    /// The merchant answered.
    Answered {
        /// The status.
        status: u16,
        /// The body.
        body: Vec<u8>,
    },
    /// No connection, no answer in time, or half an answer.
    NoAnswer,
}
