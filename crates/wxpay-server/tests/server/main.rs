//! Tests of the server over HTTP, against the simulated gateway.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests fail by panicking"
)]

mod input;
mod notifications;
mod orders;
mod poll;
mod shop;
mod signed;
