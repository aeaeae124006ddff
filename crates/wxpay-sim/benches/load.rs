//! Load on the simulator: replies per second against the bare RSA signature, memory per order, and the longest time that
//! a control call keeps the gateway. Run with `cargo bench -p wxpay-sim --bench load`.
//!
//! `WXPAY_ORDERS` is the number of orders of the memory part; the default is 100,000.

#![allow(missing_docs, clippy::unwrap_used, clippy::float_arithmetic, reason = "a benchmark")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::integer_division,
    clippy::cast_precision_loss,
    clippy::as_conversions,
    reason = "a benchmark fails by panicking, and prints figures for people"
)]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "it prints what the clock shows")]

use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{
    hint::black_box,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant, SystemTime},
};
use wxpay_proto::{UnixTime, http::Request};
use wxpay_sim::{
    Clock, Gateway, Outcome, Settings, control::Simulation, keys::KeySource, merchant::Merchant,
    serve::Server,
};

fn main() {
    throughput();
    memory(std::env::var("WXPAY_ORDERS").ok().and_then(|orders| orders.parse().ok()).unwrap_or(100_000));
}

fn now() -> UnixTime {
    UnixTime::EPOCH.after(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap())
}

/// Returns the headers of a request, signed by the merchant.
fn headers(merchant: &Merchant, method: &str, target: &str, body: &str) -> String {
    let (key, seconds) = (&merchant.api_keys()[0], now().as_secs());
    let signature = key.key_pair.sign(format!("{method}\n{target}\n{seconds}\nn\n{body}\n").as_bytes());
    format!(
        "WECHATPAY2-SHA256-RSA2048 mchid=\"{}\",nonce_str=\"n\",signature=\"{}\",timestamp=\"{seconds}\",\
         serial_no=\"{}\"",
        merchant.mchid(),
        STANDARD.encode(signature),
        key.certificate.serial(),
    )
}

fn order(merchant: &Merchant, number: usize) -> String {
    format!(
        "{{\"appid\":\"{}\",\"mchid\":\"{}\",\"description\":\"一杯茶，两块饼干\",\"out_trade_no\":\"LOAD{number:012}\",\
         \"notify_url\":\"https://shop.example/wechatpay/notify\",\"attach\":\"shop 17\",\
         \"amount\":{{\"total\":1999,\"currency\":\"CNY\"}},\"payer\":{{\"openid\":\"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o\"}}}}",
        merchant.appids()[0],
        merchant.mchid(),
    )
}

fn place(gateway: &mut Gateway, merchant: &Merchant, number: usize) {
    let (target, body) = ("/v3/pay/transactions/jsapi", order(merchant, number));
    let request = Request::post(format!("http://sim{target}"), "application/json", body.clone().into())
        .with_header("accept", "application/json")
        .with_header("user-agent", "load")
        .with_header("authorization", headers(merchant, "POST", target, &body));
    let Outcome::Reply(reply) = gateway.answer(&request, now()) else { panic!("no fault is injected") };
    assert_eq!(reply.status(), 200, "{}", String::from_utf8_lossy(reply.body()));
}

/// Measures replies per second of queries with real RSA, at several numbers of requests in flight.
fn throughput() {
    let mut gateway = Gateway::new(Settings::default(), 7);
    let merchant = gateway.merchant().clone();
    place(&mut gateway, &merchant, 1);
    let key = &merchant.api_keys()[0].key_pair;
    let floor = per_second(Duration::from_secs(2), || {
        black_box(key.sign(black_box(b"message")));
    });
    println!("bare RSA-2048 signature, one thread: {floor:.0}/s ({:.0} µs)", 1e6 / floor);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let server = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        Server::start(listener, gateway, Clock::running()).unwrap()
    });
    let target = format!("/v3/pay/transactions/out-trade-no/LOAD{:012}?mchid={}", 1, merchant.mchid());
    let request = format!(
        "GET {target} HTTP/1.1\r\nhost: sim\r\naccept: application/json\r\nuser-agent: load\r\nauthorization: {}\r\n\r\n",
        headers(&merchant, "GET", &target, ""),
    );
    let request: Arc<[u8]> = request.into_bytes().into();
    for in_flight in [1, 2, 8, 32] {
        let (replies, mut latencies) = load(server.address(), &request, in_flight, Duration::from_secs(5));
        latencies.sort_unstable();
        let at = |share: usize| latencies[(latencies.len() - 1) * share / 100].as_micros();
        println!(
            "{in_flight:>2} in flight: {replies:.0} replies/s = {:.2} x the bare signature; p50 {} µs, p99 {} µs = {:.1} x",
            replies / floor,
            at(50),
            at(99),
            at(99) as f64 / at(50) as f64,
        );
    }
}

