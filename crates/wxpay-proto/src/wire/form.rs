//! URL-encoded forms, `name=value&name=value`: the query of an APIv1 notification, and the `package`.

use super::ParseError;
use crate::prelude::*;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};

/// The characters to escape: all but the unreserved ones of RFC 3986. A space becomes `%20`, never `+`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Appends bytes to a text, percent-escaped with upper-case digits.
pub fn escape(bytes: &[u8], output: &mut String) {
    output.extend(percent_encode(bytes, RESERVED));
}

/// Returns the text without escapes, or `None` if it is not UTF-8 then. Lenient: an incomplete escape stays as it is.
pub(crate) fn unescape(text: &str) -> Option<Cow<'_, str>> {
    percent_decode_str(text).decode_utf8().ok()
}

/// Returns whether a byte needs no escape.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Returns whether a text needs no escapes.
pub(crate) fn needs_no_escape(text: &str) -> bool {
    text.bytes().all(is_unreserved)
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
    /// Name and value as one text, `name=value`, so that a signature copies both at once.
    text: Cow<'a, [u8]>,
    name_len: usize,
    at: usize,
}

impl core::fmt::Debug for Pair<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}=({} bytes)", self.name().escape_ascii(), self.value().len())
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
        let (mut rest, mut at) = (text, 0_usize);
        while !rest.is_empty() {
            let (pair, length) = Pair::parse(rest, at)?;
            if let Some(pair) = pair {
                if pairs.len() == MAX_PAIRS {
                    return Err(ParseError::new(at, "too many pairs"));
                }
                pairs.push(pair);
            }
            // A `&` follows, or the text ends.
            rest = rest.get(length.saturating_add(1)..).unwrap_or_default();
            at = at.saturating_add(length).saturating_add(1);
        }
        // WeChat Pay sends the pairs sorted, so that sorting is usually skipped.
        if !pairs.is_sorted_by(|one, next| one.name() < next.name()) {
            pairs.sort_by(|one, other| one.name().cmp(other.name()));
            let duplicate =
                pairs.iter().zip(pairs.iter().skip(1)).find(|(one, next)| one.name() == next.name());
            if let Some((one, next)) = duplicate {
                return Err(ParseError::new(one.at.max(next.at), "duplicate name"));
            }
        }
        Ok(Self { pairs })
    }

    /// Returns the value under this name.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.pairs.iter().find(|pair| pair.name() == name.as_bytes()).map(Pair::value)
    }

    /// Returns all pairs, in ASCII order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
        self.pairs.iter().map(|pair| (pair.name(), pair.value()))
    }

    /// Returns all pairs as [`iter`](Self::iter) does, each as one unescaped text as well: name, value, `name=value`.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&[u8], &[u8], &[u8])> {
        self.pairs.iter().map(|pair| (pair.name(), pair.value(), &*pair.text))
    }
}

impl<'a> Pair<'a> {
    /// Parses the pair at the beginning of a text, and returns its length in the text. An empty pair is `None`.
    fn parse(text: &'a [u8], at: usize) -> Result<(Option<Self>, usize), ParseError> {
        let name_len = text.iter().position(|byte| !is_unreserved(*byte)).unwrap_or(text.len());
        match text.get(name_len) {
            None | Some(b'&') if name_len == 0 => return Ok((None, 0)),
            None | Some(b'&') => {
                let text = Cow::Borrowed(text.get(..name_len).unwrap_or_default());
                return Ok((Some(Self { text, name_len, at }), name_len));
            }
            Some(b'=') if name_len == 0 => return Err(ParseError::new(at, "empty name")),
            Some(b'=') => {}
            Some(_) => return Err(ParseError::new(at, "name is not plain")),
        }
        let mut plain = Vec::new();
        let (mut copied, mut read) = (0, name_len.saturating_add(1));
        loop {
            let rest = text.get(read..).unwrap_or_default();
            let length = rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len());
            read = read.saturating_add(length);
            let unescaped = text.get(copied..read).unwrap_or_default();
            match rest.get(length..).unwrap_or_default() {
                [] | [b'&', ..] if copied == 0 => {
                    return Ok((Some(Self { text: Cow::Borrowed(unescaped), name_len, at }), read));
                }
                [] | [b'&', ..] => {
                    plain.extend_from_slice(unescaped);
                    return Ok((Some(Self { text: Cow::Owned(plain), name_len, at }), read));
                }
                [b'%', high, low, ..] => {
                    let byte = unescape_byte(*high, *low)
                        .map_err(|problem| ParseError::new(at.saturating_add(read), problem))?;
                    if copied == 0 {
                        // Most values with escapes are short texts of nothing else.
                        plain.reserve(read.saturating_add(length).saturating_add(64));
                    }
                    plain.extend_from_slice(unescaped);
                    plain.push(byte);
                    read = read.saturating_add(3);
                    copied = read;
                }
                [b'%', ..] => return Err(ParseError::new(at.saturating_add(read), "incomplete escape")),
                _ => return Err(ParseError::new(at.saturating_add(read), "character must be escaped")),
            }
        }
    }

    fn name(&self) -> &[u8] {
        self.text.get(..self.name_len).unwrap_or_default()
    }

    fn value(&self) -> &[u8] {
        self.text.get(self.name_len.saturating_add(1)..).unwrap_or_default()
    }
}

/// Returns whether a byte ends a run of characters that stand for themselves in a value.
const fn is_special(byte: u8) -> bool {
    !matches!(byte, b'!'..=b'~') || matches!(byte, b'%' | b'&')
}

/// Returns the byte of an escape. Lenient decoders leave an incomplete one unchanged, and would read another text.
fn unescape_byte(high: u8, low: u8) -> Result<u8, &'static str> {
    let mut byte = [0];
    hex::decode_to_slice([high, low], &mut byte).map_err(|_| "incomplete escape")?;
    let [byte] = byte;
    if byte.is_ascii_alphanumeric() { Err("needless escape") } else { Ok(byte) }
}

#[cfg(test)]
mod tests {
    use super::*;
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
