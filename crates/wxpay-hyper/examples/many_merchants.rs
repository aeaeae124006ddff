//! A process for many merchants: they share one client, and each has its own keys and its own notification path.
//!
//! ```text
//! . ./sim.env && cargo run -p wxpay-hyper --example many_merchants -- 127.0.0.1:8080 one.env other.env &
//! ```
//!
//! Each file has the lines that `wxpay sim --env-file` writes for a merchant. The example places an order for each
//! merchant, and prints the payments until it is stopped.
#![allow(clippy::print_stdout, reason = "an example: it prints")]

use axum::Router;
use std::{env, error::Error, fs};
use tokio::net::TcpListener;
use wxpay_hyper::{Client, WxPay};
use wxpay_proto::{
    Fen,
    v3::{
        Event, Notification,
        pay::{NativeOrder, Order},
    },
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().ok_or("usage: many_merchants ADDRESS FILE...")?;
    let client = Client::builder().build()?;
    let merchants: Vec<WxPay> = arguments.map(|file| load(&client, &file)).collect::<Result<_, _>>()?;

    // A notification that is encrypted for one merchant is rejected at the path of another.
    let router = merchants.iter().fold(Router::new(), |router, wxpay| {
        let path = format!("/notify/{}", wxpay.merchant().mchid());
        router.route_service(&path, wxpay.notifications(|notification| async move { record(&notification) }))
    });
    let listener = TcpListener::bind(address).await?;
    let url = format!("http://{}", listener.local_addr()?);
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });

    for wxpay in &merchants {
        let mchid = wxpay.merchant().mchid();
        let order = Order::new("ORDER-0004".parse()?, Fen::new(1999), "chopsticks")?
            .notify_url(format!("{url}/notify/{mchid}").parse()?);
        println!("{mchid}: {}", wxpay.call(NativeOrder::new(order)).await?);
    }
    Ok(serving.await??)
}

/// Returns the merchant of a file. A platform reads its merchants from a database and its keys from a vault.
fn load(client: &Client, file: &str) -> Result<WxPay, Box<dyn Error>> {
    let lines = fs::read_to_string(file)?;
    let value = |name: &str| {
        let line = lines.lines().find_map(|line| line.strip_prefix("export ")?.strip_prefix(name));
        Some(line?.strip_prefix('=')?.trim_matches('\'').to_owned())
    };
    let merchant = WxPay::builder().variables(value).build()?.merchant().clone();
    Ok(WxPay::new(client.clone(), merchant))
}

/// Records a payment. The notification names the merchant that it was verified for.
fn record(notification: &Notification) -> Result<(), wxpay_proto::Error> {
    if let Event::Transaction(transaction) = notification.event()? {
        println!("{}: {} is paid", notification.mchid(), transaction.out_trade_no);
    }
    Ok(())
}
