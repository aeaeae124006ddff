//! No secret of an APIv1 call is logged, neither by this crate nor, at the trace level, by its dependencies.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::disallowed_methods, reason = "a test")]

mod common;

use common::{Classified, PLANTED, certificates, classify, client, log::Log, peer, read_request, transmit};
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::TlsAcceptor;

#[tokio::test]
async fn trace_log_contains_no_access_token() {
    let log = Log::capture();
    let client = client();

    let plain = common::peer_replying("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}").await;
    assert_eq!(classify(&client.send(transmit(&format!("http://{plain}"))).await), Classified::Replied(200));

    let closing = peer(|mut stream| async move {
        read_request(&mut stream).await;
    })
    .await;
    assert_eq!(classify(&client.send(transmit(&format!("http://{closing}"))).await), Classified::Lost);
    assert_eq!(classify(&client.send(transmit("http://no-such-host.invalid")).await), Classified::NotSent);

    let pair = certificates::for_server("localhost");
    let config = certificates::server_config(&pair, false, rustls::ALL_VERSIONS, &[b"h2"]);
    let acceptor = TlsAcceptor::from(config);
    let http_2 = peer(move |stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            // Empty SETTINGS, then a GOAWAY whose debug data repeats the token.
            let frames =
                [&[0, 0, 0, 4, 0, 0, 0, 0, 0][..], &goaway(format!("echo: {PLANTED}").as_bytes())].concat();
            stream.write_all(&frames).await.unwrap();
            read_request(&mut stream).await;
        }
    })
    .await;
    let base_url = format!("https://localhost:{}", http_2.port());
    assert_eq!(classify(&client.send(transmit(&base_url)).await), Classified::Lost);

    let log = log.text();
    assert!(log.contains("v1.genprepay"), "the log must contain this crate's lines");
    for line in log.lines() {
        // The `h2` crate logs the debug data of the peer. This crate cannot prevent that, but its own lines must not
        // repeat it.
        let repeated_by_the_peer = line.contains("echo: ") && !line.contains("wxpay_hyper");
        assert!(!line.contains("access_token"), "{line}");
        assert!(!line.contains(PLANTED) || repeated_by_the_peer, "{line}");
    }
}

/// Returns a GOAWAY frame with debug data, in which a peer may repeat anything it received.
fn goaway(debug: &[u8]) -> Vec<u8> {
    let length = u32::try_from(8 + debug.len()).unwrap().to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], 7, 0, 0, 0, 0, 0];
    frame.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 2]);
    frame.extend_from_slice(debug);
    frame
}
