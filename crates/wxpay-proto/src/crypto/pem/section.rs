//! The sections of a PEM text.
//!
//! Environment variables and configuration files often lose the line breaks, or write them out as `\n`. They carry no
//! information, so any white space and any such escape is skipped within a section.

use super::Problem;
use crate::{prelude::*, wire::base64};
use zeroize::Zeroizing;

const BEGIN: &[u8] = b"-----BEGIN ";
const DASHES: &[u8] = b"-----";
const MAX_LABEL_LEN: usize = 64;

/// A section: its label, and its body in base64, possibly with line breaks.
pub(super) struct Section<'a> {
    pub(super) label: &'a [u8],
    body: &'a [u8],
}

/// Returns whether the text has a section.
pub(super) fn is_pem(text: &[u8]) -> bool {
    split_at(text, BEGIN).is_some()
}

/// Splits off the first section. Returns it with the text after it, or `None` if there is none.
pub(super) fn next(text: &[u8]) -> Option<Result<(Section<'_>, &[u8]), Problem>> {
    let (_, text) = split_at(text, BEGIN)?;
    let Some((label, text)) = split_at(text, DASHES).filter(|(label, _)| label.len() <= MAX_LABEL_LEN) else {
        return Some(Err(Problem::BeginLine));
    };
    let end = [b"-----END ", label, DASHES].concat();
    Some(match split_at(text, &end) {
        Some((body, text)) if !is_pem(body) => Ok((Section { label, body }, text)),
        _ => Err(Problem::NoEnd),
    })
}

impl Section<'_> {
    pub(super) fn decode(&self) -> Result<Zeroizing<Vec<u8>>, Problem> {
        decode(self.body)
    }

    /// Returns whether PKCS#1 states in a header that the key is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        split_at(self.body, b"Proc-Type: 4,ENCRYPTED").is_some()
    }
}

/// Decodes base64 with white space and written-out line breaks. Every copy is wiped.
pub(super) fn decode(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let mut compact = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        if let (b'\\', [b'n' | b'r', after @ ..]) = (byte, after) {
            rest = after;
            continue;
        }
        if !byte.is_ascii_whitespace() {
            compact.push(byte);
        }
        rest = after;
    }
    base64::decode_secret(&compact).map_err(|_| Problem::Base64)
}

fn split_at<'a>(text: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(separator.len()).position(|window| window == separator)?;
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, rest.strip_prefix(separator)?))
}
