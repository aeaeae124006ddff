//! Tests of a whole server over HTTP: a simulated gateway with real keys, a server on an SQLite file, and a shop that
//! receives webhooks.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::print_stdout,
    clippy::float_cmp,
    clippy::large_futures,
    clippy::needless_pass_by_value,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and take values as their callers have them"
)]

mod access;
mod access_token;
mod channels;
mod codes;
mod document;
mod elsewhere;
mod events;
mod files;
mod http;
mod idempotency;
mod input;
mod lists;
mod merchants;
mod notifications;
mod operation;
mod orders;
mod postgres;
mod receiver;
mod refunds;
mod shop;
mod webhooks;
