//! JSON by serde, with errors that give the position but not the text.

pub(crate) mod read;
mod scalar;

pub use read::InvalidMember;
pub(crate) use read::object;
pub(crate) use scalar::read_text;

use super::ParseError;
use crate::prelude::*;
use core::{fmt, marker::PhantomData, ops::Deref};
use read::{Outcome, Read};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, Visitor};

/// Parses a whole JSON text in UTF-8. Nesting is limited to 128 levels. A member that the type knows must not be
/// repeated. The caller limits the length. The value may borrow from the text.
///
/// # Errors
///
/// Returns [`ParseError`] if the text is not JSON or does not match the type. The error gives the offset, never the
/// text.
pub fn parse<'a, T: Deserialize<'a>>(text: &'a [u8]) -> Result<T, ParseError> {
    parse_seed(text, PhantomData, "JSON does not match the expected structure")
}

/// Reads a whole JSON text [tolerantly](read()). The outer error is that of a text that is not JSON, or repeats a member;
/// the inner one names a required member that cannot be read. The caller limits the length.
pub(crate) fn read<'a, T: Read<'a>>(text: &'a [u8]) -> Result<Outcome<T>, ParseError> {
    parse_seed(text, read::Seed::NEW, "JSON repeats a member")
}

fn parse_seed<'a, S: DeserializeSeed<'a>>(
    text: &'a [u8],
    seed: S,
    mismatch: &'static str,
) -> Result<S::Value, ParseError> {
    // The whole text must be UTF-8: serde skips unknown members without this check.
    let characters =
        core::str::from_utf8(text).map_err(|error| ParseError::new(error.valid_up_to(), "invalid UTF-8"))?;
    let mut deserializer = serde_json::Deserializer::from_str(characters);
    let value = seed.deserialize(&mut deserializer);
    value.and_then(|value| deserializer.end().map(|()| value)).map_err(|error| {
        let problem = match error.classify() {
            serde_json::error::Category::Eof => "JSON ends unexpectedly",
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => "invalid JSON",
            serde_json::error::Category::Data => mismatch,
        };
        ParseError::new(offset(text, error.line(), error.column()), problem)
    })
}

/// Serialises a value compactly, with non-ASCII characters unescaped: some of WeChat's interfaces reject `\uXXXX`.
pub(crate) fn write(value: &(impl serde::Serialize + ?Sized)) -> Vec<u8> {
    // Only a failing `Serialize` or a map with non-text names fails here, and the values are plain structs.
    serde_json::to_vec(value).unwrap_or_default()
}

/// Deserialises a text and parses it in place, without a copy.
pub(crate) fn parse_str<'de, D, T, E>(
    deserializer: D,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    E: fmt::Display,
{
    struct Text<P>(P);

    impl<T, E: fmt::Display, P: FnOnce(&str) -> Result<T, E>> Visitor<'_> for Text<P> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a string")
        }

        fn visit_str<F: Error>(self, text: &str) -> Result<T, F> {
            (self.0)(text).map_err(F::custom)
        }
    }

    deserializer.deserialize_str(Text(parse))
}

/// A borrowed text, copied only if it has escapes. Unlike a bare [`Cow`], which serde copies inside an `Option`, it
/// borrows there, too.
#[derive(Debug, Default)]
pub(crate) struct Text<'a>(Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Borrowed;

        impl<'de> Visitor<'de> for Borrowed {
            type Value = Cow<'de, str>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Cow<'de, str>, E> {
                Ok(Cow::Borrowed(text))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Cow<'de, str>, E> {
                Ok(Cow::Owned(text.into()))
            }
        }

        deserializer.deserialize_str(Borrowed).map(Self)
    }
}

/// Returns the byte offset of a line (from 1) and a column in bytes (from 0 at the start of the line).
fn offset(text: &[u8], line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive(|byte| *byte == b'\n')
        .take(line.saturating_sub(1))
        .map(<[u8]>::len)
        .fold(0, usize::saturating_add);
    before.saturating_add(column).min(text.len())
}

/// A text that WeChat Pay writes as a string or as a whole number.
///
/// ```
/// use wxpay_proto::wire::json::{self, LenientString};
///
/// let both: Vec<LenientString> = json::parse(br#"["1", 1]"#)?;
/// assert_eq!(both[0], both[1]);
/// # Ok::<(), wxpay_proto::wire::ParseError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "a transparent wrapper for one field")]
pub struct LenientString(pub String);

impl<'de> Deserialize<'de> for LenientString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct StringOrNumberVisitor;

        impl Visitor<'_> for StringOrNumberVisitor {
            type Value = LenientString;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a whole number")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<LenientString, E> {
                Ok(LenientString(String::from(text)))
            }

            fn visit_u64<E: Error>(self, number: u64) -> Result<LenientString, E> {
                Ok(LenientString(format!("{number}")))
            }

            fn visit_i64<E: Error>(self, number: i64) -> Result<LenientString, E> {
                Ok(LenientString(format!("{number}")))
            }

            fn visit_unit<E: Error>(self) -> Result<LenientString, E> {
                Ok(LenientString::default())
            }
        }

        deserializer.deserialize_any(StringOrNumberVisitor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, serde::Deserialize)]
    struct Sample {
        #[allow(dead_code, reason = "only the parser uses it")]
        a: LenientString,
    }

    #[test]
    fn lenient_string_accepts_whole_numbers_and_rejects_floats() {
        assert_eq!(parse::<Sample>(br#"{"a":"0"}"#).unwrap().a, parse::<Sample>(br#"{"a":0}"#).unwrap().a);
        assert_eq!(parse::<Sample>(br#"{"a":-7}"#).unwrap().a.0, "-7");
        assert!(parse::<Sample>(br#"{"a":1.5}"#).is_err());
        assert!(parse::<Sample>(br#"{"a":1e9}"#).is_err());
    }

    #[test]
    fn json_text_is_copied_only_if_it_has_escapes() {
        let texts: Vec<Option<Text<'_>>> = parse(br#"["a", "\u0061", null]"#).unwrap();
        let [Some(Text(Cow::Borrowed("a"))), Some(Text(Cow::Owned(owned))), None] = &texts[..] else {
            panic!("the first must be borrowed, the second copied: {texts:?}");
        };
        assert_eq!(owned, "a");
        assert!(parse::<Text<'_>>(b"1").is_err());
    }

    #[test]
    fn parse_error_gives_the_offset_and_not_the_text() {
        let error = parse::<Sample>(b"{\n \"a\": planted}").unwrap_err();
        assert_eq!(error.offset, 9);
        assert!(!error.to_string().contains("planted"));
        assert_eq!(parse::<Sample>(b"{\"a\":1,\"b\":\"\xFF\"}").unwrap_err().offset, 12);
        assert_eq!(parse::<Sample>(b"{").unwrap_err().problem, "JSON ends unexpectedly");
        assert_eq!(
            parse::<Sample>(br#"{"a":1,"a":2}"#).unwrap_err().problem,
            "JSON does not match the expected structure"
        );
    }

    #[test]
    fn deep_nesting_is_rejected_without_a_stack_overflow() {
        let deep = "[".repeat(100_000);
        assert!(parse::<serde_json::Value>(deep.as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn json_parse_never_panics(text: Vec<u8>) {
            if let Err(error) = parse::<serde_json::Value>(&text) {
                prop_assert!(error.offset <= text.len());
            }
        }
    }
}
