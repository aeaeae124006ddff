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

type Requests = Arc<Mutex<Vec<String>>>;

/// Starts a proxy that opens tunnels for `CONNECT` and replies to absolute URLs itself. It records the head of each
/// request.
async fn proxy() -> (SocketAddr, Requests) {
    let heard = Requests::default();
    let writing = Arc::clone(&heard);
    let address = peer(move |mut stream| {
        let heard = Arc::clone(&writing);
        async move {
            let request = read_request(&mut stream).await;
            heard.lock().unwrap().push(request.clone());
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
    (address, heard)
}

/// Starts a TLS server that records its requests.
async fn gateway() -> (SocketAddr, Requests) {
    let heard = Requests::default();
    let pair = certificates::for_server("localhost");
    let config = certificates::server_config(&pair, false, rustls::ALL_VERSIONS, &[]);
    let (acceptor, writing) = (TlsAcceptor::from(config), Arc::clone(&heard));
    let address = peer(move |stream| {
        let (acceptor, heard) = (acceptor.clone(), Arc::clone(&writing));
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let request = read_request(&mut stream).await;
            heard.lock().unwrap().push(request);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
        }
    })
    .await;
    (address, heard)
}

fn client_through(proxy: SocketAddr) -> Client {
    let mut open = HeaderValue::from_static("Basic cHJveHk6UExBTlRFRA==");
    open.set_sensitive(false);
    Client::builder()
        .root_ca(certificates::authority().pem())
        .without_public_roots()
        .proxy(format!("http://{proxy}"))
        .proxy_authorization(open)
        .connect_timeout(Duration::from_millis(300))
        .build()
        .unwrap()
}

#[tokio::test]
async fn https_uses_a_tunnel_and_the_proxy_sees_only_the_host() {
    let ((proxy, proxy_heard), (gateway, gateway_heard)) = (proxy().await, gateway().await);
    let client = client_through(proxy);
    let base_url = format!("https://localhost:{}", gateway.port());
    assert_eq!(classify(&send(&client, transmit(&base_url)).await), Classified::Answered(200));

    let heard = proxy_heard.lock().unwrap().join("\n");
    assert!(heard.starts_with(&format!("CONNECT localhost:{} HTTP/1.1\r\n", gateway.port())), "{heard}");
    assert!(heard.contains("Basic cHJveHk6UExBTlRFRA=="), "{heard}");
    assert!(!heard.contains(common::PLANTED), "{heard}");

    let heard = gateway_heard.lock().unwrap().join("\n");
    assert!(heard.starts_with("POST /pay/genprepay?access_token="), "{heard}");
    assert!(!heard.to_ascii_lowercase().contains("proxy-authorization"), "{heard}");
}

#[tokio::test]
async fn plain_http_sends_the_absolute_url_to_the_proxy() {
    let (proxy, heard) = proxy().await;
    let client = client_through(proxy);
    assert_eq!(classify(&send(&client, transmit("http://gateway.invalid")).await), Classified::Answered(203));
    let heard = heard.lock().unwrap().join("\n");
    assert!(heard.starts_with("POST http://gateway.invalid/pay/genprepay?access_token="), "{heard}");
    assert!(heard.to_ascii_lowercase().contains("proxy-authorization: basic "), "{heard}");
}

#[tokio::test]
async fn failing_proxy_is_not_sent() {
    let refusing = common::peer_replying("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n").await;
    let unauthorized = common::peer_replying("HTTP/1.1 407 No\r\ncontent-length: 0\r\n\r\n").await;
    let hanging_up = peer(|stream| async move { drop(stream) }).await;
    let stalling = peer(|stream| async move {
        sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let absent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    for proxy in [refusing, unauthorized, hanging_up, stalling, absent] {
        let client = client_through(proxy);
        assert_eq!(classify(&send(&client, transmit("https://localhost:1")).await), Classified::NotSent);
    }
}
