//! Declared fields of requests.
//!
//! A product declares the fields of its operation as a table of [`Field`]s: the name, the Chinese name that refusals
//! show, and the kind of the value. [`Check`] validates a request against its tables before the product sees it, and
//! [`wording`] words the refusals as the gateway's own field check does.

mod check;
mod url;
mod wording;

pub(crate) use check::Check;
pub(crate) use wording::{described, duplicate_parameter, malformed_body, not_multipart};

/// A field that a request may have.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    /// The documents' Chinese name, which refusals show; the field's own name where they give none.
    pub(crate) title: &'static str,
    pub(crate) is_required: bool,
    pub(crate) kind: Kind,
}

/// Declares a required field.
pub(crate) const fn required(name: &'static str, title: &'static str, kind: Kind) -> Field {
    Field { name, title, is_required: true, kind }
}

/// Declares an optional field.
pub(crate) const fn optional(name: &'static str, title: &'static str, kind: Kind) -> Field {
    Field { name, title, is_required: false, kind }
}

/// The type of a field.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    /// A string: its length and its alphabet.
    Text(Length, Alphabet),
    /// A ciphertext in Base64. A request that has one must name the key in `Wechatpay-Serial`.
    Encrypted,
    /// A 64-bit signed integer in a range, both ends included.
    Number(u64, u64),
    /// `true` or `false`.
    Boolean,
    /// A time in the format of RFC 3339.
    Time,
    /// An absolute `http` or `https` URL without query, of at most 256 bytes.
    Url,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// An object with these fields.
    Object(&'static [Field]),
    /// A list of one type: its minimum and maximum length.
    List(&'static Self, usize, usize),
}

/// Declares a string of 1 to `max` of any alphabet, in the unit of the setting
/// [`length_unit`](crate::settings::V3::length_unit).
pub(crate) const fn text(max: usize) -> Kind {
    Kind::Text(Length { min: 1, max, unit: Unit::Open }, Alphabet::Any)
}

/// Declares a string like [`text`] that may be empty.
pub(crate) const fn text_or_empty(max: usize) -> Kind {
    Kind::Text(Length { min: 0, max, unit: Unit::Open }, Alphabet::Any)
}

/// The minimum and maximum length of a string.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Length {
    min: usize,
    max: usize,
    unit: Unit,
}

/// Declares a length that the gateway counts in bytes, as public replies or an alphabet of ASCII show.
pub(crate) const fn bytes(min: usize, max: usize) -> Length {
    Length { min, max, unit: Unit::Bytes }
}

/// Declares a length that the gateway counts in characters, as public replies show.
pub(crate) const fn characters(min: usize, max: usize) -> Length {
    Length { min, max, unit: Unit::Characters }
}

#[derive(Clone, Copy, Debug)]
enum Unit {
    Bytes,
    Characters,
    /// Unknown: a setting decides.
    Open,
}

/// The alphabet of a string. Characters outside the Basic Multilingual Plane are never allowed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Alphabet {
    /// Any.
    Any,
    /// `0-9`
    Digits,
    /// `0-9 A-Z a-z`: the number of a transfer.
    Alphanumeric,
    /// `0-9 A-Z a-z _ - | *`: the number of an order. The documents omit `|`; the gateway's own expression has it.
    OrderNumber,
    /// `0-9 A-Z a-z _ - | * @`: the number of a refund.
    RefundNumber,
}

impl Alphabet {
    fn contains(self, character: char) -> bool {
        match self {
            Self::Any => true,
            Self::Digits => character.is_ascii_digit(),
            Self::Alphanumeric => character.is_ascii_alphanumeric(),
            Self::OrderNumber => character.is_ascii_alphanumeric() || "_-|*".contains(character),
            Self::RefundNumber => character.is_ascii_alphanumeric() || "_-|*@".contains(character),
        }
    }

    /// The rule in the words of a refusal. Public replies show those of letters and digits and of order numbers.
    const fn rule(self) -> &'static str {
        match self {
            Self::Any => "字符串可以是任意字符",
            Self::Digits => "字符串只能是数字",
            Self::Alphanumeric => "字符串只能是数字和字母",
            Self::OrderNumber => r"字符串必须匹配正则表达式“^[0-9a-zA-Z_\-\|\*]+$”",
            Self::RefundNumber => r"字符串必须匹配正则表达式“^[0-9a-zA-Z_\-\|\*@]+$”",
        }
    }
}
