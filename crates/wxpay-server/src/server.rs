//! The server: its parts, its start and its end.

mod error;
mod parts;

use crate::{
    ambient::System,
    api::service::Api,
    observe::{
        health::{Check, Health},
        metrics::Metrics,
    },
    serve::{self, Observer, Options, Shutdown},
    settings::Settings,
    tasks::{self, Tasks},
    webhooks,
};
pub use error::StartError;
pub(crate) use parts::{Built, ENDPOINTS, open_ledger};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::task::JoinHandle;
use wxpay_proto::secret::Secret;

/// The payment server. See [`Server::start`].
#[derive(Debug)]
#[non_exhaustive]
pub struct Server;

/// A running server. Dropping it does not stop the server; [`shutdown`](Self::shutdown) does.
#[derive(Debug)]
pub struct Running {
    local_addr: SocketAddr,
    api: Api,
    shutdown: Shutdown,
    drain: Duration,
    tasks: Tasks,
    loops: Vec<JoinHandle<()>>,
}

impl Server {
    /// Opens the ledger, resumes the background work, and listens. The server runs in tasks of its own on the current
    /// tokio runtime.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be opened, an address cannot be bound, or a client cannot be built.
    pub async fn start(mut settings: Settings) -> Result<Running, StartError> {
        for warning in settings.warnings() {
            tracing::warn!("{warning}");
        }
        let (listen, metrics_listen) = (settings.values.listen, settings.values.metrics_listen);
        let (rate, drain) = (settings.rate(), settings.values.shutdown_timeout);
        let listener = serve::bind(listen).map_err(|cause| StartError::listen(listen, cause))?;
        let local_addr = listener.local_addr().map_err(|cause| StartError::listen(listen, cause))?;
        let metrics_listener = metrics_listen
            .map(|address| serve::bind(address).map_err(|cause| StartError::listen(address, cause)))
            .transpose()?;
        let bootstrap = settings.values.bootstrap_api_key.take();
        let built = Built::open(settings, local_addr, true).await?;
        let app = built.app.clone();
        app.upstream().check_token_stores().await;
        let health = health(&built);
        let api = Api::new(app.clone(), built.endpoints.clone(), health, rate, metrics_listener.is_none());
        if let Some(token) = bootstrap {
            api.bootstrap(&token).await?;
        }
        let tasks = tasks::start(&app);
        let mut loops = vec![tokio::spawn(webhooks::deliver::run(built.delivery()))];
        let observer = observer(app.metrics().clone());
        let options = Options::default().within(serve::open_file_limit());
        let service = api.clone();
        let service = move |request| {
            let api = service.clone();
            async move { Box::pin(api.handle(request)).await }
        };
        let shutdown = app.shutdown().clone();
        loops.push(serve::serve(
            listener,
            service,
            options,
            observer.clone(),
            shutdown.clone(),
            Arc::clone(app.ambient()),
        ));
        if let Some(listener) = metrics_listener {
            let metrics = app.metrics().clone();
            let service = move |request: serve::Request| {
                let is_metrics = request.uri().path() == "/metrics";
                let response = if is_metrics { metrics.response() } else { not_found() };
                std::future::ready(response)
            };
            let (options, ambient) = (Options::monitoring(), Arc::clone(app.ambient()));
            loops.push(serve::serve(listener, service, options, observer, shutdown.clone(), ambient));
        }
        tracing::info!(%local_addr, "listening");
        Ok(Running { local_addr, api, shutdown, drain, tasks, loops })
    }
}

impl Running {
    /// Returns the address it listens on, with the actual port if port 0 was configured.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Returns the URL of the interface, as seen from this machine.
    pub fn url(&self) -> String {
        format!("http://{}", self.local_addr)
    }

    /// Creates an API key with all scopes for all merchants, and returns its token.
    ///
    /// # Errors
    ///
    /// If the ledger is away.
    pub async fn create_api_key(&self, name: &str) -> Result<Secret<String>, StartError> {
        self.api.create_operator_key(name).await
    }

    /// Replaces the merchants of the settings. Other settings take effect at the next start.
    ///
    /// # Errors
    ///
    /// If two merchants have one name or one number. Nothing is changed then.
    pub fn reload(&self, settings: Settings) -> Result<(), StartError> {
        self.api
            .app()
            .merchants()
            .reload_settings(settings.merchants)
            .map_err(|faults| StartError::merchants(&faults))
    }

    /// Shuts the server down: accepts no new connections, waits for requests and calls in progress, then closes the
    /// ledger. Returns `false` if some were still active at the end of `shutdown_timeout`.
    pub async fn shutdown(self) -> bool {
        self.shutdown.begin_shutdown();
        let drained = self.shutdown.finish_within(self.drain).await;
        self.tasks.finish().await;
        for task in self.loops {
            // An error means that the loop panicked; it has ended all the same.
            drop(task.await);
        }
        if !drained {
            tracing::warn!("the shutdown timed out with requests or calls in progress");
        }
        self.api.app().ledger().close().await;
        drained
    }
}

fn health(built: &Built) -> Health {
    let (ledger, upstream) = (built.app.ledger().clone(), built.app.upstream().clone());
    Health::new(vec![
        Check::new("ledger", move || {
            let ledger = ledger.clone();
            async move {
                ledger.probe().await.map_err(|error| {
                    tracing::error!(%error, "the ledger is not ready");
                    error.to_string()
                })
            }
        }),
        Check::clock(move || upstream.clock_skew()),
        Check::not_shutting_down(built.app.shutdown().clone()),
    ])
}

fn observer(metrics: Metrics) -> Observer {
    Observer::new(move |exchange| metrics.request(exchange))
}

fn not_found() -> serve::Response {
    let mut response = serve::Response::new(serve::Body::empty());
    *response.status_mut() = hyper::StatusCode::NOT_FOUND;
    response
}

/// Returns the time and randomness of the operating system.
pub(crate) fn system() -> Arc<dyn crate::ambient::Ambient> {
    Arc::new(System)
}
