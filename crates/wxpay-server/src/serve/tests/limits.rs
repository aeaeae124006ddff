//! Limits and deadlines of one connection.

use super::*;

/// Returns a request whose head has exactly this number of bytes.
fn head_of(bytes: usize) -> String {
    let (start, end) = ("GET /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-filler: ", "\r\n\r\n");
    format!("{start}{}{end}", "a".repeat(bytes.saturating_sub(start.len()).saturating_sub(end.len())))
}

#[tokio::test]
async fn a_head_of_exactly_32_kib_is_served_and_one_byte_more_is_431() {
    let server = TestServer::start(Options::default());
    assert_eq!(status(&server.exchange(head_of(32 * 1024)).await), 200);
    assert_eq!(status(&server.exchange(head_of(32 * 1024 + 1)).await), 431);
    assert_eq!(status(&server.exchange(head_of(200 * 1024)).await), 431);
    // Neither does it depend on how the bytes arrive.
    for (bytes, expected) in [(32 * 1024, 200), (32 * 1024 + 1, 431)] {
        let mut stream = server.connect().await;
        for part in head_of(bytes).as_bytes().chunks(5000) {
            stream.write_all(part).await.unwrap();
            sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(status(&read_all(&mut stream).await), expected, "{bytes}");
    }
}

#[tokio::test]
async fn more_than_100_header_fields_are_431_and_an_invalid_head_is_400() {
    let server = TestServer::start(Options::default());
    let fields = |count: usize| "x-a: 1\r\n".repeat(count);
    let request = |count| format!("GET / HTTP/1.1\r\nconnection: close\r\n{}\r\n", fields(count));
    assert_eq!(status(&server.exchange(request(99)).await), 200);
    assert_eq!(status(&server.exchange(request(100)).await), 431);
    assert_eq!(status(&server.exchange("GET / HTTP/1.1\r\nx y: 1\r\n\r\n").await), 400);
}

#[tokio::test]
async fn silent_connections_and_half_sent_heads_are_closed_at_the_header_timeout() {
    let timeout = Duration::from_millis(300);
    let server = TestServer::start(Options { header_timeout: timeout, ..Options::default() });
    for sent in ["", "GET / HTTP/1.1\r\nhost", "GET / HTTP/1.1\r\nhost: x\r\n\r\n"] {
        let mut stream = server.connect().await;
        let started = std::time::Instant::now();
        stream.write_all(sent.as_bytes()).await.unwrap();
        let answer = read_all(&mut stream).await;
        assert_eq!(answer.is_empty(), !sent.ends_with("\r\n\r\n"), "{answer}");
        assert!((timeout..Duration::from_secs(5)).contains(&started.elapsed()), "{sent}");
    }
}

#[tokio::test]
async fn the_body_limit_and_deadline_are_413_and_408() {
    let server = TestServer::start(Options::default());
    let post = |length: &str, body: &str| {
        format!("POST /body HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{length}\r\n\r\n{body}")
    };
    let answer = server.exchange(post("content-length: 1000", &"a".repeat(1000))).await;
    assert!(status(&answer) == 200 && answer.ends_with("\r\n1000"), "{answer}");
    // Announced, and refused before a byte of it arrives.
    assert_eq!(status(&server.exchange(post("content-length: 1001", "")).await), 413);
    // Announced and sent.
    assert_eq!(status(&server.exchange(post("content-length: 90000", &"a".repeat(90_000))).await), 413);
    // Not announced.
    let chunked = format!("3e9\r\n{}\r\n0\r\n\r\n", "a".repeat(1001));
    assert_eq!(status(&server.exchange(post("transfer-encoding: chunked", &chunked)).await), 413);
    assert_eq!(status(&server.exchange(post("content-length: 1000", "half")).await), 408);
}

#[tokio::test]
async fn bodies_beyond_the_memory_for_bodies_are_503() {
    let server = TestServer::start(Options { max_bytes_in_flight: 100, ..Options::default() });
    let post = |length: usize| {
        let body = "a".repeat(length);
        format!("POST /body HTTP/1.1\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
    };
    assert_eq!(status(&server.exchange(post(101)).await), 503);
    assert_eq!(status(&server.exchange(post(100)).await), 200);
}

#[tokio::test]
async fn a_connection_is_closed_after_its_last_request() {
    let server = TestServer::start(Options { max_requests: 5, ..Options::default() });
    let answer = server.exchange("GET / HTTP/1.1\r\nhost: x\r\n\r\n".repeat(2000)).await;
    assert_eq!(answer.matches("HTTP/1.1 200").count(), 5, "{answer}");
    assert_eq!(answer.matches("connection: close").count(), 1);
}

#[tokio::test]
async fn a_client_that_never_reads_is_cut_at_the_write_timeout() {
    let options = Options { write_timeout: Duration::from_millis(500), ..Options::default() };
    let server = TestServer::start(options);
    let mut stream = server.connect().await;
    let requests = "GET /big HTTP/1.1\r\nhost: x\r\n\r\n".repeat(500);
    stream.write_all(requests.as_bytes()).await.unwrap();
    // 500 responses of 32 KiB do not fit into the kernel's buffers. A connection that was not cut would send them all.
    sleep(Duration::from_secs(3)).await;
    let mut received = Vec::new();
    let read = timeout(Duration::from_secs(5), stream.read_to_end(&mut received)).await;
    let ended = read.expect("the connection must be cut");
    assert!(ended.is_err() || received.len() < 500 * 32 * 1024, "{}", received.len());
}

#[tokio::test]
async fn a_stream_is_sent_as_it_is_produced_and_its_producer_learns_that_the_client_left() {
    let (gone, left) = tokio::sync::oneshot::channel();
    let gone = std::sync::Mutex::new(Some(gone));
    let service = move |_: Request| {
        let (sender, body) = Body::stream(1);
        let gone = gone.lock().unwrap().take();
        async move {
            drop(tokio::spawn(async move {
                sender.send("first\n".into()).await.unwrap();
                sender.closed().await;
                _ = gone.map(|gone| gone.send(()));
            }));
            Response::new(body)
        }
    };
    let server = TestServer::with(Options::default(), service, Observer::default());
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    let mut received = String::new();
    while !received.contains("first") {
        let mut chunk = [0; 1024];
        let bytes = timeout(Duration::from_secs(5), stream.read(&mut chunk)).await.unwrap().unwrap();
        received.push_str(std::str::from_utf8(&chunk[..bytes]).unwrap());
    }
    drop(stream);
    timeout(Duration::from_secs(5), left).await.unwrap().unwrap();
}

#[test]
fn the_number_of_connections_is_fitted_to_the_limit_of_open_files() {
    let options = Options::default();
    assert_eq!(options.within(None).max_connections, 1024);
    assert_eq!(options.within(Some(20_000)).max_connections, 1024);
    assert_eq!(options.within(Some(1024)).max_connections, 1024 - 128 - 64);
    assert_eq!(options.within(Some(64)).max_connections, 16);
    #[cfg(target_os = "linux")]
    assert!(open_file_limit().unwrap() > 0);
}
