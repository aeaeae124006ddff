//! The source of a gateway's keys.

use super::{BadKey, KeyPair};
use std::sync::Arc;

/// The keys of a gateway: for its merchants, the platform and the root certificate.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum KeySource {
    /// The key pool in this crate: **public knowledge**. The same seed gives the same keys.
    #[default]
    Fixed,
    /// Keys of the [quick scheme](KeyPair::fake) with the public halves of the fixed ones, for tests of a hundred
    /// thousand orders. Certificates are real, and so are ciphertexts under the APIv3 key; signatures and OAEP
    /// ciphertexts are not.
    Quick,
    /// The given keys. Numbers past the end start over.
    Given(Arc<[KeyPair]>),
}

impl KeySource {
    /// Generates new RSA keys with the operating system's randomness; takes about a second.
    ///
    /// # Errors
    ///
    /// Returns [`BadKey`] if the operating system provides no randomness.
    pub fn generate() -> Result<Self, BadKey> {
        let made: Result<Vec<KeyPair>, BadKey> = (0..8).map(|_| KeyPair::generate()).collect();
        made.map(|keys| Self::Given(keys.into()))
    }

    /// Returns whether the keys are of the quick scheme.
    #[must_use]
    pub const fn is_fake(&self) -> bool {
        matches!(self, Self::Quick)
    }

    /// Returns the key of the root certificate: never a quick one, because certificates are real.
    pub(crate) fn root(&self) -> KeyPair {
        self.real_key(0)
    }

    /// Returns the key of the TLS server: never a quick one, because TLS is real.
    pub(crate) fn server(&self) -> KeyPair {
        self.real_key(1)
    }

    fn real_key(&self, number: usize) -> KeyPair {
        match self {
            Self::Quick => Self::Fixed.key_pair(number),
            Self::Fixed | Self::Given(_) => self.key_pair(number),
        }
    }

    /// Returns the key with this number. Falls back to a quick key for an empty list, or if the pool fails.
    pub(crate) fn key_pair(&self, number: usize) -> KeyPair {
        let quick = || KeyPair::fake(&format!("key-{number}"));
        let fixed = || KeyPair::fixed(number).unwrap_or_else(|BadKey| quick());
        match self {
            Self::Fixed => fixed(),
            Self::Quick => fixed().fake_of(),
            Self::Given(keys) => {
                let place = number.checked_rem(keys.len()).unwrap_or_default();
                keys.get(place).cloned().unwrap_or_else(quick)
            }
        }
    }
}

/// Compares given keys by identity, so that no secrets are compared.
impl PartialEq for KeySource {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Fixed, Self::Fixed) | (Self::Quick, Self::Quick) => true,
            (Self::Given(one), Self::Given(another)) => Arc::ptr_eq(one, another),
            (Self::Fixed | Self::Quick | Self::Given(_), _) => false,
        }
    }
}

impl Eq for KeySource {}
