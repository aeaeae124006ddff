//! Peers, certificates and hops for the tests of the adapter.
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
pub mod notifications;
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

/// Planted where secrets travel: in URLs and bodies. No error and no log may show it.
pub const PLANTED: &str = "PLANTED0TOKEN0THAT0NO0ERROR0MAY0SHOW";

/// A merchant of throw-away keys, whose every call is tried once.
pub fn merchant(base_url: &str) -> Merchant {
    let mut once = retry::Policy::default();
    once.max_attempts = 1;
    merchant_trying(base_url, once)
}

pub fn merchant_trying(base_url: &str, policy: retry::Policy) -> Merchant {
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

/// The time of day, for memories that a client will read.
pub fn now() -> UnixTime {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    UnixTime::EPOCH.after(since)
}

/// Puts a token in, good for two hours, so that a call's first hop is the call itself.
pub fn put_planted_token(memory: &mut Memory, merchant: &Merchant) {
    let token = AccessToken::new(PLANTED.to_owned()).unwrap();
    memory.put_token(merchant.appid(), token, now(), now().after(Duration::from_secs(7200)));
}

/// The hop of a real call, as the core makes it: its token in the URL, its signature in the body.
pub fn prepay_hop(base_url: &str) -> Transmit {
    let (merchant, mut memory) = (merchant(base_url), Memory::default());
    put_planted_token(&mut memory, &merchant);
    let world = World::new(now(), Entropy::new([7; 32]), &mut memory);
    let Step::Send(transmit, _) = Step::begin(merchant.prepay(order("20140508001")), world) else {
        panic!("a call whose token is known begins with itself")
    };
    assert!(transmit.request.url().contains(PLANTED));
    transmit
}

/// The same hop with a deadline that tests can wait for.
pub fn transmit(base_url: &str) -> Transmit {
    let mut transmit = prepay_hop(base_url);
    transmit.timeout = Duration::from_millis(600);
    transmit
}

/// A hop to that URL alone, without a body.
pub fn get(url: &str) -> Transmit {
    let mut transmit = transmit("http://127.0.0.1:1");
    transmit.request = Request::get(url.to_owned());
    transmit
}

/// A client that trusts the tests' authority and connects quickly or not at all.
pub fn client() -> Client {
    Client::builder()
        .root_ca(certificates::authority().pem())
        .without_public_roots()
        .connect_timeout(Duration::from_millis(300))
        .build()
        .unwrap()
}

#[derive(Debug, PartialEq, Eq)]
pub enum Judged {
    Answered(u16),
    NotSent,
    Lost,
}

/// What the adapter made of it; checks on the way that no error shows what was planted.
pub fn judged(reply: &Reply) -> Judged {
    match reply {
        Ok(response) => Judged::Answered(response.status()),
        Err(Failure::NotSent(cause)) => {
            shows_nothing(&**cause);
            Judged::NotSent
        }
        Err(Failure::Lost(cause)) => {
            shows_nothing(&**cause);
            Judged::Lost
        }
    }
}

/// Walks a chain of errors, printing each in both ways.
pub fn shows_nothing(error: &(dyn Error + 'static)) {
    let mut next = Some(error);
    while let Some(error) = next {
        let printed = format!("{error} {error:?} {error:#?}");
        assert!(!printed.contains(PLANTED), "{printed}");
        assert!(!printed.contains("access_token"), "{printed}");
        next = error.source();
    }
}

/// Sends, and checks that the end comes within the hop's own time.
pub async fn send(client: &Client, transmit: Transmit) -> Reply {
    let (most, began) = (transmit.timeout + Duration::from_millis(400), std::time::Instant::now());
    let reply = client.send(transmit).await;
    assert!(began.elapsed() < most, "took {:?} of at most {most:?}", began.elapsed());
    reply
}

/// A peer on loopback that treats each connection the same way.
pub async fn peer<T, F>(treat: T) -> SocketAddr
where
    T: Fn(TcpStream) -> F + Send + Sync + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let treat = Arc::new(treat);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(treat(stream));
        }
    });
    address
}

/// Reads one request: its head, and as much body as it announces.
pub async fn read_request(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    let mut read = Vec::new();
    loop {
        let mut byte = [0; 1024];
        let n = stream.read(&mut byte).await.unwrap_or(0);
        read.extend_from_slice(&byte[..n]);
        let text = String::from_utf8_lossy(&read).into_owned();
        let complete = text.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let announced = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().unwrap())
            });
            body.len() >= announced.unwrap_or(0)
        });
        if complete || n == 0 {
            return text;
        }
    }
}

/// A peer that answers every request on a connection with these bytes.
pub async fn answering(answer: &'static str) -> SocketAddr {
    peer(move |mut stream| async move {
        while !read_request(&mut stream).await.is_empty() {
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}
