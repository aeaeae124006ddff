//! Deterministic, fast cryptography without security, for fuzzing and for very many orders.
//!
//! Signatures and ciphertexts have real sizes, and changed ones are rejected like real ones. But anybody can make
//! them. A key is made from a name: [`private_key`] and [`public_key`] of the same name form a pair.

use sha2::{Digest as _, Sha256};
use std::{fmt, sync::Arc};
use wxpay_proto::{
    crypto::{
        CryptoProvider, InvalidKey, InvalidSignature, PrivateKey, PublicKey, SymmetricKey, TooLong,
        Unavailable,
    },
    secret::Secret,
};

/// A crypto provider that protects nothing.
#[derive(Clone, Copy, Debug, Default)]
#[allow(clippy::exhaustive_structs, reason = "a unit struct without options")]
pub struct NullProvider;

/// Returns the private key with this name, in the form that [`NullProvider`] parses.
pub fn private_key(name: &str) -> Secret<Vec<u8>> {
    Secret::new([PRIVATE, name.as_bytes()].concat())
}

/// Returns the public half of the private key with this name, in the form that [`NullProvider`] parses.
pub fn public_key(name: &str) -> Vec<u8> {
    [PUBLIC, name.as_bytes()].concat()
}

/// Returns the private half of any public key, such as a certificate's, in the form that [`NullProvider`] parses.
pub fn private_key_of(spki: &[u8]) -> Secret<Vec<u8>> {
    Secret::new([PRIVATE_OF, spki].concat())
}

const PRIVATE: &[u8] = b"null-private:";
const PRIVATE_OF: &[u8] = b"null-private-of:";
const PUBLIC: &[u8] = b"null-public:";

/// The length of signatures and sealed texts, in bytes, as with a key of 2048 bits.
const SIGNATURE_LEN: usize = 256;
const MAX_PLAINTEXT_LEN: usize = 214;
const DIGEST_LEN: usize = 32;
const TAG_LEN: usize = 16;

impl CryptoProvider for NullProvider {
    fn private_key(&self, der: &Secret<Vec<u8>>) -> Result<Arc<dyn PrivateKey>, InvalidKey> {
        let der = der.expose();
        let public = match (der.strip_prefix(PRIVATE), der.strip_prefix(PRIVATE_OF)) {
            (Some(name), _) => [PUBLIC, name].concat(),
            (None, Some(spki)) => spki.to_vec(),
            (None, None) => return Err(InvalidKey),
        };
        Ok(Arc::new(Pair::of(&public)?))
    }

    fn public_key(&self, spki: &[u8]) -> Result<Arc<dyn PublicKey>, InvalidKey> {
        Ok(Arc::new(Pair::of(spki)?))
    }

    fn symmetric_key(&self, key: &Secret<[u8; 32]>) -> Arc<dyn SymmetricKey> {
        Arc::new(Symmetric(*key.expose()))
    }
}

/// A private or public key. Both are the same value: the digest of the public half.
struct Pair([u8; DIGEST_LEN]);

impl Pair {
    fn of(public: &[u8]) -> Result<Self, InvalidKey> {
        if public.is_empty() { Err(InvalidKey) } else { Ok(Self(digest([public]))) }
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        digest([&self.0, message]).repeat(SIGNATURE_LEN / DIGEST_LEN)
    }
}

impl PrivateKey for Pair {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unavailable> {
        Ok(self.signature(message))
    }

    fn open(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, InvalidSignature> {
        let (text, tag) = sealed.split_at_checked(SIGNATURE_LEN - DIGEST_LEN).ok_or(InvalidSignature)?;
        if tag != digest([&self.0, text]) {
            return Err(InvalidSignature);
        }
        let (length, text) = text.split_first().ok_or(InvalidSignature)?;
        Ok(Secret::new(mask(text.get(..usize::from(*length)).ok_or(InvalidSignature)?)))
    }
}

impl PublicKey for Pair {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        if signature == self.signature(message) { Ok(()) } else { Err(InvalidSignature) }
    }

    /// Seals to the length, the masked text, zeros and a digest. Unlike a real key, it does so deterministically.
    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, TooLong> {
        let length = u8::try_from(plain.len()).map_err(|_| TooLong)?;
        if plain.len() > MAX_PLAINTEXT_LEN {
            return Err(TooLong);
        }
        let mut sealed = [&[length], &mask(plain)[..]].concat();
        sealed.resize(SIGNATURE_LEN - DIGEST_LEN, 0);
        let tag = digest([&self.0, &sealed]);
        sealed.extend(tag);
        Ok(sealed)
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[null key]")
    }
}

struct Symmetric([u8; 32]);

impl Symmetric {
    fn tag(&self, nonce: &[u8], associated_data: &[u8], text: &[u8]) -> [u8; TAG_LEN] {
        let length = associated_data.len().to_be_bytes();
        let hash = digest([&self.0, nonce, &length, associated_data, text]);
        std::array::from_fn(|index| hash[index])
    }
}

