//! A forward proxy on loopback: tunnels for TLS, absolute URLs for plain HTTP.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test")]

mod common;

use common::{Classified, certificates, classify, peer, read_request, send, transmit};
use http::HeaderValue;
use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncWriteExt as _, copy_bidirectional},
    net::TcpStream,
    time::sleep,
};
use tokio_rustls::TlsAcceptor;
use wxpay_hyper::Client;
use wxpay_proto::exchange::Failure;

type Requests = Arc<Mutex<Vec<String>>>;

/// Starts a proxy that opens tunnels for `CONNECT` and replies to absolute URLs itself. It records the head of each
/// request.
async fn proxy() -> (SocketAddr, Requests) {
    let received = Requests::default();
    let writing = Arc::clone(&received);
    let address = peer(move |mut stream| {
        let received = Arc::clone(&writing);
        async move {
            let request = read_request(&mut stream).await;
            received.lock().unwrap().push(request.clone());
            let target = request.split_whitespace().nth(1).unwrap_or_default().to_owned();
            if request.starts_with("CONNECT ") {
                let mut onward = TcpStream::connect(target).await.unwrap();
                stream.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.unwrap();
                drop(copy_bidirectional(&mut stream, &mut onward).await);
            } else {
                stream
                    .write_all(b"HTTP/1.1 203 From the proxy\r\ncontent-length: 2\r\n\r\n{}")
                    .await
                    .unwrap();
            }
        }
    })
    .await;
    (address, received)
}

/// Starts a TLS server that records its requests.
async fn gateway() -> (SocketAddr, Requests) {
    let received = Requests::default();
    let pair = certificates::for_server("localhost");
    let config = certificates::server_config(&pair, false, rustls::ALL_VERSIONS, &[]);
    let (acceptor, writing) = (TlsAcceptor::from(config), Arc::clone(&received));
    let address = peer(move |stream| {
        let (acceptor, received) = (acceptor.clone(), Arc::clone(&writing));
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let request = read_request(&mut stream).await;
            received.lock().unwrap().push(request);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
        }
    })
    .await;
    (address, received)
}

fn client_through(proxy: SocketAddr) -> Client {
    let mut authorization = HeaderValue::from_static("Basic cHJveHk6UExBTlRFRA==");
    authorization.set_sensitive(false);
    Client::builder()
        .root_ca(certificates::authority().pem())
        .without_public_roots()
        .proxy(format!("http://{proxy}"))
        .proxy_authorization(authorization)
        .connect_timeout(Duration::from_millis(300))
        .build()
        .unwrap()
}

#[tokio::test]
async fn https_uses_a_tunnel_and_the_proxy_sees_only_the_host() {
    let ((proxy, proxy_received), (gateway, gateway_received)) = (proxy().await, gateway().await);
    let client = client_through(proxy);
    let base_url = format!("https://localhost:{}", gateway.port());
    assert_eq!(classify(&send(&client, transmit(&base_url)).await), Classified::Replied(200));

    let received = proxy_received.lock().unwrap().join("\n");
    assert!(
        received.starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", gateway.port())),
        "{received}"
    );
    assert!(received.contains("Basic cHJveHk6UExBTlRFRA=="), "{received}");
    assert!(!received.contains(common::PLANTED), "{received}");

    let received = gateway_received.lock().unwrap().join("\n");
    assert!(received.starts_with("POST /pay/genprepay?access_token="), "{received}");
    assert!(!received.to_ascii_lowercase().contains("proxy-authorization"), "{received}");
}

#[tokio::test]
async fn plain_http_sends_the_absolute_url_to_the_proxy() {
    let (proxy, received) = proxy().await;
    let client = client_through(proxy);
    assert_eq!(classify(&send(&client, transmit("http://gateway.invalid")).await), Classified::Replied(203));
    let received = received.lock().unwrap().join("\n");
    assert!(received.starts_with("POST http://gateway.invalid/pay/genprepay?access_token="), "{received}");
    assert!(received.to_ascii_lowercase().contains("proxy-authorization: basic "), "{received}");
}

#[tokio::test]
async fn failing_proxy_is_not_sent() {
    let refusing = common::peer_replying("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    let unauthorized = common::peer_replying("HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n").await;
    let closing = peer(|stream| async move { drop(stream) }).await;
    let stalling = peer(|stream| async move {
        sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let closed_port = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for proxy in [refusing, unauthorized, closing, stalling, closed_port] {
        let client = client_through(proxy);
        assert_eq!(classify(&send(&client, transmit("https://localhost:1")).await), Classified::NotSent);
    }
}

/// Returns the texts of the error and its sources.
fn texts(failure: &Failure) -> String {
    let (Failure::NotSent(cause) | Failure::Lost(cause)) = failure;
    let mut texts = cause.to_string();
    let mut next = cause.source();
    while let Some(error) = next {
        texts = format!("{texts}: {error}");
        next = error.source();
    }
    texts
}

#[tokio::test]
async fn refusal_by_the_proxy_is_named_as_its_own_and_nothing_was_sent() {
    for reply in [
        "HTTP/1.1 302 Found\r\nlocation: http://login.example/\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n",
    ] {
        let client = client_through(common::peer_replying(reply).await);
        let reply = send(&client, transmit("https://localhost:1")).await;
        assert_eq!(classify(&reply), Classified::NotSent);
        let texts = texts(&reply.unwrap_err());
        assert!(texts.contains("the proxy, not WeChat Pay, refused the connection"), "{texts}");
    }
}

#[tokio::test]
async fn failure_behind_the_tunnel_is_not_named_as_the_proxys() {
    let (proxy, _) = proxy().await;
    // The gateway's certificate is for another name.
    let pair = certificates::for_server("elsewhere.example");
    let config = certificates::server_config(&pair, false, rustls::ALL_VERSIONS, &[]);
    let acceptor = TlsAcceptor::from(config);
    let gateway = peer(move |stream| {
        let acceptor = acceptor.clone();
        async move { drop(acceptor.accept(stream).await) }
    })
    .await;
    let url = format!("https://localhost:{}", gateway.port());
    let reply = send(&client_through(proxy), transmit(&url)).await;
    assert_eq!(classify(&reply), Classified::NotSent);
    let texts = texts(&reply.unwrap_err());
    assert!(!texts.contains("the proxy"), "{texts}");
}
