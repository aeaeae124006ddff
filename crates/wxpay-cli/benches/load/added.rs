//! The latency that the server adds to the gateway's: orders at a fixed rate through the server, and the same orders
//! sent to the gateway directly, signed beforehand.

use crate::{
    client::{Client, request},
    measure::percentile,
    site::Site,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use std::{
    net::SocketAddr,
    time::{Duration, Instant, SystemTime},
};
use tokio::sync::mpsc;
use wxpay_sim::Gateway;

/// Orders per second.
const RATE: u32 = 300;
/// Connections, the limit of the requests in progress.
const CONNECTIONS: usize = 64;

pub(crate) async fn run(duration: Duration) {
    let site = Site::new(1_000_000).await;
    let shop = site.serve(&[]);
    let count = RATE * u32::try_from(duration.as_secs()).unwrap();
    let through = (0..count).map(|order| shop.order("jsapi", &format!("ADDED{order:08}"))).collect();
    let direct = site.sim.with(|simulation, _| {
        (0..count).map(|order| prepay(&simulation.gateway, &format!("DIRECT{order:08}"))).collect()
    });
    let mut direct = at_rate(site.sim.address(), direct, 200).await;
    let mut through = at_rate(shop.address, through, 201).await;
    let mut figures = |percent| (percentile(&mut direct, percent), percentile(&mut through, percent));
    for percent in [50, 99] {
        let (direct, through) = figures(percent);
        println!(
            "  {RATE} orders/s, p{percent}: gateway {direct:.2} ms, server {through:.2} ms: {:.2} ms added",
            through - direct
        );
    }
    shop.terminate();
}

/// Sends requests at the fixed rate, whether or not the earlier ones were answered. Returns the latencies, measured from
/// the time when each was due.
async fn at_rate(address: SocketAddr, requests: Vec<Vec<u8>>, expected: u16) -> Vec<Duration> {
    let (sender, mut receiver) = mpsc::channel(CONNECTIONS);
    for _ in 0..CONNECTIONS {
        sender.send(Client::connect(address).await).await.unwrap();
    }
    let (start, mut running) = (Instant::now(), Vec::new());
    for (number, request) in (0..).zip(requests) {
        let due = start + Duration::from_secs(1) * number / RATE;
        tokio::time::sleep_until(due.into()).await;
        let (mut client, sender) = (receiver.recv().await.unwrap(), sender.clone());
        running.push(tokio::spawn(async move {
            let (status, body) = client.send(&request).await;
            assert_eq!(status, expected, "{}", String::from_utf8_lossy(body));
            let latency = due.elapsed();
            sender.send(client).await.unwrap();
            latency
        }));
    }
    let mut latencies = Vec::new();
    for each in running {
        latencies.push(each.await.unwrap());
    }
    latencies
}

/// Returns a signed request for a JSAPI order.
fn prepay(gateway: &Gateway, number: &str) -> Vec<u8> {
    let merchant = gateway.merchant();
    let (mchid, key) = (merchant.mchid(), &merchant.api_keys()[0]);
    let body = json!({
        "appid": merchant.appids()[0].as_str(), "mchid": mchid.as_str(), "description": "一杯茶，两块饼干",
        "out_trade_no": number, "notify_url": "https://pay.example.com/notify", "attach": "shop 17",
        "amount": { "total": 1999, "currency": "CNY" }, "payer": { "openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o" },
    });
    let (target, body) = ("/v3/pay/transactions/jsapi", body.to_string());
    let seconds = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let signature = key.key_pair.sign(format!("POST\n{target}\n{seconds}\n{number}\n{body}\n").as_bytes());
    let headers = format!(
        "accept: application/json\r\nuser-agent: load\r\nauthorization: WECHATPAY2-SHA256-RSA2048 mchid=\"{mchid}\",\
         nonce_str=\"{number}\",signature=\"{}\",timestamp=\"{seconds}\",serial_no=\"{}\"\r\n",
        STANDARD.encode(signature),
        key.certificate.serial(),
    );
    request("POST", target, &headers, &body)
}
