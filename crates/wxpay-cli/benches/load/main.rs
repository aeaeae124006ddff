//! Load on the payment server: `wxpay serve` as a process of its own, on a ledger on disk, with the simulated gateway and
//! the shoppers in this process. Run with `cargo bench -p wxpay-cli --bench load`, on Linux.
//!
//! `WXPAY_LOAD` names the parts to run, separated by commas; `WXPAY_SECONDS` sets the duration of each, 10 by default.
//! `WXPAY_ORDERS` is the number of orders of the large ledger of `size` and `postgres-size`, a million by default: about
//! 8 GB in `TMPDIR`, and as many in the database. The parts of PostgreSQL start a server of their own that waits for its
//! disk; everything shares the cores of this machine.
//!
//! Signatures with RSA dominate, and belong to the protocol. So the cost of one, measured first, is reported, and the
//! server's processor time per cycle with and without its own.

#![allow(missing_docs, clippy::unwrap_used, clippy::panic, reason = "a benchmark fails by panicking")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::wildcard_enum_match_arm,
    clippy::float_arithmetic,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "it fails by panicking, and prints figures for people"
)]
#![allow(clippy::print_stdout, reason = "it prints figures for people")]

mod added;
mod client;
mod cycle;
mod measure;
mod notifications;
mod polling;
mod postgres;
mod reads;
mod site;
mod size;
#[path = "../../tests/support/mod.rs"]
mod support;

use measure::RsaCost;
use std::{env, time::Duration};

/// The parts in their order.
const PARTS: [&str; 8] =
    ["cycle", "reads", "added", "notifications", "polling", "size", "postgres", "postgres-size"];

fn main() {
    let wanted = env::var("WXPAY_LOAD").unwrap_or_else(|_| PARTS.join(","));
    let wanted: Vec<&str> = wanted.split(',').collect();
    if let Some(unknown) = wanted.iter().find(|name| !PARTS.contains(name)) {
        panic!("WXPAY_LOAD: {unknown:?} is none of {PARTS:?}");
    }
    let seconds = env::var("WXPAY_SECONDS").map_or(10, |seconds| seconds.parse().unwrap());
    let duration = Duration::from_secs(seconds);
    let rsa = RsaCost::measure();
    println!("RSA-2048, one thread: {:.0} µs per signature, {:.0} µs per verification", rsa.sign, rsa.verify);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    for part in PARTS.into_iter().filter(|part| wanted.contains(part)) {
        println!("{part}:");
        runtime.block_on(async {
            match part {
                "cycle" => cycle::run(&rsa, duration).await,
                "reads" => reads::run(duration).await,
                "added" => added::run(duration).await,
                "notifications" => notifications::run(&rsa, duration).await,
                "polling" => polling::run().await,
                "size" => size::run(&rsa, duration).await,
                "postgres" => postgres::run(&rsa, duration).await,
                _ => postgres::run_size(&rsa, duration).await,
            }
        });
    }
}
