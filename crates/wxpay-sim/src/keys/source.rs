//! The source of a gateway's keys.

use super::{InvalidKey, KeyPair};
use std::sync::Arc;

/// The keys of a gateway: for its merchants, the platform and the root certificate.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum KeySource {
    /// The key pool in this crate: **public knowledge**. The same seed gives the same keys.
    #[default]
    Fixed,
    /// Keys of the [fake scheme](KeyPair::fake) with the public halves of the fixed ones, for tests of a hundred
    /// thousand orders. Certificates are real, and so are ciphertexts under the APIv3 key; signatures and OAEP
    /// ciphertexts are not.
    Fake,
    /// The caller's keys. Key numbers wrap around at the end of the list.
    Custom(Arc<[KeyPair]>),
}

impl KeySource {
    /// Generates new RSA keys with the operating system's randomness; takes about a second.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidKey`] if the operating system provides no randomness.
    pub fn generate() -> Result<Self, InvalidKey> {
        let keys: Result<Vec<KeyPair>, InvalidKey> = (0..8).map(|_| KeyPair::generate()).collect();
        keys.map(|keys| Self::Custom(keys.into()))
    }

    /// Returns whether the keys are of the fake scheme.
    pub const fn is_fake(&self) -> bool {
        matches!(self, Self::Fake)
    }

    /// Returns the key of the root certificate: never a fake one, because certificates are real.
    pub(crate) fn root(&self) -> KeyPair {
        self.real_key(0)
    }

    /// Returns the key of the TLS server: never a fake one, because TLS is real.
    pub(crate) fn server(&self) -> KeyPair {
        self.real_key(1)
    }

    fn real_key(&self, number: usize) -> KeyPair {
        match self {
            Self::Fake => Self::Fixed.key_pair(number),
            Self::Fixed | Self::Custom(_) => self.key_pair(number),
        }
    }

    /// Returns the key with this number. Falls back to a fake key for an empty list, or if the pool fails.
    pub(crate) fn key_pair(&self, number: usize) -> KeyPair {
        let fake = || KeyPair::fake(&format!("key-{number}"));
        let fixed = || KeyPair::fixed(number).unwrap_or_else(|InvalidKey| fake());
        match self {
            Self::Fixed => fixed(),
            Self::Fake => fixed().fake_of(),
            Self::Custom(keys) => {
                let index = number.checked_rem(keys.len()).unwrap_or_default();
                keys.get(index).cloned().unwrap_or_else(fake)
            }
        }
    }
}

/// Compares given keys by identity, so that no secrets are compared.
impl PartialEq for KeySource {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Fixed, Self::Fixed) | (Self::Fake, Self::Fake) => true,
            (Self::Custom(left), Self::Custom(right)) => Arc::ptr_eq(left, right),
            (Self::Fixed | Self::Fake | Self::Custom(_), _) => false,
        }
    }
}

impl Eq for KeySource {}
