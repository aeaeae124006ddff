//! The overhead of a signed call, of a verified reply and of a notification over the bare library.
//!
//! The two are measured in turns, and the fastest of many batches counts, so that other load on the machine affects
//! both alike. Allocations are counted by the other benchmark, because counting takes time.
#![allow(missing_docs, clippy::unwrap_used, clippy::float_arithmetic, reason = "a benchmark")]
#![allow(clippy::panic, clippy::wildcard_enum_match_arm, reason = "a benchmark fails by panicking")]
#![allow(clippy::print_stdout, reason = "it prints the result")]

mod material;

use material::{NotificationBench, ReplyBench, SignBench};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};

const BATCHES: u32 = 1000;

fn main() {
    let signing = SignBench::new();
    report("signature and header", 1.01, 10, || signing.bare(), || (), |()| signing.authorize());
    report(
        "order, built and signed",
        1.01,
        10,
        || signing.bare(),
        || signing.input(),
        |input| signing.call(input),
    );
    for (name, reply) in [
        ("reply, verified and read", ReplyBench::paid()),
        ("reply with a coupon, verified and read", ReplyBench::paid_with_coupon()),
    ] {
        report(name, 1.06, 10, || reply.bare(), || reply.input(), |input| reply.read(input));
    }
    let notification = NotificationBench::new();
    report(
        "notification, verified, decrypted and read",
        1.15,
        10,
        || notification.bare(),
        || notification.input(),
        |input| notification.verify_notification(input),
    );
}

/// Prints one comparison with its target, a multiple of the time of the bare library.
fn report<B, G, T>(
    name: &str,
    target: f64,
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
    let ratio = subject_time / bare_time;
    let verdict = if ratio <= target { "met" } else { "MISSED" };
    println!(
        "{name}: {subject_time:.2} us, bare {bare_time:.2} us: {ratio:.3}x, target {target:.2}x: {verdict}"
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
