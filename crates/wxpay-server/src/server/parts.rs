//! Building the parts of a server from its settings.

use super::{StartError, system};
use crate::{
    app::{self, App},
    engine::Ledger,
    ledger::{retention::Retention, schedule::Schedule},
    merchants::{
        Registry, Vault,
        seal::{Place, SealingKeys},
    },
    observe::metrics::Metrics,
    serve::Shutdown,
    settings::{Database, Settings},
    upstream::{
        Upstream,
        tokens::{LedgerStore, SharedTokens, Store, TokenParts, redis::RedisStore},
    },
    webhooks::{
        deliver,
        endpoints::Endpoints,
        secrets::{SealingError, SecretBox},
        send::{
            WebhookTransport,
            http_client::{HttpTransport, TransportSettings},
        },
        target::{Policy, guard::SystemResolver},
    },
};
use std::{net::SocketAddr, sync::Arc};
use wxpay_hyper::Transport;
use wxpay_proto::{entropy::Entropy, secret::Secret};

/// The concurrent calls of one merchant.
const MAX_CALLS: usize = 256;
/// The table of webhook endpoints, which their secrets are sealed for.
pub(crate) const ENDPOINTS: &str = "endpoints";

/// The parts of a server that do not listen.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) app: App,
    pub(crate) endpoints: Endpoints,
}

impl Built {
    /// Opens the ledger and builds the parts. `is_server`: this process serves; only one may, on SQLite.
    pub(crate) async fn open(
        settings: Settings,
        local_addr: SocketAddr,
        is_server: bool,
    ) -> Result<Self, StartError> {
        let ledger = open_ledger(&settings, is_server).await?;
        let ambient = system();
        if is_server && let Err(error) = ledger.prepare_months(ambient.now()).await {
            tracing::warn!(reason = %error, "the partitions of this and the next month cannot be made; they will be later");
        }
        let metrics = Metrics::new();
        let client = settings.client().build().map_err(StartError::client)?;
        let max_polls = usize::try_from(settings.values.poll_concurrency_max).unwrap_or(usize::MAX);
        let sealing = settings.sealing_keys();
        let process = process(&settings.values.database, ambient.entropy());
        let (network, max_calls): (Arc<dyn Transport>, _) = (Arc::new(client), MAX_CALLS.max(max_polls));
        let upstream = if sealing.current_id().is_some() {
            let tokens = SharedTokens::new(TokenParts {
                network,
                stores: token_stores(&settings, &ledger, &process)?,
                sealing: sealing.clone(),
                ambient: Arc::clone(&ambient),
                metrics: metrics.clone(),
            });
            Upstream::with_shared_tokens(tokens, Arc::clone(&ambient), metrics.clone(), max_calls)
        } else {
            Upstream::new(network, Arc::clone(&ambient), metrics.clone(), max_calls)
        };
        let upstream = upstream.map_err(StartError::client)?;
        let vault = Vault::new(sealing.clone(), settings.upstream.clone());
        let policy = Policy {
            allow_http: settings.values.webhook_insecure,
            allowed_networks: settings.values.webhook_allow.clone(),
        };
        let extra_ca = settings.ca.as_deref().and_then(|pem| std::str::from_utf8(pem).ok());
        let transport = HttpTransport::new(TransportSettings {
            extra_ca,
            ..TransportSettings::new(policy.clone(), Arc::new(SystemResolver))
        })
        .map_err(StartError::client)?;
        let app_settings = app_settings(&settings, process, local_addr, max_polls);
        let registry = Registry::new(settings.merchants).map_err(|faults| StartError::merchants(&faults))?;
        let app = App::new(app::Parts {
            ledger: ledger.clone(),
            merchants: Arc::new(registry),
            vault,
            upstream,
            ambient: Arc::clone(&ambient),
            metrics,
            shutdown: Shutdown::new(),
            settings: app_settings,
        });
        app.reload_merchants().await?;
        let transport: Arc<dyn WebhookTransport> = Arc::new(transport);
        let secrets: Arc<dyn SecretBox> = Arc::new(sealing);
        Ok(Self { app, endpoints: Endpoints { ledger, ambient, transport, secrets, policy } })
    }

    /// Returns the parts of the delivery of webhooks.
    pub(crate) fn delivery(&self) -> deliver::Parts {
        let Endpoints { ledger, ambient, transport, secrets, policy } = self.endpoints.clone();
        deliver::Parts {
            ledger,
            ambient,
            transport,
            secrets,
            policy,
            metrics: self.app.metrics().clone(),
            shutdown: self.app.shutdown().clone(),
            numbered: self.app.numbered_events(),
            leases: self.app.leases().clone(),
        }
    }
}

/// Opens the ledger, and brings its schema up to date. `is_server`: this process serves.
pub(crate) async fn open_ledger(settings: &Settings, is_server: bool) -> Result<Ledger, StartError> {
    let database = &settings.values.database;
    let opened = match database {
        Database::Sqlite(path) if is_server => Ledger::open(path),
        Database::Sqlite(path) => Ledger::open_beside(path),
        Database::Postgres(url) => Ledger::connect(&settings.postgres(url)).await,
    };
    opened.map_err(|cause| StartError::ledger(database, cause))
}

/// Returns the stores in which processes share access tokens, Redis first.
fn token_stores(settings: &Settings, ledger: &Ledger, process: &str) -> Result<Vec<Store>, StartError> {
    let redis = settings.redis().map(RedisStore::new).transpose().map_err(StartError::client)?;
    let redis = redis.map(|redis| Store::Redis(Box::new(redis)));
    let ledger = Store::Ledger(LedgerStore::new(ledger.clone(), process.to_owned()));
    Ok(redis.into_iter().chain([ledger]).collect())
}

/// Returns the name of this process as the owner of leases.
fn process(database: &Database, entropy: Entropy) -> String {
    match database {
        // The lock of the file admits one server at a time: after a crash, the next one need not wait for the leases.
        Database::Sqlite(_) => "sqlite".to_owned(),
        Database::Postgres(_) => hex::encode(entropy.into_bytes().first_chunk::<8>().unwrap_or(&[0; 8])),
    }
}

fn app_settings(
    settings: &Settings,
    process: String,
    local_addr: SocketAddr,
    max_polls: usize,
) -> app::Settings {
    let values = &settings.values;
    // Without a public URL, the gateway is on this machine: the settings require it otherwise.
    let local = || format!("http://{local_addr}");
    app::Settings {
        public_base_url: values.public_base_url.clone().unwrap_or_else(local),
        schedule: Schedule {
            intervals: values.poll_intervals.clone().into(),
            lifetime: values.order_lifetime,
            ..Schedule::default()
        },
        policy: settings.upstream.policy,
        retention: Retention {
            events: values.retain_events,
            messages: values.retain_records,
            attempts: values.retain_attempts,
        },
        process,
        max_polls,
    }
}

/// The secrets of webhook endpoints are sealed with the sealing keys.
impl SecretBox for SealingKeys {
    fn seal(&self, endpoint: &str, plain: &[u8], nonce: [u8; 12]) -> Result<String, SealingError> {
        let place = Place { table: ENDPOINTS, row: endpoint };
        Self::seal(self, place, plain, nonce).map_err(|error| SealingError(error.to_string()))
    }

    fn open(&self, endpoint: &str, sealed: &str) -> Result<Secret<Vec<u8>>, SealingError> {
        let place = Place { table: ENDPOINTS, row: endpoint };
        Self::open(self, place, sealed).map_err(|error| SealingError(error.to_string()))
    }
}
