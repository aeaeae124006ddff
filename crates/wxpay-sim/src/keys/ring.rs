//! Where the keys of a gateway come from.

use super::{BadKey, KeyPair};
use std::sync::Arc;

/// The keys that a gateway gives out: to its merchants, to the platform, to its certificates' root.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub enum Ring {
    /// The pool in this crate: **public knowledge**. One seed, one world.
    #[default]
    Fixed,
    /// Keys of the [quick scheme](KeyPair::quick) under the public halves of the fixed ones, for tests of a hundred
    /// thousand orders. Certificates are real, and so are boxes under the APIv3 key; what the keys sign and seal is
    /// not.
    Quick,
    /// These keys, the first again after the last.
    Given(Arc<[KeyPair]>),
}

impl Ring {
    /// New RSA keys that nobody knows, from the operating system's chance; takes about a second.
    ///
    /// # Errors
    ///
    /// When the operating system has none to give.
    pub fn fresh() -> Result<Self, BadKey> {
        let made: Result<Vec<KeyPair>, BadKey> = (0..8).map(|_| KeyPair::generated()).collect();
        made.map(|keys| Self::Given(keys.into()))
    }

    /// Whether its keys are of the quick scheme.
    #[must_use]
    pub const fn is_quick(&self) -> bool {
        matches!(self, Self::Quick)
    }

    /// The key of the certificates' root: never a quick one.
    pub(crate) fn root(&self) -> KeyPair {
        self.real(0)
    }

    /// The key of the TLS server: never a quick one.
    pub(crate) fn server(&self) -> KeyPair {
        self.real(1)
    }

    fn real(&self, number: usize) -> KeyPair {
        match self {
            Self::Quick => Self::Fixed.pair(number),
            Self::Fixed | Self::Given(_) => self.pair(number),
        }
    }

    /// The key of a place. What an empty ring gives is quick, and so is what the pool cannot.
    pub(crate) fn pair(&self, number: usize) -> KeyPair {
        let quick = || KeyPair::quick(&format!("key-{number}"));
        let fixed = || KeyPair::fixed(number).unwrap_or_else(|BadKey| quick());
        match self {
            Self::Fixed => fixed(),
            Self::Quick => fixed().quick_of(),
            Self::Given(keys) => {
                let place = number.checked_rem(keys.len()).unwrap_or_default();
                keys.get(place).cloned().unwrap_or_else(quick)
            }
        }
    }
}

/// Two rings are one if they give the same keys, as far as that can be told without comparing secrets.
impl PartialEq for Ring {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Fixed, Self::Fixed) | (Self::Quick, Self::Quick) => true,
            (Self::Given(one), Self::Given(another)) => Arc::ptr_eq(one, another),
            (Self::Fixed | Self::Quick | Self::Given(_), _) => false,
        }
    }
}

impl Eq for Ring {}
