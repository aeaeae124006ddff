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
pub(crate) fn needs_no_escape(text: &[u8]) -> bool {
    text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(byte))
}

/// The maximum number of pairs in a form.
pub const MAX_PAIRS: usize = 64;

/// A parsed form: pairs of names and values, unescaped to bytes, sorted by name, each name once.
///
/// Only the forms that WeChat Pay and its merchants write are accepted, so that no two readers of one text disagree:
///
/// * Names are never escaped, and neither are letters and digits in values: no encoder does it.
/// * What is not visible ASCII is always escaped. The letter case of an escape is free: the documents print both.
/// * A `+` is a plus sign, not a space: the documents write a space as `%20`.
///
/// Values are bytes, because one of them declares their charset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form<'a> {
    pairs: Vec<Pair<'a>>,
}

#[derive(Clone, PartialEq, Eq)]
struct Pair<'a> {
    name: &'a [u8],
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
    /// Returns [`ParseError`] for a duplicate name, an empty or escaped name, an incomplete or needless escape, a
    /// character that must be escaped, or too many pairs.
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
            pairs.sort_by(|one, other| one.name.cmp(other.name));
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
        self.pairs.iter().find(|pair| pair.name == name.as_bytes()).map(|pair| &*pair.value)
    }

    /// Returns all pairs, in ASCII order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.pairs.iter().map(|pair| (pair.name, &*pair.value))
    }
}

impl<'a> Pair<'a> {
    fn parse(piece: &'a [u8], at: usize) -> Result<Self, ParseError> {
        let (name, value) = split(piece, b'=').unwrap_or((piece, b""));
        if name.is_empty() {
            return Err(ParseError::new(at, "empty name"));
        }
        if !needs_no_escape(name) {
            return Err(ParseError::new(at, "name is not plain"));
        }
        let value_at = at.saturating_add(name.len()).saturating_add(1);
        Ok(Self { name, value: unescape(value, value_at)?, at })
    }
}

/// Splits a text at the first such byte, and drops the byte.
fn split(text: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let (before, rest) = text.split_at_checked(text.iter().position(|other| *other == byte)?)?;
    Some((before, rest.get(1..)?))
}

/// Returns a text without its escapes, which is copied only if it has any.
fn unescape(text: &[u8], at: usize) -> Result<Cow<'_, [u8]>, ParseError> {
    // Lenient decoders leave an incomplete escape unchanged, and would read another text.
    let special = |byte: &u8| !matches!(byte, b'!'..=b'~') || *byte == b'%';
    let mut plain = Vec::new();
    let mut rest = text;
    while let Some(length) = rest.iter().position(special) {
        let error = |problem| {
            let read = text.len().saturating_sub(rest.len()).saturating_add(length);
            ParseError::new(at.saturating_add(read), problem)
        };
        let (before, escape) = rest.split_at_checked(length).unwrap_or((rest, b""));
        let [b'%', high, low, after @ ..] = escape else {
            let is_escape = escape.first() == Some(&b'%');
            return Err(error(if is_escape { "incomplete escape" } else { "character must be escaped" }));
        };
        let mut byte = [0];
        hex::decode_to_slice([*high, *low], &mut byte).map_err(|_| error("incomplete escape"))?;
        let [byte] = byte;
        if byte.is_ascii_alphanumeric() {
            return Err(error("needless escape"));
        }
        plain.reserve(rest.len());
        plain.extend_from_slice(before);
        plain.push(byte);
        rest = after;
    }
    if plain.is_empty() {
        return Ok(Cow::Borrowed(text));
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
    fn form_rejects_a_duplicate_name_at_its_second_offset() {
        assert_eq!(Form::parse(b"a=1&b=2&a=1").unwrap_err(), ParseError::new(8, "duplicate name"));
        assert_eq!(Form::parse(b"b=1&a=2&b=1").unwrap_err(), ParseError::new(8, "duplicate name"));
        // In another letter case it is another name, which no signed message has.
        assert!(Form::parse(b"A=1&a=2").is_ok());
    }

    #[test]
    fn form_rejects_an_incomplete_escape_at_its_offset() {
        for (text, at) in [("a=%", 2), ("a=%4", 2), ("a=12%G1", 4), ("a=%+1", 2), ("x=1&a=%20%", 9)] {
            assert_eq!(Form::parse(text.as_bytes()).unwrap_err(), ParseError::new(at, "incomplete escape"));
        }
    }

    #[test]
    fn form_rejects_every_escape_that_no_encoder_writes() {
        for (text, at) in [("a=%41", 2), ("a=1&b=x%7a", 7), ("a=%30", 2)] {
            assert_eq!(Form::parse(text.as_bytes()).unwrap_err(), ParseError::new(at, "needless escape"));
        }
        for (text, at) in [("%61=1", 0), ("a=1&b%5Fc=1", 4), ("a b=1", 0), ("测=1", 0)] {
            assert_eq!(Form::parse(text.as_bytes()).unwrap_err(), ParseError::new(at, "name is not plain"));
        }
        // Encoders differ in these, and their letter case is free.
        let form = Form::parse(b"a=%2d%2D%7e~*!&b=%b2%E2").unwrap();
        assert_eq!((form.value("a"), form.value("b")), (Some(&b"--~~*!"[..]), Some(&b"\xB2\xE2"[..])));
    }

    #[test]
    fn form_rejects_characters_that_a_url_cannot_have() {
        for (text, at) in
            [(&b"a=1 2"[..], 3), (b"a=\xB2\xE2", 2), (b"a=1&b=\0", 6), (b"a=\t", 2), (b"a=%20\x7F", 5)]
        {
            assert_eq!(Form::parse(text).unwrap_err(), ParseError::new(at, "character must be escaped"));
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
