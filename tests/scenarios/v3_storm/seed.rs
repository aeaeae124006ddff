//! The seeds of a storm.

use crate::rng::Rng;
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
        Rng::of(self.seed)
    }
}
