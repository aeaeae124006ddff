//! Sockets: HTTP/1.1 over TCP with limits and deadlines for everything that a client can do.
//!
//! * A head, with the request line, has at most 32 KiB and 100 fields: beyond, the response is 431 and the connection is
//!   closed. It must arrive within 10 seconds, which include the idle time since the previous request.
//! * A body is read by [`read_body`] with the limit and deadline of its route, and all bodies in flight share 64 MiB.
//! * A client that does not read is cut after 15 seconds. A connection serves at most 1,000 requests, one at a time.
//! * At most 1,024 connections are served. Beyond, a reserve answers `/livez` and `/readyz`, and 503 to all else. The
//!   oldest connection of the reserve makes room for the newest, so that it cannot be held by silent clients.
//! * At shutdown nothing is accepted, active requests end, and clients that do not read are cut. See [`Shutdown`].

mod access;
mod body;
mod connection;
mod io;
mod request_id;
pub(crate) mod shutdown;
#[cfg(test)]
mod tests;

pub(crate) use access::{Exchange, Observer, Route, StandardMethod};
pub(crate) use body::{Body, RequestBody};
#[allow(unused_imports, reason = "used once the server is wired")]
pub(crate) use body::{BodyError, BodySender, Disconnected, read_body};
#[allow(unused_imports, reason = "used once the server is wired")]
pub(crate) use connection::Remote;
#[allow(unused_imports, reason = "used once the server is wired")]
pub(crate) use request_id::RequestId;
pub(crate) use shutdown::Shutdown;

use crate::{ambient::Ambient, observe::log::RateLimitedLog};
use body::BodyBudget;
use connection::{Kind, Shared};
use std::{collections::VecDeque, io as std_io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{AbortHandle, JoinHandle},
};

/// A request as services receive it, with [`RequestId`] and [`Remote`] in its extensions.
pub(crate) type Request = hyper::Request<RequestBody>;
/// A response as services return it.
pub(crate) type Response = hyper::Response<Body>;

/// Length of the queue of connections that the kernel has established and the server has not accepted.
const BACKLOG: u32 = 1024;
/// Kernel memory for bytes that a client has not read yet. The default grows to 4 MiB for each connection.
const SEND_BUFFER_BYTES: u32 = 64 * 1024;
/// File descriptors that are kept for the ledger and for calls.
const RESERVED_DESCRIPTORS: usize = 128;
/// Pause after a connection could not be accepted.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// The limits of a listener.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// Connections that are served.
    pub(crate) max_connections: usize,
    /// Connections beyond `max_connections`, for the health only.
    pub(crate) reserve: usize,
    /// Requests on one connection, after which it is closed.
    pub(crate) max_requests: u32,
    /// Bytes of a request's head, with the request line.
    pub(crate) max_head_bytes: usize,
    /// Timeout for the head of a request, which includes the idle time since the previous one.
    pub(crate) header_timeout: Duration,
    /// Timeout for a client to read.
    pub(crate) write_timeout: Duration,
    /// Lines of the access log per minute for each kind of failure. Successes are not limited.
    pub(crate) failures_logged_per_minute: u32,
    /// Bytes of the bodies of all requests in flight.
    pub(crate) max_bytes_in_flight: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            reserve: 64,
            max_requests: 1000,
            max_head_bytes: 32 * 1024,
            header_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(15),
            failures_logged_per_minute: 600,
            max_bytes_in_flight: 64 * 1024 * 1024,
        }
    }
}

impl Options {
    /// Returns the limits of a listener for monitoring.
    pub(crate) fn monitoring() -> Self {
        Self { max_connections: 64, reserve: 16, max_bytes_in_flight: 1024 * 1024, ..Self::default() }
    }

