//! The cryptography of APIv3, behind traits: RSA and AES-256-GCM.
//!
//! The core decides which bytes are signed, verified, sealed and opened; a [`CryptoProvider`] computes the result. A
//! provider is passed in as a value, never chosen by a feature or a global. One process may use several. `wxpay-aws-lc`
//! is a provider; authors of another one test it with [`proof`].

pub mod certificate;
#[cfg(test)]
pub(crate) mod fake;
pub mod pem;
pub mod proof;

pub use certificate::Certificate;

use crate::{prelude::*, secret::Secret};
use core::{error, fmt};

/// An implementation of the cryptography: parses keys and returns them as trait objects.
pub trait CryptoProvider: fmt::Debug + Send + Sync {
    /// Parses an RSA private key from the DER of PKCS#8 or PKCS#1.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidKey`] if it is not an RSA key of 2048 to 8192 bits.
    fn private_key(&self, der: &Secret<Vec<u8>>) -> Result<Arc<dyn PrivateKey>, InvalidKey>;

    /// Parses an RSA public key from the DER of a `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidKey`] if it is not an RSA key of 2048 to 8192 bits.
    fn public_key(&self, spki: &[u8]) -> Result<Arc<dyn PublicKey>, InvalidKey>;

    /// Creates an AES-256-GCM key.
    fn symmetric_key(&self, key: &Secret<[u8; 32]>) -> Arc<dyn SymmetricKey>;
}

/// The merchant's private key. It may live in a KMS or HSM; then [`sign`](Self::sign) requests the signature there.
pub trait PrivateKey: fmt::Debug + Send + Sync {
    /// Returns whether the key may block: it waits for a KMS, an HSM or another process. The default is `false`, for a
    /// key in memory.
    ///
    /// An adapter runs the steps of a flow that [may block](crate::exchange::Flow::may_block) where they delay nothing
    /// else.
    fn may_block(&self) -> bool {
        false
    }

    /// Signs with RSASSA-PKCS1-v1_5 and SHA-256. The signature is deterministic.
    ///
    /// # Errors
    ///
    /// Returns [`Unavailable`] if no signature can be computed, for example because a KMS does not respond.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unavailable>;

    /// Opens an RSAES-OAEP ciphertext with SHA-1, MGF1 with SHA-1, and an empty label.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidSignature`] if the ciphertext was not sealed for this key, or the key is not available.
    fn open(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, InvalidSignature>;
}

/// A public key of WeChat Pay: of a platform certificate, or a WeChat Pay public key.
pub trait PublicKey: fmt::Debug + Send + Sync {
    /// Verifies an RSASSA-PKCS1-v1_5 signature with SHA-256.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidSignature`] if the signature is not this key's signature of the message.
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), InvalidSignature>;

    /// Verifies a message that is given in consecutive parts, so that long messages need not be copied.
    ///
    /// The default concatenates the parts and [verifies](Self::verify) the result. Providers may override it.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidSignature`] if the signature is not this key's signature of the concatenated parts.
    fn verify_parts(&self, parts: &[&[u8]], signature: &[u8]) -> Result<(), InvalidSignature> {
        self.verify(&parts.concat(), signature)
    }

    /// Seals with RSAES-OAEP, SHA-1, MGF1 with SHA-1, and an empty label. Each call returns a different ciphertext.
    ///
    /// # Errors
    ///
    /// Returns [`TooLong`] if the text is too long for the key: the limit is 214 bytes for 2048 bits.
    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, TooLong>;
}

/// An AES-256-GCM key: nonces of any length but zero, and a tag of 16 bytes after the ciphertext. WeChat Pay uses nonces
/// of 12 bytes, except for the bills of sub-merchants.
pub trait SymmetricKey: fmt::Debug + Send + Sync {
    /// Opens a ciphertext with its tag. Returns the plaintext.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidSignature`] if the tag does not match: wrong key, nonce or associated data, or modified bytes.
    fn open(&self, nonce: &[u8], associated_data: &[u8], sealed: &[u8]) -> Result<Vec<u8>, InvalidSignature>;

    /// Seals a text. Returns the ciphertext followed by the tag. A nonce must not be used twice with one key.
    fn seal(&self, nonce: &[u8], associated_data: &[u8], plain: &[u8]) -> Vec<u8>;
}

/// Defines a small opaque error: a type and its message.
macro_rules! opaque_error {
    ($(#[$doc:meta])* $name:ident = $message:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(clippy::exhaustive_structs, reason = "opaque on purpose, and providers construct it")]
        pub struct $name;

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($message)
            }
        }

        impl error::Error for $name {}
    };
}

opaque_error! {
    /// The error for a key that cannot be used. Opaque on purpose: details of a key must not leak.
    InvalidKey = "an RSA key of 2048 to 8192 bits is required"
}
opaque_error! {
    /// The error for an invalid signature or ciphertext. Opaque on purpose: details would help a forger.
    InvalidSignature = "the signature or the ciphertext is invalid: wrong key or modified data"
}
opaque_error! {
    /// The error for a file that is not the one whose digest WeChat Pay signed.
    DigestMismatch = "the digest of the file is not the one that WeChat Pay signed: it is incomplete or modified"
}
opaque_error! {
    /// The error for a plaintext that is too long to be sealed.
    TooLong = "the plaintext is too long to be sealed with this key"
}
opaque_error! {
    /// The error for a private key that is not available now.
    Unavailable = "the private key is not available"
}
