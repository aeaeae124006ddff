//! The cost of signing and verifying in APIv1, as a multiple of the bare hashes of the same bytes.
//!
//! The two are measured alternately, and the fastest of many batches counts, so that other load of the machine affects
//! both alike. The other benchmark counts allocations, because counting takes time.
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
        let signing = SignBench::new(charset);
        report(name, 2.0, || signing.hash(), || signing.input(), |given| signing.sign(given));
    }
    for (name, hearing) in
        [("notification", VerifyBench::plain()), ("notification in GBK", VerifyBench::gbk())]
    {
        report(name, 3.0, || hearing.hash(), || (), |()| hearing.verify_notification());
    }
}

fn report<H, G, T>(
    name: &str,
    aim: f64,
    hash: impl Fn() -> H,
    give: impl Fn() -> G,
    subject: impl Fn(G) -> T,
) {
    let (mut floor, mut whole) = (Duration::MAX, Duration::MAX);
    for _ in 0..BATCHES {
        floor = floor.min(time(|| (), |()| hash()));
        whole = whole.min(time(&give, &subject));
    }
    let ratio = whole.as_secs_f64() / floor.as_secs_f64();
    let micros = |batch: Duration| batch.as_secs_f64() * 1e6 / f64::from(BATCH);
    println!(
        "{name}: {ratio:.2}x of bare hashes ({:.2} us / {:.2} us), target {aim:.1}x",
        micros(whole),
        micros(floor)
    );
}

fn time<G, T>(give: impl Fn() -> G, work: impl Fn(G) -> T) -> Duration {
    let given: Vec<G> = (0..BATCH).map(|_| give()).collect();
    let began = Instant::now();
    for given in given {
        drop(black_box(work(black_box(given))));
    }
    began.elapsed()
}
