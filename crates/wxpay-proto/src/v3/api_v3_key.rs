//! The key that notices and platform certificates are sealed with.

use crate::{id::Invalid, secret::Secret};
use alloc::string::String;

/// The APIv3 key: 32 letters and digits. Opens notices and platform certificates, and never travels.
#[derive(Debug)]
pub struct ApiV3Key(pub(super) Secret<[u8; 32]>);

impl ApiV3Key {
    /// Takes the key in.
    ///
    /// # Errors
    ///
    /// When it is not 32 letters and digits.
    pub fn new(text: String) -> Result<Self, Invalid> {
        let text = Secret::new(text);
        let bytes = text.expose().as_bytes();
        let good = bytes.iter().all(u8::is_ascii_alphanumeric);
        match <[u8; 32]>::try_from(bytes) {
            Ok(key) if good => Ok(Self(Secret::new(key))),
            _ => Err(Invalid::new("apiv3_key", "must be 32 letters and digits")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::{format, string::ToString as _};

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
