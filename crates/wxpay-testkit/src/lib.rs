//! The shared test kit of this workspace: virtual time, throw-away keys, the simulated gateway as a network, a PostgreSQL
//! server, and the bodies of the fuzz targets. Not published.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a test kit fails by panicking"
)]

pub mod drive;
pub mod fuzz;
pub mod keys;
pub mod network;
pub mod null;
pub mod postgres;
pub mod watch;

/// Compiles and runs the examples in the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
