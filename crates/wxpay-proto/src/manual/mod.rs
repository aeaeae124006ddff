//! The manual: prose that is linked, versioned and compiled.

pub mod design;
pub mod driving;
pub mod money;
pub mod quirks;
pub mod security;
