//! More connections than the server serves.

use super::*;
use std::time::Instant;

/// Returns the time that `/livez` takes, with connecting.
async fn livez(server: &TestServer) -> Duration {
    let started = Instant::now();
    let answer = timeout(Duration::from_secs(5), server.get("/livez")).await.expect("/livez must answer");
    assert_eq!(status(&answer), 200, "{answer}");
    started.elapsed()
}

/// Returns how many clients the process's limit of open files permits: each takes two descriptors here.
fn clients() -> usize {
    open_file_limit().map_or(1100, |files| (files.saturating_sub(200) / 2).min(1100))
}

/// Opens connections that each send these bytes and never read.
async fn flood(server: &TestServer, count: usize, sent: &str) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..count {
        let mut stream = server.connect().await;
        // The server may cut a connection of the reserve at once.
        drop(stream.write_all(sent.as_bytes()).await);
        streams.push(stream);
    }
    streams
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn livez_answers_within_a_second_beside_1100_connections_that_pipeline_and_never_read() {
    let clients = clients();
    let options = Options { max_connections: clients.min(1024), ..Options::default() };
    let server = TestServer::start(options);
    let requests = "GET /big HTTP/1.1\r\nhost: x\r\n\r\n".repeat(50);
    let streams = flood(&server, clients, &requests).await;
    for _ in 0..20 {
        let took = livez(&server).await;
        assert!(took < Duration::from_secs(1), "{took:?} with {} clients", streams.len());
        sleep(Duration::from_millis(50)).await;
    }
    drop(streams);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn livez_answers_beside_silent_connections_that_take_the_reserve_too() {
    let options = Options { max_connections: 50, reserve: 8, ..Options::default() };
    let server = TestServer::start(options);
    for sent in ["", "GET /livez HTTP/1.1\r\nho", "GET /hang HTTP/1.1\r\n\r\n"] {
        let streams = flood(&server, 80, sent).await;
        let took = livez(&server).await;
        assert!(took < Duration::from_secs(1), "{took:?} after {sent:?}");
        // Everything else is told to come back.
        if sent.starts_with("GET /hang") {
            let answer = server.get("/api/orders").await;
            assert_eq!(status(&answer), 503, "{answer}");
            assert!(answer.contains("retry-after: 1") && answer.contains("too_many_connections"), "{answer}");
        }
        drop(streams);
        sleep(Duration::from_millis(300)).await;
    }
}

#[tokio::test]
async fn connections_are_served_again_when_others_have_left() {
    let options = Options { max_connections: 2, ..Options::default() };
    let server = TestServer::start(options);
    let held = flood(&server, 2, "").await;
    sleep(Duration::from_millis(50)).await;
    assert_eq!(status(&server.get("/").await), 503);
    drop(held);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(status(&server.get("/").await), 200);
}

#[tokio::test]
async fn a_connection_of_the_reserve_serves_one_request() {
    let server = TestServer::start(Options { max_connections: 0, ..Options::default() });
    let answer = server.exchange("GET /readyz HTTP/1.1\r\nhost: x\r\n\r\n".repeat(3)).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 1, "{answer}");
    assert!(answer.contains("connection: close"));
}
