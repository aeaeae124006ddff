//! Downloads the bill of a day's trades into a file. The file appears only if it is complete and its digest is right.
//!
//! ```text
//! . ./sim.env && cargo run -p wxpay-hyper --example bill_to_file -- 2026-11-23 bill.csv
//! ```
#![allow(clippy::print_stdout, reason = "an example: it prints")]

use std::{env, error::Error};
use tokio::fs::{self, File};
use wxpay_hyper::WxPay;
use wxpay_proto::v3::bill::{BillReply, TradeBill};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [date, path] = &arguments[..] else { return Err("usage: bill_to_file DATE FILE".into()) };
    let wxpay = WxPay::from_env()?;
    match wxpay.call(TradeBill::of(date.parse()?).gzip()).await? {
        BillReply::Ready(bill_file) => {
            let partial = format!("{path}.partial");
            let mut file = File::create(&partial).await?;
            let bytes = wxpay.download(&bill_file, &mut file).await?;
            file.sync_all().await?;
            fs::rename(&partial, path).await?;
            println!("{path}: {bytes} bytes");
        }
        BillReply::Generating => println!("the bill of {date} is not ready: try again after 10:00"),
        BillReply::NoData => println!("there were no trades on {date}"),
    }
    Ok(())
}
