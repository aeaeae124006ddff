//! URL-encoded forms, `name=value&name=value`: the query of an APIv1 notification, and the `package`.

use super::ParseError;
use alloc::{borrow::Cow, string::String, vec::Vec};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// The characters to escape: all but the unreserved ones of RFC 3986. A space becomes `%20`, never `+`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Appends bytes to a text, percent-escaped with upper-case digits.
pub fn escape(bytes: &[u8], output: &mut String) {
    output.extend(percent_encode(bytes, RESERVED));
}

/// Returns whether a text needs no escapes.
pub(crate) fn needs_no_escape(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
}

/// The maximum number of pairs in a form.
pub const MAX_PAIRS: usize = 64;

/// A parsed form: pairs of names and values, unescaped to bytes, sorted by name, each name once.
///
/// A `+` is a plus sign, not a space. Values are bytes, because one of them declares their charset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form<'a> {
    pairs: Vec<Pair<'a>>,
}

#[derive(Clone, PartialEq, Eq)]
struct Pair<'a> {
    name: Cow<'a, [u8]>,
    value: Cow<'a, [u8]>,
    at: usize,
}

impl core::fmt::Debug for Pair<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}=({} bytes)", self.name.escape_ascii(), self.value.len())
    }
}

impl<'a> Form<'a> {
    /// Parses a form. Empty pairs (`a=1&&b=2`) are ignored; a name without `=` has an empty value.
    ///
    /// The caller limits the length. At most [`MAX_PAIRS`] pairs are allowed.
    ///
    /// # Errors
    ///
    /// Returns [`ParseError`] for a duplicate name, an incomplete escape, an empty name, or too many pairs.
    pub fn parse(text: &'a [u8]) -> Result<Self, ParseError> {
        // Notifications have up to eighteen pairs.
        let mut pairs: Vec<Pair<'a>> = Vec::with_capacity(18);
        let mut at = 0_usize;
        for piece in text.split(|byte| *byte == b'&') {
            if !piece.is_empty() {
                if pairs.len() == MAX_PAIRS {
                    return Err(ParseError::new(at, "too many pairs"));
                }
                pairs.push(Pair::parse(piece, at)?);
            }
            at = at.saturating_add(piece.len()).saturating_add(1);
        }
        // WeChat Pay sends the pairs sorted, so that sorting is usually skipped.
        if !pairs.is_sorted_by(|one, next| one.name < next.name) {
            pairs.sort_by(|one, other| one.name.cmp(&other.name));
            let duplicate = pairs.iter().zip(pairs.iter().skip(1)).find(|(one, next)| one.name == next.name);
            if let Some((one, next)) = duplicate {
                return Err(ParseError::new(one.at.max(next.at), "duplicate name"));
            }
        }
        Ok(Self { pairs })
    }

    /// Returns the value under this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.pairs.iter().find(|pair| *pair.name == *name.as_bytes()).map(|pair| &*pair.value)
    }

    /// Returns all pairs, in ASCII order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.pairs.iter().map(|pair| (&*pair.name, &*pair.value))
    }
}

impl<'a> Pair<'a> {
    fn parse(piece: &'a [u8], at: usize) -> Result<Self, ParseError> {
        let (name, value) = split(piece, b'=').unwrap_or((piece, b""));
        if name.is_empty() {
            return Err(ParseError::new(at, "empty name"));
        }
        if !piece.contains(&b'%') {
            return Ok(Self { name: Cow::Borrowed(name), value: Cow::Borrowed(value), at });
        }
        let value_at = at.saturating_add(name.len()).saturating_add(1);
        Ok(Self { name: unescape(name, at)?, value: unescape(value, value_at)?, at })
    }
}

/// Splits a text at the first such byte, and drops the byte.
fn split(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let (before, rest) = text.split_at_checked(text.iter().position(|other| *other == byte)?)?;
    Some((before, rest.get(1..)?))
}

/// Copies a text without its escapes. Rejects an escape without two digits, which lenient decoders leave unchanged.
fn unescape<'a>(text: &[u8], at: usize) -> Result<Cow<'a, [u8]>, ParseError> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, escape)) = split(rest, b'%') {
        plain.extend_from_slice(before);
        let mut byte = [0];
        rest = match escape {
            [high, low, after @ ..] if hex::decode_to_slice([*high, *low], &mut byte).is_ok() => after,
            _ => {
                let read = text.len().saturating_sub(rest.len()).saturating_add(before.len());
                return Err(ParseError::new(at.saturating_add(read), "incomplete escape"));
            }
        };
        plain.extend_from_slice(&byte);
    }
    plain.extend_from_slice(rest);
    Ok(Cow::Owned(plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{borrow::ToOwned, format};
    use proptest::prelude::*;

    #[test]
    fn form_pairs_are_sorted_and_unescaped_to_bytes() {
        let form = Form::parse(b"b=%B2%E2&a=1+2%2B&c&d=").unwrap();
        let pairs: Vec<_> = form.iter().collect();
        let expected: [(&[u8], &[u8]); 4] = [(b"a", b"1+2+"), (b"b", b"\xB2\xE2"), (b"c", b""), (b"d", b"")];
        assert_eq!(pairs, expected);
        assert_eq!(form.value("b"), Some(&b"\xB2\xE2"[..]));
        assert_eq!(form.value("e"), None);
    }

    #[test]
    fn form_rejects_a_duplicate_name_at_its_second_offset_escaped_or_not() {
        assert_eq!(Form::parse(b"a=1&b=2&%61=1").unwrap_err(), ParseError::new(8, "duplicate name"));
    }

    #[test]
    fn form_rejects_an_incomplete_escape_at_its_offset() {
        for (text, at) in [("a=%", 2), ("a=%4", 2), ("a=12%G1", 4), ("ab%zz=1", 2), ("x=1&a=%41%", 9)] {
            assert_eq!(Form::parse(text.as_bytes()).unwrap_err().offset, at, "{text}");
        }
    }

    #[test]
    fn form_ignores_empty_pairs_and_rejects_empty_names() {
        assert_eq!(Form::parse(b"&a=1&&b=2&").unwrap().iter().count(), 2);
        assert_eq!(Form::parse(b"a=1&=2").unwrap_err().offset, 4);
    }

    #[test]
    fn form_rejects_too_many_pairs() {
        let many: Vec<_> = (0..=MAX_PAIRS).map(|number| format!("n{number}=1")).collect();
        assert!(Form::parse(many.join("&").as_bytes()).is_err());
        assert!(Form::parse(many[1..].join("&").as_bytes()).is_ok());
    }

    #[test]
    fn form_debug_omits_values() {
        assert!(!format!("{:?}", Form::parse(b"a=planted").unwrap()).contains("planted"));
    }

    proptest! {
        #[test]
        fn form_escape_round_trips(value: Vec<u8>) {
            let mut text = "v=".to_owned();
            escape(&value, &mut text);
            let form = Form::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(form.value("v"), Some(&value[..]));
        }

        #[test]
        fn form_parse_never_panics(text: Vec<u8>) {
            if let Err(error) = Form::parse(&text) {
                prop_assert!(error.offset <= text.len());
            }
        }
    }
}
