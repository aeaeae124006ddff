//! Misbehaving peers on loopback. The adapter must classify each failure as not sent or lost, and never wrongly as
//! not sent.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test")]

mod common;

use common::{Classified, certificates, classify, client, get, peer, read_request, send, transmit};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tokio_rustls::TlsAcceptor;

const COMPLETE_REPLY: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}";

async fn classify_url(base_url: &str) -> Classified {
    classify(&send(&client(), transmit(base_url)).await)
}

async fn classify_peer(address: SocketAddr) -> Classified {
    classify_url(&format!("http://{address}")).await
}

/// Closes the connection with a reset (RST) instead of a FIN.
fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
    drop(stream);
}

#[tokio::test]
async fn closed_port_is_not_sent() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    assert_eq!(classify_peer(address).await, Classified::NotSent);
}

#[tokio::test]
async fn unresolved_name_is_not_sent() {
    assert_eq!(classify_url("http://no-such-host.invalid").await, Classified::NotSent);
}

#[tokio::test]
async fn url_without_a_host_is_not_sent() {
    for url in
        ["/pay?access_token=PLANTED0TOKEN0THAT0NO0ERROR0MAY0SHOW", "ftp://a/b", "http://a b/", "nonsense"]
    {
        assert_eq!(classify(&send(&client(), get(url)).await), Classified::NotSent, "{url}");
    }
}

#[tokio::test]
async fn missing_client_certificate_is_not_sent() {
    let mut transmit = transmit(&format!("http://{}", common::peer_replying(COMPLETE_REPLY).await));
    transmit.client_certificate = true;
    assert_eq!(classify(&send(&client(), transmit).await), Classified::NotSent);
}

#[tokio::test]
async fn reset_before_the_request_was_read_is_lost() {
    let address = peer(|stream| async move { reset(stream) }).await;
    assert_eq!(classify_peer(address).await, Classified::Lost);
}

#[tokio::test]
async fn reset_after_the_request_was_read_is_lost() {
    let address = peer(|mut stream| async move {
        read_request(&mut stream).await;
        reset(stream);
    })
    .await;
    assert_eq!(classify_peer(address).await, Classified::Lost);
}

#[tokio::test]
async fn close_without_a_reply_is_lost() {
    let address = peer(|mut stream| async move {
        read_request(&mut stream).await;
    })
    .await;
    assert_eq!(classify_peer(address).await, Classified::Lost);
}

#[tokio::test]
async fn truncated_reply_is_lost() {
    for truncated in [
        "HTTP/1.1 200 OK\r\ncontent-le",
        "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"prepayid\":\"",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"err\r\n",
    ] {
        let address = peer(move |mut stream| async move {
            read_request(&mut stream).await;
            stream.write_all(truncated.as_bytes()).await.unwrap();
        })
        .await;
        assert_eq!(classify_peer(address).await, Classified::Lost, "{truncated}");
    }
}

