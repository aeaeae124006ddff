//! The sealing of secrets at rest: AES-256-GCM under a key from the settings.
//!
//! A sealed text is `v1:KEYID:BASE64`, where `BASE64` is the nonce (12 bytes), the ciphertext and the tag. The associated
//! data is the place of the text, so that a sealed text that was moved to another row does not open. `KEYID` tells which
//! sealing key opens it: keys rotate by sealing with the new one, while the old one still opens.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::{error, fmt};
use wxpay_proto::{
    crypto::{CryptoProvider, SymmetricKey},
    entropy::Entropy,
    secret::Secret,
};

const VERSION: &str = "v1";
const NONCE_BYTES: usize = 12;

/// The sealing keys: the current one seals, all open. Without any, nothing can be sealed.
#[derive(Clone, Debug, Default)]
pub(crate) struct SealingKeys(Vec<SealingKey>);

#[derive(Clone, Debug)]
struct SealingKey {
    id: String,
    key: Arc<dyn SymmetricKey>,
}

/// Returns a fresh nonce for [`SealingKeys::seal`].
pub(crate) fn nonce(entropy: Entropy) -> [u8; NONCE_BYTES] {
    entropy.into_bytes().first_chunk().copied().unwrap_or_default()
}

/// The place of a sealed text: the table and the key of the row.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place<'a> {
    pub(crate) table: &'static str,
    pub(crate) row: &'a str,
}

impl Place<'_> {
    fn associated_data(self) -> Vec<u8> {
        // Unambiguous: no table's name has a slash.
        format!("{}/{}", self.table, self.row).into_bytes()
    }
}

/// The error for a text that cannot be sealed or opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SealError {
    /// No sealing key is configured.
    NoKey,
    /// The text was sealed with a key that is not configured.
    MissingKey(String),
    /// The text is not a sealed text.
    Malformed,
    /// The text was modified, or moved from another place.
    Modified,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoKey => {
                f.write_str("sealing_key is required to store secrets: set sealing_key_file to a file with 32 random bytes in hex or base64")
            }
            Self::MissingKey(id) => write!(
                f,
                "the text was sealed with the sealing key {id}, which is not configured: set it as sealing_key or previous_sealing_key"
            ),
            Self::Malformed => f.write_str("not a sealed text of the form v1:KEYID:BASE64"),
            Self::Modified => f.write_str("the sealed text was modified, or belongs to another row"),
        }
    }
}

impl error::Error for SealError {}

impl SealingKeys {
    /// Creates the keys, the current one first.
    pub(crate) fn new(provider: &dyn CryptoProvider, keys: &[&Secret<[u8; 32]>]) -> Self {
        let key = |key: &Secret<[u8; 32]>| SealingKey { id: key_id(key), key: provider.symmetric_key(key) };
        Self(keys.iter().copied().map(key).collect())
    }

    /// Returns the id of the key that seals.
    pub(crate) fn current_id(&self) -> Option<&str> {
        self.0.first().map(|key| key.id.as_str())
    }

    /// Seals a text for its place. The nonce must be fresh random bytes.
    ///
    /// # Errors
    ///
    /// Returns [`SealError::NoKey`] if no sealing key is configured.
    pub(crate) fn seal(
        &self,
        place: Place<'_>,
        plain: &[u8],
        nonce: [u8; NONCE_BYTES],
    ) -> Result<String, SealError> {
        let SealingKey { id, key } = self.0.first().ok_or(SealError::NoKey)?;
        let mut bytes = nonce.to_vec();
        bytes.extend(key.seal(&nonce, &place.associated_data(), plain));
        Ok(format!("{VERSION}:{id}:{}", STANDARD.encode(bytes)))
    }

    /// Opens a sealed text of this place.
    ///
    /// # Errors
    ///
    /// Returns [`SealError`] if the key is not configured, or the text is not one that was sealed for this place.
    pub(crate) fn open(&self, place: Place<'_>, sealed: &str) -> Result<Secret<Vec<u8>>, SealError> {
        let (id, text) = parts(sealed)?;
        let key = self.0.iter().find(|key| key.id == id);
        let key = key.ok_or_else(|| SealError::MissingKey(id.to_owned()))?;
        let bytes = STANDARD.decode(text).map_err(|_| SealError::Malformed)?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES).ok_or(SealError::Malformed)?;
        let opened = key.key.open(nonce, &place.associated_data(), sealed);
        opened.map(Secret::new).map_err(|_| SealError::Modified)
    }

    /// Seals a sealed text again, with the current key. Returns `None` if that key sealed it already.
    ///
    /// # Errors
    ///
    /// Returns [`SealError`] in the cases of [`open`](Self::open) and [`seal`](Self::seal).
    pub(crate) fn reseal(
        &self,
        place: Place<'_>,
        sealed: &str,
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Option<String>, SealError> {
        let (id, _) = parts(sealed)?;
        if self.current_id() == Some(id) {
            return Ok(None);
        }
        let plain = self.open(place, sealed)?;
        self.seal(place, plain.expose(), nonce).map(Some)
    }
}

