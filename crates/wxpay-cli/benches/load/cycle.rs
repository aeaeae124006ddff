//! Full JSAPI cycles: an order is placed, prepaid and paid, WeChat Pay notifies, and the event `order.paid` is numbered.

use crate::{
    measure::RsaCost,
    site::{Shop, Site},
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// Shoppers who place and pay orders one after the other.
const SHOPPERS: u32 = 48;
/// Cycles per second of the measurement at a moderate load: full load, where both cores compete for the same units,
/// makes every instruction dearer.
const MODERATE: u32 = 300;
/// Limit of the paid orders whose event is not there yet: the shoppers wait for the server.
const MAX_UNREPORTED: usize = 256;

/// What was measured.
pub(crate) struct Cycles {
    pub(crate) count: f64,
    pub(crate) per_second: f64,
    /// The servers' processor time per cycle, in microseconds.
    pub(crate) cpu: f64,
}

pub(crate) async fn run(rsa: &RsaCost, duration: Duration) {
    let site = Arc::new(Site::new(1_000_000).await);
    let shops = Arc::new(vec![site.serve(&[])]);
    let shop = &shops[0];
    tokio::time::sleep(Duration::from_secs(1)).await;
    println!("  idle: {:.1} MiB", shop.memory("VmRSS"));
    // The first requests build the connections.
    measure(&site, &shops, "WARM", None, Duration::from_secs(1)).await;
    println!("  at full load:");
    report(&measure(&site, &shops, "LOAD", None, duration).await, rsa);
    let (operations, commits) = (
        shop.metric("wxpay_ledger_operations_total", &[]).await,
        shop.metric("wxpay_ledger_commits_total", &[]).await,
    );
    println!(
        "  {:.1} operations of the ledger per commit; at most {:.1} MiB",
        operations / commits,
        shop.memory("VmHWM")
    );
    println!("  at a moderate load:");
    report(&measure(&site, &shops, "CALM", Some(MODERATE), duration).await, rsa);
    terminate(shops);
}

pub(crate) fn report(cycles: &Cycles, rsa: &RsaCost) {
    println!(
        "  {:.0} cycles/s; the servers' processor time: {:.0} µs per cycle = RSA {:.0} + rest {:.0}",
        cycles.per_second,
        cycles.cpu,
        rsa.of_cycle(),
        cycles.cpu - rsa.of_cycle(),
    );
}

/// Shuts the servers down.
pub(crate) fn terminate(shops: Arc<Vec<Shop>>) {
    Arc::into_inner(shops).unwrap().into_iter().for_each(Shop::terminate);
}

/// Runs cycles for this time, at this number per second or as fast as they end, and waits for their events. The numbers
/// of the orders begin with `prefix`. The shoppers are spread over the servers, which share one ledger.
pub(crate) async fn measure(
    site: &Arc<Site>,
    shops: &Arc<Vec<Shop>>,
    prefix: &'static str,
    per_second: Option<u32>,
    duration: Duration,
) -> Cycles {
    let (paid, reported) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut events = Events::at_the_end(shops).await;
    let cpu = || shops.iter().map(Shop::cpu).sum::<f64>();
    let (start, before) = (Instant::now(), cpu());
    let shoppers: Vec<_> = (0..SHOPPERS)
        .map(|shopper| {
            let (site, shops) = (Arc::clone(site), Arc::clone(shops));
            let (paid, reported) = (Arc::clone(&paid), Arc::clone(&reported));
            tokio::spawn(async move {
                let shop = &shops[shopper as usize % shops.len()];
                let mut client = shop.connect().await;
                for order in 0.. {
                    if let Some(per_second) = per_second {
                        let before = Duration::from_secs(1) * (order * SHOPPERS + shopper) / per_second;
                        tokio::time::sleep_until((start + before).into()).await;
                    }
                    while paid.load(Ordering::Relaxed) > reported.load(Ordering::Relaxed) + MAX_UNREPORTED {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    if start.elapsed() >= duration {
                        return;
                    }
                    let number = format!("{prefix}{shopper:04}{order:08}");
                    let (status, body) = client.send(&shop.order("jsapi", &number)).await;
                    assert_eq!(status, 201, "{}", String::from_utf8_lossy(body));
                    let order: Value = serde_json::from_slice(body).unwrap();
                    assert!(order["pay"]["params"]["paySign"].is_string(), "{order}");
                    site.pay(&number);
                    paid.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let mut numbers = BTreeSet::new();
    loop {
        let is_over = shoppers.iter().all(tokio::task::JoinHandle::is_finished);
        numbers.extend(events.next().await);
        reported.store(numbers.len(), Ordering::Relaxed);
        if is_over && numbers.len() >= paid.load(Ordering::Relaxed) {
            break;
        }
        let waits = start.elapsed() > duration + Duration::from_mins(1);
        assert!(!waits, "{} paid, {} reported", paid.load(Ordering::Relaxed), numbers.len());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let (elapsed, cpu) = (start.elapsed().as_secs_f64(), cpu() - before);
    for shopper in shoppers {
        shopper.await.unwrap();
    }
    assert_eq!(numbers.len(), paid.load(Ordering::Relaxed));
    let cycles = numbers.len() as f64;
    Cycles { count: cycles, per_second: cycles / elapsed, cpu: cpu * 1e6 / cycles }
}

/// A reader of the event log.
struct Events {
    shops: Arc<Vec<Shop>>,
    client: crate::client::Client,
    cursor: Option<String>,
}

impl Events {
    /// Starts after the events of now.
    async fn at_the_end(shops: &Arc<Vec<Shop>>) -> Self {
        let mut events = Self { shops: Arc::clone(shops), client: shops[0].connect().await, cursor: None };
        while !events.next().await.is_empty() {}
        events
    }

    /// Returns the order numbers of the payments on the next pages.
    async fn next(&mut self) -> Vec<String> {
        let mut numbers = Vec::new();
        loop {
            let cursor = self.cursor.as_ref().map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let target = format!("/api/events?types=order.paid&limit=200{cursor}");
            let (status, body) = self.client.send(&self.shops[0].request("GET", &target, "")).await;
            assert_eq!(status, 200, "{}", String::from_utf8_lossy(body));
            let page: Value = serde_json::from_slice(body).unwrap();
            let data = page["data"].as_array().unwrap();
            numbers.extend(
                data.iter().map(|event| event["data"]["object"]["out_trade_no"].as_str().unwrap().to_owned()),
            );
            if let Some(cursor) = page["next_cursor"].as_str() {
                self.cursor = Some(cursor.to_owned());
            }
            if page["has_more"] != true {
                return numbers;
            }
        }
    }
}
