//! A connection: limits, deadlines, request ids and the access log.

use super::{
    Options, Request, Response,
    access::{Access, LoggedBody, Observer, Route},
    body::{Body, BodyBudget},
    io::GuardedIo,
    request_id::{REQUEST_ID, RequestId},
    shutdown::{Active, Shutdown},
};
use crate::{ambient::Ambient, observe::log::RateLimitedLog};
use hyper::{
    StatusCode,
    body::Incoming,
    header::{CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::net::TcpStream;

/// Size of the buffers of a connection. They hold a head of the maximum size and pipelined requests.
const BUFFER_BYTES: usize = 64 * 1024;
/// Lifetime of a connection of the reserve: enough for `/readyz`, which has two seconds.
const RESERVE_LIFETIME: Duration = Duration::from_secs(4);
/// Header timeout of a connection of the reserve.
const RESERVE_HEADER_TIMEOUT: Duration = Duration::from_secs(1);

/// The address that a request came from. In the extensions of each request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Remote(pub(crate) SocketAddr);

/// The kind of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Serves everything.
    Ordinary,
    /// Serves one request, and only for the health: all ordinary connections are taken.
    Reserve,
}

/// The parts that all connections of a listener share.
#[derive(Debug)]
pub(super) struct Shared<S> {
    pub(super) service: S,
    pub(super) options: Options,
    pub(super) shutdown: Shutdown,
    pub(super) ambient: Arc<dyn Ambient>,
    pub(super) errors: RateLimitedLog,
    pub(super) observer: Observer,
    pub(super) budget: BodyBudget,
}

/// Serves one connection to its end, or at shutdown to the end of the active request.
pub(super) async fn serve<S, F>(stream: TcpStream, remote: SocketAddr, kind: Kind, shared: Arc<Shared<S>>)
where
    S: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let _connection = shared.shutdown.begin_connection();
    let (options, shutdown) = (&shared.options, &shared.shutdown);
    // Replies are written whole: Nagle's algorithm would only delay them.
    drop(stream.set_nodelay(true));
    let io = TokioIo::new(GuardedIo::new(stream, options.write_timeout));
    let (active, served) = (Active::new(), AtomicU32::new(0));
    let service = service_fn(|request: hyper::Request<Incoming>| {
        let number = served.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let is_last = number >= shared.options.max_requests || kind == Kind::Reserve;
        let (shared, active) = (Arc::clone(&shared), active.clone());
        async move {
            // The guards begin with the first poll: a pipelined request that waits for the client to read the previous
            // response is not active.
            let _guards = (shared.shutdown.begin(), active.begin());
            Ok::<_, Infallible>(respond(&shared, request, remote, kind, is_last).await)
        }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(match kind {
            Kind::Ordinary => options.header_timeout,
            Kind::Reserve => options.header_timeout.min(RESERVE_HEADER_TIMEOUT),
        })
        .max_header_size(options.max_head_bytes)
        .max_buf_size(BUFFER_BYTES.max(options.max_head_bytes))
        .keep_alive(kind == Kind::Ordinary);
    let mut connection = pin!(builder.serve_connection(io, service));
    let ended = tokio::select! {
        biased;
        ended = connection.as_mut() => ended,
        () = shutdown.started() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                biased;
                ended = connection.as_mut() => ended,
                () = active.quiet() => return,
                () = shutdown.cut() => return,
            }
        }
        () = tokio::time::sleep(RESERVE_LIFETIME), if kind == Kind::Reserve => return,
    };
    if let Err(cause) = ended {
        tracing::debug!(%remote, %cause, "a connection ended early");
    }
}

/// Answers one request.
async fn respond<S, F>(
    shared: &Shared<S>,
    request: hyper::Request<Incoming>,
    remote: SocketAddr,
    kind: Kind,
    is_last: bool,
) -> hyper::Response<LoggedBody>
where
    S: Fn(Request) -> F,
    F: Future<Output = Response>,
{
    let id = RequestId::from_headers(request.headers(), &*shared.ambient);
    let (errors, observer) = (shared.errors.clone(), shared.observer.clone());
    let mut access = Access::begin(&request, id.clone(), remote, errors, observer);
    let mut request = request.map(|incoming| shared.budget.body(incoming));
    let header = id.header_value();
    request.extensions_mut().insert(id);
    request.extensions_mut().insert(Remote(remote));
    let mut response = if kind == Kind::Ordinary || is_health(request.uri().path()) {
        (shared.service)(request).await
    } else {
        overloaded()
    };
    if is_last {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    if let Some(id) = header {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    access.responded(response.status(), response.extensions().get::<Route>().copied());
    response.map(|body| LoggedBody::new(body, access))
}

/// Returns whether a path is served even if all ordinary connections are taken.
fn is_health(path: &str) -> bool {
    matches!(path, "/livez" | "/readyz")
}

/// The response to a request beyond the limit of connections.
fn overloaded() -> Response {
    let problem = concat!(
        r#"{"type":"about:blank","title":"Too many connections","status":503,"code":"too_many_connections","#,
        r#""detail":"the server has reached its limit of connections; retry later","retryable":true}"#
    );
    let mut response = Response::new(Body::from(problem));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
    response
}
