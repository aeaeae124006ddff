//! Time and allocations of a call and a notification of APIv3, compared with the bare library.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]
#![allow(clippy::panic, clippy::wildcard_enum_match_arm, reason = "a benchmark fails by panicking")]

mod material;

use divan::{AllocProfiler, Bencher};
use material::{SignBench, VerifyBench};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

#[divan::bench]
fn order(bencher: Bencher<'_, '_>) {
    let signing = SignBench::new();
    bencher.with_inputs(|| signing.input()).bench_local_values(|input| signing.call(input));
}

#[divan::bench]
fn order_bare(bencher: Bencher<'_, '_>) {
    let signing = SignBench::new();
    bencher.bench_local(|| signing.bare());
}

#[divan::bench]
fn signature_and_header(bencher: Bencher<'_, '_>) {
    let signing = SignBench::new();
    let nonce = || String::from("593BEC0C930BF1AFEB40B4A08C8FB242");
    bencher.with_inputs(nonce).bench_local_values(|nonce| signing.authorize(nonce));
}

#[divan::bench]
fn notification(bencher: Bencher<'_, '_>) {
    let verification = VerifyBench::new();
    bencher
        .with_inputs(|| verification.input())
        .bench_local_values(|input| verification.verify_notification(input));
}

#[divan::bench]
fn notification_bare(bencher: Bencher<'_, '_>) {
    let verification = VerifyBench::new();
    bencher.bench_local(|| verification.bare());
}
