//! AES-256-GCM.

mod composed;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use composed::ComposedKey;
use std::fmt;
use wxpay_proto::{
    crypto::{InvalidSignature, SymmetricKey},
    secret::Secret,
};

/// A key with its key schedules, which the library wipes on drop.
pub(crate) struct AesGcmKey {
    /// For nonces of 12 bytes, the only ones that the library's AEAD accepts.
    key: LessSafeKey,
    /// For all other nonces.
    composed: ComposedKey,
}

impl AesGcmKey {
    #[allow(clippy::expect_used, reason = "only a wrong length is an error, and the type fixes the length")]
    pub(crate) fn new(key: &Secret<[u8; 32]>) -> Self {
        let unbound = UnboundKey::new(&AES_256_GCM, key.expose()).expect("an AES-256 key must have 32 bytes");
        Self { key: LessSafeKey::new(unbound), composed: ComposedKey::new(key) }
    }
}

impl SymmetricKey for AesGcmKey {
    fn open(&self, nonce: &[u8], associated_data: &[u8], sealed: &[u8]) -> Result<Vec<u8>, InvalidSignature> {
        let tag_at = sealed.len().checked_sub(AES_256_GCM.tag_len()).ok_or(InvalidSignature)?;
        let (ciphertext, tag) = sealed.split_at_checked(tag_at).ok_or(InvalidSignature)?;
        let Ok(nonce) = Nonce::try_assume_unique_for_key(nonce) else {
            return self.composed.open(nonce, associated_data, ciphertext, tag);
        };
        let mut plain = vec![0; ciphertext.len()];
        self.key
            .open_separate_gather(nonce, Aad::from(associated_data), ciphertext, tag, &mut plain)
            .map_err(|_| InvalidSignature)?;
        Ok(plain)
    }

    #[allow(clippy::expect_used, reason = "only a plaintext of 64 GiB or more is an error")]
    fn seal(&self, nonce: &[u8], associated_data: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(plain.len().saturating_add(AES_256_GCM.tag_len()));
        sealed.extend_from_slice(plain);
        match Nonce::try_assume_unique_for_key(nonce) {
            Ok(nonce) => self
                .key
                .seal_in_place_append_tag(nonce, Aad::from(associated_data), &mut sealed)
                .expect("the plaintext must be shorter than 64 GiB"),
            Err(_) => self.composed.seal(nonce, associated_data, &mut sealed),
        }
        sealed
    }
}

impl fmt::Debug for AesGcmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[AES-256-GCM key]")
    }
}