fn parts(sealed: &str) -> Result<(&str, &str), SealError> {
    let rest = sealed.strip_prefix(VERSION).and_then(|rest| rest.strip_prefix(':'));
    let (id, text) = rest.and_then(|rest| rest.split_once(':')).ok_or(SealError::Malformed)?;
    // The id is repeated in an error.
    let is_id = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_id { Ok((id, text)) } else { Err(SealError::Malformed) }
}

/// Returns the id of a key: the first 8 bytes of a digest, which reveals nothing about the key.
fn key_id(key: &Secret<[u8; 32]>) -> String {
    let digest = Sha256::new().chain_update(b"wxpay sealing key\0").chain_update(key.expose()).finalize();
    hex::encode(digest.first_chunk::<8>().copied().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use wxpay_aws_lc::AwsLc;

    const ROW: Place<'static> = Place { table: "merchants", row: "shop1" };

    fn keys(bytes: &[u8]) -> SealingKeys {
        let secrets: Vec<_> = bytes.iter().map(|byte| Secret::new([*byte; 32])).collect();
        SealingKeys::new(&AwsLc, &secrets.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_sealed_text_opens_in_its_place_only() {
        let keys = keys(&[1]);
        let sealed = keys.seal(ROW, b"planted", nonce(Entropy::new([7; 32]))).unwrap();
        assert_ne!(sealed, keys.seal(ROW, b"planted", nonce(Entropy::new([8; 32]))).unwrap());
        assert_eq!(keys.open(ROW, &sealed).unwrap().expose(), b"planted");
        assert!(!sealed.contains("planted") && !format!("{keys:?}").contains("[1, 1"));
        for place in [Place { row: "shop2", ..ROW }, Place { table: "tokens", ..ROW }] {
            assert_eq!(keys.open(place, &sealed).unwrap_err(), SealError::Modified);
        }
    }

    #[test]
    fn every_changed_character_of_a_sealed_text_is_noticed() {
        let keys = keys(&[1]);
        let sealed = keys.seal(ROW, b"planted", [7; 12]).unwrap();
        for at in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(keys.open(ROW, &changed).is_err(), "{at}");
        }
        for text in ["", "v1", "v1:", "v2:0123456789abcdef:AAAA", "v1:xyz:AAAA", "v1:0123456789abcdef"] {
            assert_eq!(keys.open(ROW, text).unwrap_err(), SealError::Malformed, "{text}");
        }
        let short = format!("v1:{}:AAAA", keys.current_id().unwrap());
        assert_eq!(keys.open(ROW, &short).unwrap_err(), SealError::Malformed);
    }

    #[test]
    fn a_missing_sealing_key_is_named() {
        let sealed = keys(&[1]).seal(ROW, b"planted", [7; 12]).unwrap();
        let id = keys(&[1]).current_id().unwrap().to_owned();
        let error = keys(&[2]).open(ROW, &sealed).unwrap_err();
        assert_eq!(error, SealError::MissingKey(id.clone()));
        assert!(error.to_string().contains(&id), "{error}");
        assert_eq!(SealingKeys::default().seal(ROW, b"x", [7; 12]).unwrap_err(), SealError::NoKey);
    }

    #[test]
    fn a_rotation_seals_anew_what_the_previous_key_sealed() {
        let old = keys(&[1]).seal(ROW, b"planted", [7; 12]).unwrap();
        let both = keys(&[2, 1]);
        let new = both.reseal(ROW, &old, [8; 12]).unwrap().unwrap();
        assert_eq!(keys(&[2]).open(ROW, &new).unwrap().expose(), b"planted");
        assert_eq!(both.reseal(ROW, &new, [9; 12]), Ok(None));
    }
}
