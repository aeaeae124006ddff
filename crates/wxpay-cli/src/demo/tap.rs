//! A recording proxy: forwards every message unchanged and keeps a copy to show.

use crate::Failure;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Request, Response, body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioIo},
};
use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{net::TcpListener, sync::mpsc, task::AbortHandle};

/// A request and its reply, as sent.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) status: u16,
    pub(crate) reply_headers: HeaderMap,
    pub(crate) reply: Bytes,
}

impl Exchange {
    /// Returns path and query, as sent.
    pub(crate) fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }
}

/// The proxy. Listens on a free loopback port until it is dropped.
#[derive(Debug)]
pub(crate) struct Tap {
    url: String,
    upstream: Arc<OnceLock<String>>,
    exchanges: mpsc::UnboundedReceiver<Exchange>,
    task: AbortHandle,
}

impl Tap {
    pub(crate) async fn start() -> Result<Self, Failure> {
        let listener = crate::listener(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listener.local_addr().map_err(Failure::doing("cannot read the address"))?;
        let url = format!("http://{address}");
        let upstream = Arc::new(OnceLock::new());
        let (copies, exchanges) = mpsc::unbounded_channel();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let forwarder = Forwarder { client, upstream: Arc::clone(&upstream), copies };
        let task = tokio::spawn(accept(listener, forwarder)).abort_handle();
        Ok(Self { url, upstream, exchanges, task })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sets the base URL to forward to. Requests before that get 502.
    pub(crate) fn forward_to(&self, url: String) {
        // Set once, right after the start; setting it again would fail silently.
        drop(self.upstream.set(url));
    }

    /// Waits up to 20 seconds for the next exchange with that path.
    pub(crate) async fn next(&mut self, path: &str) -> Result<Exchange, Failure> {
        let found = async {
            while let Some(exchange) = self.exchanges.recv().await {
                if exchange.path == path {
                    return Some(exchange);
                }
            }
            None
        };
        let found = tokio::time::timeout(Duration::from_secs(20), found).await.ok().flatten();
        found.ok_or_else(|| Failure::failed(format!("no request for {path} within 20 seconds")))
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// An error here closes the connection: the two ends see it as a network failure.
type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone)]
struct Forwarder {
    client: Client<HttpConnector, Full<Bytes>>,
    upstream: Arc<OnceLock<String>>,
    copies: mpsc::UnboundedSender<Exchange>,
}

async fn accept(listener: TcpListener, forwarder: Forwarder) {
    while let Ok((stream, _)) = listener.accept().await {
        let forwarder = forwarder.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request| forwarder.clone().forward(request));
            drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await);
        });
    }
}

impl Forwarder {
    async fn forward(self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, BoxError> {
        let (mut head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let Some(upstream) = self.upstream.get() else {
            return Ok(Response::builder().status(502).body(Full::default())?);
        };
        let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let (method, path, query) = (head.method.to_string(), path.to_owned(), query.to_owned());
        head.uri = format!("{upstream}{target}").parse()?;
        let headers = head.headers.clone();
        let request = Request::from_parts(head, Full::new(body.clone()));
        let (reply_head, reply) = self.client.request(request).await?.into_parts();
        let reply = reply.collect().await?.to_bytes();
        let (status, reply_headers) = (reply_head.status.as_u16(), reply_head.headers.clone());
        let exchange =
            Exchange { method, path, query, headers, body, status, reply_headers, reply: reply.clone() };
        // The receiver is gone when the demo is over.
        drop(self.copies.send(exchange));
        Ok(Response::from_parts(reply_head, Full::new(reply)))
    }
}
