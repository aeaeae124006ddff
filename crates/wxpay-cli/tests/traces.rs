//! Traces, as a collector receives them. Run with `--features otel`.

#![cfg(feature = "otel")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod support;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    process::Stdio,
    sync::{Arc, Mutex},
    thread,
};
use support::{Running, native, wxpay};

/// Starts a collector. Returns its URL and the requests that it received, head and body.
fn collector() -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let received = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&received);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let (mut head, mut line) = (String::new(), String::new());
            while reader.read_line(&mut line).unwrap() > 2 {
                head.push_str(&line);
                line.clear();
            }
            let length = head.lines().find_map(|line| {
                line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok()
            });
            let mut body = vec![0; length.unwrap_or_default()];
            reader.read_exact(&mut body).unwrap();
            kept.lock().unwrap().extend([head.as_bytes(), &body].concat());
            let reply = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            stream.write_all(reply).unwrap();
        }
    });
    (url, received)
}

#[test]
fn spans_of_requests_and_calls_reach_the_collector_without_a_secret() {
    let (url, received) = collector();
    let mut command = wxpay();
    command
        .args(["serve", "--dev", "--json", "--listen", "127.0.0.1:0"])
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        .stderr(Stdio::null());
    let mut server = Running::start(&mut command);
    let (status, placed) = server.api("POST", "/api/orders", Some(&native("ORDER-1")));
    assert_eq!(status, 201, "{placed}");
    // The last spans are sent at the end.
    assert!(server.terminate());
    let received = received.lock().unwrap();
    let text = String::from_utf8_lossy(&received);
    for part in ["POST /v1/traces", "service.name", "wxpay", "create_order", "v3.pay.native"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains(server.api_key()));
}
