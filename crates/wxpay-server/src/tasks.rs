//! Background work: the holder of a lease does it, and doing it twice is harmless.
//!
//! ```text
//!  leases ── shard:0 … shard:63 ─▶ runner: due tasks ─▶ query, close, refund again
//!         └─ event_log:0 ────────▶ numbering: outbox ─▶ positions ─▶ webhooks and streams are woken
//!  call log, retention, keys, gauges, summaries of the log
//! ```

mod calls;
mod concurrency;
mod gauges;
mod keys;
mod leases;
mod merchants;
mod numbering;
mod retention;
mod runner;
mod work;

pub(crate) use leases::Leases;
#[cfg(test)]
pub(crate) use retention::delete_all;

use crate::app::App;
use tokio::task::JoinSet;

/// The running background work. Dropping it aborts everything.
#[derive(Debug)]
pub(crate) struct Tasks {
    loops: JoinSet<()>,
    leases: Leases,
    app: App,
}

/// Starts all background work. It ends with the shutdown.
pub(crate) fn start(app: &App) -> Tasks {
    let leases = app.leases().clone();
    let mut loops = JoinSet::new();
    loops.spawn(leases.clone().run(app.clone()));
    loops.spawn(runner::run(app.clone(), leases.clone()));
    loops.spawn(numbering::run(app.clone(), leases.clone()));
    loops.spawn(calls::run(app.clone()));
    loops.spawn(retention::run(app.clone(), leases.clone()));
    loops.spawn(gauges::run(app.clone()));
    loops.spawn(keys::run(app.clone()));
    loops.spawn(merchants::run(app.clone()));
    loops.spawn(app.log().clone().run(app.shutdown().clone()));
    Tasks { loops, leases, app: app.clone() }
}

impl Tasks {
    /// Waits until all loops have ended, which they do after the shutdown signal, and gives the leases back.
    pub(crate) async fn finish(mut self) {
        while let Some(ended) = self.loops.join_next().await {
            if ended.is_err() {
                tracing::error!("a background loop stopped unexpectedly");
            }
        }
        self.leases.release(&self.app).await;
    }
}

#[cfg(test)]
mod tests;
