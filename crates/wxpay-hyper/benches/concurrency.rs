//! Calls that share one client: their rate compared with several clients, and the delay that a slow private key causes.
//!
//! Subjects are measured in turns, in many short windows, and the best window of each counts, so that other load on the
//! machine affects all alike. The gateway replies with the same signed bytes to every request. The bare provider signs
//! and verifies as many bytes on all cores, without HTTP.
#![allow(missing_docs, clippy::unwrap_used, clippy::float_arithmetic, reason = "a benchmark")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a benchmark fails by panicking"
)]
#![allow(clippy::print_stdout, clippy::disallowed_methods, reason = "it prints what the clock shows")]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant, SystemTime},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    runtime::{self, Runtime},
};
use wxpay_aws_lc::AwsLc;
use wxpay_hyper::Client;
use wxpay_proto::{
    crypto::{CryptoProvider as _, InvalidSignature, PrivateKey, PublicKey, Unavailable, pem},
    secret::Secret,
    v3::{ApiV3Key, Lookup, Merchant, pay::QueryOrder},
    wire::base64,
};

const MCHID: &str = "1900000001";
const MERCHANT_KEY: &str = include_str!("../../wxpay-testkit/keys/merchant.pem");
const PLATFORM_KEY: &str = include_str!("../../wxpay-testkit/keys/public_key_mode.pem");
const PLATFORM_PUBLIC_KEY: &str = include_str!("../../wxpay-testkit/keys/public_key_mode_public.pem");
const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000000012026010100000000000001";
const WINDOW: Duration = Duration::from_millis(150);
const ROUNDS: u32 = 30;
const SLOW_KEY_LATENCY: Duration = Duration::from_millis(50);
const TIMER_PERIOD: Duration = Duration::from_millis(5);
const NONCE: &str = "593BEC0C930BF1AFEB40B4A08C8FB242";

fn main() {
    let cores = thread::available_parallelism().unwrap().get();
    let gateway = Gateway::start();
    compare_clients(&gateway, cores);
    let mut builder = runtime::Builder::new_current_thread();
    measure_slow_key("current-thread runtime", &builder.enable_all().build().unwrap(), &gateway);
    measure_slow_key("multi-thread runtime", &multi_thread_runtime(cores), &gateway);
}

fn multi_thread_runtime(threads: usize) -> Runtime {
    runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap()
}

fn private_key(pem: &str) -> Arc<dyn PrivateKey> {
    AwsLc.private_key(&pem::private_key(pem.as_bytes()).unwrap()).unwrap()
}

fn platform_public_key() -> Arc<dyn PublicKey> {
    AwsLc.public_key(&pem::public_key(PLATFORM_PUBLIC_KEY.as_bytes()).unwrap()).unwrap()
}

fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "MISSED" }
}

/// Compares one client with one client per core, at several numbers of calls in flight.
fn compare_clients(gateway: &Gateway, cores: usize) {
    let runtime = multi_thread_runtime(cores);
    let merchant = gateway.merchant(private_key(MERCHANT_KEY));
    let one = [new_client()];
    let several: Vec<Client> = (0..cores).map(|_| new_client()).collect();
    let floor = Arc::new(BareProvider::new(gateway));
    for in_flight in [1, 4, 16, 64] {
        let (mut one_rate, mut several_rate, mut floor_rate) = (0.0_f64, 0.0_f64, 0.0_f64);
        for _ in 0..ROUNDS {
            several_rate = several_rate.max(runtime.block_on(call_rate(&several, &merchant, in_flight)));
            one_rate = one_rate.max(runtime.block_on(call_rate(&one, &merchant, in_flight)));
            floor_rate = floor_rate.max(runtime.block_on(floor.rate(cores)));
        }
        let ratio = one_rate / several_rate;
        let result = if in_flight == 16 {
            format!("; target 0.90x: {}", verdict(ratio >= 0.9))
        } else {
            String::new()
        };
        println!(
            "{in_flight} in flight: one client {one_rate:.0}/s, {cores} clients {several_rate:.0}/s: \
             {ratio:.3}x{result}; bare provider {floor_rate:.0}/s: {:.3}x",
            one_rate / floor_rate
        );
    }
}

