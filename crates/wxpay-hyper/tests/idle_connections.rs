//! Connections that were idle: a request must not be sent on one that the gateway has closed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test")]

mod common;

use common::{
    Classified, certificates, classify, client, get, peer, read_request,
    v3::{API_V3_KEY, MCHID, PUBLIC_KEY_ID, Platform, merchant},
};
use http_body_util::Full;
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use std::{
    convert::Infallible,
    future::pending,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{io::AsyncWriteExt as _, net::TcpListener, time};
use tokio_rustls::TlsAcceptor;
use wxpay_aws_lc::AwsLc;
use wxpay_hyper::Builder;
use wxpay_proto::{
    Fen,
    crypto::CryptoProvider as _,
    http::Method,
    retry,
    v3::{
        Raw,
        pay::{CodePayment, CodePaymentReply, Order, StoreId},
    },
};

/// The time after which the gateway closes an idle connection.
const GATEWAY_IDLE_TIMEOUT: Duration = Duration::from_secs(8);

/// Lets this time pass at once, for the pool and for the gateways below.
async fn pass(duration: Duration) {
    // Replies that have arrived must return their connections to the pool first.
    time::sleep(Duration::from_millis(50)).await;
    time::pause();
    time::advance(duration).await;
    time::resume();
}

/// The state of one connection of a gateway that drops idle connections without a FIN.
struct Connection(Mutex<time::Instant>);

impl Connection {
    fn new() -> Self {
        Self(Mutex::new(time::Instant::now()))
    }

    /// Never returns on a connection that was idle for too long: the gateway is gone, and nothing says so.
    async fn until_served(&self) {
        let idle = std::mem::replace(&mut *self.0.lock().unwrap(), time::Instant::now()).elapsed();
        if idle >= GATEWAY_IDLE_TIMEOUT {
            pending::<()>().await;
        }
    }
}

/// Starts a gateway for HTTP/1.1 with signed replies, and counts its connections.
async fn gateway() -> (SocketAddr, Arc<AtomicU32>) {
    let connections = Arc::new(AtomicU32::new(0));
    let counting = Arc::clone(&connections);
    let address = peer(move |mut stream| {
        counting.fetch_add(1, Ordering::SeqCst);
        async move {
            let connection = Connection::new();
            loop {
                let request = read_request(&mut stream).await;
                if request.is_empty() {
                    return;
                }
                connection.until_served().await;
                let body =
                    if request.starts_with("POST /v3/pay/transactions/codepay ") { PAID } else { "{}" };
                let reply = Platform::with_public_key().reply("200 OK", body);
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        }
    })
    .await;
    (address, connections)
}

const PAID: &str = r#"{"appid":"wxd678efh567hg6787","mchid":"1900000109","out_trade_no":"ORDER-0001","transaction_id":"1217752501201407033233368018","trade_type":"MICROPAY","trade_state":"SUCCESS","trade_state_desc":"支付成功","bank_type":"CMC","success_time":"2026-11-24T10:34:56+08:00","payer":{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"},"amount":{"total":1,"payer_total":1,"currency":"CNY","payer_currency":"CNY"}}"#;

fn code_payment() -> CodePayment {
    let order = Order::new("ORDER-0001".parse().unwrap(), Fen::new(1), "千足金箍棒").unwrap();
    let order = order.appid("wxd678efh567hg6787".parse().unwrap());
    let store = StoreId::out_id("store-1").unwrap();
    CodePayment::new(order, "131234567890123456".parse().unwrap(), store).unwrap()
}

#[tokio::test]
async fn code_payment_after_nine_idle_seconds_uses_a_new_connection() {
    let (address, connections) = gateway().await;
    let mut policy = retry::Policy::default();
    policy.max_attempts = 1;
    policy.timeout = Duration::from_secs(2);
    let platform_key = AwsLc.public_key(&Platform::with_public_key().spki).unwrap();
    let merchant = merchant(MCHID, API_V3_KEY, &format!("http://{address}"))
        .public_key(PUBLIC_KEY_ID.parse().unwrap(), platform_key)
        .retry(policy)
        .build();
    let client = client();
    let raw = Raw::new(Method::Get, "/v3/x").unwrap();
    client.run(merchant.call(raw.clone())).await.unwrap();
    client.run(merchant.call(raw)).await.unwrap();
    assert_eq!(connections.load(Ordering::SeqCst), 1, "a connection in use must be kept");
    pass(Duration::from_secs(9)).await;
    let reply = client.run(merchant.call(code_payment())).await.unwrap();
    assert!(matches!(reply, CodePaymentReply::Transaction(_)), "{reply:?}");
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

/// Starts a gateway for HTTP/2 over TLS with empty replies, and counts its connections.
async fn http_2_gateway() -> (SocketAddr, Arc<AtomicU32>) {
    let pair = certificates::for_server("localhost");
    let config = certificates::server_config(&pair, false, rustls::ALL_VERSIONS, &[b"h2"]);
    let (acceptor, connections) = (TlsAcceptor::from(config), Arc::new(AtomicU32::new(0)));
    let counting = Arc::clone(&connections);
    let address = peer(move |stream| {
        let acceptor = acceptor.clone();
        counting.fetch_add(1, Ordering::SeqCst);
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let connection = Arc::new(Connection::new());
            let service = service_fn(move |request: http::Request<Incoming>| {
                assert_eq!(request.version(), http::Version::HTTP_2);
                let connection = Arc::clone(&connection);
                async move {
                    connection.until_served().await;
                    Ok::<_, Infallible>(http::Response::new(Full::<bytes::Bytes>::default()))
                }
            });
            let server = auto::Builder::new(TokioExecutor::new());
            drop(server.serve_connection(TokioIo::new(stream), service).await);
        }
    })
    .await;
    (address, connections)
}

#[tokio::test]
async fn http_2_connection_is_not_used_after_nine_idle_seconds() {
    let (address, connections) = http_2_gateway().await;
    let (client, url) = (client(), format!("https://localhost:{}/x", address.port()));
    for _ in 0..2 {
        assert_eq!(classify(&client.send(get(&url)).await), Classified::Replied(200));
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1, "a connection in use must be kept");
    pass(Duration::from_secs(9)).await;
    assert_eq!(classify(&client.send(get(&url)).await), Classified::Replied(200));
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

/// HTTP/2 would send the next request on the same connection.
#[tokio::test]
async fn http_2_connection_is_not_used_again_after_a_timeout() {
    let (address, connections) = http_2_gateway().await;
    let client = wxpay_hyper::Client::builder()
        .root_ca(certificates::authority().pem())
        .without_public_roots()
        .pool_idle_timeout(Duration::from_secs(60))
        .build()
        .unwrap();
    let url = format!("https://localhost:{}/x", address.port());
    assert_eq!(classify(&client.send(get(&url)).await), Classified::Replied(200));
    pass(Duration::from_secs(9)).await;
    assert_eq!(classify(&client.send(get(&url)).await), Classified::Lost, "the gateway is gone");
    assert_eq!(classify(&client.send(get(&url)).await), Classified::Replied(200));
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn idle_timeout_is_configurable() {
    let (address, connections) = gateway().await;
    let client = wxpay_hyper::Client::builder().pool_idle_timeout(Duration::from_secs(2)).build().unwrap();
    let url = format!("http://{address}/x");
    for (idle, expected) in [(1, 1), (3, 2), (1, 2)] {
        assert_eq!(classify(&client.send(get(&url)).await), Classified::Replied(200));
        pass(Duration::from_secs(idle)).await;
        assert_eq!(classify(&client.send(get(&url)).await), Classified::Replied(200));
        assert_eq!(connections.load(Ordering::SeqCst), expected, "after {idle} s");
    }
    assert!(Builder::POOL_IDLE_TIMEOUT < GATEWAY_IDLE_TIMEOUT);
}

/// The peer answers one request, then closes the connection and its port. The second request finds a pooled connection
/// that is closed, and no peer to connect to: not a byte of it left.
#[tokio::test]
async fn closed_pooled_connection_and_a_closed_port_is_not_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/x", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        drop(listener);
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
    });
    let client = client();
    assert_eq!(classify(&client.send(get(&url)).await), Classified::Replied(200));
    serving.await.unwrap();
    time::sleep(Duration::from_millis(100)).await;
    assert_eq!(classify(&client.send(get(&url)).await), Classified::NotSent);
}

/// The peer reads the second request on the same connection and closes it: the request may have been carried out.
#[tokio::test]
async fn pooled_connection_that_is_closed_after_the_request_is_lost() {
    let address = peer(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
        read_request(&mut stream).await;
    })
    .await;
    let (client, url) = (client(), format!("http://{address}/x"));
    assert_eq!(classify(&client.send(get(&url)).await), Classified::Replied(200));
    time::sleep(Duration::from_millis(50)).await;
    assert_eq!(classify(&client.send(get(&url)).await), Classified::Lost);
}
