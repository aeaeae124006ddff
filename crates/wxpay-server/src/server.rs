//! The server: sockets, limits and shutdown.

use crate::{
    api,
    app::App,
    config::{self, Config},
    gateway::Gateway,
    ledger::{Failure, Ledger},
    notifications,
    poll::Poller,
    shutdown::Shutdown,
    single_flight::SingleFlight,
    tokens::{InProcess, TokenStore},
};
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{error, fmt, net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinHandle,
};
use wxpay_hyper::Client;
use wxpay_proto::id::{InvalidField, NotifyUrl};

/// Timeout for the head of a request, which includes the idle time since the previous one.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Limit of a request's head in bytes: enough for the longest query of a notification and its headers.
const MAX_HEADER_BYTES: usize = 32 * 1024;
/// Limit of concurrent connections; more wait to be accepted.
const MAX_CONNECTIONS: usize = 1024;
/// Timeout of the shutdown for active requests. A call to WeChat Pay with all its attempts takes half a minute.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(45);

/// The payment server. See [`Server::start`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Server;

/// A running server. Dropping it does not stop the server; [`shutdown`](Self::shutdown) does.
#[derive(Debug)]
pub struct Running {
    local_addr: SocketAddr,
    notify_url: NotifyUrl,
    ledger: Ledger,
    shutdown: Shutdown,
    tasks: Vec<JoinHandle<()>>,
}

impl Server {
    /// Opens the ledger, resumes polling, and listens. The server runs in its own tasks on the current tokio runtime.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be opened, the HTTP client cannot be built, or the address cannot be bound.
    pub async fn start(config: Config) -> Result<Running, StartError> {
        let client = client(&config)?;
        Self::start_with(config, client, Box::new(InProcess::default())).await
    }

    /// Starts a server with the given HTTP client and token store. The settings `ca_file` and `proxy` are ignored.
    ///
    /// # Errors
    ///
    /// See [`start`](Self::start).
    pub async fn start_with(
        config: Config,
        client: Client,
        tokens: Box<dyn TokenStore>,
    ) -> Result<Running, StartError> {
        let ledger =
            Ledger::open(&config.database).map_err(|cause| StartError::ledger(&config.database, cause))?;
        let cannot_listen = |cause| StartError::listen(config.listen, cause);
        let listener = match TcpListener::bind(config.listen).await {
            Ok(listener) => listener,
            Err(cause) => {
                ledger.close().await;
                return Err(cannot_listen(cause));
            }
        };
        let local_addr = listener.local_addr().map_err(cannot_listen)?;
        let notify_url = match config.notify_url {
            Some(url) => url,
            None => {
                format!("http://{local_addr}{}", config.notify_path).parse().map_err(StartError::notify)?
            }
        };
        let shutdown = Shutdown::new();
        let refresh = tokio::spawn(refresh_tokens(client.clone(), config.merchant.clone(), shutdown.clone()));
        let gateway = Gateway::new(config.merchant, client, tokens);
        let poller = Poller::new(
            ledger.clone(),
            gateway.clone(),
            config.schedule.clone(),
            config.poll_concurrency,
            shutdown.clone(),
        );
        let service = notifications::service(
            gateway.merchant.clone(),
            gateway.client.clone(),
            ledger.clone(),
            shutdown.clone(),
        );
        let app = App {
            ledger: ledger.clone(),
            gateway,
            notify_url: notify_url.clone(),
            schedule: config.schedule,
            placements: SingleFlight::default(),
            poller: poller.clone(),
            shutdown: shutdown.clone(),
        };
        let router = api::router(app, config.api_token).route_service(&config.notify_path, service);
        let accepting = tokio::spawn(accept(listener, router, shutdown.clone()));
        tracing::info!(%local_addr, "listening");
        Ok(Running {
            local_addr,
            notify_url,
            ledger,
            shutdown,
            tasks: vec![accepting, tokio::spawn(poller.run()), refresh],
        })
    }
}

