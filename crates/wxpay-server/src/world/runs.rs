//! The runs: many worlds, side by side.

use super::{Outcome, World, faults};
use crate::engine::model::Model;
use std::{collections::BTreeMap, env, thread, time::Instant};

/// The orders of one world.
const ORDERS_OF_A_WORLD: usize = 250;
/// The number of orders of a run, unless the environment sets another. Without optimisation an order takes 40 ms of
/// processor time.
const ORDERS: usize = if cfg!(debug_assertions) { 5000 } else { 20_000 };
/// The number of orders from which every kind of fault must have happened.
const ENOUGH_FOR_EVERY_KIND: u64 = 2000;

/// One world of a run.
#[derive(Clone, Copy, Debug)]
struct Batch {
    seed: u64,
    orders: usize,
}

impl Batch {
    fn from_environment() -> Vec<Self> {
        let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>());
        let orders =
            number("WXPAY_WORLD_ORDERS").map_or(ORDERS, |orders| usize::try_from(orders.unwrap()).unwrap());
        let seed = match number("WXPAY_WORLD_SEED") {
            Some(Ok(seed)) => seed,
            Some(Err(_)) => {
                let mut fresh = [0; 8];
                getrandom::fill(&mut fresh).unwrap();
                u64::from_le_bytes(fresh) >> 40
            }
            None => 1,
        };
        let worlds = orders.div_ceil(ORDERS_OF_A_WORLD);
        (0..worlds)
            .map(|index| Self {
                seed: seed + u64::try_from(index).unwrap(),
                orders: ORDERS_OF_A_WORLD.min(orders - index * ORDERS_OF_A_WORLD),
            })
            .collect()
    }

    fn run(self) -> BTreeMap<&'static str, u64> {
        let _reproduce = Reproduce(self);
        World::run(self.seed, self.orders, Model::new(), env::var("WXPAY_WORLD_TRACE").ok()).counts
    }
}

/// Prints how to repeat a world if it panics.
struct Reproduce(Batch);

impl Drop for Reproduce {
    fn drop(&mut self) {
        if thread::panicking() {
            let Batch { seed, orders } = self.0;
            eprintln!("world: repeat this failure with WXPAY_WORLD_SEED={seed} WXPAY_WORLD_ORDERS={orders}");
        }
    }
}

#[test]
fn a_server_in_a_failing_world_loses_no_payment_and_charges_nobody_twice() {
    let batches = Batch::from_environment();
    let orders: usize = batches.iter().map(|batch| batch.orders).sum();
    println!("world: WXPAY_WORLD_SEED={} WXPAY_WORLD_ORDERS={orders}", batches[0].seed);
    let began = Instant::now();
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let mut total: BTreeMap<&str, u64> = BTreeMap::new();
    let parts: Vec<_> = thread::scope(|scope| {
        let batches = &batches;
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || -> Vec<_> {
                    batches.iter().skip(thread).step_by(threads).map(|batch| batch.run()).collect()
                })
            })
            .collect();
        running.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    for (what, count) in parts.into_iter().flatten() {
        *total.entry(what).or_default() += count;
    }
    let happened = faults::happened(&total);
    total.retain(|what, _| !happened.contains_key(what));
    let seed = batches[0].seed;
    println!("world: {:.1?} on {threads} threads: {total:#?}", began.elapsed());
    println!(
        "world: the faults that happened with WXPAY_WORLD_SEED={seed} WXPAY_WORLD_ORDERS={orders}: {happened:#?}"
    );
    let orders = u64::try_from(orders).unwrap();
    let sum: u64 = happened.values().sum();
    assert!(sum >= 3 * orders, "{sum} faults happened to {orders} orders");
    if orders >= ENOUGH_FOR_EVERY_KIND {
        for (kind, count) in happened {
            assert!(count > 0, "the run has no {kind}");
        }
        let code_orders = total.get("code orders").copied().unwrap_or_default();
        assert!(5 * code_orders >= orders, "only {code_orders} of {orders} orders are code payments");
        for what in SCENES {
            assert!(total.contains_key(what), "the run has no {what}");
        }
    }
}

/// What must happen in a run that is long enough, beside the faults.
const SCENES: [&str; 12] = [
    "orders refused or not sent",
    "closes",
    "payments that raced a close",
    "second payments",
    "prices changed",
    "cases resolved",
    "delivery reports",
    "code orders paid",
    "code orders reversed",
    "code orders failed",
    "reversals by the cashier",
    "payments that raced a reversal",
];

#[test]
fn the_same_seed_gives_the_same_ledger() {
    let run = || {
        let Outcome { digest, counts, .. } = World::run(11, 60, Model::new(), None);
        (digest, counts)
    };
    let (one, other) = (run(), run());
    assert_eq!(one, other);
    assert_ne!(one.0, World::run(12, 60, Model::new(), None).digest);
}
