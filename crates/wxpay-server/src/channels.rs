//! Channels: from the fields of `POST /api/orders` to the request of WeChat Pay, and to the payer's client.
//!
//! ```text
//! JSON ─▶ Terms::parse ─▶ Terms ─▶ request() ─▶ PrepayCall ─▶ run ─▶ Prepay ─▶ pay(): signed anew each time
//!                          │          rules.rs, one file per channel    │
//!                          └─ stored: canonical JSON, digest            └─ stored, until it expires
//! ```
//!
//! The fields have APIv3's names for every API version. The app of the order decides which version serves it.

mod app;
mod channel;
pub(crate) mod code;
mod h5;
mod jsapi;
mod mini_program;
mod native;
mod order;
mod prepay;
mod reader;
mod rules;
mod terms;
mod v1_app;

pub(crate) use channel::{ApiVersion, Channel};
pub(crate) use order::request;
pub(crate) use prepay::{PayError, Prepay, PrepayCall, Reply};
#[cfg(test)]
pub(crate) use terms::Amount;
pub(crate) use terms::Terms;
