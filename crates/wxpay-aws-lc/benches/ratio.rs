//! The overhead of signing a call and of verifying a notification over the bare library.
//!
//! Both are measured in turns, and the fastest of many batches counts, so that other load on the machine affects both
//! alike. Allocations are counted by the other benchmark, because counting takes time.
#![allow(missing_docs, clippy::unwrap_used, clippy::float_arithmetic, reason = "a benchmark")]
#![allow(clippy::panic, clippy::wildcard_enum_match_arm, reason = "a benchmark fails by panicking")]
#![allow(clippy::print_stdout, reason = "it prints the result")]

mod material;

use material::{SignBench, VerifyBench};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const BATCHES: u32 = 300;

fn main() {
    let signing = SignBench::new();
    let nonce = || String::from("593BEC0C930BF1AFEB40B4A08C8FB242");
    report("signature and header", 1.02, 10, || signing.bare(), nonce, |nonce| signing.authorize(nonce));
    report(
        "order, signed and ready",
        1.02,
        10,
        || signing.bare(),
        || signing.input(),
        |given| signing.call(given),
    );
    let hearing = VerifyBench::new();
    report(
        "notification, verified, decrypted and parsed",
        1.0,
        100,
        || hearing.bare(),
        || hearing.input(),
        |given| hearing.verify_notification(given),
    );
}

/// Prints one comparison. The target is `factor` times the bare library plus 3 microseconds.
fn report<B, G, T>(
    name: &str,
    factor: f64,
    batch: u32,
    bare: impl Fn() -> B,
    give: impl Fn() -> G,
    subject: impl Fn(G) -> T,
) {
    let (mut floor, mut whole) = (Duration::MAX, Duration::MAX);
    for _ in 0..BATCHES {
        floor = floor.min(time(batch, || (), |()| bare()));
        whole = whole.min(time(batch, &give, &subject));
    }
    let micros = |total: Duration| total.as_secs_f64() * 1e6 / f64::from(batch);
    let (floor, whole) = (micros(floor), micros(whole));
    let aim = floor * factor + 3.0;
    let verdict = if whole <= aim { "met" } else { "MISSED" };
    println!(
        "{name}: {whole:.2} us, bare {floor:.2} us: {:.3}x, {:+.2} us; target {factor:.2}x + 3 us = {aim:.2} us: {verdict}",
        whole / floor,
        whole - floor
    );
}

fn time<G, T>(batch: u32, give: impl Fn() -> G, work: impl Fn(G) -> T) -> Duration {
    let given: Vec<G> = (0..batch).map(|_| give()).collect();
    let began = Instant::now();
    for given in given {
        drop(black_box(work(black_box(given))));
    }
    began.elapsed()
}
