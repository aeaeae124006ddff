//! Time and allocations of a call, a reply and a notification of APIv3, compared with the bare library.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]
#![allow(clippy::panic, clippy::wildcard_enum_match_arm, reason = "a benchmark fails by panicking")]
#![allow(clippy::print_stdout, reason = "it prints the result")]

mod material;

use divan::{AllocProfiler, Bencher};
use material::{NotificationBench, ReplyBench, SignBench};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::{alloc::System, hint::black_box};

#[global_allocator]
static ALLOCATOR: AllocProfiler<&StatsAlloc<System>> = AllocProfiler::new(&INSTRUMENTED_SYSTEM);

fn main() {
    let signing = SignBench::new();
    report("signature and header", 5, || (), |()| signing.authorize());
    report("order, built and signed", 19, || signing.input(), |input| signing.call(input));
    for (name, reply) in [
        ("reply, verified and read", ReplyBench::paid()),
        ("reply with a coupon, verified and read", ReplyBench::paid_with_coupon()),
    ] {
        report(name, 27, || reply.input(), |input| reply.read(input));
    }
    let notification = NotificationBench::new();
    report(
        "notification, verified, decrypted and read",
        20,
        || notification.input(),
        |input| notification.verify_notification(input),
    );
    divan::main();
}

/// Prints the number of allocations of one run, growth included. The run before it fills what the libraries allocate once.
fn report<G, T>(name: &str, target: usize, new_input: impl Fn() -> G, subject: impl Fn(G) -> T) {
    drop(black_box(subject(new_input())));
    let input = new_input();
    let region = Region::new(&INSTRUMENTED_SYSTEM);
    let output = black_box(subject(input));
    let count = region.change();
    drop(output);
    let allocations = count.allocations.saturating_add(count.reallocations);
    let verdict = if allocations <= target { "met" } else { "MISSED" };
    println!("{name}: {allocations} allocations, target {target}: {verdict}");
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
    bencher.bench_local(|| signing.authorize());
}

#[divan::bench]
fn reply(bencher: Bencher<'_, '_>) {
    let reply = ReplyBench::paid();
    bencher.with_inputs(|| reply.input()).bench_local_values(|input| reply.read(input));
}

#[divan::bench]
fn reply_bare(bencher: Bencher<'_, '_>) {
    let reply = ReplyBench::paid();
    bencher.bench_local(|| reply.bare());
}

#[divan::bench]
fn notification(bencher: Bencher<'_, '_>) {
    let notification = NotificationBench::new();
    bencher
        .with_inputs(|| notification.input())
        .bench_local_values(|input| notification.verify_notification(input));
}

#[divan::bench]
fn notification_bare(bencher: Bencher<'_, '_>) {
    let notification = NotificationBench::new();
    bencher.bench_local(|| notification.bare());
}
