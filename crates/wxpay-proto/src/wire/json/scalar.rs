//! The values without members that objects are read from.

use super::{
    Text,
    read::{InvalidMember, Outcome, Read},
};
use crate::{clock::UnixTime, money::Fen, prelude::*, secret::PersonalData, wire::time};

impl<'de> Read<'de> for String {
    const SHAPE: &'static str = "must be a string";

    fn from_text(text: Cow<'de, str>) -> Outcome<Self> {
        Ok(text.into_owned())
    }
}

impl<'de: 'a, 'a> Read<'de> for Text<'a> {
    const SHAPE: &'static str = String::SHAPE;

    fn from_text(text: Cow<'de, str>) -> Outcome<Self> {
        Ok(Self(text))
    }
}

impl<'de> Read<'de> for PersonalData {
    const SHAPE: &'static str = String::SHAPE;

    fn from_text(text: Cow<'de, str>) -> Outcome<Self> {
        String::from_text(text).map(Self::from)
    }
}

impl<'de> Read<'de> for UnixTime {
    const SHAPE: &'static str = "must be a time of the form 2018-06-08T10:34:56+08:00";

    fn from_text(text: Cow<'de, str>) -> Outcome<Self> {
        time::parse_rfc3339(&text).map_err(|_| InvalidMember::new(Self::SHAPE))
    }
}

impl Read<'_> for u64 {
    const SHAPE: &'static str = "must be a whole number, not negative";

    fn from_number(number: u64) -> Outcome<Self> {
        Ok(number)
    }
}

impl Read<'_> for u32 {
    const SHAPE: &'static str = "must be a whole number below 4294967296, not negative";

    fn from_number(number: u64) -> Outcome<Self> {
        Self::try_from(number).map_err(|_| InvalidMember::new(Self::SHAPE))
    }
}

impl Read<'_> for Fen {
    const SHAPE: &'static str = "must be a whole number of fen, not negative";

    fn from_number(number: u64) -> Outcome<Self> {
        Ok(Self::new(number))
    }
}

impl Read<'_> for bool {
    const SHAPE: &'static str = "must be true or false";

    fn from_bool(value: bool) -> Outcome<Self> {
        Ok(value)
    }
}

/// Implements [`Read`] for types that are parsed from a text.
macro_rules! read_text {
    ($($name:ty)*) => {$(
        impl<'de> $crate::wire::json::read::Read<'de> for $name {
            const SHAPE: &'static str = "must be a string";

            fn from_text(text: alloc::borrow::Cow<'de, str>) -> $crate::wire::json::read::Outcome<Self> {
                text.parse().map_err(|invalid: $crate::id::InvalidField| {
                    $crate::wire::json::read::InvalidMember::new(invalid.rule())
                })
            }
        }
    )*};
}
pub(crate) use read_text;
