//! Randomness, passed in by the caller.

use crate::prelude::*;
use core::fmt;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

/// Thirty-two unpredictable bytes for one step, fresh from the operating system. Not `Clone`: it is used only once.
pub struct Entropy(Zeroizing<[u8; 32]>);

impl Entropy {
    /// Wraps bytes freshly drawn from the operating system. Tests may pass any bytes.
    pub fn new(fresh: [u8; 32]) -> Self {
        Self(Zeroizing::new(fresh))
    }

    /// Consumes the entropy and returns 32 bytes derived from it, for identifiers and keys of an application.
    pub fn into_bytes(mut self) -> [u8; 32] {
        self.draw()
    }

    /// Derives the next 32 bytes. No two draws are equal, and no draw reveals another.
    pub(crate) fn draw(&mut self) -> [u8; 32] {
        let out = Sha256::new().chain_update(b"out").chain_update(&self.0[..]).finalize();
        let next = Sha256::new().chain_update(b"next").chain_update(&self.0[..]).finalize();
        self.0 = Zeroizing::new(next.into());
        out.into()
    }

    /// Returns 32 lower-case hexadecimal characters: the maximum length of `noncestr` and `nonce_str`.
    pub(crate) fn nonce(&mut self) -> String {
        let drawn = self.draw();
        hex::encode(drawn.first_chunk::<16>().unwrap_or(&[0; 16]))
    }

    /// Returns a number below `bound`, or zero if `bound` is zero. For jitter only, not for secrets: the modulo favours
    /// small numbers by less than one in 2^32.
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
    fn entropy_draws_differ_and_are_reproducible_from_the_seed() {
        let (mut one, mut other) = (Entropy::new([7; 32]), Entropy::new([7; 32]));
        let first = one.draw();
        assert_ne!(first, one.draw());
        assert_eq!(first, other.draw());
    }

    #[test]
    fn entropy_below_zero_is_zero() {
        assert_eq!(Entropy::new([1; 32]).below(0), 0);
        assert!(Entropy::new([1; 32]).below(10) < 10);
    }
}
