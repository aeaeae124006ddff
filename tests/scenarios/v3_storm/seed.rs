//! The seed of a storm, and the random numbers that follow from it.

use std::fmt;

/// The seed if `WXPAY_STORM_SEED` is not set: the same in every run.
const DEFAULT_SEED: u64 = 20_140_508;
/// The number of orders if `WXPAY_ORDERS` is not set.
const DEFAULT_ORDERS: u64 = 2_000;
/// The maximum number of orders of one gateway.
const MAX_ORDERS_PER_BATCH: usize = 500;

/// One gateway and its shop. A run is made of batches with consecutive seeds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch {
    pub(super) seed: u64,
    pub(super) orders: usize,
}

/// Shows the settings that repeat the batch alone.
impl fmt::Display for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WXPAY_STORM_SEED={} WXPAY_ORDERS={}", self.seed, self.orders)
    }
}

impl Batch {
    /// Returns the batches of this run.
    pub(super) fn from_environment() -> Vec<Self> {
        let number = |name, default| std::env::var(name).map_or(default, |value| value.parse().unwrap());
        let mut seed = number("WXPAY_STORM_SEED", DEFAULT_SEED);
        let mut left = usize::try_from(number("WXPAY_ORDERS", DEFAULT_ORDERS)).unwrap();
        let mut batches = Vec::new();
        while left > 0 {
            let orders = left.min(MAX_ORDERS_PER_BATCH);
            batches.push(Self { seed, orders });
            (left, seed) = (left - orders, seed.wrapping_add(1));
        }
        batches
    }

    pub(super) fn rng(self) -> Rng {
        Rng(self.seed.wrapping_mul(0xD1B5_4A32_D192_ED03))
    }
}

/// A seeded random number generator, `SplitMix64`.
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
