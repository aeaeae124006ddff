//! Amounts of money in whole fen, never floats.

use core::{fmt, str::FromStr};

/// An amount of money in fen. One yuan is 100 fen.
///
/// ```
/// use wxpay_proto::Fen;
///
/// assert_eq!(Fen::from_yuan("19.99")?, Fen::new(1999));
/// assert_eq!(Fen::from_yuan("0.1")?, Fen::new(10));
/// assert_eq!(Fen::new(1999).to_string(), "1999");
/// assert_eq!(Fen::new(1999).yuan().to_string(), "19.99");
/// assert!(Fen::from_yuan("0.001").is_err());
/// # Ok::<(), wxpay_proto::money::InvalidAmount>(())
/// ```
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct Fen(u64);

impl Fen {
    /// Zero fen.
    pub const ZERO: Self = Self(0);

    /// Creates an amount in fen.
    pub const fn new(fen: u64) -> Self {
        Self(fen)
    }

    /// Returns the amount in fen.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// Returns the sum, or `None` on overflow.
    pub const fn checked_add(self, other: Self) -> Option<Self> {
        match self.0.checked_add(other.0) {
            Some(sum) => Some(Self(sum)),
            None => None,
        }
    }

    /// Returns the difference, or `None` if `other` is larger.
    pub const fn checked_sub(self, other: Self) -> Option<Self> {
        match self.0.checked_sub(other.0) {
            Some(rest) => Some(Self(rest)),
            None => None,
        }
    }

    /// Parses an amount in yuan: digits, then optionally a dot and one or two digits. No sign, no blanks, no exponent.
    ///
    /// # Errors
    ///
    /// Returns [`InvalidAmount`] if the text has any other form, or is too large.
    pub fn from_yuan(yuan: &str) -> Result<Self, InvalidAmount> {
        let (whole, cents) = yuan.split_once('.').unwrap_or((yuan, "00"));
        let cents = match (cents.len(), digits(cents)?) {
            (1, tenths) => tenths.checked_mul(10).ok_or(InvalidAmount)?,
            (2, cents) => cents,
            _ => return Err(InvalidAmount),
        };
        digits(whole)?.checked_mul(100).and_then(|fen| fen.checked_add(cents)).map(Self).ok_or(InvalidAmount)
    }

    /// Returns a value that prints the amount in yuan with two decimals, as bills and people write it.
    pub const fn yuan(self) -> Yuan {
        Yuan(self)
    }
}

/// An amount that prints in yuan; see [`Fen::yuan`].
#[derive(Clone, Copy, Debug)]
pub struct Yuan(Fen);

const FEN_PER_YUAN: u64 = 100;

impl fmt::Display for Yuan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Fen(fen) = self.0;
        write!(f, "{}.{:02}", fen / FEN_PER_YUAN, fen % FEN_PER_YUAN)
    }
}

/// Prints decimal digits of fen, as the protocol writes them.
impl fmt::Display for Fen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Parses decimal digits of fen, as the protocol writes them.
impl FromStr for Fen {
    type Err = InvalidAmount;
    fn from_str(text: &str) -> Result<Self, InvalidAmount> {
        digits(text).map(Self)
    }
}

/// Parses digits and nothing else: `u64::from_str` alone would accept a `+`.
fn digits(text: &str) -> Result<u64, InvalidAmount> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten().ok_or(InvalidAmount)
}

/// The error for a text that is not an amount of money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidAmount;

impl fmt::Display for InvalidAmount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an amount must be decimal digits, with at most two decimals for yuan and without a sign")
    }
}

impl core::error::Error for InvalidAmount {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prelude::*;
    use proptest::prelude::*;

    #[test]
    fn from_yuan_keeps_every_fen() {
        for (yuan, fen) in [("0.29", 29), ("1.15", 115), ("8.2", 820), ("19.99", 1999), ("0", 0), ("7", 700)]
        {
            assert_eq!(Fen::from_yuan(yuan), Ok(Fen::new(fen)), "{yuan}");
        }
    }

    #[test]
    fn from_yuan_rejects_texts_that_are_not_amounts() {
        for text in ["", ".", "1.", ".5", "-1", "+1", " 1", "1 ", "1e2", "1.234", "1,5", "１", "1.2.3", "NaN"]
        {
            assert_eq!(Fen::from_yuan(text), Err(InvalidAmount), "{text:?}");
        }
        assert_eq!(Fen::from_yuan("184467440737095516.16"), Err(InvalidAmount));
        assert_eq!("+1".parse::<Fen>(), Err(InvalidAmount));
        assert_eq!("18446744073709551616".parse::<Fen>(), Err(InvalidAmount));
    }

    proptest! {
        #[test]
        fn fen_round_trips_through_display(fen: u64) {
            let amount = Fen::new(fen);
            prop_assert_eq!(Fen::from_yuan(&format!("{}", amount.yuan())), Ok(amount));
            prop_assert_eq!(amount.to_string().parse::<Fen>(), Ok(amount));
        }
    }
}