    /// Lowers the number of connections to what the process's limit of open files permits: without descriptors, neither
    /// the ledger nor the health works. `open_files` is `None` where it is unknown.
    #[must_use]
    pub(crate) fn within(mut self, open_files: Option<usize>) -> Self {
        if let Some(open_files) = open_files {
            let available = open_files.saturating_sub(RESERVED_DESCRIPTORS).saturating_sub(self.reserve);
            self.max_connections = self.max_connections.min(available.max(16));
        }
        self
    }
}

/// Returns the process's limit of open files, where the operating system has it in `/proc`.
pub(crate) fn open_file_limit() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Binds a listener.
///
/// # Errors
///
/// If the address cannot be bound.
pub(crate) fn bind(address: SocketAddr) -> std_io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // Accepted sockets inherit both.
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves the connections of a listener until shutdown, in tasks of its own. The returned task ends when nothing more is
/// accepted; [`Shutdown::finish_within`] waits for the connections.
pub(crate) fn serve<S, F>(
    listener: TcpListener,
    service: S,
    options: Options,
    observer: Observer,
    shutdown: Shutdown,
    ambient: Arc<dyn Ambient>,
) -> JoinHandle<()>
where
    S: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let errors = RateLimitedLog::new(options.failures_logged_per_minute);
    // It ends with the shutdown.
    drop(tokio::spawn(errors.clone().run(shutdown.clone())));
    let budget = BodyBudget::new(options.max_bytes_in_flight);
    let shared = Shared { service, options, shutdown, ambient, errors, observer, budget };
    tokio::spawn(accept(listener, Arc::new(shared)))
}

/// Accepts connections until shutdown.
async fn accept<S, F>(listener: TcpListener, shared: Arc<Shared<S>>)
where
    S: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let ordinary = Arc::new(Semaphore::new(shared.options.max_connections));
    let mut reserve = Reserve { connections: VecDeque::new(), limit: shared.options.reserve.max(1) };
    loop {
        let accepted = tokio::select! {
            biased;
            () = shared.shutdown.started() => return,
            accepted = listener.accept() => accepted,
        };
        match (accepted, Arc::clone(&ordinary).try_acquire_owned()) {
            (Ok((stream, remote)), Ok(permit)) => {
                drop(spawn(stream, remote, Some(permit), Arc::clone(&shared)));
            }
            (Ok((stream, remote)), Err(_)) => {
                reserve.make_room();
                reserve.connections.push_back(spawn(stream, remote, None, Arc::clone(&shared)));
            }
            (Err(cause), _) => {
                // Out of file descriptors, for example: they are freed as connections close, so do not spin.
                if shared.errors.permits("accept_failed") {
                    tracing::warn!(%cause, "a connection could not be accepted");
                }
                reserve.clear();
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Serves one connection in a task of its own: an ordinary one with a permit, otherwise one of the reserve.
fn spawn<S, F>(
    stream: TcpStream,
    remote: SocketAddr,
    permit: Option<OwnedSemaphorePermit>,
    shared: Arc<Shared<S>>,
) -> AbortHandle
where
    S: Fn(Request) -> F + Send + Sync + 'static,
    F: Future<Output = Response> + Send + 'static,
{
    let kind = if permit.is_some() { Kind::Ordinary } else { Kind::Reserve };
    let task = tokio::spawn(async move {
        connection::serve(stream, remote, kind, shared).await;
        drop(permit);
    });
    task.abort_handle()
}

/// The connections beyond the limit, oldest first.
#[derive(Debug)]
struct Reserve {
    connections: VecDeque<AbortHandle>,
    limit: usize,
}

impl Reserve {
    /// Makes room for one more by cutting the oldest.
    fn make_room(&mut self) {
        self.connections.retain(|connection| !connection.is_finished());
        while self.connections.len() >= self.limit {
            let Some(oldest) = self.connections.pop_front() else { return };
            oldest.abort();
        }
    }

    /// Cuts all.
    fn clear(&mut self) {
        for connection in self.connections.drain(..) {
            connection.abort();
        }
    }
}