impl SymmetricKey for Symmetric {
    fn open(&self, nonce: &[u8], associated_data: &[u8], sealed: &[u8]) -> Result<Vec<u8>, InvalidSignature> {
        let tag_at = sealed.len().checked_sub(TAG_LEN).ok_or(InvalidSignature)?;
        let (text, tag) = sealed.split_at_checked(tag_at).ok_or(InvalidSignature)?;
        if tag == self.tag(nonce, associated_data, text) { Ok(mask(text)) } else { Err(InvalidSignature) }
    }

    fn seal(&self, nonce: &[u8], associated_data: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut sealed = mask(plain);
        let tag = self.tag(nonce, associated_data, &sealed);
        sealed.extend(tag);
        sealed
    }
}

impl fmt::Debug for Symmetric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[null key]")
    }
}

/// Masks a text, or unmasks it. A ciphertext that was not opened cannot be mistaken for a plaintext.
fn mask(text: &[u8]) -> Vec<u8> {
    text.iter().map(|byte| byte ^ 0xa5).collect()
}

fn digest<const N: usize>(parts: [&[u8]; N]) -> [u8; DIGEST_LEN] {
    parts.iter().fold(Sha256::new(), Sha256::chain_update).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::v3;

    fn pair(name: &str) -> (Arc<dyn PrivateKey>, Arc<dyn PublicKey>) {
        let private = NullProvider.private_key(&private_key(name)).unwrap();
        (private, NullProvider.public_key(&public_key(name)).unwrap())
    }

    #[test]
    fn a_signature_verifies_only_with_its_own_key() {
        let ((key, public), (_, other)) = (pair("one"), pair("two"));
        let signature = key.sign(b"text").unwrap();
        assert_eq!(signature.len(), SIGNATURE_LEN);
        assert_eq!(Ok(&signature), key.sign(b"text").as_ref());
        assert_eq!(public.verify(b"text", &signature), Ok(()));
        assert_eq!(public.verify(b"next", &signature), Err(InvalidSignature));
        assert_eq!(public.verify(b"text", &signature[1..]), Err(InvalidSignature));
        assert_eq!(other.verify(b"text", &signature), Err(InvalidSignature));
    }

    #[test]
    fn a_private_key_can_be_made_from_the_public_key_of_a_certificate() {
        let certificate = v3::certificate(v3::PLATFORM[0].certificate);
        let key = NullProvider.private_key(&private_key_of(certificate.spki())).unwrap();
        let public = NullProvider.public_key(certificate.spki()).unwrap();
        assert_eq!(public.verify(b"text", &key.sign(b"text").unwrap()), Ok(()));
    }

    #[test]
    fn an_invalid_key_is_rejected() {
        for der in [&b""[..], b"null-public:one", b"null-private-of:", b"MIIEvQIBADAN"] {
            assert!(NullProvider.private_key(&Secret::new(der.to_vec())).is_err());
        }
        assert!(NullProvider.public_key(b"").is_err());
    }

    #[test]
    fn sealed_texts_open_only_unchanged() {
        let ((key, public), (other, _)) = (pair("one"), pair("two"));
        for length in [0, 1, MAX_PLAINTEXT_LEN] {
            let plain = vec![b'a'; length];
            let mut sealed = public.seal(&plain).unwrap();
            assert_eq!(sealed.len(), SIGNATURE_LEN);
            assert_eq!(key.open(&sealed).unwrap().expose(), &plain);
            assert!(other.open(&sealed).is_err());
            assert!(key.open(&sealed[1..]).is_err());
            sealed[0] ^= 1;
            assert!(key.open(&sealed).is_err());
        }
        assert_eq!(public.seal(&[0; MAX_PLAINTEXT_LEN + 1]), Err(TooLong));
        assert_eq!(public.seal(&[0; 300]), Err(TooLong));
    }

    #[test]
    fn ciphertexts_open_only_with_the_same_key_nonce_and_data() {
        let key = NullProvider.symmetric_key(&Secret::new([1; 32]));
        let sealed = key.seal(&[0; 12], b"beside", b"text");
        assert_eq!(sealed.len(), 4 + TAG_LEN);
        assert_eq!(key.open(&[0; 12], b"beside", &sealed).as_deref(), Ok(&b"text"[..]));
        assert!(key.open(&[1; 12], b"beside", &sealed).is_err());
        assert!(key.open(&[0; 12], b"besid", &sealed).is_err());
        assert!(key.open(&[0; 12], b"beside", &sealed[1..]).is_err());
        assert!(key.open(&[0; 12], b"beside", &sealed[..TAG_LEN - 1]).is_err());
        assert!(
            NullProvider.symmetric_key(&Secret::new([2; 32])).open(&[0; 12], b"beside", &sealed).is_err()
        );
        assert!(!sealed.windows(4).any(|window| window == b"text"), "the ciphertext contains the plaintext");
    }
}
