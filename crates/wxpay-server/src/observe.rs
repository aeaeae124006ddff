//! Metrics, health and logs.

pub(crate) mod health;
pub(crate) mod log;
pub(crate) mod metrics;
