//! The shared test kit of this workspace: virtual time, throw-away keys, the simulated gateway as a network, PostgreSQL
//! and Redis servers, and the bodies of the fuzz targets. Not published.

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
pub mod redis;
pub mod watch;

/// Says that something is not tested, once for each reason. Written past the capture of the test harness, which shows what
/// is printed only if a test fails.
pub fn not_tested(reason: &str) {
    static SAID: std::sync::Mutex<std::collections::BTreeSet<String>> =
        std::sync::Mutex::new(std::collections::BTreeSet::new());
    if SAID.lock().unwrap().insert(reason.to_owned()) {
        std::io::Write::write_all(&mut std::io::stderr(), format!("NOT TESTED: {reason}\n").as_bytes())
            .unwrap();
    }
}

/// Compiles and runs the examples in the README as doctests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
