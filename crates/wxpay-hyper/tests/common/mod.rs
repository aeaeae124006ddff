//! Peers, certificates and requests for the tests of the adapter.
#![allow(
    dead_code,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::missing_panics_doc,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    unreachable_pub,
    reason = "shared by several test binaries, each of which uses a part"
)]

pub mod certificates;
pub mod log;
pub mod v1;
pub mod v3;

use std::{error::Error, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};
use wxpay_hyper::Client;
use wxpay_proto::{
    Fen, UnixTime,
    entropy::Entropy,
    exchange::{Failure, Reply, Step, Transmit},
    http::Request,
    memory::{AccessToken, Memory},
    retry,
    v1::{AppSecret, Merchant, Order, PartnerKey, PaySignKey},
    world::World,
};

/// A marker in place of secrets, in URLs and bodies. No error and no log line may contain it.
pub const PLANTED: &str = "PLANTED0TOKEN0THAT0NO0ERROR0MAY0SHOW";

/// Returns an APIv1 merchant with test keys that attempts each call once.
pub fn merchant(base_url: &str) -> Merchant {
    let mut once = retry::Policy::default();
    once.max_attempts = 1;
    merchant_with_policy(base_url, once)
}

pub fn merchant_with_policy(base_url: &str, policy: retry::Policy) -> Merchant {
    Merchant::builder(
        "wxd930ea5d5a258f4f".parse().unwrap(),
        AppSecret::new("a".repeat(32)).unwrap(),
        PaySignKey::new("b".repeat(128)).unwrap(),
        "1900000109".parse().unwrap(),
        PartnerKey::new("c".repeat(32)).unwrap(),
    )
    .base_url(base_url)
    .unwrap()
    .retry(policy)
    .build()
}

pub fn order(number: &str) -> Order {
    let notify_url = "https://shop.example/notify".parse().unwrap();
    Order::builder(number.parse().unwrap(), Fen::new(1), "test", notify_url, [203, 0, 113, 7].into())
        .build()
        .unwrap()
}

/// Returns the system time, which the client compares with the times in its memory.
pub fn now() -> UnixTime {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    UnixTime::EPOCH.after(since_epoch)
}

/// Inserts a token valid for two hours, so that the first request of a call is the call itself.
pub fn put_planted_token(memory: &mut Memory, merchant: &Merchant) {
    let token = AccessToken::new(PLANTED.to_owned()).unwrap();
    memory.put_token(merchant.appid(), token, now(), now().after(Duration::from_secs(7200)));
}

/// Returns the request of a real call, made by the core: the token in its URL, the signature in its body.
pub fn prepay_transmit(base_url: &str) -> Transmit {
    let (merchant, mut memory) = (merchant(base_url), Memory::default());
    put_planted_token(&mut memory, &merchant);
    let world = World::new(now(), Entropy::new([7; 32]), &mut memory);
    let Step::Send(transmit, _) = Step::begin(merchant.prepay(order("20140508001")), world) else {
        panic!("a call with a cached token must send its own request first")
    };
    assert!(transmit.request.url().contains(PLANTED));
    transmit
}

/// Returns the request of [`prepay_transmit`] with a timeout of 600 ms, short enough for tests.
pub fn transmit(base_url: &str) -> Transmit {
    let mut transmit = prepay_transmit(base_url);
    transmit.timeout = Duration::from_millis(600);
    transmit
}

/// Returns a request for this URL, without a body.
pub fn get(url: &str) -> Transmit {
    let mut transmit = transmit("http://127.0.0.1:1");
    transmit.request = Request::get(url.to_owned());
    transmit
}

/// Returns a client that trusts the tests' authority, with a connect timeout of 300 ms.
pub fn client() -> Client {
    Client::builder()
        .root_ca(certificates::authority().pem())
        .without_public_roots()
        .connect_timeout(Duration::from_millis(300))
        .build()
        .unwrap()
}

#[derive(Debug, PartialEq, Eq)]
pub enum Classified {
    Replied(u16),
    NotSent,
    Lost,
}

/// Returns the class of a reply. Checks that no error contains [`PLANTED`].
pub fn classify(reply: &Reply) -> Classified {
    match reply {
        Ok(response) => Classified::Replied(response.status()),
        Err(Failure::NotSent(cause)) => {
            assert_no_secret(&**cause);
            Classified::NotSent
        }
        Err(Failure::Lost(cause)) => {
            assert_no_secret(&**cause);
            Classified::Lost
        }
    }
}

/// Checks that neither `Display` nor `Debug` of an error and its sources contains [`PLANTED`].
pub fn assert_no_secret(error: &(dyn Error + 'static)) {
    let mut next = Some(error);
    while let Some(error) = next {
        let printed = format!("{error} {error:?} {error:#?}");
        assert!(!printed.contains(PLANTED), "{printed}");
        assert!(!printed.contains("access_token"), "{printed}");
        next = error.source();
    }
}

/// Sends a request and checks that the reply or the failure arrives within the request's timeout.
pub async fn send(client: &Client, transmit: Transmit) -> Reply {
    let (limit, began) = (transmit.timeout + Duration::from_millis(400), std::time::Instant::now());
    let reply = client.send(transmit).await;
    assert!(began.elapsed() < limit, "took {:?} of at most {limit:?}", began.elapsed());
    reply
}

/// Starts a peer on loopback that runs `handler` for each connection.
pub async fn peer<T, F>(handler: T) -> SocketAddr
where
    T: Fn(TcpStream) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let handler = Arc::new(handler);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(handler(stream));
        }
    });
    address
}

/// Reads one request: its head, and a body as long as its `content-length`.
pub async fn read_request(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut read = Vec::new();
    loop {
        let mut buffer = [0; 1024];
        let n = stream.read(&mut buffer).await.unwrap_or(0);
        read.extend_from_slice(&buffer[..n]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let complete = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let content_length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
            });
            body.len() >= content_length.unwrap_or(0)
        });
        if complete || n == 0 {
            return text;
        }
    }
}

/// Starts a peer that replies to every request with these bytes.
pub async fn peer_replying(reply: &'static str) -> SocketAddr {
    peer(move |mut stream| async move {
        while !read_request(&mut stream).await.is_empty() {
            if stream.write_all(reply.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}
