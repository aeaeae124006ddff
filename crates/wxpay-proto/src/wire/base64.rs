//! Base64 of RFC 4648 section 4, with padding, decoded strictly.

use super::ParseError;
use crate::prelude::*;
use base64::{
    DecodeError, Engine as _, decoded_len_estimate, display::Base64Display, engine::general_purpose::STANDARD,
};
use zeroize::Zeroizing;

/// Encodes bytes, with padding.
pub fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Returns a value that prints bytes like [`encode`], without allocation.
pub(crate) fn display(bytes: &[u8]) -> impl core::fmt::Display {
    Base64Display::new(bytes, &STANDARD)
}

/// Decodes bytes. Blanks, line breaks, missing padding and stray bits in the last character are rejected.
///
/// # Errors
///
/// Returns [`ParseError`] if the text has any other form.
pub fn decode(text: &[u8]) -> Result<Vec<u8>, ParseError> {
    STANDARD.decode(text).map_err(|error| {
        let at = match error {
            DecodeError::InvalidByte(at, _) | DecodeError::InvalidLastSymbol { offset: at, .. } => at,
            DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => text.len(),
        };
        ParseError::new(at, "invalid Base64")
    })
}

/// Decodes a secret as strictly. It is wiped, also what was decoded before an error.
pub(crate) fn decode_secret(text: &[u8]) -> Result<Zeroizing<Vec<u8>>, ParseError> {
    let mut secret = Zeroizing::new(vec![0; decoded_len_estimate(text.len())]);
    let length = STANDARD.decode_slice(text, &mut secret);
    let length = length.map_err(|_| ParseError::new(text.len(), "invalid Base64"))?;
    secret.truncate(length);
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn decode_rejects_text_that_is_not_strict_base64() {
        assert_eq!(decode(b"Zm9v").unwrap(), b"foo");
        assert_eq!(decode(b"Zg==").unwrap(), b"f");
        for text in ["Zg", "Zg=", "Zg===", "Zh==", "Zm9v\n", " Zm9v", "Zm-v"] {
            assert!(decode(text.as_bytes()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn base64_round_trips(bytes: Vec<u8>) {
            prop_assert_eq!(decode(encode(&bytes).as_bytes()).unwrap(), bytes);
        }
    }
}
