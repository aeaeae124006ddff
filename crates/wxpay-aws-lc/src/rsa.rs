//! RSA: signatures (RSASSA-PKCS1-v1_5) and encryption (RSAES-OAEP).

use aws_lc_rs::{
    digest,
    encoding::AsDer as _,
    rsa::{
        KeyPair, OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, OaepPublicEncryptingKey, PrivateDecryptingKey,
        PublicEncryptingKey,
    },
    signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256},
};
use std::fmt;
use wxpay_proto::{
    crypto::{InvalidKey, InvalidSignature, PrivateKey, PublicKey, TooLong, Unavailable},
    secret::Secret,
};
use zeroize::Zeroizing;

/// A private key, parsed for signing and for opening. The library wipes both on drop.
pub(crate) struct RsaPrivateKey {
    signing_key: KeyPair,
    decrypting_key: OaepPrivateDecryptingKey,
}

impl RsaPrivateKey {
    /// Parses PKCS#8 or PKCS#1. The library's decrypting key accepts only PKCS#8, so the parsed key is encoded again.
    pub(crate) fn from_der(der: &Secret<Vec<u8>>) -> Result<Self, InvalidKey> {
        let der = der.expose();
        let signing_key =
            KeyPair::from_pkcs8(der).or_else(|_| KeyPair::from_der(der)).map_err(|_| InvalidKey)?;
        let pkcs8 = signing_key.as_der().map_err(|_| InvalidKey)?;
        let decrypting_key = PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref()).map_err(|_| InvalidKey)?;
        Ok(Self {
            signing_key,
            decrypting_key: OaepPrivateDecryptingKey::new(decrypting_key).map_err(|_| InvalidKey)?,
        })
    }
}

impl PrivateKey for RsaPrivateKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unavailable> {
        let mut signature = vec![0; self.signing_key.public_modulus_len()];
        // This padding is deterministic, but the library requires a source of randomness.
        let rng = aws_lc_rs::rand::SystemRandom::new();
        self.signing_key.sign(&RSA_PKCS1_SHA256, &rng, message, &mut signature).map_err(|_| Unavailable)?;
        Ok(signature)
    }

    fn open(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, InvalidSignature> {
        let mut plain = Zeroizing::new(vec![0; self.decrypting_key.min_output_size()]);
        let length = self
            .decrypting_key
            .decrypt(&OAEP_SHA1_MGF1SHA1, sealed, &mut plain, None)
            .map_err(|_| InvalidSignature)?
            .len();
        // The bytes after the plaintext are wiped as well: `Secret` wipes the whole capacity.
        plain.truncate(length);
        Ok(Secret::new(std::mem::take(&mut *plain)))
    }
}

/// Prints the size, and nothing of the key.
impl fmt::Debug for RsaPrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[private key of {} bits]", self.decrypting_key.key_size_bits())
    }
}

/// A public key, parsed for verifying and for sealing.
pub(crate) struct RsaPublicKey {
    verifying_key: ParsedPublicKey,
    encrypting_key: OaepPublicEncryptingKey,
}

impl RsaPublicKey {
    pub(crate) fn from_spki(spki: &[u8]) -> Result<Self, InvalidKey> {
        // This parser must come first: it accepts only a `SubjectPublicKeyInfo`, the other one more formats.
        let encrypting_key = PublicEncryptingKey::from_der(spki).map_err(|_| InvalidKey)?;
        // It ignores what follows the key.
        if !is_one_sequence(spki) {
            return Err(InvalidKey);
        }
        let verifying_key =
            ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki).map_err(|_| InvalidKey)?;
        Ok(Self {
            verifying_key,
            encrypting_key: OaepPublicEncryptingKey::new(encrypting_key).map_err(|_| InvalidKey)?,
        })
    }
}

/// Returns whether the text is one DER `SEQUENCE` of 256 to 65,535 bytes, as every RSA key from 2048 bits is, and nothing
/// follows it.
fn is_one_sequence(der: &[u8]) -> bool {
    match der {
        [0x30, 0x82, high, low, content @ ..] => {
            content.len() == usize::from(u16::from_be_bytes([*high, *low]))
        }
        _ => false,
    }
}

impl PublicKey for RsaPublicKey {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.verify_parts(&[message], signature)
    }

    fn verify_parts(&self, parts: &[&[u8]], signature: &[u8]) -> Result<(), InvalidSignature> {
        let mut digest = digest::Context::new(&digest::SHA256);
        for part in parts {
            digest.update(part);
        }
        self.verifying_key.verify_digest_sig(&digest.finish(), signature).map_err(|_| InvalidSignature)
    }

    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, TooLong> {
        let mut sealed = vec![0; self.encrypting_key.ciphertext_size()];
        self.encrypting_key.encrypt(&OAEP_SHA1_MGF1SHA1, plain, &mut sealed, None).map_err(|_| TooLong)?;
        Ok(sealed)
    }
}

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[public key of {} bits]", self.encrypting_key.key_size_bits())
    }
}
