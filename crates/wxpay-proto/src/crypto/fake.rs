//! Fake cryptography for the tests of this crate. It binds key, message and ciphertext as the real one does, but is not
//! secure.
//!
//! The two halves of a key pair are one value here: the bytes of the public key suffice to sign.

use super::{
    CryptoProvider, InvalidKey, InvalidSignature, PrivateKey, PublicKey, SymmetricKey, TooLong, Unavailable,
    certificate::tests::MERCHANT, pem,
};
use crate::{prelude::*, secret::Secret, wire::base64};
use core::fmt;
use sha2::{Digest as _, Sha256};

/// The provider of the fake cryptography.
#[derive(Debug)]
pub(crate) struct FakeProvider;

struct FakeRsaKey([u8; 32]);

struct FakeAead([u8; 32]);

impl CryptoProvider for FakeProvider {
    fn private_key(&self, der: &Secret<Vec<u8>>) -> Result<Arc<dyn PrivateKey>, InvalidKey> {
        Ok(Arc::new(FakeRsaKey::from_bytes(der.expose())?))
    }

    fn public_key(&self, spki: &[u8]) -> Result<Arc<dyn PublicKey>, InvalidKey> {
        Ok(Arc::new(FakeRsaKey::from_bytes(spki)?))
    }

    fn symmetric_key(&self, key: &Secret<[u8; 32]>) -> Arc<dyn SymmetricKey> {
        Arc::new(FakeAead(*key.expose()))
    }
}

impl FakeRsaKey {
    fn from_bytes(bytes: &[u8]) -> Result<Self, InvalidKey> {
        if bytes.is_empty() { Err(InvalidKey) } else { Ok(Self(digest(&[bytes]))) }
    }

    fn label(&self) -> String {
        format!("for {}: ", hex::encode(&self.0[..4]))
    }
}

impl PrivateKey for FakeRsaKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unavailable> {
        Ok(digest(&[b"sign", &self.0, message]).to_vec())
    }

    fn open(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, InvalidSignature> {
        let plain = sealed.strip_prefix(self.label().as_bytes()).ok_or(InvalidSignature)?;
        Ok(Secret::new(plain.to_vec()))
    }
}

impl PublicKey for FakeRsaKey {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        if digest(&[b"sign", &self.0, message]) == signature { Ok(()) } else { Err(InvalidSignature) }
    }

    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, TooLong> {
        if plain.len() > 214 { Err(TooLong) } else { Ok([self.label().as_bytes(), plain].concat()) }
    }
}

impl FakeAead {
    fn tag(&self, nonce: &[u8], associated_data: &[u8], ciphertext: &[u8]) -> [u8; 16] {
        let hash = digest(&[b"tag", &self.0, nonce, &digest(&[associated_data]), ciphertext]);
        *hash.first_chunk().unwrap()
    }

    /// Flips one bit of each byte, so that a ciphertext differs from its plaintext.
    fn mix(text: &[u8]) -> Vec<u8> {
        text.iter().map(|byte| byte ^ 0x80).collect()
    }
}

impl SymmetricKey for FakeAead {
    fn open(&self, nonce: &[u8], associated_data: &[u8], sealed: &[u8]) -> Result<Vec<u8>, InvalidSignature> {
        let (ciphertext, tag) = sealed.split_last_chunk::<16>().ok_or(InvalidSignature)?;
        if self.tag(nonce, associated_data, ciphertext) == *tag {
            Ok(Self::mix(ciphertext))
        } else {
            Err(InvalidSignature)
        }
    }

    fn seal(&self, nonce: &[u8], associated_data: &[u8], plain: &[u8]) -> Vec<u8> {
        let ciphertext = Self::mix(plain);
        let tag = self.tag(nonce, associated_data, &ciphertext);
        [&ciphertext[..], &tag[..]].concat()
    }
}

impl fmt::Debug for FakeRsaKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeRsaKey(..)")
    }
}

impl fmt::Debug for FakeAead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FakeAead(..)")
    }
}

fn digest(parts: &[&[u8]]) -> [u8; 32] {
    parts.iter().fold(Sha256::new(), Sha256::chain_update).finalize().into()
}

/// Returns a certificate in PEM with the serial number `0A00` followed by the given byte, a key of its own, and the
/// given validity, written `yyMMddHHmmss` and `yyyyMMddHHmmss`. The signature is not valid.
pub(crate) fn certificate(number: u8, not_before: &str, not_after: &str) -> String {
    let mut der = pem::certificate(MERCHANT.as_bytes()).unwrap();
    let mut replace = |old: &[u8], new: &[u8]| {
        assert_eq!(old.len(), new.len());
        let offsets: Vec<usize> = der
            .windows(old.len())
            .enumerate()
            .filter(|(_, window)| *window == old)
            .map(|(at, _)| at)
            .collect();
        assert!(!offsets.is_empty());
        for at in offsets {
            der[at..][..new.len()].copy_from_slice(new);
        }
    };
    replace(&[2, 3, 0x0a, 0x00, 0xf0], &[2, 3, 0x0a, 0x00, number]);
    replace(b"261124150452Z", format!("{not_before}Z").as_bytes());
    replace(b"21261031150452Z", format!("{not_after}Z").as_bytes());
    // The first bytes of the public key.
    replace(&[0x04, 0xb0, 0x40, 0x18], &[0x04, 0xb0, 0x40, number]);
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", base64::encode(&der))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::Certificate;

    #[test]
    fn fake_certificate_has_the_given_serial_and_validity_and_its_own_key() {
        let [one, other] = [1, 2].map(|number| {
            let pem = certificate(number, "270101000000", "20320101000000");
            Certificate::parse_pem(pem.as_bytes()).unwrap()
        });
        assert_eq!((one.serial(), other.serial()), ("0A0001", "0A0002"));
        assert_ne!(one.spki(), other.spki());
        // `date -u -d 2027-01-01 +%s`, and of 2032.
        assert_eq!((one.not_before().as_secs(), one.not_after().as_secs()), (1_798_761_600, 1_956_528_000));
    }

    #[test]
    fn ciphertext_is_bound_to_key_nonce_and_associated_data() {
        let [key, other] = [[1; 32], [2; 32]].map(|key| FakeProvider.symmetric_key(&Secret::new(key)));
        let sealed = key.seal(&[0; 12], b"data", b"text");
        assert_eq!(key.open(&[0; 12], b"data", &sealed).unwrap(), b"text");
        assert!(key.open(&[1; 12], b"data", &sealed).is_err());
        assert!(key.open(&[0; 12], b"", &sealed).is_err());
        assert!(other.open(&[0; 12], b"data", &sealed).is_err());
    }
}
