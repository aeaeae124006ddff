//! The APIv3 key, the encryption key of notifications and platform certificates.

use crate::{id::InvalidField, prelude::*, secret::Secret};

/// The APIv3 key: 32 letters and digits. It decrypts notifications and platform certificates, and is never sent.
#[derive(Debug)]
pub struct ApiV3Key(pub(super) Secret<[u8; 32]>);

impl ApiV3Key {
    /// Creates the key from its text.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidField`] if the text is not 32 ASCII letters and digits.
    pub fn new(text: String) -> Result<Self, InvalidField> {
        let text = Secret::new(text);
        let bytes = text.expose().as_bytes();
        let is_valid = bytes.iter().all(u8::is_ascii_alphanumeric);
        match <[u8; 32]>::try_from(bytes) {
            Ok(key) if is_valid => Ok(Self(Secret::new(key))),
            _ => Err(InvalidField::new("apiv3_key", "must be 32 letters and digits")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_apiv3_key_is_32_letters_and_digits_and_is_not_printed() {
        let key = ApiV3Key::new("planted0".repeat(4)).unwrap();
        assert!(!format!("{key:?}").contains("planted"));
        for text in ["", "planted0", &"a".repeat(33), &"-".repeat(32), &"支".repeat(32)] {
            let error = ApiV3Key::new(text.into()).unwrap_err();
            assert_eq!(error.to_string(), "apiv3_key must be 32 letters and digits");
        }
    }
}
