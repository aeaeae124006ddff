//! Keys: pairs that sign and open, public halves that verify and seal, and certificates that name them.
//!
//! A key is parsed once and then shared: clones are cheap. A [`Ring`] says where a gateway's keys come from.

mod certificate;
mod quick;
mod ring;
mod rsa;

pub use certificate::{Authority, Certificate};
pub use ring::Ring;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{fmt, sync::Arc};

/// A key that cannot be read, or cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BadKey;

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a usable key")
    }
}

impl std::error::Error for BadKey {}

/// A private key with its public half. `Debug` shows nothing of it.
#[derive(Clone)]
pub struct KeyPair(Arc<Pair>);

enum Pair {
    Rsa(rsa::Pair),
    Quick(quick::Key),
}

impl KeyPair {
    /// A key of the fixed pool: **public knowledge, for tests alone**. Counts around when the pool is at its end.
    ///
    /// # Errors
    ///
    /// Never in practice: the pool's files are in order.
    pub fn fixed(number: usize) -> Result<Self, BadKey> {
        rsa::fixed(number)
    }

    /// A key of the quick scheme.
    #[must_use]
    pub fn quick(name: &str) -> Self {
        Self(Arc::new(Pair::Quick(quick::Key::named(name))))
    }

    /// A key of the quick scheme whose public half is this one's, so that it can be in a certificate.
    fn quick_of(&self) -> Self {
        Self(Arc::new(Pair::Quick(quick::Key::of(self.public().der()))))
    }

    /// A new RSA key from the operating system's chance.
    ///
    /// # Errors
    ///
    /// When the operating system has none to give.
    pub fn generated() -> Result<Self, BadKey> {
        rsa::Pair::generated().map(|pair| Self(Arc::new(Pair::Rsa(pair))))
    }

    /// Reads a private key: DER of PKCS#8, or the quick scheme's `null-private:NAME` and
    /// `null-private-of:` with a public key behind.
    ///
    /// # Errors
    ///
    /// When it is neither.
    pub fn parse(der: &[u8]) -> Result<Self, BadKey> {
        if let Some(key) = quick::Key::of_private(der) {
            return Ok(Self(Arc::new(Pair::Quick(key))));
        }
        rsa::Pair::parse(der).map(|pair| Self(Arc::new(Pair::Rsa(pair))))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        match &*self.0 {
            Pair::Rsa(pair) => PublicKey(Public::Rsa(Arc::clone(pair.public()))),
            Pair::Quick(key) => PublicKey(Public::Quick(key.clone())),
        }
    }

    /// DER of PKCS#8, or of the quick scheme.
    #[must_use]
    pub fn private_der(&self) -> Vec<u8> {
        match &*self.0 {
            Pair::Rsa(pair) => pair.der().to_vec(),
            Pair::Quick(key) => key.private_der(),
        }
    }

    /// The same in PEM. **It is a secret.**
    #[must_use]
    pub fn private_pem(&self) -> String {
        pem("PRIVATE KEY", &self.private_der())
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256; the same message gives the same signature.
    #[must_use]
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &*self.0 {
            Pair::Rsa(pair) => pair.sign(message),
            Pair::Quick(key) => key.sign(message),
        }
    }

    /// Opens RSAES-OAEP with SHA-1. `None` if it was not sealed for this key.
    #[must_use]
    pub fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        match &*self.0 {
            Pair::Rsa(pair) => pair.open(sealed),
            Pair::Quick(key) => key.open(sealed),
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
    Quick(quick::Key),
}

impl PublicKey {
    /// Reads a public key: DER of a `SubjectPublicKeyInfo`, or the quick scheme's `null-public:NAME`.
    ///
    /// # Errors
    ///
    /// When it is neither.
    pub fn parse(der: &[u8]) -> Result<Self, BadKey> {
        if let Some(key) = quick::Key::of_public(der) {
            return Ok(Self(Public::Quick(key)));
        }
        rsa::Public::parse(der).map(|public| Self(Public::Rsa(Arc::new(public))))
    }

    /// DER of a `SubjectPublicKeyInfo`, or of the quick scheme.
    #[must_use]
    pub fn der(&self) -> Vec<u8> {
        match &self.0 {
            Public::Rsa(public) => public.der().to_vec(),
            Public::Quick(key) => key.public_der(),
        }
    }

    /// The same in PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        pem("PUBLIC KEY", &self.der())
    }

    /// Whether the signature is this key's over this message.
    #[must_use]
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Public::Rsa(public) => public.verifies(message, signature),
            Public::Quick(key) => key.verifies(message, signature),
        }
    }

    /// Seals by RSAES-OAEP with SHA-1, drawing on the operating system's chance. `None` if the text is too long:
    /// 214 bytes are the most.
    #[must_use]
    pub fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        match &self.0 {
            Public::Rsa(public) => public.seal(plain),
            Public::Quick(key) => key.seal(plain),
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PublicKey(…)")
    }
}

/// Lines of 64 signs between a header and a footer.
fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .filter_map(|at| text.get(at..text.len().min(at.saturating_add(64))))
        .collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}
