//! AES-256-GCM with nonces of other lengths than 12 bytes, composed of the library's AES-CTR and of GHASH, as in NIST
//! SP 800-38D. The library's own AEAD accepts nonces of 12 bytes only; the bills of sub-merchants have longer ones.

use aws_lc_rs::{
    cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey},
    constant_time,
    iv::FixedLength,
};
use ghash::{GHash, Key, universal_hash::UniversalHash as _};
use wxpay_proto::{crypto::InvalidSignature, secret::Secret};

const BLOCK: usize = 16;

pub(super) struct ComposedKey(EncryptingKey);

impl ComposedKey {
    #[allow(clippy::expect_used, reason = "only a wrong length is an error, and the type fixes the length")]
    pub(super) fn new(key: &Secret<[u8; 32]>) -> Self {
        let key = UnboundCipherKey::new(&AES_256, key.expose()).expect("an AES-256 key must have 32 bytes");
        Self(EncryptingKey::ctr(key).expect("AES-256 must have a counter mode"))
    }

    pub(super) fn open(
        &self,
        nonce: &[u8],
        associated_data: &[u8],
        ciphertext: &[u8],
        tag: &[u8],
    ) -> Result<Vec<u8>, InvalidSignature> {
        if nonce.is_empty() {
            return Err(InvalidSignature);
        }
        let counter = self.first_counter(nonce);
        let expected = self.tag(counter, associated_data, ciphertext);
        constant_time::verify_slices_are_equal(&expected, tag).map_err(|_| InvalidSignature)?;
        let mut text = ciphertext.to_vec();
        self.apply_keystream(counter.next(), &mut text);
        Ok(text)
    }

    /// Encrypts the text in place, and appends the tag.
    pub(super) fn seal(&self, nonce: &[u8], associated_data: &[u8], text: &mut Vec<u8>) {
        let counter = self.first_counter(nonce);
        self.apply_keystream(counter.next(), text);
        let tag = self.tag(counter, associated_data, text);
        text.extend_from_slice(&tag);
    }

    fn first_counter(&self, nonce: &[u8]) -> Counter {
        let mut hash = self.hash();
        hash.update_padded(nonce);
        hash.update_padded(&lengths(b"", nonce));
        Counter(hash.finalize().into())
    }

    fn tag(&self, counter: Counter, associated_data: &[u8], ciphertext: &[u8]) -> [u8; BLOCK] {
        let mut hash = self.hash();
        hash.update_padded(associated_data);
        hash.update_padded(ciphertext);
        hash.update_padded(&lengths(associated_data, ciphertext));
        let mut tag: [u8; BLOCK] = hash.finalize().into();
        self.apply_keystream(counter, &mut tag);
        tag
    }

    /// Returns GHASH under the encrypted zero block.
    fn hash(&self) -> GHash {
        let mut key = [0; BLOCK];
        self.apply_keystream(Counter([0; BLOCK]), &mut key);
        GHash::new(&Key::from(key))
    }

    /// Applies the keystream that begins at a counter. GCM increments the last 32 bits alone, the library all 128, so
    /// the text is split where the 32 bits overflow.
    #[allow(clippy::expect_used, reason = "only a wrong length of the counter is an error")]
    fn apply_keystream(&self, counter: Counter, text: &mut [u8]) {
        let (before, after) = text.split_at_mut(counter.bytes_to_overflow().min(text.len()));
        let begins = [(counter, before), (counter.with_low(0), after)];
        for (Counter(begin), part) in begins.into_iter().filter(|(_, part)| !part.is_empty()) {
            let context = EncryptionContext::Iv128(FixedLength::from(begin));
            self.0.less_safe_encrypt(part, context).expect("a counter must have 16 bytes");
        }
    }
}

/// A counter block.
#[derive(Clone, Copy)]
struct Counter([u8; BLOCK]);

impl Counter {
    fn low(self) -> u32 {
        let Self([.., a, b, c, d]) = self;
        u32::from_be_bytes([a, b, c, d])
    }

    fn with_low(self, low: u32) -> Self {
        let Self(mut block) = self;
        let [.., a, b, c, d] = &mut block;
        [*a, *b, *c, *d] = low.to_be_bytes();
        Self(block)
    }

    fn next(self) -> Self {
        self.with_low(self.low().wrapping_add(1))
    }

    fn bytes_to_overflow(self) -> usize {
        let blocks = (1_u64 << 32).saturating_sub(self.low().into());
        usize::try_from(blocks).unwrap_or(usize::MAX).saturating_mul(BLOCK)
    }
}

/// Returns the last block of the hash: both lengths, in bits.
fn lengths(one: &[u8], other: &[u8]) -> [u8; BLOCK] {
    let bits = |text: &[u8]| u64::try_from(text.len()).unwrap_or(u64::MAX).wrapping_mul(8);
    ((u128::from(bits(one)) << 64) | u128::from(bits(other))).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_overflows_in_its_last_four_bytes_alone() {
        let key = ComposedKey::new(&Secret::new([7; 32]));
        let block = |counter: [u8; BLOCK]| {
            let mut block = [0; BLOCK];
            key.apply_keystream(Counter(counter), &mut block);
            block
        };
        let last = [[9; 12].as_slice(), &[0xff; 4]].concat().try_into().unwrap();
        let first = [[9; 12].as_slice(), &[0; 4]].concat().try_into().unwrap();
        let mut text = [0; 24];
        key.apply_keystream(Counter(last), &mut text);
        assert_eq!(text[..16], block(last));
        assert_eq!(text[16..], block(first)[..8]);
        assert_eq!(Counter(last).next().0, first);
    }

    #[test]
    fn nothing_opens_without_a_nonce() {
        let key = ComposedKey::new(&Secret::new([7; 32]));
        let mut sealed = b"text".to_vec();
        key.seal(b"", b"", &mut sealed);
        let (text, tag) = sealed.split_at(4);
        assert_eq!(key.open(b"", b"", text, tag), Err(InvalidSignature));
    }
}
