//! The server over real HTTP, against the simulated gateway.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test may stop at the first surprise"
)]

mod chase;
mod input;
mod notifications;
mod orders;
mod shop;