fn new_client() -> Client {
    Client::builder().build().unwrap()
}

/// Returns the number of calls per second with this many in flight, spread over the clients.
async fn call_rate(clients: &[Client], merchant: &Merchant, in_flight: usize) -> f64 {
    let began = Instant::now();
    let calling = |index: usize| {
        let (client, merchant) = (clients[index % clients.len()].clone(), merchant.clone());
        tokio::spawn(async move {
            let mut calls = 0_u32;
            while began.elapsed() < WINDOW {
                query(&client, &merchant).await;
                calls += 1;
            }
            calls
        })
    };
    let mut calls = 0;
    for task in (0..in_flight).map(calling).collect::<Vec<_>>() {
        calls += task.await.unwrap();
    }
    f64::from(calls) / began.elapsed().as_secs_f64()
}

async fn query(client: &Client, merchant: &Merchant) {
    let order = QueryOrder::out_trade_no("ORDER-0001".parse().unwrap());
    let Lookup::Found(_) = client.run(merchant.call(order)).await.unwrap() else {
        panic!("the gateway knows the order")
    };
}

/// The bare provider: signs a message as long as a request's, and verifies the gateway's reply.
struct BareProvider {
    private_key: Arc<dyn PrivateKey>,
    public_key: Arc<dyn PublicKey>,
    request: Vec<u8>,
    reply: Vec<u8>,
    signature: Vec<u8>,
}

impl BareProvider {
    fn new(gateway: &Gateway) -> Self {
        let target = format!("/v3/pay/transactions/out-trade-no/ORDER-0001?mchid={MCHID}");
        Self {
            private_key: private_key(MERCHANT_KEY),
            public_key: platform_public_key(),
            request: format!("GET\n{target}\n1795600000\n{NONCE}\n\n").into_bytes(),
            reply: gateway.signed_message.clone(),
            signature: gateway.signature.clone(),
        }
    }

    /// Returns the number of signatures and verifications per second, with one task per core on the runtime of the calls.
    async fn rate(self: &Arc<Self>, cores: usize) -> f64 {
        let began = Instant::now();
        let work = |_| {
            let bare = Arc::clone(self);
            tokio::spawn(async move {
                let mut pairs = 0_u32;
                while began.elapsed() < WINDOW {
                    bare.private_key.sign(&bare.request).unwrap();
                    bare.public_key.verify(&bare.reply, &bare.signature).unwrap();
                    pairs += 1;
                    tokio::task::yield_now().await;
                }
                pairs
            })
        };
        let mut pairs = 0;
        for task in (0..cores).map(work).collect::<Vec<_>>() {
            pairs += task.await.unwrap();
        }
        f64::from(pairs) / began.elapsed().as_secs_f64()
    }
}

/// Measures 16 concurrent calls whose private key takes 50 ms, and a timer on the same runtime meanwhile.
fn measure_slow_key(name: &str, runtime: &Runtime, gateway: &Gateway) {
    let (merchant, client) = (gateway.merchant(Arc::new(SlowKey)), new_client());
    let rounds = (0..ROUNDS).map(|_| runtime.block_on(slow_round(&client, &merchant)));
    let (calls, timer) = rounds.min_by_key(|(calls, timer)| (*calls).max(*timer * 8)).unwrap();
    let is_met = calls <= Duration::from_millis(80) && timer < Duration::from_millis(10);
    println!(
        "{name}, 16 calls with a 50 ms key: {:.1} ms; a 5 ms timer meanwhile: {:.1} ms at most; \
         target 80 ms and 10 ms: {}",
        calls.as_secs_f64() * 1e3,
        timer.as_secs_f64() * 1e3,
        verdict(is_met)
    );
}

