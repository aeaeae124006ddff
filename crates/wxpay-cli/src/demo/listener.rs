//! The shop's side of webhooks: a listener that verifies signatures of Standard Webhooks.

use super::{
    shop::{member, parsed},
    show,
};
use crate::Failure;
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::{Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use sha2::Sha256;
use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio::{net::TcpListener, sync::mpsc, task::AbortHandle};
use wxpay_proto::{secret::Secret, wire::base64};

/// The path of the endpoint.
const PATH: &str = "/webhooks";
/// The largest webhook that is read, in bytes.
const MAX_BYTES: usize = 64 * 1024;
/// The difference of times beyond which a webhook is refused, as Standard Webhooks recommends.
const TOLERANCE: Duration = Duration::from_mins(5);
/// Time after which an expected webhook has failed to arrive.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A verified webhook.
#[derive(Debug)]
pub(super) struct Webhook {
    id: String,
    timestamp: String,
    signature: String,
    body: Bytes,
}

/// The listener. Answers 204 to a verified webhook, and 400 to any other.
#[derive(Debug)]
pub(super) struct WebhookListener {
    url: String,
    secret: Arc<OnceLock<Secret<Vec<u8>>>>,
    webhooks: mpsc::Receiver<Webhook>,
    task: AbortHandle,
}

impl WebhookListener {
    pub(super) async fn start() -> Result<Self, Failure> {
        let listener = crate::listener(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listener.local_addr().map_err(Failure::doing("cannot read the address"))?;
        let secret = Arc::new(OnceLock::new());
        let (verified, webhooks) = mpsc::channel(64);
        let receiver = Receiver { secret: Arc::clone(&secret), verified };
        let task = tokio::spawn(accept(listener, receiver)).abort_handle();
        Ok(Self { url: format!("http://{address}{PATH}"), secret, webhooks, task })
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// Sets the endpoint's signing secret: `whsec_` and Base64.
    pub(super) fn trust(&self, secret: &str) -> Result<(), Failure> {
        let encoded = secret.strip_prefix("whsec_").unwrap_or_default();
        let bytes = base64::decode(encoded.as_bytes())
            .map_err(|fault| Failure::failed(format_args!("the signing secret is no Base64 ({fault})")))?;
        // Set once, right after the endpoint was created.
        drop(self.secret.set(Secret::new(bytes)));
        Ok(())
    }

    /// Waits for the next event of a type, and shows its webhook. Returns the event.
    pub(super) async fn next(&mut self, kind: &str) -> Result<Value, Failure> {
        let found = async {
            while let Some(webhook) = self.webhooks.recv().await {
                let event = parsed(&webhook.body)?;
                if member(&event, "type") == kind {
                    return webhook.show().map(|()| Some(event));
                }
            }
            Ok(None)
        };
        let found = tokio::time::timeout(TIMEOUT, found).await.unwrap_or(Ok(None))?;
        found.ok_or_else(|| Failure::failed(format!("no webhook {kind} within 20 seconds")))
    }
}

impl Drop for WebhookListener {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Webhook {
    fn show(&self) -> Result<(), Failure> {
        let Self { id, timestamp, signature, body } = self;
        show::line("→ shop", format_args!("POST {PATH}"))?;
        show::line("", format_args!("webhook-id: {id}"))?;
        show::line("", format_args!("webhook-timestamp: {timestamp}"))?;
        show::line("", format_args!("webhook-signature: {signature}"))?;
        show::line("", String::from_utf8_lossy(body))?;
        show::line("HMAC-SHA256 of", format_args!("{id}.{timestamp}.{}", String::from_utf8_lossy(body)))?;
        show::line("with the key", "[secret]")?;
        show::line("← shop", "204, signature verified")
    }
}

/// Verifies the webhooks that arrive.
#[derive(Clone)]
struct Receiver {
    secret: Arc<OnceLock<Secret<Vec<u8>>>>,
    verified: mpsc::Sender<Webhook>,
}

async fn accept(listener: TcpListener, receiver: Receiver) {
    while let Ok((stream, _)) = listener.accept().await {
        let receiver = receiver.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| receiver.clone().receive(request));
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

impl Receiver {
    async fn receive(self, request: Request<Incoming>) -> Result<Response<Empty<Bytes>>, hyper::http::Error> {
        let status = if self.verify(request).await.is_some() { 204 } else { 400 };
        Response::builder().status(status).body(Empty::new())
    }

    /// Returns `None` for a webhook that is not verified.
    async fn verify(&self, request: Request<Incoming>) -> Option<()> {
        let header = |name: &str| Some(request.headers().get(name)?.to_str().ok()?.to_owned());
        let (id, timestamp, signature) =
            (header("webhook-id")?, header("webhook-timestamp")?, header("webhook-signature")?);
        let body = Limited::new(request.into_body(), MAX_BYTES).collect().await.ok()?.to_bytes();
        let sent: u64 = timestamp.parse().ok()?;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
        let mut is_valid = false;
        for candidate in signature.split(' ').filter_map(|text| text.strip_prefix("v1,")) {
            let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.get()?.expose()).ok()?;
            mac.update(id.as_bytes());
            mac.update(b".");
            mac.update(timestamp.as_bytes());
            mac.update(b".");
            mac.update(&body);
            is_valid |= mac.verify_slice(&base64::decode(candidate.as_bytes()).ok()?).is_ok();
        }
        if !is_valid || now.abs_diff(sent) > TOLERANCE.as_secs() {
            return None;
        }
        self.verified.send(Webhook { id, timestamp, signature, body }).await.ok()
    }
}
