//! The simulator from outside: its calls, its notices, its troubles, its phone, its interface, over HTTP too.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    unreachable_pub,
    missing_debug_implementations,
    reason = "a test may panic, and nobody imports it"
)]

mod arbitrary;
mod calls;
mod core;
mod faults;
mod http;
mod interface;
mod notifications;
mod phone;
mod support;
mod v3;
