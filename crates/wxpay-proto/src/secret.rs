//! Values that must not be printed.

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

/// Compares in a time that depends on the lengths alone.
pub(crate) fn same_bytes(one: &[u8], other: &[u8]) -> bool {
    bool::from(one.ct_eq(other))
}
