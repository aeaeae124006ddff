//! Shutdown beside clients of every kind.

use super::*;
use std::time::Instant;

#[tokio::test]
async fn an_active_request_is_answered_and_nothing_new_accepted() {
    let server = TestServer::start(Options::default());
    let mut stream = server.connect().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut idle = server.connect().await;
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    let (finished, answer) = tokio::join!(server.shutdown.finish(), read_all(&mut stream));
    assert!(finished);
    assert!(status(&answer) == 200 && answer.ends_with("slow"), "{answer}");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(status(&read_all(&mut idle).await), 200);
    server.accepting.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn twenty_clients_that_never_read_do_not_delay_the_shutdown_beyond_ten_seconds() {
    let server = TestServer::start(Options::default());
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = server.connect().await;
        let requests = "GET /big HTTP/1.1\r\nhost: x\r\n\r\n".repeat(200);
        stream.write_all(requests.as_bytes()).await.unwrap();
        streams.push(stream);
    }
    sleep(Duration::from_millis(500)).await;
    let started = Instant::now();
    assert!(server.shutdown.finish().await, "all requests ended; only their responses were not read");
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    drop(streams);
}

#[tokio::test]
async fn a_request_that_does_not_end_is_cut_and_reported() {
    let server = TestServer::start(Options::default());
    let mut stream = server.connect().await;
    stream.write_all(b"GET /hang HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    assert!(!server.shutdown.finish_within(Duration::from_millis(300)).await);
    assert!(started.elapsed() < Duration::from_secs(4), "{:?}", started.elapsed());
    assert_eq!(read_all(&mut stream).await, "");
}

#[tokio::test]
async fn half_sent_heads_and_endless_streams_end_with_the_shutdown() {
    let server = TestServer::start(Options::default());
    let mut half = server.connect().await;
    half.write_all(b"GET / HTTP/1.1\r\nhost").await.unwrap();
    let mut stream = server.connect().await;
    stream.write_all(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    assert!(server.shutdown.finish().await);
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
}

#[tokio::test]
async fn two_listeners_share_one_shutdown() {
    let first = TestServer::start(Options::default());
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let address = listener.local_addr().unwrap();
    let metrics = crate::observe::metrics::Metrics::new();
    let service = move |_: Request| std::future::ready(metrics.response());
    let shutdown = first.shutdown.clone();
    let accepting = serve(
        listener,
        service,
        Options::monitoring(),
        Observer::default(),
        shutdown.clone(),
        Arc::new(System),
    );
    let second = TestServer { address, shutdown, accepting };
    let answer = second.get("/metrics").await;
    assert!(answer.contains("wxpay_build_info"), "{answer}");
    assert!(answer.contains("content-type: application/openmetrics-text; version=1.0.0"), "{answer}");
    assert_eq!(status(&first.get("/").await), 200);
    assert!(first.shutdown.finish().await);
    first.accepting.await.unwrap();
    second.accepting.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}
