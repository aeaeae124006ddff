//! Scenarios across the crates: whole conversations in virtual time, published values, the house itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    reason = "tests fail by panicking"
)]

mod v1_conversations;
mod v1_properties;
mod v1_stages;
mod v1_vectors;

/// How many cases a property runs: `PROPTEST_CASES`, or few enough to be quick.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(256)
}
