//! The two charsets of APIv1. The declared charset determines the bytes that are signed.

use super::ParseError;
use alloc::{borrow::Cow, string::String, vec::Vec};
use encoding_rs::{DecoderResult, EncoderResult, GBK};

/// A charset that a message may declare in `input_charset`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Charset {
    /// UTF-8, written `UTF-8`.
    #[default]
    Utf8,
    /// GBK, written `GBK`: the default of APIv1 for a message that declares none.
    Gbk,
}

impl Charset {
    /// Returns the name as this crate writes it. It is part of the signed text.
    #[must_use]
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Gbk => "GBK",
        }
    }

    /// Returns the charset with this name, case-insensitively.
    #[must_use]
    pub fn from_name(name: &[u8]) -> Option<Self> {
        [Self::Utf8, Self::Gbk]
            .into_iter()
            .find(|charset| name.eq_ignore_ascii_case(charset.wire_name().as_bytes()))
    }

    /// Encodes text to bytes.
    ///
    /// # Errors
    ///
    /// Returns the first character that is not in the charset, by its byte offset in the UTF-8 text. Nothing is replaced: a
    /// signature over a replacement would sign another text.
    pub fn encode(self, text: &str) -> Result<Cow<'_, [u8]>, ParseError> {
        if self == Self::Utf8 || text.is_ascii() {
            return Ok(Cow::Borrowed(text.as_bytes()));
        }
        let mut encoder = GBK.new_encoder();
        let room = encoder.max_buffer_length_from_utf8_without_replacement(text.len()).unwrap_or(0);
        let mut bytes = Vec::with_capacity(room);
        let (result, read) = encoder.encode_from_utf8_to_vec_without_replacement(text, &mut bytes, true);
        match result {
            EncoderResult::InputEmpty => Ok(Cow::Owned(bytes)),
            EncoderResult::Unmappable(sign) => {
                let at = read.saturating_sub(sign.len_utf8());
                Err(ParseError::new(at, "character not in the charset"))
            }
            EncoderResult::OutputFull => Err(ParseError::new(read, "text too long")),
        }
    }

    /// Decodes bytes to text.
    ///
    /// # Errors
    ///
    /// Returns the offset of the first bytes that are invalid in the charset.
    pub fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>, ParseError> {
        const FAULT: &str = "invalid bytes for the charset";
        if self == Self::Utf8 || bytes.is_ascii() {
            return match core::str::from_utf8(bytes) {
                Ok(text) => Ok(Cow::Borrowed(text)),
                Err(error) => Err(ParseError::new(error.valid_up_to(), FAULT)),
            };
        }
        let mut decoder = GBK.new_decoder_without_bom_handling();
        let room = decoder.max_utf8_buffer_length_without_replacement(bytes.len()).unwrap_or(0);
        let mut text = String::with_capacity(room);
        let (result, read) = decoder.decode_to_string_without_replacement(bytes, &mut text, true);
        match result {
            DecoderResult::InputEmpty => Ok(Cow::Owned(text)),
            DecoderResult::Malformed(bad, beyond) => {
                let at = read.saturating_sub(usize::from(bad)).saturating_sub(usize::from(beyond));
                Err(ParseError::new(at, FAULT))
            }
            DecoderResult::OutputFull => Err(ParseError::new(read, "text too long")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_same_text_has_other_bytes_in_the_other_charset() {
        assert_eq!(&*Charset::Gbk.encode("测试").unwrap(), b"\xB2\xE2\xCA\xD4");
        assert_eq!(Charset::Utf8.encode("测试").unwrap().len(), 6);
        assert_eq!(Charset::Gbk.decode(b"\xB2\xE2\xCA\xD4").unwrap(), "测试");
    }

    #[test]
    fn a_character_gbk_lacks_is_an_error_with_its_place() {
        assert_eq!(Charset::Gbk.encode("a测😀b").unwrap_err().offset, 4);
    }

    #[test]
    fn bytes_of_the_other_charset_are_an_error_with_their_place() {
        assert_eq!(Charset::Utf8.decode(b"a\xB2\xE2").unwrap_err().offset, 1);
        assert_eq!(Charset::Gbk.decode(b"a\xB2\xE2\xFF").unwrap_err().offset, 3);
    }

    #[test]
    fn names_are_found_in_any_case() {
        assert_eq!(Charset::from_name(b"utf-8"), Some(Charset::Utf8));
        assert_eq!(Charset::from_name(b"gbk"), Some(Charset::Gbk));
        assert_eq!(Charset::from_name(b"big5"), None);
    }

    proptest! {
        #[test]
        fn what_gbk_encodes_it_decodes_to_the_same_text(text: String) {
            if let Ok(bytes) = Charset::Gbk.encode(&text) {
                let back = Charset::Gbk.decode(&bytes).unwrap();
                prop_assert_eq!(&*back, text.as_str());
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            if let Err(fault) = Charset::Gbk.decode(&bytes) {
                prop_assert!(fault.offset <= bytes.len());
            }
        }
    }
}
