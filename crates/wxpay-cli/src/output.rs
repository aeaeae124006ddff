//! Printing to standard output.
//!
//! A reader that closes the pipe early, as `head` does, is no failure: the command continues, and its exit status tells
//! its result.

use crate::Failure;
use serde::Serialize;
use std::{
    fmt,
    io::{self, Write as _},
};

/// Prints bytes as they are.
pub(crate) fn bytes(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(Failure::doing("cannot write to standard output")),
    }
}

/// Prints bytes, and a line break if they do not end with one. Nothing is printed for no bytes.
pub(crate) fn with_line_break(text: &[u8]) -> Result<(), Failure> {
    bytes(text)?;
    if text.is_empty() || text.ends_with(b"\n") { Ok(()) } else { bytes(b"\n") }
}

/// Prints a text and a line break.
pub(crate) fn line(text: impl fmt::Display) -> Result<(), Failure> {
    bytes(format!("{text}\n").as_bytes())
}

/// Prints one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<(), Failure> {
    let mut text = serde_json::to_vec(value).map_err(Failure::doing("cannot write JSON"))?;
    text.push(b'\n');
    bytes(&text)
}

/// Prints a message to standard error. If that fails, there is nowhere left to report it.
pub(crate) fn note(message: impl fmt::Display) {
    drop(writeln!(io::stderr(), "wxpay: {message}"));
}
