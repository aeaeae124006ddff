//! The polling of 10,000 open orders that were placed within a minute, when each query takes 80 ms.

use crate::site::Site;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use wxpay_sim::faults::{Fault, FaultRule, Operation};

const ORDERS: u32 = 10_000;
const LATENCY_MILLIS: u64 = 80;
const WITHIN: Duration = Duration::from_mins(1);
/// The time after the last order for which the lag is observed.
const OBSERVED: Duration = Duration::from_mins(1);
const SHOPPERS: u32 = 20;
/// The largest lag of the target, as the metric's bucket names it.
const TARGET: &str = "5.0";

pub(crate) async fn run() {
    let site = Site::new(1_000_000).await;
    let query = Operation::from_name("v3.pay.query").unwrap();
    site.sim.with(|simulation, _| {
        let rule = FaultRule::new(Fault::Delayed { millis: LATENCY_MILLIS }).for_operation(query);
        simulation.gateway.inject(rule);
    });
    let shop = Arc::new(site.serve(&[]));
    let start = Instant::now();
    let shoppers: Vec<_> = (0..SHOPPERS)
        .map(|shopper| {
            let shop = Arc::clone(&shop);
            tokio::spawn(async move {
                let mut client = shop.connect().await;
                for order in (shopper..ORDERS).step_by(usize::try_from(SHOPPERS).unwrap()) {
                    tokio::time::sleep_until((start + WITHIN * order / ORDERS).into()).await;
                    let (status, body) = client.send(&shop.order("native", &format!("POLL{order:08}"))).await;
                    assert_eq!(status, 201, "{}", String::from_utf8_lossy(body));
                }
            })
        })
        .collect();
    for shopper in shoppers {
        shopper.await.unwrap();
    }
    println!("  {ORDERS} orders placed in {:.1} s", start.elapsed().as_secs_f64());
    let cpu = shop.cpu();
    tokio::time::sleep(OBSERVED).await;
    let (kind, bucket) = (("kind", "order_polling"), "wxpay_task_lag_seconds_bucket");
    let all = shop.metric("wxpay_task_lag_seconds_count", &[kind]).await;
    for until in ["0.1", "0.5", "1.0", "2.5", TARGET, "15.0"] {
        let share = 100.0 * shop.metric(bucket, &[kind, ("le", until)]).await / all;
        println!("  started within {until} s of its time: {share:.2} % of {all:.0} queries");
    }
    println!("  {:.0} % of a core at the end", 100.0 * (shop.cpu() - cpu) / OBSERVED.as_secs_f64());
    Arc::into_inner(shop).unwrap().terminate();
}
