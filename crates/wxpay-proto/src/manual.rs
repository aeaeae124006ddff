//! The manual: guides that are linked, versioned and compiled with the crate.

pub mod design;
pub mod driving;
pub mod money;
pub mod protocol;
pub mod quirks;
pub mod security;