#[tokio::test]
async fn slow_reply_is_lost_at_the_timeout() {
    let address = peer(|mut stream| async move {
        read_request(&mut stream).await;
        let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}", "x".repeat(100));
        for byte in reply.bytes() {
            if stream.write_all(&[byte]).await.is_err() {
                return;
            }
            sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert_eq!(classify_peer(address).await, Classified::Lost);
}

#[tokio::test]
async fn silent_peer_is_lost_at_the_timeout() {
    let address = peer(|stream| async move {
        sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    assert_eq!(classify_peer(address).await, Classified::Lost);
}

#[tokio::test]
async fn reply_beyond_the_limit_is_lost() {
    const ANNOUNCED: &str = "HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n";
    const ENDLESS: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
    for head in [ANNOUNCED, ENDLESS] {
        let address = peer(move |mut stream| async move {
            read_request(&mut stream).await;
            stream.write_all(head.as_bytes()).await.unwrap();
            let chunk = format!("400\r\n{}\r\n", "x".repeat(0x400));
            while stream.write_all(chunk.as_bytes()).await.is_ok() {}
        })
        .await;
        assert_eq!(classify_peer(address).await, Classified::Lost);
    }
}

#[tokio::test]
async fn reply_of_exactly_the_limit_is_accepted() {
    let address = common::peer_replying(COMPLETE_REPLY).await;
    for (max_reply, expected) in [(2, Classified::Replied(200)), (1, Classified::Lost)] {
        let mut transmit = transmit(&format!("http://{address}"));
        transmit.max_reply = max_reply;
        assert_eq!(classify(&send(&client(), transmit).await), expected);
    }
}

#[tokio::test]
async fn reply_that_is_not_http_is_lost() {
    for garbage in ["\0\u{1}\u{2}garbage\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 abc OK\r\n\r\n"] {
        assert_eq!(
            classify_peer(common::peer_replying(garbage).await).await,
            Classified::Lost,
            "{garbage:?}"
        );
    }
}

#[tokio::test]
async fn endless_head_is_lost_in_bounded_memory() {
    let address = peer(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"HTTP/1.1 200 OK\r\nx: ").await.unwrap();
        let more = vec![b'x'; 65536];
        while stream.write_all(&more).await.is_ok() {}
    })
    .await;
    assert_eq!(classify_peer(address).await, Classified::Lost);
}

#[tokio::test]
async fn redirect_is_a_reply_and_is_not_followed() {
    let visits = Arc::new(Mutex::new(0));
    let counting = Arc::clone(&visits);
    let target = peer(move |_| {
        let counting = Arc::clone(&counting);
        async move { *counting.lock().unwrap() += 1 }
    })
    .await;
    let address = peer(move |mut stream| async move {
        read_request(&mut stream).await;
        let reply = format!("HTTP/1.1 302 Found\r\nlocation: http://{target}/\r\ncontent-length: 0\r\n\r\n");
        stream.write_all(reply.as_bytes()).await.unwrap();
    })
    .await;
    assert_eq!(classify_peer(address).await, Classified::Replied(302));
    sleep(Duration::from_millis(100)).await;
    assert_eq!(*visits.lock().unwrap(), 0);
}

/// A peer that announces keep-alive and closes each connection after one reply. The client may have queued a request on
/// a connection that was just closed; it must not send any request twice.
#[tokio::test]
async fn idle_close_never_duplicates_a_request() {
    let arrived = Arc::new(Mutex::new(BTreeMap::<String, u32>::new()));
    let counting = Arc::clone(&arrived);
    let address = peer(move |mut stream| {
        let counting = Arc::clone(&counting);
        async move {
            let request = read_request(&mut stream).await;
            if let Some(line) = request.lines().next() {
                *counting.lock().unwrap().entry(line.to_owned()).or_default() += 1;
            }
            stream.write_all(COMPLETE_REPLY.as_bytes()).await.unwrap();
        }
    })
    .await;
    let client = client();
    let mut replied = 0;
    for number in 0..200 {
        let mut transmit = get(&format!("http://{address}/{number}"));
        transmit.timeout = Duration::from_secs(2);
        match classify(&client.send(transmit).await) {
            Classified::Replied(200) => replied += 1,
            Classified::Lost => {}
            other @ (Classified::Replied(_) | Classified::NotSent) => panic!("{other:?}"),
        }
    }
    let arrived = arrived.lock().unwrap();
    assert!(arrived.values().all(|times| *times == 1), "{arrived:?}");
    assert!(replied <= arrived.len(), "every reply must belong to a request");
    assert!(replied > 100, "most of the 200 requests must receive a reply, not {replied}");
}

#[tokio::test]
async fn connection_is_not_reused_after_a_timeout() {
    let connections = Arc::new(Mutex::new(0));
    let counting = Arc::clone(&connections);
    let address = peer(move |mut stream| {
        let counting = Arc::clone(&counting);
        async move {
            let number = {
                let mut counting = counting.lock().unwrap();
                *counting += 1;
                *counting
            };
            read_request(&mut stream).await;
            if number == 1 {
                sleep(Duration::from_secs(60)).await;
            }
            stream.write_all(COMPLETE_REPLY.as_bytes()).await.unwrap();
        }
    })
    .await;
    let client = client();
    let base_url = format!("http://{address}");
    assert_eq!(classify(&send(&client, transmit(&base_url)).await), Classified::Lost);
    assert_eq!(classify(&send(&client, transmit(&base_url)).await), Classified::Replied(200));
    assert_eq!(*connections.lock().unwrap(), 2);
}

/// A TLS peer with this configuration that replies to one request.
async fn tls_peer(config: Arc<rustls::ServerConfig>) -> SocketAddr {
    let acceptor = TlsAcceptor::from(config);
    peer(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            if !read_request(&mut stream).await.is_empty() {
                stream.write_all(COMPLETE_REPLY.as_bytes()).await.unwrap();
            }
        }
    })
    .await
}

