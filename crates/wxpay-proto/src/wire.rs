//! Parsing and serialisation, without policy and without keys.
//!
//! Every parser here takes bytes that an attacker may have chosen. Each states its limits, never panics, and reports
//! the position of an error but never the text.

pub mod base64;
pub mod bill;
pub mod charset;
pub mod form;
pub(crate) mod gzip;
pub mod json;
pub mod multipart;
pub mod time;
pub mod xml;

use core::{error, fmt};

/// The error for bytes that cannot be parsed: position and problem, never the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseError {
    /// The offset of the problem, in bytes.
    pub offset: usize,
    /// The problem, in a few words.
    pub problem: &'static str,
}

impl ParseError {
    pub(crate) const fn new(offset: usize, problem: &'static str) -> Self {
        Self { offset, problem }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.problem, self.offset)
    }
}

impl error::Error for ParseError {}
