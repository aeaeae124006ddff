//! Scenarios across the crates: complete conversations in virtual time, published values, the layout of the repository.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::wildcard_enum_match_arm,
    reason = "tests fail by panicking"
)]

mod layout;
mod rng;
mod stages;
mod v1_conversations;
mod v1_deliveries;
mod v1_properties;
mod v1_readings;
mod v1_stages;
mod v1_vectors;
mod v3_conversations;
mod v3_operations;
mod v3_signed;
mod v3_stages;
mod v3_storm;
mod v3_vectors;
