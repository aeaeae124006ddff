//! The first example of the README: places a Native order, prints the link for the QR code, and queries the order.
//! `tests/readme.rs` keeps both equal.
#![allow(clippy::print_stdout, reason = "an example: it prints")]

use wxpay_hyper::WxPay;
use wxpay_proto::Fen;
use wxpay_proto::v3::pay::{NativeOrder, Order, QueryOrder};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let wxpay = WxPay::from_env()?;
    let order = Order::new("ORDER-0001".parse()?, Fen::from_yuan("19.99")?, "chopsticks")?;
    let query = QueryOrder::out_trade_no(order.out_trade_no().clone());
    println!("link for the QR code: {}", wxpay.call(NativeOrder::new(order)).await?);
    println!("{:?}", wxpay.call(query).await?);
    Ok(())
}
