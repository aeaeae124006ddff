//! Hashes in RSA's place: no security, and a thousandth of the time.
//!
//! A signature is the SHA-256 of the public key's digest and the message, repeated to 256 bytes. A sealed text is a
//! frame around the text with such a hash behind it.

use aws_lc_rs::digest::{Context, SHA256, digest};
use std::sync::Arc;

const PRIVATE: &[u8] = b"null-private:";
const PUBLIC: &[u8] = b"null-public:";
const FRAME: &[u8] = b"null-sealed:";

#[derive(Clone)]
pub(super) struct Key(Arc<str>);

impl Key {
    pub(super) fn new(name: &str) -> Self {
        Self(name.into())
    }

    pub(super) fn of_private(der: &[u8]) -> Option<Self> {
        der.strip_prefix(PRIVATE).and_then(|name| std::str::from_utf8(name).ok()).map(Self::new)
    }

    pub(super) fn of_public(der: &[u8]) -> Option<Self> {
        der.strip_prefix(PUBLIC).and_then(|name| std::str::from_utf8(name).ok()).map(Self::new)
    }

    pub(super) fn private_der(&self) -> Vec<u8> {
        [PRIVATE, self.0.as_bytes()].concat()
    }

    pub(super) fn public_der(&self) -> Vec<u8> {
        [PUBLIC, self.0.as_bytes()].concat()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.hash(message).repeat(8)
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.sign(message) == signature
    }

    pub(super) fn seal(&self, plain: &[u8]) -> Vec<u8> {
        [FRAME, plain, &self.hash(plain)].concat()
    }

    pub(super) fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let framed = sealed.strip_prefix(FRAME)?;
        let (plain, hash) = framed.split_at_checked(framed.len().checked_sub(32)?)?;
        (self.hash(plain) == hash).then(|| plain.to_vec())
    }

    fn hash(&self, message: &[u8]) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        context.update(digest(&SHA256, &self.public_der()).as_ref());
        context.update(message);
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quick_key_verifies_and_opens_its_own_alone() {
        let (one, other) = (Key::new("one"), Key::new("other"));
        assert_eq!(one.sign(b"m").len(), 256);
        assert!(one.verifies(b"m", &one.sign(b"m")));
        assert!(!other.verifies(b"m", &one.sign(b"m")));
        assert!(!one.verifies(b"n", &one.sign(b"m")));
        assert_eq!(one.open(&one.seal(b"text")).as_deref(), Some(&b"text"[..]));
        assert_eq!(other.open(&one.seal(b"text")), None);
        assert_eq!(one.open(b"null-sealed:short"), None);
    }
}
