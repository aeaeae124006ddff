//! Keys: pairs that sign and open, public halves that verify and seal, and certificates.
//!
//! A key is parsed once and then shared: clones are cheap. A [`KeySource`] is the source of a gateway's keys.

mod certificate;
mod fake;
mod rsa;
mod source;

pub use certificate::{Certificate, CertificateAuthority};
pub use source::KeySource;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{fmt, sync::Arc};

/// The error for a key that cannot be parsed, generated or certified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidKey;

impl fmt::Display for InvalidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key cannot be parsed, generated or certified")
    }
}

impl std::error::Error for InvalidKey {}

/// A private key with its public half. `Debug` does not show it.
#[derive(Clone)]
pub struct KeyPair(Arc<Pair>);

enum Pair {
    Rsa(rsa::Pair),
    Fake(fake::Key),
}

impl KeyPair {
    /// Returns a key of the fixed pool: **public knowledge, for tests only**. Numbers wrap around at the end.
    ///
    /// # Errors
    ///
    /// Never in practice: the pool's files are valid.
    pub fn fixed(number: usize) -> Result<Self, InvalidKey> {
        rsa::fixed(number)
    }

    /// Creates a key of the fake scheme from a name.
    pub fn fake(name: &str) -> Self {
        Self(Arc::new(Pair::Fake(fake::Key::named(name))))
    }

    /// Creates a key of the fake scheme with this key's public half, so that a certificate can contain it.
    fn fake_of(&self) -> Self {
        Self(Arc::new(Pair::Fake(fake::Key::of(self.public().der()))))
    }

    /// Generates an RSA key of 2048 bits with the operating system's randomness.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidKey`] if the operating system provides no randomness.
    pub fn generate() -> Result<Self, InvalidKey> {
        rsa::Pair::generate().map(|pair| Self(Arc::new(Pair::Rsa(pair))))
    }

    /// Parses a private key: DER of PKCS#8, or the fake scheme's `null-private:NAME` and `null-private-of:` followed
    /// by a public key.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidKey`] for anything else.
    pub fn parse(der: &[u8]) -> Result<Self, InvalidKey> {
        if let Some(key) = fake::Key::of_private(der) {
            return Ok(Self(Arc::new(Pair::Fake(key))));
        }
        rsa::Pair::parse(der).map(|pair| Self(Arc::new(Pair::Rsa(pair))))
    }

    /// Returns the public half.
    pub fn public(&self) -> PublicKey {
        match &*self.0 {
            Pair::Rsa(pair) => PublicKey(Public::Rsa(Arc::clone(pair.public()))),
            Pair::Fake(key) => PublicKey(Public::Fake(key.clone())),
        }
    }

    /// Returns the private key as DER of PKCS#8, or in the fake scheme's form. **It is a secret.**
    pub fn private_der(&self) -> Vec<u8> {
        match &*self.0 {
            Pair::Rsa(pair) => pair.der().to_vec(),
            Pair::Fake(key) => key.private_der(),
        }
    }

    /// Returns the private key in PEM. **It is a secret.**
    pub fn private_pem(&self) -> String {
        pem("PRIVATE KEY", &self.private_der())
    }

    /// Signs with RSASSA-PKCS1-v1_5 and SHA-256. The signature is deterministic.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &*self.0 {
            Pair::Rsa(pair) => pair.sign(message),
            Pair::Fake(key) => key.sign(message),
        }
    }

    /// Opens a ciphertext of RSAES-OAEP with SHA-1. Returns `None` if it was not sealed for this key.
    pub fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        match &*self.0 {
            Pair::Rsa(pair) => pair.open(sealed),
            Pair::Fake(key) => key.open(sealed),
        }
    }
}

impl fmt::Debug for KeyPair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyPair(…)")
    }
}

/// The public half of a key.
#[derive(Clone)]
pub struct PublicKey(Public);

#[derive(Clone)]
enum Public {
    Rsa(Arc<rsa::Public>),
    Fake(fake::Key),
}

impl PublicKey {
    /// Parses a public key: DER of a `SubjectPublicKeyInfo`, or the fake scheme's `null-public:NAME`.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidKey`] for anything else.
    pub fn parse(der: &[u8]) -> Result<Self, InvalidKey> {
        if let Some(key) = fake::Key::of_public(der) {
            return Ok(Self(Public::Fake(key)));
        }
        rsa::Public::parse(der).map(|public| Self(Public::Rsa(Arc::new(public))))
    }

    /// Returns the public key as DER of a `SubjectPublicKeyInfo`, or in the fake scheme's form.
    pub fn der(&self) -> Vec<u8> {
        match &self.0 {
            Public::Rsa(public) => public.der().to_vec(),
            Public::Fake(key) => key.public_der(),
        }
    }

    /// Returns the public key in PEM.
    pub fn pem(&self) -> String {
        pem("PUBLIC KEY", &self.der())
    }

    /// Returns whether the signature of the message is valid under this key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Public::Rsa(public) => public.verifies(message, signature),
            Public::Fake(key) => key.verifies(message, signature),
        }
    }

    /// Seals with RSAES-OAEP and SHA-1, with the operating system's randomness. Returns `None` if the text is longer
    /// than 214 bytes.
    pub fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        match &self.0 {
            Public::Rsa(public) => public.seal(plain),
            Public::Fake(key) => key.seal(plain),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(…)")
    }
}

/// Encodes PEM, with lines of 64 characters.
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .filter_map(|at| text.get(at..text.len().min(at.saturating_add(64))))
        .collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