/// Sends the request over this many connections. Returns replies per second and all latencies.
fn load(
    address: SocketAddr,
    request: &Arc<[u8]>,
    in_flight: usize,
    duration: Duration,
) -> (f64, Vec<Duration>) {
    let start = Instant::now();
    let clients: Vec<_> = (0..in_flight)
        .map(|_| {
            let request = Arc::clone(request);
            thread::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_nodelay(true).unwrap();
                let (mut latencies, mut buffer) = (Vec::new(), vec![0; 16 << 10]);
                while start.elapsed() < duration {
                    let sent = Instant::now();
                    stream.write_all(&request).unwrap();
                    read_reply(&mut stream, &mut buffer);
                    latencies.push(sent.elapsed());
                }
                latencies
            })
        })
        .collect();
    let latencies: Vec<Duration> = clients.into_iter().flat_map(|client| client.join().unwrap()).collect();
    (latencies.len() as f64 / start.elapsed().as_secs_f64(), latencies)
}

fn read_reply(stream: &mut TcpStream, buffer: &mut [u8]) {
    let mut length = 0;
    loop {
        length += stream.read(&mut buffer[length..]).unwrap();
        let text = std::str::from_utf8(&buffer[..length]).unwrap();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        assert!(head.starts_with("HTTP/1.1 200"), "{text}");
        let expected = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
        if body.len() >= expected.parse().unwrap() {
            return;
        }
    }
}

fn per_second(duration: Duration, mut act: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < duration {
        act();
        count += 1;
    }
    f64::from(count) / start.elapsed().as_secs_f64()
}

/// Measures memory per open order, and the time of each control call, which is the time that it keeps the gateway.
fn memory(orders: usize) {
    let mut settings = Settings::default();
    settings.v3.key_source = KeySource::Fake;
    settings.max_orders = orders;
    let mut gateway = Gateway::new(settings, 7);
    let merchant = gateway.merchant().clone();
    let before = resident_kib();
    for number in 0..orders {
        place(&mut gateway, &merchant, number);
    }
    let after = resident_kib();
    println!(
        "{orders} open orders: {} MiB, {:.0} bytes an order",
        (after - before) >> 10,
        ((after - before) << 10) as f64 / orders as f64,
    );
    for number in orders..orders + orders / 10 {
        place(&mut gateway, &merchant, number);
    }
    println!("{} more, at the limit: {} MiB in all", orders / 10, (resident_kib() - before) >> 10);
    let mut simulation = Simulation { gateway, clock: Clock::running() };
    let last = format!("orders/LOAD{:012}", orders + orders / 10 - 1);
    let pay = format!("{last}/pay");
    let middle = format!("orders?limit=1000&after={}", orders / 2);
    for (method, path) in [
        ("GET", "state"),
        ("GET", "orders"),
        ("GET", "orders?limit=1000"),
        ("GET", middle.as_str()),
        ("GET", "orders?mchid=1"),
        ("GET", last.as_str()),
        ("POST", pay.as_str()),
        ("GET", "notifications"),
        ("GET", "refunds"),
        ("GET", "requests?limit=1000"),
        ("GET", "warnings?limit=1000"),
        ("GET", "orders/NONE"),
        ("POST", "state/reset"),
    ] {
        let start = Instant::now();
        let response = simulation.control(method, &format!("/_sim/v1/{path}"), b"", now());
        let time = start.elapsed();
        println!("{:>8} µs  {} {method} {path}", time.as_micros(), response.status);
    }
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
