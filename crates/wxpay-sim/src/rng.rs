//! Reproducible pseudo-randomness: a stream that follows from a seed and a purpose.

use sha1::{Digest as _, Sha1};

pub(crate) const DIGITS: &[u8] = b"0123456789";
pub(crate) const HEX: &[u8] = b"0123456789abcdef";
pub(crate) const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
pub(crate) const URL_SAFE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A pseudo-random stream for test data: SHA-1 in counter mode. Streams of different purposes are independent: an
/// additional fault rule changes no generated identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rng {
    seed_digest: [u8; 20],
    counter: u64,
}

impl Rng {
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        let seed_digest =
            Sha1::new().chain_update(seed.to_be_bytes()).chain_update(purpose).finalize().into();
        Self { seed_digest, counter: 0 }
    }

    /// Returns a number below `bound`, or 0 if `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // The bias of the remainder is negligible for the simulator's bounds.
        self.next_u64().checked_rem(bound).unwrap_or(0)
    }

    /// Returns a text of `length` characters of an alphabet.
    pub(crate) fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        let bound = u64::try_from(alphabet.len()).unwrap_or(u64::MAX);
        (0..length)
            .filter_map(|_| {
                let index = usize::try_from(self.below(bound)).ok()?;
                alphabet.get(index).copied().map(char::from)
            })
            .collect()
    }

    fn next_u64(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(1);
        let block: [u8; 20] = Sha1::new()
            .chain_update(self.seed_digest)
            .chain_update(self.counter.to_be_bytes())
            .finalize()
            .into();
        block.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rng_text_depends_on_seed_and_purpose_only() {
        let text = |seed, purpose| Rng::new(seed, purpose).text(URL_SAFE, 64);
        assert_eq!(text(1, "ids"), text(1, "ids"));
        assert_ne!(text(1, "ids"), text(2, "ids"));
        assert_ne!(text(1, "ids"), text(1, "faults"));
    }

    #[test]
    fn rng_below_covers_every_value_under_the_bound() {
        let mut rng = Rng::new(3, "test");
        let seen: std::collections::BTreeSet<_> = (0..200).map(|_| rng.below(10)).collect();
        assert_eq!(seen, (0..10).collect());
        assert_eq!(rng.below(0), 0);
    }
}
