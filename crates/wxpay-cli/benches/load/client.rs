//! A client for HTTP/1.1 on one connection, cheap enough not to be measured itself.

use std::net::SocketAddr;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// A connection that is opened again when the server closes it, after a number of requests.
pub(crate) struct Client {
    address: SocketAddr,
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self { address, stream: connect(address).await, buffer: vec![0; 4 << 10] }
    }

    /// Sends a request and returns the status and the body of the reply.
    pub(crate) async fn send(&mut self, request: &[u8]) -> (u16, &[u8]) {
        self.stream.write_all(request).await.unwrap();
        let (mut length, mut end) = (0, None);
        let head = loop {
            if length == self.buffer.len() {
                self.buffer.resize(2 * length, 0);
            }
            let read = self.stream.read(&mut self.buffer[length..]).await.unwrap();
            assert!(
                read > 0,
                "the connection was closed: {}",
                String::from_utf8_lossy(&self.buffer[..length])
            );
            length += read;
            end = end.or_else(|| end_of_reply(&self.buffer[..length]));
            if let Some((head, end)) = end
                && length >= end
            {
                assert_eq!(length, end, "more than one reply");
                break head;
            }
        };
        let text = std::str::from_utf8(&self.buffer[..head]).unwrap();
        let status = text[9..12].parse().unwrap();
        if header(text, "connection") == Some("close") {
            self.stream = connect(self.address).await;
        }
        (status, &self.buffer[head..length])
    }
}

/// Returns where the body begins and ends, once the head is complete.
fn end_of_reply(bytes: &[u8]) -> Option<(usize, usize)> {
    let head = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&bytes[..head]).unwrap();
    let length = header(text, "content-length").map_or(0, |length| length.parse().unwrap());
    Some((head, head + length))
}

/// Returns a header of a head.
pub(crate) fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| {
        let (known, value) = line.split_once(':')?;
        known.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

async fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Returns the bytes of a request. `headers` are lines with their ends.
pub(crate) fn request(method: &str, target: &str, headers: &str, body: &str) -> Vec<u8> {
    format!(
        "{method} {target} HTTP/1.1\r\nhost: pay.example.com\r\ncontent-type: application/json\r\n{headers}\
         content-length: {}\r\n\r\n{body}",
        body.len(),
    )
    .into_bytes()
}
