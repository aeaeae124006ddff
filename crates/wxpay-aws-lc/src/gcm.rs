//! AES-256-GCM.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::fmt;
use wxpay_proto::{
    crypto::{InvalidSignature, SymmetricKey},
    secret::Secret,
};

/// A key with its key schedule, which the library wipes on drop.
pub(crate) struct AesGcmKey(LessSafeKey);

impl AesGcmKey {
    #[allow(clippy::expect_used, reason = "only a wrong length is an error, and the type fixes the length")]
    pub(crate) fn new(key: &Secret<[u8; 32]>) -> Self {
        Self(LessSafeKey::new(
            UnboundKey::new(&AES_256_GCM, key.expose()).expect("an AES-256 key must have 32 bytes"),
        ))
    }
}

impl SymmetricKey for AesGcmKey {
    fn open(
        &self,
        nonce: &[u8; 12],
        associated_data: &[u8],
        sealed: &[u8],
    ) -> Result<Vec<u8>, InvalidSignature> {
        let tag_at = sealed.len().checked_sub(AES_256_GCM.tag_len()).ok_or(InvalidSignature)?;
        let (ciphertext, tag) = sealed.split_at_checked(tag_at).ok_or(InvalidSignature)?;
        let mut plain = vec![0; ciphertext.len()];
        self.0
            .open_separate_gather(Nonce::from(nonce), Aad::from(associated_data), ciphertext, tag, &mut plain)
            .map_err(|_| InvalidSignature)?;
        Ok(plain)
    }

    #[allow(clippy::expect_used, reason = "only a plaintext of 64 GiB or more is an error")]
    fn seal(&self, nonce: &[u8; 12], associated_data: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::with_capacity(plain.len().saturating_add(AES_256_GCM.tag_len()));
        sealed.extend_from_slice(plain);
        self.0
            .seal_in_place_append_tag(Nonce::from(nonce), Aad::from(associated_data), &mut sealed)
            .expect("the plaintext must be shorter than 64 GiB");
        sealed
    }
}

impl fmt::Debug for AesGcmKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[AES-256-GCM key]")
    }
}
