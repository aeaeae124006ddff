//! Secrets and personal data: values that must not be printed.

use crate::prelude::*;
use core::fmt;
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize, Zeroizing};

/// A secret. It is never printed, never serialised, never compared by `==`, and wiped when dropped.
///
/// The type is not `Clone`: share it through an `Arc`, so that copies do not multiply.
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
    /// Wraps a secret.
    pub fn new(value: T) -> Self {
        Self(Zeroizing::new(value))
    }

    /// Returns the secret. Reviews can search for this name.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

/// Prints `[secret]`, in every build.
impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// Personal data, such as the last digits of a bank card. `Debug` shows only the last two characters;
/// [`as_str`](Self::as_str) returns the text.
///
/// ```
/// use wxpay_proto::secret::PersonalData;
///
/// let card = PersonalData::from(String::from("招商银行信用卡0403"));
/// assert_eq!(format!("{card:?}"), "PersonalData(…03)");
/// assert_eq!(card.as_str().chars().count(), 11);
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(from = "String")]
pub struct PersonalData(Box<str>);

impl PersonalData {
    /// Returns the whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for PersonalData {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for PersonalData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PersonalData(…{})", last_two_chars(&self.0))
    }
}

/// Returns the last two characters of a text, or an empty text if it has fewer.
pub(crate) fn last_two_chars(text: &str) -> &str {
    let at = text.char_indices().rev().nth(1).map(|(at, _)| at);
    at.and_then(|at| text.get(at..)).unwrap_or_default()
}

/// Compares in constant time: the time depends only on the lengths.
pub(crate) fn constant_time_eq(one: &[u8], other: &[u8]) -> bool {
    bool::from(one.ct_eq(other))
}
