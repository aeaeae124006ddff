//! Leases: spread over the live processes, renewed, handed over, and given back at the end.
//!
//! Each process has a row that says until when it lives, renewed together with its leases. It takes the free leases that
//! [belong](spread) to it, and gives back those that belong to another live process, which takes them at its next look.
//! The leases of a process that was killed end with its life, and are taken at the next look of the others.

mod spread;

use crate::{
    app::App,
    engine::{self, LedgerError},
    ledger::{
        Prefix, Shard,
        lease::{LeaseClaim, ReleaseLeases, RenewLeases, TakeLeases},
        rows::task::{LeaseRow, ProcessRow},
    },
};
use std::{
    collections::BTreeMap,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// The duration of a lease, and of the life of a process.
const DURATION: Duration = Duration::from_secs(10);
/// The pause between renewals.
const RENEWAL: Duration = Duration::from_secs(3);
/// The pause between looks at the leases of other processes. A process that holds all looks when it renews.
const LOOK: Duration = Duration::from_secs(1);
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
    /// The number of live processes, at the last look. 0 before the first.
    live: AtomicU32,
}

#[derive(Clone, Debug)]
struct Held {
    claim: LeaseClaim,
    /// The end, by the monotonic clock.
    until: Instant,
}

/// The rows of all processes and leases.
struct Rows {
    processes: Vec<ProcessRow>,
    leases: Vec<LeaseRow>,
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

    /// Returns the number of live processes, this one included, as of the last look.
    pub(crate) fn live_processes(&self) -> NonZeroU32 {
        NonZeroU32::new(self.0.live.load(Ordering::Relaxed)).unwrap_or(NonZeroU32::MIN)
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

    /// Takes, renews and hands over leases until the shutdown. Then it gives back those of the shards: nothing works on
    /// them any longer.
    pub(super) async fn run(self, app: App) {
        let (mut renew_at, mut forgotten) = (Instant::now(), Vec::new());
        loop {
            if renew_at <= Instant::now() {
                renew_at = after(RENEWAL);
                self.renew(&app, std::mem::take(&mut forgotten)).await;
            }
            let holds_all = match self.look(&app).await {
                Ok(rows) => {
                    let now = app.now();
                    let long_ago = rows.processes.into_iter().filter(|row| row.is_forgotten(now));
                    forgotten = long_ago.map(|row| row.process).collect();
                    self.held().len() == names().count()
                }
                Err(error) => {
                    log_failure(&app, &error);
                    false
                }
            };
            let wake_at = if holds_all { renew_at } else { renew_at.min(after(LOOK)) };
            tokio::select! {
                biased;
                () = app.shutdown().started() => break,
                () = sleep_until(wake_at) => {}
            }
        }
        let shards: Vec<String> = Shard::all().map(name_of).collect();
        let ending = Some(app.settings().process.clone());
        self.give_back(&app, &shards, ending).await;
    }

    /// Gives all leases back, so that other processes take them at once.
    pub(super) async fn release(&self, app: &App) {
        let all: Vec<String> = self.held().keys().cloned().collect();
        self.give_back(app, &all, None).await;
    }

    async fn renew(&self, app: &App, forgotten: Vec<String>) {
        let until = end();
        let renew = RenewLeases {
            process: app.settings().process.clone(),
            schema_version: engine::newest(),
            claims: self.held().values().map(|held| held.claim.clone()).collect(),
            duration: DURATION,
            forgotten,
        };
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

    /// Takes the leases that belong to this process and are free, and gives back those that belong to another.
    async fn look(&self, app: &App) -> Result<Rows, LedgerError> {
        let loads = vec![Prefix::<ProcessRow>::all().load(), Prefix::<LeaseRow>::all().load()];
        let rows = app.ledger().read(loads).await?;
        let rows = Rows { processes: rows.all()?, leases: rows.all()? };
        let (me, now) = (app.settings().process.as_str(), app.now());
        let live: Vec<&str> =
            rows.processes.iter().filter(|row| row.is_alive(now)).map(|row| row.process.as_str()).collect();
        // Others would take the leases of a process that they do not know.
        if !live.contains(&me) {
            return Ok(rows);
        }
        let count = u32::try_from(live.len()).unwrap_or(u32::MAX);
        self.0.live.store(count, Ordering::Relaxed);
        app.upstream().share_quotas(self.live_processes());
        let (own, foreign): (Vec<String>, Vec<String>) =
            names().partition(|name| spread::holder(name, &live) == Some(me));
        self.give_back(app, &foreign, None).await;
        let is_free = |name: &String| {
            let known = rows.leases.iter().find(|row| row.name == *name);
            known.is_none_or(|row| row.is_free_for(me, now))
        };
        let free = own.into_iter().filter(|name| !self.held().contains_key(name) && is_free(name)).collect();
        self.take(app, free).await?;
        Ok(rows)
    }

    async fn take(&self, app: &App, names: Vec<String>) -> Result<(), LedgerError> {
        if names.is_empty() {
            return Ok(());
        }
        let until = end();
        let take = TakeLeases { names, owner: app.settings().process.clone(), duration: DURATION };
        let taken = app.ledger().run(take, app.context()).await?;
        if !taken.is_empty() {
            let claimed =
                |lease: &LeaseRow| (lease.name.clone(), Held { claim: LeaseClaim::to(lease), until });
            self.held().extend(taken.iter().map(claimed));
            // Both the runner and the numbering wait.
            self.0.taken.notify_waiters();
            app.wake_tasks();
        }
        Ok(())
    }

    /// Gives back those of the leases that this process holds. It stops working under them before others may take them.
    async fn give_back(&self, app: &App, names: &[String], ending: Option<String>) {
        let claims: Vec<LeaseClaim> = {
            let mut held = self.held();
            names.iter().filter_map(|name| held.remove(name)).map(|held| held.claim).collect()
        };
        if claims.is_empty() && ending.is_none() {
            return;
        }
        // If it fails, they end by themselves.
        if let Err(error) = app.ledger().run(ReleaseLeases { claims, ending }, app.context()).await {
            log_failure(app, &error);
        }
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<String, Held>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the names of all leases.
fn names() -> impl Iterator<Item = String> {
    Shard::all().map(name_of).chain([EVENT_LOG.into()])
}

/// Returns the end of a lease that is written now, for its holder.
fn end() -> Instant {
    after(DURATION.saturating_sub(MARGIN))
}

fn after(duration: Duration) -> Instant {
    let now = Instant::now();
    now.checked_add(duration).unwrap_or(now)
}

fn log_failure(app: &App, error: &LedgerError) {
    if app.log().permits("lease") {
        tracing::warn!(reason = %error, "leases cannot be renewed; background work stops until they can");
    }
}

#[cfg(test)]
mod tests;
