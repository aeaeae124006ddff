//! The overhead of signing a call and of verifying a notification over the bare library.
//!
//! The two are measured in turns, and the fastest of many batches counts, so that other load on the machine affects
//! both alike. Allocations are counted by the other benchmark, because counting takes time.
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
        |input| signing.call(input),
    );
    let verification = VerifyBench::new();
    report(
        "notification, verified, decrypted and parsed",
        1.0,
        100,
        || verification.bare(),
        || verification.input(),
        |input| verification.verify_notification(input),
    );
}

/// Prints one comparison. The target is `factor` times the bare library plus 3 microseconds.
fn report<B, G, T>(
    name: &str,
    factor: f64,
    batch: u32,
    bare: impl Fn() -> B,
    new_input: impl Fn() -> G,
    subject: impl Fn(G) -> T,
) {
    let (mut bare_time, mut subject_time) = (Duration::MAX, Duration::MAX);
    for _ in 0..BATCHES {
        bare_time = bare_time.min(time(batch, || (), |()| bare()));
        subject_time = subject_time.min(time(batch, &new_input, &subject));
    }
    let micros = |total: Duration| total.as_secs_f64() * 1e6 / f64::from(batch);
    let (bare_time, subject_time) = (micros(bare_time), micros(subject_time));
    let target = bare_time * factor + 3.0;
    let result = if subject_time <= target { "met" } else { "MISSED" };
    println!(
        "{name}: {subject_time:.2} us, bare {bare_time:.2} us: {:.3}x, {:+.2} us; target {factor:.2}x + 3 us = {target:.2} us: {result}",
        subject_time / bare_time,
        subject_time - bare_time
    );
}

fn time<G, T>(batch: u32, new_input: impl Fn() -> G, work: impl Fn(G) -> T) -> Duration {
    let inputs: Vec<G> = (0..batch).map(|_| new_input()).collect();
    let began = Instant::now();
    for input in inputs {
        drop(black_box(work(black_box(input))));
    }
    began.elapsed()
}
