//! Time and allocations of an APIv1 payment in this crate, beside the bare hashes.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

mod material;

use divan::{AllocProfiler, Bencher};
use material::{SignBench, VerifyBench};
use wxpay_proto::wire::charset::Charset;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

#[divan::bench(args = [Charset::Utf8, Charset::Gbk])]
fn three_signatures(bencher: Bencher<'_, '_>, charset: Charset) {
    let bench = SignBench::new(charset);
    bencher.with_inputs(|| bench.input()).bench_local_values(|input| bench.sign(input));
}

#[divan::bench(args = [Charset::Utf8, Charset::Gbk])]
fn three_signatures_bare(bencher: Bencher<'_, '_>, charset: Charset) {
    let bench = SignBench::new(charset);
    bencher.bench_local(|| bench.hash());
}

#[divan::bench]
fn notification(bencher: Bencher<'_, '_>) {
    let bench = VerifyBench::plain();
    bencher.bench_local(|| bench.verify_notification());
}

#[divan::bench]
fn notification_bare(bencher: Bencher<'_, '_>) {
    let bench = VerifyBench::plain();
    bencher.bench_local(|| bench.hash());
}

#[divan::bench]
fn notification_in_gbk(bencher: Bencher<'_, '_>) {
    let bench = VerifyBench::gbk();
    bencher.bench_local(|| bench.verify_notification());
}

#[divan::bench]
fn notification_in_gbk_bare(bencher: Bencher<'_, '_>) {
    let bench = VerifyBench::gbk();
    bencher.bench_local(|| bench.hash());
}
