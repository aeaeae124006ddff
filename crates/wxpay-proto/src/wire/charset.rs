//! The two charsets of APIv1. The declared charset determines the bytes that are signed.

use super::ParseError;
use crate::prelude::*;
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
    pub const fn wire_name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Gbk => "GBK",
        }
    }

    /// Returns the charset with this name, case-insensitively.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        [Self::Utf8, Self::Gbk]
            .into_iter()
            .find(|charset| name.eq_ignore_ascii_case(charset.wire_name().as_bytes()))
    }

    /// Encodes text to bytes.
    ///
    /// # Errors
    ///
    /// Returns [`ParseError`] for a character that is not in the charset, with its byte offset in the UTF-8 text. No
    /// character is replaced: the signature would cover another text.
    pub fn encode(self, text: &str) -> Result<Cow<'_, [u8]>, ParseError> {
        if self == Self::Utf8 || text.is_ascii() {
            return Ok(Cow::Borrowed(text.as_bytes()));
        }
        let mut encoder = GBK.new_encoder();
        let capacity = encoder.max_buffer_length_from_utf8_without_replacement(text.len()).unwrap_or(0);
        let mut bytes = Vec::with_capacity(capacity);
        let (result, read) = encoder.encode_from_utf8_to_vec_without_replacement(text, &mut bytes, true);
        match result {
            EncoderResult::InputEmpty => Ok(Cow::Owned(bytes)),
            EncoderResult::Unmappable(character) => {
                let at = read.saturating_sub(character.len_utf8());
                Err(ParseError::new(at, "character not in the charset"))
            }
            EncoderResult::OutputFull => Err(ParseError::new(read, "text too long")),
        }
    }

    /// Decodes bytes to text.
    ///
    /// # Errors
    ///
    /// Returns [`ParseError`] with the offset of the first bytes that are invalid in the charset.
    pub fn decode(self, bytes: &[u8]) -> Result<Cow<'_, str>, ParseError> {
        const PROBLEM: &str = "invalid bytes for the charset";
        if self == Self::Utf8 || bytes.is_ascii() {
            return match core::str::from_utf8(bytes) {
                Ok(text) => Ok(Cow::Borrowed(text)),
                Err(error) => Err(ParseError::new(error.valid_up_to(), PROBLEM)),
            };
        }
        let mut decoder = GBK.new_decoder_without_bom_handling();
        let capacity = decoder.max_utf8_buffer_length_without_replacement(bytes.len()).unwrap_or(0);
        let mut text = String::with_capacity(capacity);
        let (result, read) = decoder.decode_to_string_without_replacement(bytes, &mut text, true);
        match result {
            DecoderResult::InputEmpty => Ok(Cow::Owned(text)),
            DecoderResult::Malformed(length, after) => {
                let at = read.saturating_sub(usize::from(length)).saturating_sub(usize::from(after));
                Err(ParseError::new(at, PROBLEM))
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
    fn gbk_and_utf8_encode_a_text_differently() {
        assert_eq!(&*Charset::Gbk.encode("测试").unwrap(), b"\xB2\xE2\xCA\xD4");
        assert_eq!(Charset::Utf8.encode("测试").unwrap().len(), 6);
        assert_eq!(Charset::Gbk.decode(b"\xB2\xE2\xCA\xD4").unwrap(), "测试");
    }

    #[test]
    fn encode_reports_the_offset_of_a_character_not_in_gbk() {
        assert_eq!(Charset::Gbk.encode("a测😀b").unwrap_err().offset, 4);
    }

    #[test]
    fn decode_reports_the_offset_of_invalid_bytes() {
        assert_eq!(Charset::Utf8.decode(b"a\xB2\xE2").unwrap_err().offset, 1);
        assert_eq!(Charset::Gbk.decode(b"a\xB2\xE2\xFF").unwrap_err().offset, 3);
    }

    #[test]
    fn charset_names_are_case_insensitive() {
        assert_eq!(Charset::from_name(b"utf-8"), Some(Charset::Utf8));
        assert_eq!(Charset::from_name(b"gbk"), Some(Charset::Gbk));
        assert_eq!(Charset::from_name(b"big5"), None);
    }

    proptest! {
        #[test]
        fn gbk_round_trips(text: String) {
            if let Ok(bytes) = Charset::Gbk.encode(&text) {
                let decoded = Charset::Gbk.decode(&bytes).unwrap();
                prop_assert_eq!(&*decoded, text.as_str());
            }
        }

        #[test]
        fn gbk_decode_never_panics(bytes: Vec<u8>) {
            if let Err(error) = Charset::Gbk.decode(&bytes) {
                prop_assert!(error.offset <= bytes.len());
            }
        }
    }
}
