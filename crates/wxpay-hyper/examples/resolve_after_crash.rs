//! Resolving after a crash: the key of an operation is stored before the call, and resolved at the next start.
//!
//! ```text
//! . ./sim.env && cargo run -p wxpay-hyper --example resolve_after_crash -- pending.txt
//! ```
//!
//! The example resolves the keys in the file, and then places an order. Stop it while it waits for the reply, and run it
//! again. A shop stores the keys in its database, in the transaction that creates the order or the refund.
#![allow(clippy::print_stdout, reason = "an example: it prints")]

use std::{
    env,
    error::Error,
    fs::{self, File, OpenOptions},
    io::Write as _,
};
use wxpay_hyper::WxPay;
use wxpay_proto::{
    Fen,
    pending::PendingOperation,
    v3::{
        Endpoint as _, Lookup, Resolver as _,
        pay::{NativeOrder, Order, QueryOrder},
        refund::QueryRefund,
    },
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let wxpay = WxPay::from_env()?;
    let file = env::args().nth(1).ok_or("usage: resolve_after_crash FILE")?;
    let mut pending = OpenOptions::new().append(true).create(true).open(&file)?;

    for key in fs::read_to_string(&file)?.lines() {
        let outcome = resolve(&wxpay, key.parse()?).await?;
        println!("{key}: {outcome}");
    }
    clear(&pending)?;

    let order = Order::new("ORDER-0006".parse()?, Fen::from_yuan("19.99")?, "chopsticks")?;
    let order = NativeOrder::new(order);
    let key = order.pending_operation().ok_or("an order has a number to query by")?;
    writeln!(pending, "{key}")?;
    pending.sync_all()?;
    println!("placing {key}");
    println!("link for the QR code: {}", wxpay.call(order).await?);
    Ok(clear(&pending)?)
}

/// Queries until the outcome is known: about 20 seconds if WeChat Pay does not have the number, because the request may
/// still be on its way.
async fn resolve(wxpay: &WxPay, key: PendingOperation) -> Result<&'static str, Box<dyn Error>> {
    let exists = match key.label() {
        QueryOrder::LABEL => matches!(wxpay.resolve_pending::<QueryOrder>(key).await?, Lookup::Found(_)),
        QueryRefund::LABEL => matches!(wxpay.resolve_pending::<QueryRefund>(key).await?, Lookup::Found(_)),
        label => return Err(format!("the shop has no operation {label}").into()),
    };
    Ok(if exists { "exists" } else { "does not exist; its number may be used again" })
}

fn clear(pending: &File) -> std::io::Result<()> {
    pending.set_len(0)?;
    pending.sync_all()
}