/// Returns the duration of the calls, and the longest sleep of the timer.
async fn slow_round(client: &Client, merchant: &Merchant) -> (Duration, Duration) {
    let is_done = Arc::new(AtomicBool::new(false));
    let stop = Arc::clone(&is_done);
    let timer = tokio::spawn(async move {
        let mut longest = Duration::ZERO;
        while !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            tokio::time::sleep(TIMER_PERIOD).await;
            longest = longest.max(began.elapsed());
        }
        longest
    });
    // The timer must be asleep before the first call begins.
    tokio::time::sleep(TIMER_PERIOD).await;
    let began = Instant::now();
    let calls: Vec<_> = (0..16)
        .map(|_| {
            let (client, merchant) = (client.clone(), merchant.clone());
            tokio::spawn(async move { query(&client, &merchant).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap();
    }
    let duration = began.elapsed();
    is_done.store(true, Ordering::Relaxed);
    (duration, timer.await.unwrap())
}

/// A private key that waits for a signer elsewhere. The gateway does not check its signatures.
#[derive(Debug)]
struct SlowKey;

impl PrivateKey for SlowKey {
    fn may_block(&self) -> bool {
        true
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, Unavailable> {
        thread::sleep(SLOW_KEY_LATENCY);
        Ok(vec![0; 256])
    }

    fn open(&self, _: &[u8]) -> Result<Secret<Vec<u8>>, InvalidSignature> {
        Err(InvalidSignature)
    }
}

/// A gateway on loopback, in a runtime of its own. It replies to every request without a body with the same bytes.
struct Gateway {
    address: SocketAddr,
    signed_message: Vec<u8>,
    signature: Vec<u8>,
    _runtime: Runtime,
}

impl Gateway {
    fn start() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        let body = format!(
            r#"{{"appid":"wxd678efh567hg6787","mchid":"{MCHID}","out_trade_no":"ORDER-0001","trade_state":"NOTPAY","trade_state_desc":"订单未支付","amount":{{"total":1999,"currency":"CNY"}}}}"#
        );
        let signed_message = format!("{now}\n{NONCE}\n{body}\n").into_bytes();
        let signature = private_key(PLATFORM_KEY).sign(&signed_message).unwrap();
        let reply = format!(
            "HTTP/1.1 200 OK\r\nwechatpay-timestamp: {now}\r\nwechatpay-nonce: {NONCE}\r\n\
             wechatpay-signature: {}\r\nwechatpay-serial: {PUBLIC_KEY_ID}\r\ncontent-length: {}\r\n\r\n{body}",
            base64::encode(&signature),
            body.len()
        );
        let runtime = multi_thread_runtime(1);
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            let reply: Arc<str> = reply.into();
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&reply)));
            }
        });
        Self { address, signed_message, signature, _runtime: runtime }
    }

    fn merchant(&self, private_key: Arc<dyn PrivateKey>) -> Merchant {
        Merchant::builder(
            Arc::new(AwsLc),
            MCHID.parse().unwrap(),
            "0A51C3E08D2B467F91A4D05E73B8C26F1D340001".parse().unwrap(),
            private_key,
            &ApiV3Key::new("4p1v3Key000000000000000000005ec4".into()).unwrap(),
        )
        .public_key(PUBLIC_KEY_ID.parse().unwrap(), platform_public_key())
        .base_url(&format!("http://{}", self.address))
        .unwrap()
        .build()
    }
}

async fn answer(mut stream: TcpStream, reply: Arc<str>) {
    let (mut buffer, mut length) = ([0; 4096], 0);
    stream.set_nodelay(true).unwrap();
    while let Ok(count @ 1..) = stream.read(&mut buffer[length..]).await {
        length += count;
        if buffer[..length].ends_with(b"\r\n\r\n") {
            length = 0;
            if stream.write_all(reply.as_bytes()).await.is_err() {
                return;
            }
        }
    }
}
