//! A minimal HTTP client: it sends what it is given, also what no client library would.

use serde_json::Value;
use std::{net::SocketAddr, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

/// The longest time that any response may take.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A complete response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {} {}", self.status, self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// Asserts the status, and returns the JSON of the body.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        self.json()
    }

    /// Asserts a problem with this status and code, and returns it.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let problem = self.expect(status);
        assert_eq!(problem["code"], code, "{problem}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{problem}");
        for member in ["type", "title", "detail", "request_id"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {problem}");
        }
        assert_eq!(problem["status"], status, "{problem}");
        problem
    }
}

fn header_lines(headers: &[(&str, &str)]) -> String {
    headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat()
}

/// Sends one request over its own connection.
pub(crate) async fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    let headers = header_lines(headers);
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\n{headers}\r\n",
        body.len()
    );
    raw(address, &[head.as_bytes(), body].concat()).await
}

/// Sends bytes, and reads the response.
pub(crate) async fn raw(address: SocketAddr, bytes: &[u8]) -> Reply {
    timeout(TIMEOUT, async {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // A server that rejects the request early may stop reading it.
        drop(stream.write_all(bytes).await);
        let mut received = Vec::new();
        drop(stream.read_to_end(&mut received).await);
        parse(&received)
    })
    .await
    .expect("the response took too long")
}

fn parse(bytes: &[u8]) -> Reply {
    let end = bytes
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .unwrap_or_else(|| panic!("no response: {}", String::from_utf8_lossy(bytes)));
    let (status, headers) = parse_head(&bytes[..end]);
    let is_chunked = headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked");
    let rest = &bytes[end + 4..];
    let body = if is_chunked { dechunk(rest) } else { rest.to_vec() };
    Reply { status, headers, body }
}

fn parse_head(bytes: &[u8]) -> (u16, Vec<(String, String)>) {
    let head = std::str::from_utf8(bytes).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    (status, headers)
}

/// Returns the content of the complete chunks.
fn dechunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    while let Some(end) = bytes.windows(2).position(|two| two == b"\r\n") {
        let length = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        let Some(chunk) = bytes.get(end + 2..end + 2 + length) else { break };
        content.extend_from_slice(chunk);
        bytes = bytes.get(end + 2 + length + 2..).unwrap_or_default();
        if length == 0 {
            break;
        }
    }
    content
}

/// A stream of server-sent events.
pub(crate) struct EventStream {
    stream: TcpStream,
    received: Vec<u8>,
    /// The events that were returned.
    returned: usize,
}

/// A server-sent event.
#[derive(Clone, Debug)]
pub(crate) struct SentEvent {
    pub(crate) id: String,
    pub(crate) event: String,
    pub(crate) data: Value,
}

impl EventStream {
    pub(crate) async fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let headers = header_lines(headers);
        let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\n{headers}\r\n");
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut events = Self { stream, received: Vec::new(), returned: 0 };
        // The first chunk is sent at once: then the subscription has begun.
        while !events.text().contains("retry:") {
            events.read().await;
        }
        events
    }

    async fn read(&mut self) {
        let mut buffer = [0; 4096];
        let read = timeout(TIMEOUT, self.stream.read(&mut buffer)).await.expect("no event came").unwrap();
        assert_ne!(read, 0, "the stream ended: {}", String::from_utf8_lossy(&self.received));
        self.received.extend_from_slice(&buffer[..read]);
    }

    fn text(&self) -> String {
        let Some(end) = self.received.windows(4).position(|four| four == b"\r\n\r\n") else {
            return String::new();
        };
        let (status, headers) = parse_head(&self.received[..end]);
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&self.received));
        assert!(headers.contains(&("content-type".into(), "text/event-stream".into())), "{headers:?}");
        String::from_utf8(dechunk(&self.received[end + 4..])).unwrap()
    }

    /// Waits for the next event.
    pub(crate) async fn next(&mut self) -> SentEvent {
        loop {
            let text = self.text();
            // What follows the last blank line is incomplete.
            let complete = text.rsplit_once("\n\n").map_or("", |(complete, _)| complete);
            let events: Vec<_> = complete.split("\n\n").filter_map(parse_event).collect();
            if let Some(event) = events.get(self.returned) {
                self.returned += 1;
                return event.clone();
            }
            self.read().await;
        }
    }
}

fn parse_event(block: &str) -> Option<SentEvent> {
    let field = |name: &str| {
        let values: Vec<&str> =
            block.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect();
        (!values.is_empty()).then(|| values.join("\n"))
    };
    let data = serde_json::from_str(&field("data")?).unwrap();
    Some(SentEvent { id: field("id").unwrap(), event: field("event").unwrap(), data })
}
