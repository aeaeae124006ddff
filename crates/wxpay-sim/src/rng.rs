//! Reproducible pseudo-randomness: a stream that follows from a seed and a purpose.

pub(crate) const DIGITS: &[u8] = b"0123456789";
pub(crate) const HEX: &[u8] = b"0123456789abcdef";
pub(crate) const UPPER_HEX: &[u8] = b"0123456789ABCDEF";
pub(crate) const ALPHANUMERIC: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
pub(crate) const URL_SAFE: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A pseudo-random stream for test data: `SplitMix64`, which is fast and protects nothing. Streams of different purposes
/// are independent: an additional fault rule changes no generated identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Rng(u64);

impl Rng {
    /// The number of characters that are taken from one number: 64⁸ of them are far less than 2⁶⁴, so that the bias of
    /// the remainders is negligible.
    const CHARACTERS_PER_NUMBER: usize = 8;

    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        // FNV-1a separates the purposes, `mix` the seeds.
        let hash = purpose.bytes().fold(0xCBF2_9CE4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3)
        });
        Self(mix(seed.wrapping_add(mix(hash))))
    }

    /// Returns a number below `bound`, or 0 if `bound` is 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        // The bias of the remainder is negligible for the simulator's bounds.
        self.next_u64().checked_rem(bound).unwrap_or(0)
    }

    /// Returns a text of `length` characters of an alphabet.
    pub(crate) fn text(&mut self, alphabet: &[u8], length: usize) -> String {
        let bound = u64::try_from(alphabet.len()).unwrap_or(u64::MAX);
        let mut text = String::with_capacity(length);
        while text.len() < length {
            let mut number = self.next_u64();
            for _ in 0..Self::CHARACTERS_PER_NUMBER.min(length.saturating_sub(text.len())) {
                let index = number.checked_rem(bound).and_then(|index| usize::try_from(index).ok());
                let Some(character) = index.and_then(|index| alphabet.get(index)) else { return text };
                number = number.checked_div(bound).unwrap_or(0);
                text.push(char::from(*character));
            }
        }
        text
    }

    fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }
}

/// The output function of `SplitMix64`.
const fn mix(state: u64) -> u64 {
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
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
        for length in [0, 1, 8, 9, 64] {
            assert_eq!(Rng::new(1, "ids").text(HEX, length).len(), length);
        }
    }

    #[test]
    fn rng_below_covers_every_value_under_the_bound() {
        let mut rng = Rng::new(3, "test");
        let seen: std::collections::BTreeSet<_> = (0..200).map(|_| rng.below(10)).collect();
        assert_eq!(seen, (0..10).collect());
        assert_eq!(rng.below(0), 0);
    }
}
