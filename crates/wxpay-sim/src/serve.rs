//! The HTTP server of the simulator. It contains no gateway logic.
//!
//! Faults are carried out on the connection: a lost response closes or resets it without a byte, and a truncated
//! response ends in the middle of its body. A refused connection is reset, and the listener is closed for a while.
//! Notifications are sent when they fall due, over plain HTTP only; a notification to an `https` address counts as
//! unanswered. [`Server::start_tls`] serves TLS.

mod body;
mod connection;
mod tls;
mod webhook;

pub use tls::Tls;

use crate::{
    clock::{Clock, Now},
    control::{self, ControlResponse, Simulation},
    gateway::{Gateway, Outcome},
    notifications::Delivery,
};
use body::{Body, ConnectionBroken};
use bytes::Bytes;
use connection::{CloseMode, Connection};
use http_body_util::{BodyExt as _, Limited};
use hyper::{StatusCode, body::Incoming, header, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    sync::{Notify, mpsc},
    task::{AbortHandle, JoinSet},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use wxpay_proto::{
    UnixTime,
    http::{self, Request, Response},
};

/// Timeout of a request's head, and of its body after the head.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_BODY_BYTES: usize = 1 << 23;

/// A running simulator. Dropping it ends its tasks and connections.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    is_tls: bool,
    shared: Arc<Shared>,
    tasks: [AbortHandle; 2],
}

#[derive(Debug)]
struct Shared {
    simulation: Mutex<Simulation>,
    is_tls: bool,
    /// Wakes the delivery task, because a notification may be due earlier than before.
    changed: Notify,
    client: webhook::Client,
    /// Requests that the listener be closed for a duration.
    outages: mpsc::UnboundedSender<Duration>,
}

impl Server {
    /// Serves a gateway with a virtual clock, and delivers its notifications. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// If the listener has no local address.
    pub fn start(listener: TcpListener, gateway: Gateway, clock: Clock) -> io::Result<Self> {
        Self::start_with(listener, gateway, clock, None)
    }

    /// Serves over TLS, like [`start`](Self::start).
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub fn start_tls(listener: TcpListener, gateway: Gateway, clock: Clock, tls: &Tls) -> io::Result<Self> {
        Self::start_with(listener, gateway, clock, Some(tls.acceptor.clone()))
    }

