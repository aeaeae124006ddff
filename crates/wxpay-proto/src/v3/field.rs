//! Rules that many fields share.

use crate::{
    id::{Invalid, OutTradeNo},
    money::Fen,
};
use alloc::string::String;

/// A text of at most so many characters: not empty, no control characters, and none beyond the basic plane, which
/// WeChat Pay refuses.
pub(super) fn text(text: &str, most: usize, invalid: Invalid) -> Result<String, Invalid> {
    let fits = |sign: char| !sign.is_control() && u32::from(sign) <= 0xFFFF;
    let good = (1..=most).contains(&text.chars().count()) && text.chars().all(fits);
    if good { Ok(text.into()) } else { Err(invalid) }
}

/// The same of a text that may be absent.
pub(super) fn text_if(text: Option<&str>, most: usize, invalid: Invalid) -> Result<Option<String>, Invalid> {
    text.map(|given| self::text(given, most, invalid)).transpose()
}

/// An amount that can be asked for: 1 to 2 147 483 647 fen, what their `int` holds.
pub(super) fn amount(fen: Fen, field: &'static str) -> Result<(), Invalid> {
    let good = (1..=2_147_483_647).contains(&fen.get());
    if good { Ok(()) } else { Err(Invalid::new(field, "must be 1 to 2147483647 fen")) }
}

/// A merchant's own number of an order: 6 to 32 of `0-9 A-Z a-z _ - *`.
pub(super) fn out_trade_no(number: &OutTradeNo, field: &'static str) -> Result<(), Invalid> {
    if number.is_for_v3() { Ok(()) } else { Err(Invalid::new(field, "must be 6 to 32 of 0-9 A-Z a-z _ - *")) }
}

/// What the payer reads of an order: at most 127 characters.
pub(super) fn description(text: &str) -> Result<String, Invalid> {
    self::text(
        text,
        127,
        Invalid::new("description", "must be 1 to 127 characters, none beyond the basic plane"),
    )
}

/// A text of the merchant's own that comes back: at most 128 characters.
pub(super) fn attach(text: &str) -> Result<String, Invalid> {
    self::text(text, 128, Invalid::new("attach", "must be 1 to 128 characters, none beyond the basic plane"))
}

/// A mark for coupons: at most 32 characters.
pub(super) fn goods_tag(text: &str) -> Result<String, Invalid> {
    self::text(text, 32, Invalid::new("goods_tag", "must be 1 to 32 characters"))
}

/// The merchant's device: at most 32 characters.
pub(super) fn device_id(text: &str) -> Result<String, Invalid> {
    self::text(text, 32, Invalid::new("device_id", "must be 1 to 32 characters"))
}

/// A merchant's own number of goods.
pub(super) fn goods_id(text: &str) -> Result<(), Invalid> {
    let sign = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if (1..=32).contains(&text.len()) && text.bytes().all(sign) {
        Ok(())
    } else {
        Err(Invalid::new("merchant_goods_id", "must be 1 to 32 letters, digits, - and _"))
    }
}

/// A word of WeChat Pay's, as an open set: those that a program acts on have names, others keep their text.
macro_rules! open_words {
    ($(#[$doc:meta])* $name:ident { $($(#[$each:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$each])* $variant,)+
            /// One that has no name here yet.
            Other(alloc::string::String),
        }

        impl $name {
            /// The wire form.
            #[must_use]
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
                crate::wire::json::from_text(deserializer, |word| Ok::<_, core::convert::Infallible>(Self::from(word)))
            }
        }
    };
}
pub(super) use open_words;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_counts_characters_and_takes_none_that_are_refused() {
        const RULE: Invalid = Invalid::new("description", "must be 1 to 4 characters");
        assert!(text("千足金棒", 4, RULE).is_ok());
        for bad in ["", "12345", "a\nb", "😀"] {
            assert_eq!(text(bad, 4, RULE), Err(RULE), "{bad:?}");
        }
    }
}
