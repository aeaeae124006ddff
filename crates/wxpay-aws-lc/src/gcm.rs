//! AES-256-GCM.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::fmt;
use wxpay_proto::{
    crypto::{InvalidSignature, SymmetricKey},
    secret::Secret,
};

/// A key with its schedule, which the library wipes when it is dropped.
pub(crate) struct Key(LessSafeKey);

impl Key {
    #[allow(clippy::expect_used, reason = "the one thing that could be wrong with a key is its length")]
    pub(crate) fn take_up(key: &Secret<[u8; 32]>) -> Self {
        Self(LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM, key.expose()).expect("AES-256 has keys of 32 bytes"),
        ))
    }
}

impl SymmetricKey for Key {
    fn open(
        &self,
        nonce: &[u8; 12],
        associated_data: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, InvalidSignature> {
        let tag_at = sealed.len().checked_sub(AES_256_GCM.tag_len()).ok_or(InvalidSignature)?;
        let (text, tag) = sealed.split_at_checked(tag_at).ok_or(InvalidSignature)?;
        let mut plain = vec![0; text.len()];
        self.0
            .open_separate_gather(Nonce::from(nonce), Aad::from(associated_data), text, tag, &mut plain)
            .map_err(|_| InvalidSignature)?;
        Ok(plain)
    }

    #[allow(clippy::expect_used, reason = "the one thing that could be wrong with a text is to have 64 GiB")]
    fn seal(&self, nonce: &[u8; 12], associated_data: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(plain.len().saturating_add(AES_256_GCM.tag_len()));
        sealed.extend_from_slice(plain);
        self.0
            .seal_in_place_append_tag(Nonce::from(nonce), Aad::from(associated_data), &mut sealed)
            .expect("a text of less than 64 GiB can be sealed");
        sealed
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[key of AES-256-GCM]")
    }
}
