//! The shop's end of the webhooks: a listener that keeps what it receives.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

/// A webhook as received.
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Webhook {
    pub(crate) fn headers(&self) -> Vec<(&str, &str)> {
        self.headers.iter().map(|(name, value)| (&**name, &**value)).collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn kind(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    /// Returns whether one of the signatures is that of Standard Webhooks with this secret.
    pub(crate) fn is_signed_by(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        let (id, timestamp) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        mac.update(format!("{id}.{timestamp}.{}", self.body).as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.header("webhook-signature").split(' ').any(|signature| signature == expected)
    }
}

/// A listener for webhooks.
pub(crate) struct Receiver {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Webhook>>>,
    status: Arc<AtomicU16>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::<Mutex<Vec<Webhook>>>::default();
        let status = Arc::new(AtomicU16::new(200));
        let shop = Self { address, received: Arc::clone(&received), status: Arc::clone(&status) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(receive(stream, Arc::clone(&received), Arc::clone(&status)));
            }
        });
        shop
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/webhooks", self.address)
    }

    /// Sets the status of the following responses.
    pub(crate) fn answer(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    pub(crate) fn all(&self) -> Vec<Webhook> {
        self.received.lock().unwrap().clone()
    }

    /// Waits until there are this many webhooks, and returns them.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) -> impl Future<Output = Vec<Webhook>> + use<'_> {
        self.wait(move |all| all.len() >= count)
    }

    /// Waits until the webhooks satisfy a condition, and returns them.
    pub(crate) async fn wait(&self, is_enough: impl Fn(&[Webhook]) -> bool) -> Vec<Webhook> {
        for _ in 0..1000 {
            let all = self.all();
            if is_enough(&all) {
                return all;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the webhooks do not come: {:#?}", self.all());
    }
}

async fn receive(mut stream: TcpStream, received: Arc<Mutex<Vec<Webhook>>>, status: Arc<AtomicU16>) {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        while let Some((webhook, length)) = parse(&bytes) {
            bytes.drain(..length);
            received.lock().unwrap().push(webhook);
            let status = status.load(Ordering::Relaxed);
            let response = format!("HTTP/1.1 {status} Status\r\ncontent-length: 2\r\n\r\nok");
            if stream.write_all(response.as_bytes()).await.is_err() {
                return;
            }
        }
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
    }
}

/// Parses a complete request. Returns its length, too.
fn parse(bytes: &[u8]) -> Option<(Webhook, usize)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    assert!(head.starts_with("POST /webhooks HTTP/1.1\r\n"), "{head}");
    let headers: Vec<(String, String)> = head
        .split("\r\n")
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length: usize = headers.iter().find(|(name, _)| name == "content-length").unwrap().1.parse().unwrap();
    let body = bytes.get(end + 4..end + 4 + length)?;
    Some((Webhook { headers, body: String::from_utf8(body.to_vec()).unwrap() }, end + 4 + length))
}
