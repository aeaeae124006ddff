//! The cost of signing and verifying in APIv1, as a multiple of the bare hashes of the same bytes.
//!
//! The two are measured alternately, and the fastest of many batches counts, so that other load of the machine affects
//! both equally. Allocations are counted in the other benchmark, because counting takes time.
#![allow(missing_docs, clippy::unwrap_used, clippy::float_arithmetic, reason = "a benchmark")]
#![allow(clippy::print_stdout, reason = "prints the result")]
#![allow(clippy::disallowed_methods, reason = "the only place in this crate that reads a clock")]

mod material;

use material::{SignBench, VerifyBench};
use std::{
    hint::black_box,
    time::{Duration, Instant},
};
use wxpay_proto::wire::charset::Charset;

const BATCHES: u32 = 1000;
const BATCH: u32 = 200;

fn main() {
    for (name, charset) in [("three signatures", Charset::Utf8), ("three signatures in GBK", Charset::Gbk)] {
        let bench = SignBench::new(charset);
        report(name, 2.0, || bench.hash(), || bench.input(), |input| bench.sign(input));
    }
    for (name, bench) in [("notification", VerifyBench::plain()), ("notification in GBK", VerifyBench::gbk())]
    {
        report(name, 3.0, || bench.hash(), || (), |()| bench.verify_notification());
    }
}

fn report<H, G, T>(
    name: &str,
    target: f64,
    hash: impl Fn() -> H,
    input: impl Fn() -> G,
    subject: impl Fn(G) -> T,
) {
    let (mut baseline, mut total) = (Duration::MAX, Duration::MAX);
    for _ in 0..BATCHES {
        baseline = baseline.min(time(|| (), |()| hash()));
        total = total.min(time(&input, &subject));
    }
    let ratio = total.as_secs_f64() / baseline.as_secs_f64();
    let micros = |batch: Duration| batch.as_secs_f64() * 1e6 / f64::from(BATCH);
    let verdict = if ratio <= target { "PASS" } else { "FAIL" };
    println!(
        "{verdict} {name}: {ratio:.2}x of bare hashes ({:.2} us / {:.2} us), at most {target:.1}x",
        micros(total),
        micros(baseline)
    );
}

fn time<G, T>(input: impl Fn() -> G, work: impl Fn(G) -> T) -> Duration {
    let inputs: Vec<G> = (0..BATCH).map(|_| input()).collect();
    let started = Instant::now();
    for input in inputs {
        drop(black_box(work(black_box(input))));
    }
    started.elapsed()
}
