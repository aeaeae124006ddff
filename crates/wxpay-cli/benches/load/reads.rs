//! Reads of single orders.

use crate::site::Site;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const ORDERS: usize = 500;
const READERS: usize = 16;

pub(crate) async fn run(duration: Duration) {
    let site = Site::new(10_000).await;
    let shop = Arc::new(site.serve(&[]));
    let mut client = shop.connect().await;
    for order in 0..ORDERS {
        let (status, body) = client.send(&shop.order("jsapi", &format!("READ{order:08}"))).await;
        assert_eq!(status, 201, "{}", String::from_utf8_lossy(body));
    }
    let (start, cpu) = (Instant::now(), shop.cpu());
    let readers: Vec<_> = (0..READERS)
        .map(|reader| {
            let shop = Arc::clone(&shop);
            tokio::spawn(async move {
                let mut client = shop.connect().await;
                let read = |order: usize| shop.request("GET", &format!("/api/orders/READ{order:08}"), "");
                let requests: Vec<Vec<u8>> = (0..ORDERS).map(read).collect();
                let mut reads = 0_usize;
                while start.elapsed() < duration {
                    let (status, body) = client.send(&requests[(reads * READERS + reader) % ORDERS]).await;
                    assert_eq!(status, 200, "{}", String::from_utf8_lossy(body));
                    reads += 1;
                }
                reads
            })
        })
        .collect();
    let mut reads = 0;
    for reader in readers {
        reads += reader.await.unwrap();
    }
    let (elapsed, cpu) = (start.elapsed().as_secs_f64(), shop.cpu() - cpu);
    println!(
        "  {:.0} reads/s; {:.0} µs of the server's processor time each",
        reads as f64 / elapsed,
        cpu * 1e6 / reads as f64
    );
    drop(client);
    Arc::into_inner(shop).unwrap().terminate();
}
