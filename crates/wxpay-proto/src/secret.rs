//! Values that must not be printed.

use alloc::{boxed::Box, string::String};
use core::fmt;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, Zeroizing};

/// A secret: never printed, never serialised, never compared by `==`, wiped when dropped.
///
/// There is no `Clone`: share it through an `Arc`, so that copies do not multiply.
///
/// ```
/// use wxpay_proto::secret::Secret;
///
/// let secret = Secret::new(String::from("8934e7d15453e97507ef794cf7b0519d"));
/// assert_eq!(format!("{secret:?}"), "[secret]");
/// assert_eq!(secret.expose().len(), 32);
/// ```
pub struct Secret<T: Zeroize>(Zeroizing<T>);

impl<T: Zeroize> Secret<T> {
    /// Takes a secret in.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// Lets it out: the one name to search for in a review.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

/// Always `[secret]`, in every build.
impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// A text that tells of a person, such as the tail of a card's number: `Debug` shows the last two characters, and
/// [`as_str`](Self::as_str) is the way out.
///
/// ```
/// use wxpay_proto::secret::Personal;
///
/// let card = Personal::from(String::from("招商银行信用卡0403"));
/// assert_eq!(format!("{card:?}"), "Personal(…03)");
/// assert_eq!(card.as_str().chars().count(), 11);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(from = "String")]
pub struct Personal(Box<str>);

impl Personal {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for Personal {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Personal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Personal(…{})", tail(&self.0))
    }
}

/// The last two characters of a text; nothing of a shorter one.
pub(crate) fn tail(text: &str) -> &str {
    let at = text.char_indices().rev().nth(1).map(|(at, _)| at);
    at.and_then(|at| text.get(at..)).unwrap_or_default()
}

/// Compares in a time that depends on the lengths alone.
pub(crate) fn same_bytes(one: &[u8], other: &[u8]) -> bool {
    bool::from(one.ct_eq(other))
}
