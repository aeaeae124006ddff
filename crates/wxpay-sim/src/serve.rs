//! The HTTP server of the simulator. It contains no gateway logic.
//!
//! Faults are carried out on the connection: a lost response closes or resets it without a byte, and a truncated
//! response ends in the middle of its body. A refused connection is reset, and the listener is closed for a while.
//! Notifications are sent when they fall due, over HTTP or HTTPS. [`Options`] serve TLS, add trusted CAs, protect the
//! control interface, and send a log entry for each request and each delivery.

mod accept;
mod body;
mod connection;
mod deliver;
mod handle;
pub mod log;
mod message;
mod options;
mod page;
mod tls;
mod webhook;

pub use options::{InvalidCa, Options};
pub use tls::Tls;

use crate::{
    clock::{Clock, Now},
    control::{Access, Simulation},
    gateway::Gateway,
    traffic::TrafficLog,
};
use log::Log;
use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};
use tokio::{
    net::TcpListener,
    sync::{Notify, Semaphore, mpsc},
    task::AbortHandle,
};
use tokio_rustls::rustls::{ClientConfig, Error as TlsError};
use webhook::Trust;
use wxpay_proto::UnixTime;

/// Timeout of a request's head, and of its body after the head.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

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
    trust: Trust,
    access: Access,
    log: Option<Log>,
    /// The messages that the page shows.
    traffic: TrafficLog,
    /// Bounds the streams of events.
    event_streams: Arc<Semaphore>,
    /// Requests that the listener be closed for a duration.
    outages: mpsc::UnboundedSender<Duration>,
}

impl Server {
    /// Serves a gateway on this clock, and delivers its notifications. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// If the listener has no local address, or if it is not on loopback: that requires [a
    /// token](Access::with_token) for the control interface.
    pub fn start(listener: TcpListener, gateway: Gateway, clock: Clock) -> io::Result<Self> {
        Self::start_with(listener, gateway, clock, Options::default())
    }

    /// Serves over TLS, like [`start`](Self::start).
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub fn start_tls(listener: TcpListener, gateway: Gateway, clock: Clock, tls: &Tls) -> io::Result<Self> {
        Self::start_with(listener, gateway, clock, Options::default().with_tls(tls.clone()))
    }

    /// Serves with options, like [`start`](Self::start).
    ///
    /// # Errors
    ///
    /// As for [`start`](Self::start).
    pub fn start_with(
        listener: TcpListener,
        gateway: Gateway,
        clock: Clock,
        options: Options,
    ) -> io::Result<Self> {
        let Options { tls, notify_cas, verifies_certificates, access, log } = options;
        let (address, is_tls) = (listener.local_addr()?, tls.is_some());
        if !address.ip().is_loopback() && !access.requires_token() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{address} is not on loopback: the control interface requires a token there"),
            ));
        }
        let (outages, outage_requests) = mpsc::unbounded_channel();
        let v3 = &gateway.settings().v3;
        let own_ca = (v3.key_source.clone(), v3.certificates_since);
        let shared = Arc::new(Shared {
            simulation: Mutex::new(Simulation { gateway, clock }),
            is_tls,
            changed: Notify::new(),
            trust: Trust::new(notify_cas, verifies_certificates, own_ca),
            access,
            log,
            traffic: TrafficLog::default(),
            event_streams: Arc::new(Semaphore::new(page::MAX_STREAMS)),
            outages,
        });
        let acceptor = tls.map(|tls| tls.acceptor);
        let accept = accept::accept(listener, address, outage_requests, acceptor, Arc::clone(&shared));
        let tasks = [
            tokio::spawn(accept).abort_handle(),
            tokio::spawn(deliver::deliver(Arc::clone(&shared))).abort_handle(),
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

    /// Returns the TLS configuration with which notifications are sent, for a client that calls the same server.
    ///
    /// # Errors
    ///
    /// If the TLS library rejects the configuration.
    pub fn notification_tls(&self) -> Result<ClientConfig, TlsError> {
        self.shared.trust.config()
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

#[allow(clippy::disallowed_methods, reason = "only this module reads a clock")]
fn real_now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UnixTime::EPOCH.after(since)
}

/// Measures the time since its start.
struct Stopwatch(Instant);

impl Stopwatch {
    #[allow(clippy::disallowed_methods, reason = "only this module reads a clock")]
    fn start() -> Self {
        Self(Instant::now())
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }
}
