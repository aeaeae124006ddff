//! RSA keys of aws-lc-rs.

use super::{InvalidKey, KeyPair, Pair as AnyPair};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rand::SystemRandom,
    rsa::{
        self, KeySize, OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, OaepPublicEncryptingKey,
        PrivateDecryptingKey, PublicEncryptingKey,
    },
    signature::{KeyPair as _, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256},
};
use std::sync::{Arc, OnceLock};

const FILES: [&[u8]; 12] = [
    include_bytes!("../../keys/rsa-00.der"),
    include_bytes!("../../keys/rsa-01.der"),
    include_bytes!("../../keys/rsa-02.der"),
    include_bytes!("../../keys/rsa-03.der"),
    include_bytes!("../../keys/rsa-04.der"),
    include_bytes!("../../keys/rsa-05.der"),
    include_bytes!("../../keys/rsa-06.der"),
    include_bytes!("../../keys/rsa-07.der"),
    include_bytes!("../../keys/rsa-08.der"),
    include_bytes!("../../keys/rsa-09.der"),
    include_bytes!("../../keys/rsa-10.der"),
    include_bytes!("../../keys/rsa-11.der"),
];

static FIXED: [OnceLock<KeyPair>; FILES.len()] = [const { OnceLock::new() }; FILES.len()];

/// Returns a key of the pool, which is parsed once per process.
pub(super) fn fixed(number: usize) -> Result<KeyPair, InvalidKey> {
    let index = number.checked_rem(FILES.len()).unwrap_or_default();
    let (slot, file) = (FIXED.get(index).ok_or(InvalidKey)?, FILES.get(index).ok_or(InvalidKey)?);
    if let Some(pair) = slot.get() {
        return Ok(pair.clone());
    }
    let pair = KeyPair(Arc::new(AnyPair::Rsa(Pair::parse(file)?)));
    Ok(slot.get_or_init(|| pair).clone())
}

pub(super) struct Pair {
    der: Vec<u8>,
    signer: rsa::KeyPair,
    opener: OaepPrivateDecryptingKey,
    public: Arc<Public>,
}

impl Pair {
    pub(super) fn parse(der: &[u8]) -> Result<Self, InvalidKey> {
        let signer = rsa::KeyPair::from_pkcs8(der).map_err(|_| InvalidKey)?;
        let opener = PrivateDecryptingKey::from_pkcs8(der).map_err(|_| InvalidKey)?;
        let opener = OaepPrivateDecryptingKey::new(opener).map_err(|_| InvalidKey)?;
        let spki: PublicKeyX509Der<'_> = signer.public_key().as_der().map_err(|_| InvalidKey)?;
        let public = Arc::new(Public::parse(spki.as_ref())?);
        Ok(Self { der: der.to_vec(), signer, opener, public })
    }

    pub(super) fn generate() -> Result<Self, InvalidKey> {
        let key = PrivateDecryptingKey::generate(KeySize::Rsa2048).map_err(|_| InvalidKey)?;
        let der: Pkcs8V1Der<'_> = key.as_der().map_err(|_| InvalidKey)?;
        Self::parse(der.as_ref())
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    pub(super) const fn public(&self) -> &Arc<Public> {
        &self.public
    }

    /// Signs the message. Returns an empty signature, which verifies under no key, if signing fails. A parsed key does
    /// not fail in practice.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.signer.public_modulus_len()];
        let result = self.signer.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
        if result.is_err() { Vec::new() } else { signature }
    }

    pub(super) fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        let mut plain = vec![0; self.opener.min_output_size()];
        let plain = self.opener.decrypt(&OAEP_SHA1_MGF1SHA1, sealed, &mut plain, None).ok()?;
        Some(plain.to_vec())
    }
}

pub(super) struct Public {
    der: Vec<u8>,
    verifier: ParsedPublicKey,
    sealer: OaepPublicEncryptingKey,
}

impl Public {
    pub(super) fn parse(spki: &[u8]) -> Result<Self, InvalidKey> {
        let sealer = PublicEncryptingKey::from_der(spki).map_err(|_| InvalidKey)?;
        let sealer = OaepPublicEncryptingKey::new(sealer).map_err(|_| InvalidKey)?;
        let verifier = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki).map_err(|_| InvalidKey)?;
        Ok(Self { der: spki.to_vec(), verifier, sealer })
    }

    pub(super) fn der(&self) -> &[u8] {
        &self.der
    }

    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.verifier.verify_sig(message, signature).is_ok()
    }

    pub(super) fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let mut sealed = vec![0; self.sealer.ciphertext_size()];
        let sealed = self.sealer.encrypt(&OAEP_SHA1_MGF1SHA1, plain, &mut sealed, None).ok()?;
        Some(sealed.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_the_pool_differ_and_each_signs_and_opens() {
        let mut seen = std::collections::BTreeSet::new();
        for number in 0..FILES.len() {
            let pair = KeyPair::fixed(number).unwrap();
            assert!(pair.public().verifies(b"message", &pair.sign(b"message")));
            assert!(!pair.public().verifies(b"another", &pair.sign(b"message")));
            assert_eq!(pair.open(&pair.public().seal(b"text").unwrap()).as_deref(), Some(&b"text"[..]));
            assert!(seen.insert(pair.public().der()));
        }
        assert_eq!(KeyPair::fixed(FILES.len()).unwrap().private_der(), FILES[0]);
    }

    #[test]
    fn each_generated_key_is_new() {
        let (one, other) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        assert_ne!(one.private_der(), other.private_der());
        let reread = KeyPair::parse(&one.private_der()).unwrap();
        assert!(reread.public().verifies(b"m", &one.sign(b"m")));
    }
}
