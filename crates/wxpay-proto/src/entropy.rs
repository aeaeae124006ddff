//! Chance, as given by the caller.

use alloc::string::String;
use core::fmt;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Thirty-two unpredictable bytes for one step, fresh from the operating system. Not `Clone`: it is used once.
pub struct Entropy(Zeroizing<[u8; 32]>);

impl Entropy {
    /// Takes bytes freshly drawn from the operating system. In a test they may be anything.
    #[must_use]
    pub fn new(fresh: [u8; 32]) -> Self {
        Self(Zeroizing::new(fresh))
    }

    /// Draws bytes and moves on, so that no two draws are alike and no draw tells of another.
    pub(crate) fn draw(&mut self) -> [u8; 32] {
        let out = Sha256::new().chain_update(b"out").chain_update(&self.0[..]).finalize();
        let next = Sha256::new().chain_update(b"next").chain_update(&self.0[..]).finalize();
        self.0 = Zeroizing::new(next.into());
        out.into()
    }

    /// Thirty-two lower-case hexadecimal characters: the longest `noncestr` the protocol takes.
    pub(crate) fn nonce(&mut self) -> String {
        let drawn = self.draw();
        hex::encode(drawn.first_chunk::<16>().unwrap_or(&[0; 16]))
    }

    /// A number below `bound`, or zero if there is none. Good enough for jitter, not for secrets: the modulo
    /// favours small numbers by less than one in 2^32.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let drawn = self.draw();
        let wide = drawn.first_chunk::<8>().copied().map_or(0, u64::from_le_bytes);
        wide.checked_rem(bound.into()).and_then(|rest| u32::try_from(rest).ok()).unwrap_or(0)
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_draws_are_alike_and_equal_seeds_draw_alike() {
        let (mut one, mut other) = (Entropy::new([7; 32]), Entropy::new([7; 32]));
        let first = one.draw();
        assert_ne!(first, one.draw());
        assert_eq!(first, other.draw());
    }

    #[test]
    fn a_number_below_nothing_is_zero() {
        assert_eq!(Entropy::new([1; 32]).below(0), 0);
        assert!(Entropy::new([1; 32]).below(10) < 10);
    }
}
