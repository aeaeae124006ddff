//! Settings for behaviour that the documents leave open or that changed over the years.
//!
//! The defaults are the rules of 2026 for [APIv3](V3) and of 2014 for [APIv1](V1). "Not documented" marks a field for
//! which the documents have no rule; its default is a choice.

mod v1;
mod v3;

pub use v1::{
    BadSignatureCode, Era, ExpiredTokenCode, LeakedKey, PlusSign, ReplacedTokenCode, ReusedOrderNumber,
    SecondSignPackage, SuccessMatch, V1, WrongSecretCode,
};
pub use v3::{
    CatalogueCheck, CloseUnknownOrder, GzipPlace, LengthUnit, NoCertificateMessage, RefundOutcome,
    UserPayingReply, V3,
};

use std::time::Duration;

/// Settings of the gateway. Start from the default and change fields.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settings {
    /// Maximum number of orders that the gateway remembers. Beyond it, the oldest closed order is forgotten first: paid,
    /// closed, reversed or failed; then the oldest open one. The same number bounds the transfers and, by themselves, the
    /// authorizations.
    pub max_orders: usize,
    /// Delay from a payment to the first delivery of its notification.
    pub notify_delay: Duration,
    /// Timeout of a delivery. Not documented.
    pub notify_timeout: Duration,
    /// Settings of APIv3.
    pub v3: V3,
    /// Settings of APIv1.
    pub v1: V1,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_orders: 100_000,
            notify_delay: Duration::ZERO,
            notify_timeout: Duration::from_secs(5),
            v3: V3::default(),
            v1: V1::default(),
        }
    }
}
