//! RSA: signatures, and texts sealed to a key.

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

/// A private key, once for signing and once for opening. The library wipes both when they are dropped.
pub(crate) struct Private {
    signing: KeyPair,
    opening: OaepPrivateDecryptingKey,
}

impl Private {
    /// Its PKCS#8 is written anew: opening does not read PKCS#1.
    pub(crate) fn read(der: &Secret<Vec<u8>>) -> Result<Self, InvalidKey> {
        let der = der.expose();
        let signing = KeyPair::from_pkcs8(der).or_else(|_| KeyPair::from_der(der)).map_err(|_| InvalidKey)?;
        let pkcs8 = signing.as_der().map_err(|_| InvalidKey)?;
        let opening = PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref()).map_err(|_| InvalidKey)?;
        Ok(Self { signing, opening: OaepPrivateDecryptingKey::new(opening).map_err(|_| InvalidKey)? })
    }
}

impl PrivateKey for Private {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unavailable> {
        let mut signature = vec![0; self.signing.public_modulus_len()];
        // The padding draws no chance, but the library asks for a source.
        let chance = aws_lc_rs::rand::SystemRandom::new();
        self.signing.sign(&RSA_PKCS1_SHA256, &chance, message, &mut signature).map_err(|_| Unavailable)?;
        Ok(signature)
    }

    fn open(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, InvalidSignature> {
        let mut plain = Zeroizing::new(vec![0; self.opening.min_output_size()]);
        let length = self
            .opening
            .decrypt(&OAEP_SHA1_MGF1SHA1, sealed, &mut plain, None)
            .map_err(|_| InvalidSignature)?
            .len();
        // What lies behind is wiped with the rest: the whole capacity is.
        plain.truncate(length);
        Ok(Secret::new(std::mem::take(&mut *plain)))
    }
}

/// Its size, and nothing of the key.
impl fmt::Debug for Private {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[private key of {} bits]", self.opening.key_size_bits())
    }
}

/// A public key, once for verifying and once for sealing.
pub(crate) struct Public {
    verifying: ParsedPublicKey,
    sealing: OaepPublicEncryptingKey,
}

impl Public {
    pub(crate) fn read(spki: &[u8]) -> Result<Self, InvalidKey> {
        // First: unlike the other it reads nothing but a `SubjectPublicKeyInfo`.
        let sealing = PublicEncryptingKey::from_der(spki).map_err(|_| InvalidKey)?;
        let verifying = ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, spki).map_err(|_| InvalidKey)?;
        Ok(Self { verifying, sealing: OaepPublicEncryptingKey::new(sealing).map_err(|_| InvalidKey)? })
    }
}

impl PublicKey for Public {
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.verify_parts(&[message], signature)
    }

    fn verify_parts(&self, parts: &[&[u8]], signature: &[u8]) -> Result<(), InvalidSignature> {
        let mut digest = digest::Context::new(&digest::SHA256);
        for part in parts {
            digest.update(part);
        }
        self.verifying.verify_digest_sig(&digest.finish(), signature).map_err(|_| InvalidSignature)
    }

    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, TooLong> {
        let mut sealed = vec![0; self.sealing.ciphertext_size()];
        self.sealing.encrypt(&OAEP_SHA1_MGF1SHA1, plain, &mut sealed, None).map_err(|_| TooLong)?;
        Ok(sealed)
    }
}

impl fmt::Debug for Public {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[public key of {} bits]", self.sealing.key_size_bits())
    }
}
