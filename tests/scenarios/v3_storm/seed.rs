//! The seed of a storm, and the random numbers that follow from it.

use std::fmt;

/// The seed if `WXPAY_STORM_SEED` is not set: the same in every run.
const DEFAULT_SEED: u64 = 20_140_508;
/// The number of orders if `WXPAY_ORDERS` is not set.
const DEFAULT_ORDERS: usize = 2_000;
/// The number of orders of one gateway.
pub(super) const BATCH: usize = 500;

/// The seed of one gateway and its shop. A run is made of batches with consecutive seeds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seed(u64);

/// Shows the seed as the command that repeats its batch.
impl fmt::Display for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WXPAY_STORM_SEED={} WXPAY_ORDERS={BATCH}", self.0)
    }
}

impl Seed {
    /// Returns the seed of each batch of this run.
    pub(super) fn from_environment() -> Vec<Self> {
        let number = |name, default| std::env::var(name).map_or(default, |value| value.parse().unwrap());
        let first = number("WXPAY_STORM_SEED", DEFAULT_SEED);
        let orders = number("WXPAY_ORDERS", u64::try_from(DEFAULT_ORDERS).unwrap());
        let batches = usize::try_from(orders).unwrap().div_ceil(BATCH);
        (0..u64::try_from(batches).unwrap()).map(|batch| Self(first.wrapping_add(batch))).collect()
    }

    pub(super) fn number(self) -> u64 {
        self.0
    }

    pub(super) fn rng(self) -> Rng {
        Rng(self.0.wrapping_mul(0xD1B5_4A32_D192_ED03))
    }
}

/// A seeded random number generator, SplitMix64.
#[derive(Debug)]
pub(super) struct Rng(u64);

impl Rng {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// Returns another generator, so that what it is used for does not change the numbers that follow here.
    pub(super) fn fork(&mut self) -> Self {
        Self(self.next())
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(super) fn one_in(&mut self, of: u64) -> bool {
        self.below(of) == 0
    }

    pub(super) fn pick<T: Copy>(&mut self, of: &[T]) -> T {
        let index = self.below(u64::try_from(of.len()).unwrap());
        of[usize::try_from(index).unwrap()]
    }
}
