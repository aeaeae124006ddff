//! Leases: taken, renewed, and given back at the end.

use crate::{
    app::App,
    ledger::{
        Shard,
        lease::{LeaseClaim, ReleaseLeases, RenewLeases, TakeLease, TakenLease},
    },
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

/// The duration of a lease.
const DURATION: Duration = Duration::from_secs(10);
/// The pause between renewals.
const RENEWAL: Duration = Duration::from_secs(3);
/// The time before the end of a lease at which its holder stops: clocks and networks are not exact.
const MARGIN: Duration = Duration::from_secs(2);

/// The name of the lease of the event log.
pub(super) const EVENT_LOG: &str = "event_log:0";

/// The leases of this process. Clones are handles to the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Leases(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    held: Mutex<BTreeMap<String, Held>>,
    taken: Notify,
}

#[derive(Clone, Debug)]
struct Held {
    claim: LeaseClaim,
    /// The end, by the monotonic clock.
    until: Instant,
}

/// Returns the name of a shard's lease.
pub(super) fn name_of(shard: Shard) -> String {
    format!("shard:{}", shard.number())
}

impl Leases {
    /// Returns the claim to a lease that this process holds.
    pub(super) fn claim(&self, name: &str) -> Option<LeaseClaim> {
        let held = self.held().get(name)?.clone();
        (Instant::now() < held.until).then_some(held.claim)
    }

    /// Returns the shards that this process holds.
    pub(super) fn shards(&self) -> Vec<Shard> {
        let (held, now) = (self.held(), Instant::now());
        let is_held = |shard: &Shard| held.get(&name_of(*shard)).is_some_and(|held| now < held.until);
        Shard::all().filter(is_held).collect()
    }

    /// Returns whether this process holds the event log: it numbers events, and delivers them.
    pub(crate) fn has_event_log(&self) -> bool {
        self.claim(EVENT_LOG).is_some()
    }

    /// Returns leases that hold the event log for as long as a test lasts.
    #[cfg(test)]
    pub(crate) fn of_event_log() -> Self {
        let claim = LeaseClaim { name: EVENT_LOG.into(), owner: "test".into(), version: 1 };
        let now = Instant::now();
        let until = now.checked_add(Duration::from_hours(24 * 365)).unwrap_or(now);
        let leases = Self::default();
        leases.held().insert(EVENT_LOG.into(), Held { claim, until });
        leases
    }

    /// Waits until leases were taken.
    pub(crate) async fn taken(&self) {
        self.0.taken.notified().await;
    }

    /// Takes and renews leases until the shutdown.
    pub(super) async fn run(self, app: App) {
        loop {
            self.renew(&app).await;
            self.take(&app).await;
            tokio::select! {
                biased;
                () = app.shutdown().started() => return,
                () = sleep(RENEWAL) => {}
            }
        }
    }

    /// Gives all leases back, so that another process takes them at once.
    pub(super) async fn release(&self, app: &App) {
        let claims: Vec<_> = std::mem::take(&mut *self.held()).into_values().map(|held| held.claim).collect();
        // If it fails, they end by themselves.
        drop(app.ledger().run(ReleaseLeases { claims }, app.context()).await);
    }

    async fn renew(&self, app: &App) {
        let claims: Vec<_> = self.held().values().map(|held| held.claim.clone()).collect();
        if claims.is_empty() {
            return;
        }
        let until = end();
        let renew = RenewLeases { claims, duration: DURATION };
        match app.ledger().run(renew, app.context()).await {
            Ok(renewed) => {
                let mut held = self.held();
                held.retain(|name, _| renewed.iter().any(|lease| lease.name == *name));
                held.values_mut().for_each(|held| held.until = until);
            }
            // They end by themselves unless a later renewal succeeds.
            Err(error) => log_failure(app, &error),
        }
    }

    async fn take(&self, app: &App) {
        let names = Shard::all().map(name_of).chain([EVENT_LOG.into()]);
        let missing: Vec<String> = names.filter(|name| !self.held().contains_key(name)).collect();
        let mut any = false;
        for name in missing {
            let until = end();
            let take = TakeLease { name, owner: app.settings().process.clone(), duration: DURATION };
            match app.ledger().run(take, app.context()).await {
                Ok(TakenLease::Taken(lease)) => {
                    let claim = LeaseClaim::to(&lease);
                    self.held().insert(lease.name, Held { claim, until });
                    any = true;
                }
                Ok(TakenLease::Held(_)) => {}
                Err(error) => {
                    log_failure(app, &error);
                    break;
                }
            }
        }
        if any {
            // Both the runner and the numbering wait.
            self.0.taken.notify_waiters();
            app.wake_tasks();
        }
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Held>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the end of a lease that is written now, for its holder.
fn end() -> Instant {
    let now = Instant::now();
    now.checked_add(DURATION.saturating_sub(MARGIN)).unwrap_or(now)
}

fn log_failure(app: &App, error: &crate::engine::LedgerError) {
    if app.log().permits("lease") {
        tracing::warn!(reason = %error, "leases cannot be renewed; background work stops until they can");
    }
}
