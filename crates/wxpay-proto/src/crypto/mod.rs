//! The cryptography of the third generation, behind a seam: RSA, and AES-GCM.
//!
//! The core says what is signed, verified, sealed and opened; a [`Provider`] does it. One is chosen by handing it
//! over, never by a feature or a global, and several may live in one process. `wxpay-aws-lc` is one; whoever writes
//! another runs [`proof`] against it.

pub mod certificate;
pub mod pem;
pub mod proof;
#[cfg(test)]
pub(crate) mod toy;

pub use certificate::Certificate;

use crate::secret::Secret;
use alloc::{sync::Arc, vec::Vec};
use core::{error, fmt};

/// An implementation of the cryptography.
pub trait Provider: fmt::Debug + Send + Sync {
    /// Reads an RSA private key: DER of PKCS#8 or PKCS#1.
    ///
    /// # Errors
    ///
    /// When it is no RSA key of 2048 to 8192 bits.
    fn private_key(&self, der: &Secret<Vec<u8>>) -> Result<Arc<dyn PrivateKey>, BadKey>;

    /// Reads an RSA public key: DER of a `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    ///
    /// When it is no RSA key of 2048 to 8192 bits.
    fn public_key(&self, spki: &[u8]) -> Result<Arc<dyn PublicKey>, BadKey>;

    /// Takes up a key of AES-256-GCM.
    fn symmetric_key(&self, key: &Secret<[u8; 32]>) -> Arc<dyn SymmetricKey>;
}

/// A merchant's own key. It may live elsewhere: then [`sign`](Self::sign) asks for a signature.
pub trait PrivateKey: fmt::Debug + Send + Sync {
    /// RSASSA-PKCS1-v1_5 with SHA-256. The same message gives the same signature.
    ///
    /// # Errors
    ///
    /// When no signature can be had: a key that lives elsewhere does not answer.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unavailable>;

    /// Opens RSAES-OAEP with SHA-1, MGF1 with SHA-1, and an empty label.
    ///
    /// # Errors
    ///
    /// When it was not sealed for this key, or the key cannot be had.
    fn open(&self, sealed: &[u8]) -> Result<Secret<Vec<u8>>, Forged>;
}

/// One of the platform's keys.
pub trait PublicKey: fmt::Debug + Send + Sync {
    /// Verifies RSASSA-PKCS1-v1_5 with SHA-256.
    ///
    /// # Errors
    ///
    /// When the signature is not this key's over this message.
    fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Forged>;

    /// Verifies a message that lies in parts, one read behind the other, so that long ones need not be copied.
    ///
    /// Unless a provider does better, they are joined, and [verified](Self::verify) then.
    ///
    /// # Errors
    ///
    /// When the signature is not this key's over the parts together.
    fn verify_parts(&self, parts: &[&[u8]], signature: &[u8]) -> Result<(), Forged> {
        self.verify(&parts.concat(), signature)
    }

    /// Seals by RSAES-OAEP with SHA-1, MGF1 with SHA-1, and an empty label. Each time to other bytes.
    ///
    /// # Errors
    ///
    /// When the text is longer than the key takes: 214 bytes with 2048 bits.
    fn seal(&self, plain: &[u8]) -> Result<Vec<u8>, TooLong>;
}

/// A key of AES-256-GCM: 12 bytes of nonce, 16 bytes of tag behind the ciphertext.
pub trait SymmetricKey: fmt::Debug + Send + Sync {
    /// Opens a box.
    ///
    /// # Errors
    ///
    /// When the tag does not match: another key, nonce or associated data, or changed bytes.
    fn open(&self, nonce: &[u8; 12], associated_data: &[u8], sealed: &[u8]) -> Result<Vec<u8>, Forged>;

    /// Seals a text; comes to the ciphertext with the tag behind it. A nonce is used once.
    fn seal(&self, nonce: &[u8; 12], associated_data: &[u8], plain: &[u8]) -> Vec<u8>;
}

/// A small opaque error: a name, and one sentence.
macro_rules! fault {
    ($(#[$doc:meta])* $name:ident = $words:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[allow(clippy::exhaustive_structs, reason = "it says no more, on purpose, and providers must make it")]
        pub struct $name;

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str($words)
            }
        }

        impl error::Error for $name {}
    };
}

fault! {
    /// A key that cannot be used. Says no more, on purpose.
    BadKey = "not a usable RSA key of 2048 to 8192 bits"
}
fault! {
    /// A signature or a ciphertext that does not check. Says no more, on purpose.
    Forged = "a signature or a ciphertext does not check"
}
fault! {
    /// A text that is too long to be sealed.
    TooLong = "the text is too long to be sealed with this key"
}
fault! {
    /// No signature can be had now.
    Unavailable = "the private key cannot be had"
}
