//! The fake scheme: hashes in place of RSA. It protects nothing and takes a thousandth of the time.
//!
//! A key is the SHA-256 of its public half, so anybody with the public half can sign and open. A signature is the
//! SHA-256 of key and message, repeated eight times. A sealed text is masked and followed by such a hash. The merchant's
//! side of a test uses `NullProvider` of `wxpay-testkit`, an independent implementation of the same scheme.

use aws_lc_rs::digest::{Context, SHA256};

const PRIVATE: &[u8] = b"null-private:";
const PRIVATE_OF: &[u8] = b"null-private-of:";
const PUBLIC: &[u8] = b"null-public:";

/// The length of signatures and sealed texts, in bytes, as with an RSA key of 2048 bits. A sealed text ends with a
/// hash of 32 bytes.
const SIGNATURE_LEN: usize = 256;
const HASH_LEN: usize = 32;
const MAX_PLAINTEXT_LEN: usize = 214;

#[derive(Clone)]
pub(super) struct Key {
    public: Vec<u8>,
    hash: [u8; HASH_LEN],
}

impl Key {
    pub(super) fn named(name: &str) -> Self {
        Self::of([PUBLIC, name.as_bytes()].concat())
    }

    /// Returns the key with this public half, which may be that of an RSA key in a certificate.
    pub(super) fn of(public: Vec<u8>) -> Self {
        let hash = hash(&[&public]);
        Self { public, hash }
    }

    pub(super) fn of_private(der: &[u8]) -> Option<Self> {
        let public = der.strip_prefix(PRIVATE).map(|name| [PUBLIC, name].concat());
        public.or_else(|| der.strip_prefix(PRIVATE_OF).map(<[u8]>::to_vec)).map(Self::of)
    }

    pub(super) fn of_public(der: &[u8]) -> Option<Self> {
        der.starts_with(PUBLIC).then(|| Self::of(der.to_vec()))
    }

    pub(super) fn private_der(&self) -> Vec<u8> {
        match self.public.strip_prefix(PUBLIC) {
            Some(name) => [PRIVATE, name].concat(),
            None => [PRIVATE_OF, &self.public].concat(),
        }
    }

    pub(super) fn public_der(&self) -> Vec<u8> {
        self.public.clone()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        hash(&[&self.hash, message]).repeat(8)
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.sign(message) == signature
    }

    /// Seals to the length, the masked text, zeros and a hash. Returns `None` if the text is longer than 214 bytes.
    pub(super) fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let length = u8::try_from(plain.len()).ok().filter(|_| plain.len() <= MAX_PLAINTEXT_LEN)?;
        let mut sealed = vec![length];
        sealed.extend(mask(plain));
        sealed.resize(SIGNATURE_LEN.saturating_sub(HASH_LEN), 0);
        let tag = hash(&[&self.hash, &sealed]);
        sealed.extend(tag);
        Some(sealed)
    }

    pub(super) fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let (text, tag) = sealed.split_at_checked(SIGNATURE_LEN.saturating_sub(HASH_LEN))?;
        let (length, rest) = text.split_first().filter(|_| tag == hash(&[&self.hash, text]))?;
        rest.get(..usize::from(*length)).map(mask)
    }
}

/// Masks a text, or unmasks it. Ensures that a text that was not opened is not mistaken for one that was.
fn mask(text: &[u8]) -> Vec<u8> {
    text.iter().map(|byte| byte ^ 0xa5).collect()
}

fn hash(parts: &[&[u8]]) -> [u8; HASH_LEN] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(part);
    }
    let mut hash = [0; HASH_LEN];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fake_key_verifies_its_signatures_and_opens_its_ciphertexts_only() {
        let (one, other) = (Key::named("one"), Key::named("other"));
        assert_eq!(one.sign(b"m").len(), SIGNATURE_LEN);
        assert!(one.verifies(b"m", &one.sign(b"m")));
        assert!(!other.verifies(b"m", &one.sign(b"m")));
        assert!(!one.verifies(b"n", &one.sign(b"m")));
        let sealed = one.seal(b"text").unwrap();
        assert_eq!((sealed.len(), one.open(&sealed).as_deref()), (SIGNATURE_LEN, Some(&b"text"[..])));
        assert_eq!(other.open(&sealed), None);
        assert_eq!(one.open(b"short"), None);
        assert_eq!(one.seal(&[0; MAX_PLAINTEXT_LEN + 1]), None);
    }

    #[test]
    fn a_private_key_round_trips() {
        for key in [Key::named("one"), Key::of(vec![0x30, 0x82])] {
            let parsed = Key::of_private(&key.private_der()).unwrap();
            assert!(key.verifies(b"m", &parsed.sign(b"m")));
        }
    }
}
