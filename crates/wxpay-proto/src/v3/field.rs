//! Validation rules that many fields share.

use super::body::{Context, List, Value};
use crate::{
    id::{InvalidField, OutTradeNo},
    money::Fen,
    prelude::*,
};
use serde::Serializer;

/// A text of 1 to `MAX` characters, no control characters, and none beyond U+FFFF, which WeChat Pay rejects. There is no
/// `Debug`: texts may contain personal data.
#[derive(Clone, PartialEq, Eq, serde::Serialize)]
#[serde(transparent)]
pub(super) struct Chars<const MAX: usize>(String);

impl<const MAX: usize> Chars<MAX> {
    const RULE: &str = chars_rule(MAX);

    pub(super) fn new(field: &'static str, text: impl AsRef<str>) -> Result<Self, InvalidField> {
        self::text(text.as_ref(), MAX, InvalidField::new(field, Self::RULE)).map(Self)
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns the rule of [`Chars`]. It is evaluated at compile time.
const fn chars_rule(max: usize) -> &'static str {
    macro_rules! rules {
        ($($max:literal)*) => {
            match max {
                $($max => concat!("must be 1 to ", $max, " characters, none beyond U+FFFF"),)*
                #[allow(clippy::panic, reason = "fails the build, not a call")]
                _ => panic!("add this maximum to the list"),
            }
        };
    }
    rules! { 10 15 32 64 80 127 128 256 512 6000 }
}

/// A list of 1 to 50 entries, the limit of WeChat Pay's lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entries<T>(Vec<T>);

impl<T> Entries<T> {
    pub(super) fn new(field: &'static str, entries: Vec<T>) -> Result<Self, InvalidField> {
        if (1..=50).contains(&entries.len()) {
            Ok(Self(entries))
        } else {
            Err(InvalidField::new(field, "must have 1 to 50 entries"))
        }
    }

    pub(super) fn as_slice(&self) -> &[T] {
        &self.0
    }
}

impl<T: Value> Value for Entries<T> {
    fn write<S: Serializer>(&self, context: &dyn Context, serializer: S) -> Result<S::Ok, S::Error> {
        List(&self.0).write(context, serializer)
    }
}

/// Defines a field type for an ASCII text: its rule, its maximum length, and the bytes it may have.
macro_rules! ascii {
    ($(#[$doc:meta])* $name:ident = $rule:literal, $max:literal, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
        #[serde(transparent)]
        pub(super) struct $name(String);

        impl $name {
            pub(super) fn new(field: &'static str, text: impl AsRef<str>) -> Result<Self, InvalidField> {
                let (text, allowed): (&str, fn(u8) -> bool) = (text.as_ref(), $allowed);
                if (1..=$max).contains(&text.len()) && text.bytes().all(allowed) {
                    Ok(Self(text.into()))
                } else {
                    Err(InvalidField::new(field, $rule))
                }
            }
        }
    };
}

ascii! {
    /// The merchant's number of goods.
    GoodsId = "must be 1 to 32 letters, digits, - and _", 32,
    |byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)
}

ascii! {
    /// The code of a bank in WeChat Pay's documentation.
    BankType = "must be 1 to 16 capital letters, digits and _", 16,
    |byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_'
}

ascii! {
    /// The id of a transfer scene. The ids are an open set.
    SceneId = "must be 1 to 36 letters and digits", 36, |byte| byte.is_ascii_alphanumeric()
}

ascii! {
    /// WeChat Pay's number of a profit sharing.
    OrderId = "must be 1 to 64 visible ASCII characters", 64, |byte| byte.is_ascii_graphic()
}

/// Checks a text: 1 to `max` characters, no control characters, and none beyond U+FFFF, which WeChat Pay rejects.
pub(super) fn text(text: &str, max: usize, invalid: InvalidField) -> Result<String, InvalidField> {
    let allowed = |character: char| !character.is_control() && u32::from(character) <= 0xFFFF;
    let is_valid = (1..=max).contains(&text.chars().count()) && text.chars().all(allowed);
    if is_valid { Ok(text.into()) } else { Err(invalid) }
}

/// Checks an amount: 1 to 2 147 483 647 fen, the range of WeChat Pay's `int`.
pub(super) fn amount(fen: Fen, field: &'static str) -> Result<Fen, InvalidField> {
    let is_valid = (1..=2_147_483_647).contains(&fen.get());
    if is_valid { Ok(fen) } else { Err(InvalidField::new(field, "must be 1 to 2147483647 fen")) }
}

/// Checks a merchant's order number: 6 to 32 of `0-9 A-Z a-z _ - *`.
pub(super) fn out_trade_no(number: &OutTradeNo, field: &'static str) -> Result<(), InvalidField> {
    if number.is_valid_for_v3() {
        Ok(())
    } else {
        Err(InvalidField::new(field, "must be 6 to 32 of 0-9 A-Z a-z _ - *"))
    }
}

/// Defines an enum for an open set of WeChat Pay's string values: values that programs act on are variants, all others
/// keep their text in `Other`.
macro_rules! open_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$each])* $variant,)+
            /// A value that has no variant here yet.
            Other(alloc::string::String),
        }

        impl $name {
            /// Returns the value on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $word,)+
                    Self::Other(word) => word,
                }
            }
        }

        impl From<&str> for $name {
            fn from(word: &str) -> Self {
                match word {
                    $($word => Self::$variant,)+
                    other => Self::Other(other.into()),
                }
            }
        }

        impl core::fmt::Display for $name {
            fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                crate::wire::json::parse_str(deserializer, |word| Ok::<_, core::convert::Infallible>(Self::from(word)))
            }
        }

        impl<'de> crate::wire::json::read::Read<'de> for $name {
            const SHAPE: &'static str = "must be a string";

            fn from_text(word: alloc::borrow::Cow<'de, str>) -> crate::wire::json::read::Outcome<Self> {
                Ok(Self::from(&*word))
            }
        }
    };
}
pub(super) use open_enum;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_limited_in_characters_and_excludes_rejected_ones() {
        const RULE: InvalidField = InvalidField::new("description", "must be 1 to 4 characters");
        assert!(text("千足金棒", 4, RULE).is_ok());
        for bad in ["", "12345", "a\nb", "😀"] {
            assert_eq!(text(bad, 4, RULE), Err(RULE), "{bad:?}");
        }
    }
}
