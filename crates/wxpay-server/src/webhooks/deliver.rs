//! Delivers events to the endpoints: in order per subject, in parallel across subjects, at least once.
//!
//! Each enabled endpoint has a [worker] that reads the event log after the endpoint's cursor. An event that fails
//! is deferred in the ledger, and later events of its subject are deferred behind it. The cursor passes an event only
//! after its delivery or deferral is recorded, so a crash repeats events, with the same id, and loses none.
//!
//! Every process runs this, and only the holder of the event log's lease delivers. While the lease changes hands, an event
//! may arrive twice.

mod event;
#[cfg(test)]
mod tests;
mod worker;

use super::{secrets::SecretBox, send::WebhookTransport, target::Policy};
use crate::{
    ambient::Ambient,
    engine::{Ledger, LedgerError},
    ledger::{
        Prefix, Scan,
        rows::webhook::{DeferredRow, EndpointRow, EndpointStatus},
    },
    observe::metrics::Metrics,
    serve::Shutdown,
    tasks::Leases,
};
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::{Semaphore, watch},
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep, timeout},
};

/// The interval at which endpoints, and without a wake-up their events, are read.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// The largest number of tries in progress, of all endpoints.
const MAX_TRIES: usize = 256;

/// The time for tries in progress to end after the shutdown signal.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// The interval at which deferred events are counted for the metrics.
const COUNT_INTERVAL: Duration = Duration::from_mins(1);

/// The deferred events of one endpoint that are counted at most.
const MAX_COUNTED: usize = 10_000;

/// The parts that a delivery needs.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) ledger: Ledger,
    pub(crate) ambient: Arc<dyn Ambient>,
    pub(crate) transport: Arc<dyn WebhookTransport>,
    pub(crate) secrets: Arc<dyn SecretBox>,
    /// The rules for the endpoints' URLs.
    pub(crate) policy: Policy,
    pub(crate) metrics: Metrics,
    pub(crate) shutdown: Shutdown,
    /// Changes whenever events were numbered.
    pub(crate) numbered: watch::Receiver<u64>,
    /// The leases of this process. Only the holder of the event log delivers.
    pub(crate) leases: Leases,
}

/// The parts, and the state that all workers share.
#[derive(Debug)]
struct Shared {
    parts: Parts,
    tries: Semaphore,
}

/// A running worker.
#[derive(Debug)]
struct Running {
    endpoint: watch::Sender<Arc<EndpointRow>>,
    task: AbortHandle,
}

/// Delivers events while this process holds the event log, until the shutdown. Tries in progress have 5 s to end then.
pub(crate) async fn run(parts: Parts) {
    // The shutdown waits for it.
    let active = parts.shutdown.begin();
    let shared = Arc::new(Shared { parts, tries: Semaphore::new(MAX_TRIES) });
    let mut workers = JoinSet::new();
    let mut running = BTreeMap::new();
    let mut count_at = Instant::now();
    while !shared.parts.shutdown.has_started() {
        if !shared.parts.leases.has_event_log() {
            // Another process delivers. Tries in progress end: an event may arrive twice, but not never.
            running.clear();
        } else if let Err(error) = update(&shared, &mut workers, &mut running).await {
            tracing::warn!(%error, "webhook endpoints cannot be read; trying again");
        }
        if Instant::now() >= count_at {
            count_deferred(&shared, &running).await;
            count_at = Instant::now().checked_add(COUNT_INTERVAL).unwrap_or(count_at);
        }
        tokio::select! {
            biased;
            () = shared.parts.shutdown.started() => {}
            () = shared.parts.leases.taken() => {}
            () = sleep(POLL_INTERVAL) => {}
        }
    }
    drop(running);
    let ended = timeout(DRAIN_TIMEOUT, async { while workers.join_next().await.is_some() {} }).await;
    if ended.is_err() {
        tracing::info!("shutdown interrupts deliveries of webhooks; they are repeated after the start");
    }
    drop(active);
}

/// Starts workers of new endpoints, and passes changes to those that run.
async fn update(
    shared: &Arc<Shared>,
    workers: &mut JoinSet<()>,
    running: &mut BTreeMap<String, Running>,
) -> Result<(), LedgerError> {
    let endpoints = shared.parts.ledger.load(Prefix::<EndpointRow>::all()).await?;
    while let Some(ended) = workers.try_join_next() {
        if let Err(error) = ended
            && error.is_panic()
        {
            tracing::error!("a delivery of webhooks stopped unexpectedly; it is started again");
        }
    }
    running.retain(|_, worker| !worker.task.is_finished());
    // A worker whose sender is dropped ends.
    running.retain(|id, _| endpoints.iter().any(|row| row.endpoint == *id));
    for row in endpoints {
        if let Some(worker) = running.get(&row.endpoint) {
            worker.endpoint.send_if_modified(|known| {
                let is_newer = known.version < row.version;
                if is_newer {
                    *known = Arc::new(row);
                }
                is_newer
            });
        } else if row.status == EndpointStatus::Enabled {
            let id = row.endpoint.clone();
            let (endpoint, receiver) = watch::channel(Arc::new(row));
            let task = workers.spawn(worker::run(Arc::clone(shared), receiver));
            running.insert(id, Running { endpoint, task });
        }
    }
    Ok(())
}

async fn count_deferred(shared: &Shared, running: &BTreeMap<String, Running>) {
    let mut count = 0_usize;
    for id in running.keys() {
        match count_deferred_of(&shared.parts.ledger, id, MAX_COUNTED).await {
            Ok(waiting) => count = count.saturating_add(waiting),
            Err(_) => return,
        }
    }
    shared.parts.metrics.set_deferred(count);
}

/// Returns the number of events that wait for an endpoint, at most `max`.
pub(super) async fn count_deferred_of(
    ledger: &Ledger,
    endpoint: &str,
    max: usize,
) -> Result<usize, LedgerError> {
    let scan = Scan::<DeferredRow>::of("deferred_due", max).equal(&endpoint.to_owned()).equal(&false);
    Ok(ledger.scan(scan).await?.len())
}
