//! Integration tests of the simulator: requests, notifications, faults, the payer's client, the control interface,
//! HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    unreachable_pub,
    missing_debug_implementations,
    reason = "tests may panic, and no crate imports them"
)]

mod access;
mod arbitrary;
mod calls;
mod control;
mod core;
mod faults;
mod http;
mod https;
mod log;
mod notifications;
mod page;
mod payer;
mod support;
mod v3;