impl Running {
    /// Returns the address it listens on, with the actual port if port 0 was configured.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Returns the URL that WeChat Pay sends notifications to.
    pub fn notify_url(&self) -> &NotifyUrl {
        &self.notify_url
    }

    /// Returns the ledger.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Shuts the server down: accepts no new connections, waits up to 45 seconds for active requests, notifications and
    /// calls, then closes the ledger. Returns `false` if some were still active.
    pub async fn shutdown(self) -> bool {
        self.shutdown.begin_shutdown();
        for task in self.tasks {
            // An error means that the task panicked; it has ended all the same.
            drop(task.await);
        }
        let drained = self.shutdown.drained(SHUTDOWN_TIMEOUT).await;
        if !drained {
            tracing::warn!("shutdown timed out with active requests");
        }
        self.ledger.close().await;
        drained
    }
}

fn client(config: &Config) -> Result<Client, StartError> {
    let mut builder = Client::builder();
    if let Some(ca) = &config.ca {
        builder = builder.root_ca(ca.clone());
    }
    if let Some(proxy) = &config.proxy {
        builder = builder.proxy(proxy.clone());
    }
    builder.build().map_err(StartError::client)
}

async fn refresh_tokens(client: Client, merchant: wxpay_proto::v1::Merchant, shutdown: Shutdown) {
    tokio::select! {
        never = client.refresh_tokens(merchant) => match never {},
        () = shutdown.started() => {}
    }
}

/// Accepts connections until shutdown.
async fn accept(listener: TcpListener, router: Router, shutdown: Shutdown) {
    let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            () = shutdown.started() => return,
            accepted = async {
                let permit = Arc::clone(&permits).acquire_owned().await;
                (listener.accept().await, permit)
            } => accepted,
        };
        match accepted {
            (Ok((stream, _)), permit) => {
                let (router, shutdown) = (router.clone(), shutdown.clone());
                tokio::spawn(async move {
                    serve(stream, router, shutdown).await;
                    drop(permit);
                });
            }
            (Err(cause), _) => {
                // Out of file descriptors, for example: they are freed as connections close, so do not spin.
                tracing::warn!(%cause, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Serves one connection to its end, or at shutdown to the end of the active request.
async fn serve(stream: TcpStream, router: Router, shutdown: Shutdown) {
    let _active = shutdown.begin();
    // Replies are written whole: Nagle's algorithm would only delay them.
    drop(stream.set_nodelay(true));
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(MAX_HEADER_BYTES);
    let connection = builder.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    let mut connection = std::pin::pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        () = shutdown.started() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(cause) = served {
        tracing::debug!(%cause, "a connection ended early");
    }
}

/// An error that prevented the start.
#[derive(Debug)]
pub struct StartError {
    message: String,
    is_configuration: bool,
    cause: Box<dyn error::Error + Send + Sync>,
}

impl StartError {
    fn new(message: impl Into<String>, cause: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self { message: message.into(), is_configuration: false, cause: cause.into() }
    }

    fn ledger(path: &Path, cause: Failure) -> Self {
        Self::new(format!("the ledger cannot be opened: {}", config::shown(&path.to_string_lossy())), cause)
    }

    fn listen(address: SocketAddr, cause: std::io::Error) -> Self {
        Self::new(format!("cannot listen on {address}"), cause)
    }

    fn notify(cause: InvalidField) -> Self {
        let error = Self::new("the address and notify_path form no valid notify_url", cause);
        Self { is_configuration: true, ..error }
    }

    fn client(cause: wxpay_hyper::SetupError) -> Self {
        let error = Self::new("the HTTP client cannot be built from the settings ca_file and proxy", cause);
        Self { is_configuration: true, ..error }
    }

    /// Returns whether a setting is at fault: with the same settings, the server can never start.
    #[must_use]
    pub fn is_configuration(&self) -> bool {
        self.is_configuration
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl error::Error for StartError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&*self.cause)
    }
}