    fn start_with(
        listener: TcpListener,
        gateway: Gateway,
        clock: Clock,
        tls: Option<TlsAcceptor>,
    ) -> io::Result<Self> {
        let (address, is_tls) = (listener.local_addr()?, tls.is_some());
        let (outages, outage_requests) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            simulation: Mutex::new(Simulation { gateway, clock }),
            is_tls,
            changed: Notify::new(),
            client: webhook::client(),
            outages,
        });
        let tasks = [
            tokio::spawn(accept(listener, address, outage_requests, tls, Arc::clone(&shared))).abort_handle(),
            tokio::spawn(deliver(Arc::clone(&shared))).abort_handle(),
        ];
        Ok(Self { address, is_tls, shared, tasks })
    }

    /// Returns the address of the listener.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the base URL for a merchant's program, without a trailing slash.
    pub fn url(&self) -> String {
        let scheme = if self.is_tls { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Calls a function with the simulation and the current time. Returns its result.
    pub fn with<T>(&self, access: impl FnOnce(&mut Simulation, Now) -> T) -> T {
        let result = {
            let mut simulation = self.shared.lock();
            let now = simulation.clock.now(real_now());
            access(&mut simulation, now)
        };
        self.shared.changed.notify_one();
        result
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

impl Shared {
    /// Locks the simulation. A panic of another holder does not make it unusable: its state is plain data.
    fn lock(&self) -> MutexGuard<'_, Simulation> {
        self.simulation.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[allow(clippy::disallowed_methods, reason = "the only place in this crate that reads the real clock")]
fn real_now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixTime::EPOCH.after(since)
}

async fn accept(
    mut listener: TcpListener,
    address: SocketAddr,
    mut outages: mpsc::UnboundedReceiver<Duration>,
    tls: Option<TlsAcceptor>,
    shared: Arc<Shared>,
) {
    // Dropping this task drops the set, which aborts the connections.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            Some(delay) = outages.recv() => {
                drop(listener);
                tokio::time::sleep(delay).await;
                listener = rebind(address).await;
                continue;
            }
        };
        let Ok((stream, _)) = accepted else {
            // Most likely out of file descriptors: wait until other connections end.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        stream.set_nodelay(true).ok();
        let (connection, close_mode) = Connection::new(stream);
        let (shared, tls) = (Arc::clone(&shared), tls.clone());
        connections.spawn(async move {
            match tls {
                None => serve_connection(connection, close_mode, shared).await,
                Some(tls) => {
                    // A failed or slow handshake ends the connection, such as that of a client that does not trust
                    // the CA.
                    if let Ok(Ok(stream)) = timeout(READ_TIMEOUT, tls.accept(connection)).await {
                        serve_connection(stream, close_mode, shared).await;
                    }
                }
            }
        });
    }
}

/// Binds the address again, and retries while another process holds it.
async fn rebind(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

async fn serve_connection(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    close_mode: CloseMode,
    shared: Arc<Shared>,
) {
    let service = service_fn(move |request| handle(Arc::clone(&shared), close_mode.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(READ_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service);
    // An error is a peer that disconnected or an injected fault. Neither concerns the server.
    connection.await.ok();
}

/// Sends notifications when they fall due.
async fn deliver(shared: Arc<Shared>) {
    let mut deliveries_in_progress = JoinSet::new();
    loop {
        while deliveries_in_progress.try_join_next().is_some() {}
        let (deliveries, delay) = {
            let mut simulation = shared.lock();
            let now = simulation.clock.now(real_now());
            let deliveries = simulation.gateway.due_deliveries(now);
            let next = simulation.gateway.next_due().filter(|_| simulation.clock.runs());
            (deliveries, next.map(|next| next.since(now.business)))
        };
        if !deliveries.is_empty() {
            deliveries_in_progress.spawn(deliver_all(Arc::clone(&shared), deliveries));
            continue;
        }
        match delay {
            // Late and spurious wake-ups are harmless: the loop queries the gateway again.
            Some(delay) => drop(timeout(delay, shared.changed.notified()).await),
            None => shared.changed.notified().await,
        }
    }
}

/// Sends notifications in order, each after the response to the previous one unless it overlaps with it.
async fn deliver_all(shared: Arc<Shared>, deliveries: Vec<Delivery>) {
    let mut deliveries_in_progress = JoinSet::new();
    for delivery in deliveries {
        if !delivery.overlaps() {
            while deliveries_in_progress.join_next().await.is_some() {}
        }
        let shared = Arc::clone(&shared);
        deliveries_in_progress.spawn(async move {
            let result = webhook::post(&shared.client, &delivery).await;
            {
                let mut simulation = shared.lock();
                let now = simulation.clock.now(real_now());
                simulation.gateway.record_delivery(delivery.id(), &result, now);
            }
            shared.changed.notify_one();
        });
    }
    while deliveries_in_progress.join_next().await.is_some() {}
}

async fn handle(
    shared: Arc<Shared>,
    close_mode: CloseMode,
    request: hyper::Request<Incoming>,
) -> Result<hyper::Response<Body>, ConnectionBroken> {
    let (head, body) = request.into_parts();
    let is_control = head.uri.path().starts_with("/_sim");
    let max_bytes = if is_control { control::MAX_BODY_BYTES } else { MAX_BODY_BYTES };
    let body = match timeout(READ_TIMEOUT, Limited::new(body, max_bytes).collect()).await {
        Ok(Ok(collected)) => collected.to_bytes(),
        Ok(Err(_)) if is_control => return control_response(&ControlResponse::too_large()),
        Ok(Err(_)) => {
            return plain_response(StatusCode::PAYLOAD_TOO_LARGE.as_u16(), "text/plain", Bytes::new());
        }
        Err(_) => return plain_response(StatusCode::REQUEST_TIMEOUT.as_u16(), "text/plain", Bytes::new()),
    };
    if is_control {
        return control(&shared, head.method.as_str(), &url(&head, shared.is_tls), &body).await;
    }
    let request = to_request(&head, &body, shared.is_tls);
    // RSA runs before and after the lock, never under it: requests are verified and replies are signed in parallel.
    let (directory, now) = {
        let simulation = shared.lock();
        (simulation.gateway.directory(), simulation.clock.now(real_now()))
    };
    let request = directory.read(&request, now);
    let (outcome, first_deliveries) = {
        let mut simulation = shared.lock();
        let outcome = simulation.gateway.execute(request);
        let first_deliveries = match outcome {
            Outcome::AfterNotifications(_) => simulation.gateway.due_deliveries(now),
            Outcome::Reply(_)
            | Outcome::Delayed(..)
            | Outcome::Truncated(..)
            | Outcome::Slow(..)
            | Outcome::ConnectionClosed { .. }
            | Outcome::ConnectionReset { .. }
            | Outcome::ConnectionRefused(_) => Vec::new(),
        };
        (outcome, first_deliveries)
    };
    let outcome = (outcome.sign(), first_deliveries);
    shared.changed.notify_one();
    match outcome {
        (Outcome::Reply(response), _) => gateway_response(&response, Body::whole),
        (Outcome::AfterNotifications(response), first_deliveries) => {
            deliver_all(shared, first_deliveries).await;
            gateway_response(&response, Body::whole)
        }
        (Outcome::Delayed(response, delay), _) => {
            tokio::time::sleep(delay).await;
            gateway_response(&response, Body::whole)
        }
        (Outcome::Truncated(response, bytes), _) => {
            gateway_response(&response, |whole| Body::truncated(&whole, bytes))
        }
        (Outcome::Slow(response, rate), _) => {
            gateway_response(&response, |whole| Body::throttled(whole, rate))
        }
        (Outcome::ConnectionClosed { .. }, _) => Err(ConnectionBroken),
        (Outcome::ConnectionReset { .. }, _) => {
            close_mode.reset();
            Err(ConnectionBroken)
        }
        (Outcome::ConnectionRefused(delay), _) => {
            close_mode.reset();
            if !delay.is_zero() {
                // Cannot fail: the accept task owns the receiver, and its end aborts this connection.
                shared.outages.send(delay).ok();
            }
            Err(ConnectionBroken)
        }
    }
}

async fn control(
    shared: &Arc<Shared>,
    method: &str,
    url: &str,
    body: &[u8],
) -> Result<hyper::Response<Body>, ConnectionBroken> {
    let (response, first_deliveries) = {
        let mut simulation = shared.lock();
        let real = real_now();
        let response = simulation.control(method, url, body, real);
        let now = simulation.clock.now(real);
        let first_deliveries =
            if response.notifications_first { simulation.gateway.due_deliveries(now) } else { Vec::new() };
        (response, first_deliveries)
    };
    shared.changed.notify_one();
    deliver_all(Arc::clone(shared), first_deliveries).await;
    control_response(&response)
}

/// Converts a response of the control interface. It is not cacheable: it changes at any time and may contain secrets.
fn control_response(response: &ControlResponse) -> Result<hyper::Response<Body>, ConnectionBroken> {
    let builder = hyper::Response::builder()
        .status(response.status)
        .header(header::CONTENT_TYPE, response.content_type())
        .header(header::CACHE_CONTROL, "no-store");
    let builder = match &response.allow {
        Some(methods) => builder.header(header::ALLOW, methods),
        None => builder,
    };
    builder.body(Body::whole(Bytes::from(response.body.to_string()))).map_err(|_| ConnectionBroken)
}

/// Request headers that the gateway reads.
const HEADERS: [&str; 8] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "content-type",
    "user-agent",
    "wechatpay-negative-test",
    "wechatpay-serial",
];

/// Converts a request for the gateway: target and body as received, with the host of the `Host` header. Methods that no
/// operation uses become PUT, which no operation allows.
fn to_request(head: &hyper::http::request::Parts, body: &[u8], is_tls: bool) -> Request {
    let method = match head.method.as_str() {
        "GET" => http::Method::Get,
        "POST" => http::Method::Post,
        "PATCH" => http::Method::Patch,
        "DELETE" => http::Method::Delete,
        _ => http::Method::Put,
    };
    let value = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let request = Request::new(method, url(head, is_tls), body.to_vec());
    HEADERS
        .into_iter()
        .filter_map(|name| value(name).map(|value| (name, String::from(value))))
        .fold(request, |request, (name, value)| request.with_header(name, value))
}

/// Returns the complete URL, with the host of the `Host` header.
fn url(head: &hyper::http::request::Parts, is_tls: bool) -> String {
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let scheme = if is_tls { "https" } else { "http" };
    format!("{scheme}://{host}{target}")
}

fn gateway_response(
    response: &Response,
    body: impl FnOnce(Bytes) -> Body,
) -> Result<hyper::Response<Body>, ConnectionBroken> {
    let body = body(Bytes::copy_from_slice(response.body()));
    let builder = response
        .headers()
        .fold(hyper::Response::builder().status(response.status()), |builder, (name, value)| {
            builder.header(name, value)
        });
    builder.body(body).map_err(|_| ConnectionBroken)
}

fn plain_response(status: u16, kind: &str, body: Bytes) -> Result<hyper::Response<Body>, ConnectionBroken> {
    let builder = hyper::Response::builder().status(status).header(header::CONTENT_TYPE, kind);
    builder.body(Body::whole(body)).map_err(|_| ConnectionBroken)
}
