//! Bytes to values and back; no policy, no keys.
//!
//! Every reader here takes bytes that an attacker chose. Each states its limits, never panics, and reports the
//! place of a fault but not the text.

pub mod base64;
pub mod bill;
pub mod charset;
pub mod form;
pub mod json;
pub mod multipart;
pub mod time;
pub mod xml;

use core::{error, fmt};

/// Bytes that cannot be read: where, and what is wrong there. Never the bytes themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unreadable {
    /// The offset in bytes.
    pub at: usize,
    /// What is wrong, in a few words.
    pub what: &'static str,
}

impl Unreadable {
    pub(crate) const fn new(at: usize, what: &'static str) -> Self {
        Self { at, what }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

impl error::Error for Unreadable {}
