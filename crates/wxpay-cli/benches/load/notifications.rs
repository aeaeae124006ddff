//! Notifications of payments that were signed beforehand: each is verified, decrypted and durable before its answer.

use crate::{
    client::{Client, header, request},
    measure::RsaCost,
    site::Site,
};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

const SHOPPERS: usize = 32;
const SENDERS: usize = 48;
/// Notifications for each second of the measurement.
const PER_SECOND: usize = 4_000;

pub(crate) async fn run(rsa: &RsaCost, duration: Duration) {
    let site = Arc::new(Site::new(1_000_000).await);
    let kept = Kept::start().await;
    // The gateway delivers to the recorder, and no query pays the orders before.
    let shop = Arc::new(site.serve(&[("WXPAY_PUBLIC_BASE_URL", &kept.url), ("WXPAY_POLL_INTERVALS", "1h")]));
    let count = PER_SECOND * usize::try_from(duration.as_secs()).unwrap() / SHOPPERS * SHOPPERS;
    let shoppers: Vec<_> = (0..SHOPPERS)
        .map(|shopper| {
            let (site, shop) = (Arc::clone(&site), Arc::clone(&shop));
            tokio::spawn(async move {
                let mut client = shop.connect().await;
                for order in 0..count / SHOPPERS {
                    let number = format!("NOTE{shopper:04}{order:08}");
                    let (status, body) = client.send(&shop.order("jsapi", &number)).await;
                    assert_eq!(status, 201, "{}", String::from_utf8_lossy(body));
                    site.pay(&number);
                }
            })
        })
        .collect();
    for shopper in shoppers {
        shopper.await.unwrap();
    }
    let notifications = kept.wait_for(count).await;
    let (start, cpu) = (Instant::now(), shop.cpu());
    let share = notifications.len().div_ceil(SENDERS);
    let mut senders = Vec::new();
    for share in notifications.chunks(share) {
        let (share, address) = (share.to_vec(), shop.address);
        senders.push(tokio::spawn(async move {
            let mut client = Client::connect(address).await;
            for notification in share {
                let (status, body) = client.send(&notification).await;
                assert!(status == 200 || status == 204, "{status} {}", String::from_utf8_lossy(body));
            }
        }));
    }
    for sender in senders {
        sender.await.unwrap();
    }
    let (elapsed, cpu) = (start.elapsed().as_secs_f64(), shop.cpu() - cpu);
    let count = notifications.len() as f64;
    println!(
        "  {:.0} notifications/s; {:.0} µs of the server's processor time each = RSA {:.0} + rest {:.0}",
        count / elapsed,
        cpu * 1e6 / count,
        rsa.verify,
        cpu * 1e6 / count - rsa.verify,
    );
    let paid = shop.metric("wxpay_paid_total", &[("source", "notification")]).await;
    assert!((paid - count).abs() < 0.5, "{paid} of {count} are paid");
    Arc::into_inner(shop).unwrap().terminate();
}

/// A recorder of notifications. It answers success, so that none is sent again.
struct Kept {
    url: String,
    requests: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Kept {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(record(stream, Arc::clone(&kept)));
            }
        });
        Self { url, requests }
    }

    /// Waits until so many were received, and returns them.
    async fn wait_for(&self, count: usize) -> Vec<Vec<u8>> {
        let until = Instant::now() + Duration::from_mins(1);
        while self.requests.lock().unwrap().len() < count {
            assert!(Instant::now() < until, "{} of {count}", self.requests.lock().unwrap().len());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        std::mem::take(&mut *self.requests.lock().unwrap())
    }
}

/// Records the requests of one connection, as they are to be sent again.
async fn record(mut stream: TcpStream, kept: Arc<Mutex<Vec<Vec<u8>>>>) {
    let mut buffer = Vec::new();
    loop {
        let (head, end) = loop {
            if let Some(head) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                let text = String::from_utf8(buffer[..head].to_vec()).unwrap();
                let length = header(&text, "content-length").map_or(0, |length| length.parse().unwrap());
                if buffer.len() >= head + 4 + length {
                    break (text, head + 4 + length);
                }
            }
            if stream.read_buf(&mut buffer).await.unwrap_or(0) == 0 {
                return;
            }
        };
        let target = head.split(' ').nth(1).unwrap();
        let signed = head.lines().filter(|line| line.to_ascii_lowercase().starts_with("wechatpay-"));
        let headers: String = signed.flat_map(|line| [line, "\r\n"]).collect();
        let body = String::from_utf8(buffer[head.len() + 4..end].to_vec()).unwrap();
        kept.lock().unwrap().push(request("POST", target, &headers, &body));
        buffer.drain(..end);
        let answer = b"HTTP/1.1 204 No Content\r\n\r\n";
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}
