//! Mutual TLS, HTTP/2 by ALPN, and trusted roots, against servers on loopback.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test")]

mod common;

use bytes::Bytes;
use common::{Classified, certificates, classify, client, peer, send, transmit};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, Version, body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
};
use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio_rustls::TlsAcceptor;
use wxpay_hyper::{Client, SetupFault};

/// The properties of a request that the server records.
#[derive(Clone, Debug, PartialEq, Eq)]
struct RecordedRequest {
    version: Version,
    presented_certificate: bool,
    body_len: usize,
}

#[derive(Default)]
struct Log {
    connections: AtomicU32,
    requests: Mutex<Vec<RecordedRequest>>,
}

/// Starts a hyper server behind TLS. It never replies to a request for `/silence`.
async fn server(config: Arc<rustls::ServerConfig>) -> (SocketAddr, Arc<Log>) {
    let log = Arc::new(Log::default());
    let (acceptor, writing) = (TlsAcceptor::from(config), Arc::clone(&log));
    let address = peer(move |stream| {
        let (acceptor, log) = (acceptor.clone(), Arc::clone(&writing));
        async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            log.connections.fetch_add(1, Ordering::SeqCst);
            let presented_certificate = stream.get_ref().1.peer_certificates().is_some();
            let service = service_fn(move |request: Request<Incoming>| {
                let log = Arc::clone(&log);
                async move {
                    let (version, silent) = (request.version(), request.uri().path() == "/silence");
                    let body_len = request.into_body().collect().await.unwrap().to_bytes().len();
                    log.requests.lock().unwrap().push(RecordedRequest {
                        version,
                        presented_certificate,
                        body_len,
                    });
                    if silent {
                        tokio::time::sleep(Duration::from_secs(60)).await;
                    }
                    Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(b"{}"))))
                }
            });
            drop(
                auto::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await,
            );
        }
    })
    .await;
    (address, log)
}

fn config(requires_client_certificate: bool, alpn: &[&[u8]]) -> Arc<rustls::ServerConfig> {
    certificates::server_config(
        &certificates::for_server("localhost"),
        requires_client_certificate,
        rustls::ALL_VERSIONS,
        alpn,
    )
}

fn url(address: SocketAddr) -> String {
    format!("https://localhost:{}", address.port())
}

fn client_with_identity() -> Client {
    let pair = certificates::for_client("1900000109");
    Client::builder()
        .root_ca(certificates::authority().pem())
        .without_public_roots()
        .identity(pair.chain, pair.key)
        .build()
        .unwrap()
}

#[tokio::test]
async fn client_certificate_is_presented_only_if_the_request_requires_it() {
    let (address, log) = server(config(true, &[])).await;
    let client = client_with_identity();
    let mut with_certificate = transmit(&url(address));
    with_certificate.client_certificate = true;
    assert_eq!(classify(&send(&client, with_certificate).await), Classified::Replied(200));
    assert!(log.requests.lock().unwrap().iter().all(|request| request.presented_certificate));
    assert_eq!(
        classify(&send(&client, transmit(&url(address))).await),
        Classified::Lost,
        "the pool without an identity must not present a certificate"
    );
    assert_eq!(log.requests.lock().unwrap().len(), 1);

    let (without_mutual_tls, log) = server(config(false, &[])).await;
    assert_eq!(classify(&send(&client, transmit(&url(without_mutual_tls))).await), Classified::Replied(200));
    assert!(log.requests.lock().unwrap().iter().all(|request| !request.presented_certificate));
}

#[tokio::test]
async fn http_2_is_negotiated_on_one_connection() {
    let (address, log) = server(config(false, &[b"h2", b"http/1.1"])).await;
    let client = client();
    let body_len = transmit(&url(address)).request.body().len();
    assert_eq!(classify(&send(&client, transmit(&url(address))).await), Classified::Replied(200));
    let many = (0..20).map(|_| {
        let (client, transmit) = (client.clone(), transmit(&url(address)));
        tokio::spawn(async move { classify(&client.send(transmit).await) })
    });
    for one in many.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap(), Classified::Replied(200));
    }
    let requests = log.requests.lock().unwrap();
    assert_eq!(requests.len(), 21);
    assert!(
        requests.iter().all(|request| request.version == Version::HTTP_2 && request.body_len == body_len),
        "{requests:?}"
    );
    assert_eq!(log.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn http_1_is_used_without_alpn() {
    for alpn in [&[][..], &[&b"http/1.1"[..]][..]] {
        let (address, log) = server(config(false, alpn)).await;
        assert_eq!(classify(&send(&client(), transmit(&url(address))).await), Classified::Replied(200));
        assert_eq!(log.requests.lock().unwrap()[0].version, Version::HTTP_11);
    }
}

#[tokio::test]
async fn http_2_connection_is_not_reused_after_a_timeout() {
    let (address, log) = server(config(false, &[b"h2"])).await;
    let client = client();
    let mut silent = common::get(&format!("{}/silence", url(address)));
    silent.timeout = Duration::from_millis(400);
    assert_eq!(classify(&send(&client, silent).await), Classified::Lost);
    assert_eq!(classify(&send(&client, transmit(&url(address))).await), Classified::Replied(200));
    assert_eq!(log.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn root_ca_adds_to_the_public_roots() {
    let (address, _) = server(config(false, &[])).await;
    let public = Client::builder().build().unwrap();
    assert_eq!(classify(&send(&public, transmit(&url(address))).await), Classified::NotSent);
    let both = Client::builder().root_ca(certificates::authority().pem()).build().unwrap();
    assert_eq!(classify(&send(&both, transmit(&url(address))).await), Classified::Replied(200));
}

#[test]
fn setup_error_names_the_setting_and_not_the_value() {
    let pair = certificates::for_client("1900000109");
    let other = certificates::for_client("1900000109");
    let secret_line = pair.key.lines().nth(1).unwrap().to_owned();
    let invalid = [
        (Client::builder().root_ca("nonsense"), "root_ca"),
        (
            Client::builder().root_ca("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
            "root_ca",
        ),
        (Client::builder().without_public_roots(), "root_ca"),
        (Client::builder().identity("", pair.key.as_str()), "identity"),
        (Client::builder().identity(pair.chain.as_str(), ""), "identity"),
        (Client::builder().identity(pair.chain.as_str(), pair.key.replace("END", "EMD")), "identity"),
        (Client::builder().identity(other.chain.as_str(), pair.key.as_str()), "identity"),
        (Client::builder().proxy("https://10.0.0.1:3128"), "proxy"),
        (Client::builder().proxy("http://user:PLANTED@10.0.0.1:3128"), "proxy"),
        (Client::builder().proxy("http://10.0.0.1:3128/path"), "proxy"),
        (Client::builder().proxy("10.0.0.1:3128"), "proxy"),
    ];
    for (builder, setting) in invalid {
        let printed = format!("{builder:?}");
        assert!(!printed.contains(&secret_line) && !printed.contains("PLANTED"), "{printed}");
        let error = builder.build().unwrap_err();
        let settings: Vec<_> = error.faults().iter().map(SetupFault::setting).collect();
        assert_eq!(settings, [setting], "{error}");
        let printed = format!("{error} {error:?}");
        assert!(!printed.contains(&secret_line) && !printed.contains("PLANTED"), "{printed}");
    }
}
