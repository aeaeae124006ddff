//! The size of the replies that the client reads: the body up to the request's limit, and a bounded head.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test")]
#![allow(clippy::arithmetic_side_effects, reason = "a test")]

mod common;

use common::{Classified, classify, client, get, peer, read_request};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::io::AsyncWriteExt as _;

const LIMIT: usize = 1000;

/// Returns the class of this reply to a request with a limit of [`LIMIT`] bytes.
async fn classify_reply(reply: String) -> Classified {
    let reply: Arc<str> = reply.into();
    let address = peer(move |mut stream| {
        let reply = Arc::clone(&reply);
        async move {
            read_request(&mut stream).await;
            drop(stream.write_all(reply.as_bytes()).await);
        }
    })
    .await;
    let mut transmit = get(&format!("http://{address}/x"));
    transmit.max_reply = LIMIT;
    transmit.timeout = Duration::from_secs(5);
    classify(&client().send(transmit).await)
}

#[tokio::test]
async fn reply_of_the_maximum_length_is_read_and_a_longer_one_is_lost() {
    for (length, expected) in [(LIMIT, Classified::Replied(200)), (LIMIT + 1, Classified::Lost)] {
        let body = "x".repeat(length);
        let announced = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{body}");
        assert_eq!(classify_reply(announced).await, expected, "{length} bytes, announced");
        let chunked =
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{length:x}\r\n{body}\r\n0\r\n\r\n");
        assert_eq!(classify_reply(chunked).await, expected, "{length} bytes, chunked");
        let until_the_end = format!("HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n{body}");
        assert_eq!(classify_reply(until_the_end).await, expected, "{length} bytes, until the end");
    }
}

/// hyper reads at most 100 headers.
#[tokio::test]
async fn reply_with_too_many_headers_is_lost() {
    for (headers, expected) in [(99, Classified::Replied(200)), (100, Classified::Lost)] {
        let headers = "x-header: x\r\n".repeat(headers);
        let reply = format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{headers}\r\n");
        assert_eq!(classify_reply(reply).await, expected);
    }
}

#[tokio::test]
async fn reply_with_an_endless_head_is_lost_and_not_read_to_its_end() {
    const CHUNK: &str =
        "x-header: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
    for line_end in ["\r\n", ""] {
        let written = Arc::new(AtomicUsize::new(0));
        let counting = Arc::clone(&written);
        let address = peer(move |mut stream| {
            let written = Arc::clone(&counting);
            async move {
                read_request(&mut stream).await;
                let chunk = format!("{CHUNK}{line_end}").repeat(1000);
                drop(stream.write_all(b"HTTP/1.1 200 OK\r\n").await);
                while stream.write_all(chunk.as_bytes()).await.is_ok() {
                    written.fetch_add(chunk.len(), Ordering::SeqCst);
                }
            }
        })
        .await;
        let mut transmit = get(&format!("http://{address}/x"));
        transmit.timeout = Duration::from_secs(20);
        let began = std::time::Instant::now();
        assert_eq!(classify(&client().send(transmit).await), Classified::Lost);
        assert!(began.elapsed() < Duration::from_secs(15), "the head must be refused before the timeout");
        // What hyper accepts, and the buffers of the sockets.
        assert!(written.load(Ordering::SeqCst) < 16 * 1024 * 1024);
    }
}