async fn classify_tls(config: Arc<rustls::ServerConfig>) -> Classified {
    let address = tls_peer(config).await;
    classify_url(&format!("https://localhost:{}", address.port())).await
}

#[tokio::test]
async fn trusted_peer_is_accepted() {
    let config =
        certificates::server_config(&certificates::for_server("localhost"), false, rustls::ALL_VERSIONS, &[]);
    assert_eq!(classify_tls(config).await, Classified::Replied(200));
}

#[tokio::test]
async fn plain_http_instead_of_tls_is_not_sent() {
    let address = peer(|mut stream| async move {
        stream.read_u8().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
        sleep(Duration::from_secs(60)).await;
    })
    .await;
    let began = std::time::Instant::now();
    assert_eq!(classify_url(&format!("https://localhost:{}", address.port())).await, Classified::NotSent);
    assert!(
        began.elapsed() < Duration::from_millis(250),
        "the failure must be detected before the connect timeout"
    );
}

#[tokio::test]
async fn untrusted_certificate_is_not_sent() {
    let pair = certificates::signed(
        &certificates::untrusted_authority(),
        "localhost",
        rcgen::ExtendedKeyUsagePurpose::ServerAuth,
    );
    let config = certificates::server_config(&pair, false, rustls::ALL_VERSIONS, &[]);
    assert_eq!(classify_tls(config).await, Classified::NotSent);
}

#[tokio::test]
async fn certificate_of_another_name_is_not_sent() {
    let pair = certificates::for_server("elsewhere.example");
    let config = certificates::server_config(&pair, false, rustls::ALL_VERSIONS, &[]);
    assert_eq!(classify_tls(config).await, Classified::NotSent);
}

#[tokio::test]
async fn stalled_handshake_is_not_sent() {
    let address = peer(|stream| async move {
        sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    assert_eq!(classify_url(&format!("https://localhost:{}", address.port())).await, Classified::NotSent);
}

#[tokio::test]
async fn reset_handshake_is_not_sent() {
    let address = peer(|stream| async move { reset(stream) }).await;
    assert_eq!(classify_url(&format!("https://localhost:{}", address.port())).await, Classified::NotSent);
}

/// In TLS 1.2 the server rejects the client within the handshake. In TLS 1.3 the client has completed the handshake by
/// then, and its request may have left.
#[tokio::test]
async fn missing_client_certificate_is_not_sent_in_tls_1_2_and_lost_in_tls_1_3() {
    let pair = certificates::for_server("localhost");
    let tls_1_2 = certificates::server_config(&pair, true, &[&rustls::version::TLS12], &[]);
    assert_eq!(classify_tls(tls_1_2).await, Classified::NotSent);
    let tls_1_3 = certificates::server_config(&pair, true, &[&rustls::version::TLS13], &[]);
    assert_eq!(classify_tls(tls_1_3).await, Classified::Lost);
}

#[tokio::test]
async fn request_timeout_while_connecting_is_lost() {
    let address = peer(|stream| async move {
        sleep(Duration::from_secs(60)).await;
        drop(stream);
    })
    .await;
    let mut transmit = transmit(&format!("https://localhost:{}", address.port()));
    transmit.timeout = Duration::from_millis(100);
    assert_eq!(classify(&send(&client(), transmit).await), Classified::Lost);
}
