//! Many purchases and payouts at once, in virtual time, while everything around them fails.
//!
//! A shop with several merchants and two servers talks to a simulated gateway: [`orders`], [`combined`] orders,
//! [`codes`] at a till, [`transfers`], [`refunds`] and profit [`sharing`], direct and as a partner. Their flows are
//! interleaved. Meanwhile the [`network`] fails at least three times for each, notifications go astray ([`courier`]),
//! and the [`weather`] restarts the servers, sets their clocks back and changes the platform's keys.
//!
//! A restart drops every flow of a server between two steps. What the shop keeps is what it has stored: numbers, and
//! evidence ([`records`]). If an operation came to nothing, the shop begins again under another number: the payer would
//! then pay twice, or the payee be paid twice, if it had not come to nothing.
//!
//! These rules are checked against the gateway's books ([`books`]):
//! * every flow ends;
//! * no error has the fate `NotSent` or `Refused`, and no operation is resolved as not found, if the gateway has it;
//! * nobody is charged twice, and nothing paid is lost, even without a query;
//! * each refund and each transfer is paid out at most once, with its amount, and nothing else is;
//! * notifications that are forged, misdirected or too old change nothing;
//! * nothing secret is printed.
//!
//! `WXPAY_ORDERS` sets the number of purchases and payouts, `WXPAY_STORM_SEED` the seed. The seed is printed, and a
//! failure prints the two values that repeat its part of the run. `WXPAY_STORM_TRACE` prints every step of one life, by
//! its serial number.

mod books;
mod codes;
mod combined;
mod courier;
mod life;
mod network;
mod notifications;
mod orders;
mod records;
mod refunds;
mod seed;
mod sharing;
mod shop;
mod total;
mod transfers;
mod weather;

use crate::rng::Rng;
use life::Life;
use seed::Batch;
use shop::Shop;
use std::{
    rc::Rc,
    time::{Duration, Instant},
};
use total::Total;

/// The number of orders from which every kind of event must have happened.
const ENOUGH_FOR_EVERY_KIND: usize = 2_000;

#[allow(clippy::print_stdout, reason = "prints the seed and a summary of the run")]
#[test]
fn a_storm_loses_no_payment_and_charges_and_pays_nobody_twice() {
    let batches = Batch::from_environment();
    let orders: usize = batches.iter().map(|batch| batch.orders).sum();
    println!("storm: WXPAY_STORM_SEED={} WXPAY_ORDERS={orders}", batches[0].seed);
    let begun = Instant::now();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let totals: Vec<Total> = std::thread::scope(|scope| {
        let batches = &batches;
        let running: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    let mut total = Total::default();
                    for batch in batches.iter().skip(thread).step_by(threads) {
                        total.add(&run_batch(*batch));
                    }
                    total
                })
            })
            .collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let mut total = Total::default();
    for part in &totals {
        total.add(part);
    }
    println!("storm: {:.1?} on {threads} threads:{total}", begun.elapsed());
    assert_eq!(total.orders, orders);
    assert!(total.failures >= 3 * orders, "only {} failures", total.failures);
    if orders >= ENOUGH_FOR_EVERY_KIND {
        assert_eq!(total.missing(), [""; 0], "the run does not test these");
    }
}

/// Prints how to repeat a batch if it panics.
struct Reproduce(Batch);

impl Drop for Reproduce {
    #[allow(clippy::print_stderr, reason = "prints the seed of a failure")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("storm: repeat this failure with {}", self.0);
        }
    }
}

fn run_batch(batch: Batch) -> Total {
    let _reproduce = Reproduce(batch);
    let mut rng = batch.rng();
    let shop = Shop::open(batch.seed, rng.fork());
    shop.add_receivers();
    for serial in 0..batch.orders {
        begin_life(&shop, serial, &mut rng);
    }
    shop.begin_weather(&mut rng);
    shop.time.spawn(Rc::clone(&shop).deliver_all());
    let turns = shop.time.run();
    shop.check_after_notifications();
    shop.calm_down();
    shop.time.spawn(Rc::clone(&shop).check_by_queries(Life::without_failures(Rc::clone(&shop), rng.fork())));
    shop.time.run();
    shop.check_books();
    let mut total = shop.total.take();
    total.orders = batch.orders;
    total.turns = usize::try_from(turns).unwrap();
    total
}

/// Begins the life of a purchase or a payout, at a random time.
fn begin_life(shop: &Rc<Shop>, serial: usize, rng: &mut Rng) {
    shop.lives.set(shop.lives.get() + 1);
    let mut rng = rng.fork();
    let (shop, kind) = (Rc::clone(shop), rng.below(10));
    let begin = Duration::from_millis(rng.below(u64::try_from(weather::DURATION.as_millis()).unwrap()));
    let outer = Rc::clone(&shop);
    outer.time.spawn(async move {
        shop.time.sleep(begin).await;
        let life = Life::new(Rc::clone(&shop), serial, rng);
        match kind {
            0 => combined::live(life).await,
            1 | 2 => codes::live(life).await,
            3 => transfers::live(life).await,
            _ => orders::live(life).await,
        }
        shop.lives.set(shop.lives.get() - 1);
    });
}
