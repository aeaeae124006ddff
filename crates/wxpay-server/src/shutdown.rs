//! Graceful shutdown: accept nothing new, finish active requests, close the ledger.

use std::time::Duration;
use tokio::sync::watch;

/// The shutdown signal, and the count of active requests, each of which holds an [`ActiveRequest`].
///
/// The value of `signal` turns `true` at shutdown; the receivers of `active` are the count.
#[derive(Clone, Debug)]
pub(crate) struct Shutdown {
    signal: watch::Sender<bool>,
    active: watch::Sender<()>,
}

/// A guard for one active request; shutdown waits until it is dropped.
#[derive(Debug)]
pub(crate) struct ActiveRequest(#[expect(dead_code, reason = "held for its count")] watch::Receiver<()>);

impl Shutdown {
    pub(crate) fn new() -> Self {
        Self { signal: watch::Sender::new(false), active: watch::Sender::new(()) }
    }

    /// Returns a guard that delays the shutdown until it is dropped.
    pub(crate) fn begin(&self) -> ActiveRequest {
        ActiveRequest(self.active.subscribe())
    }

    /// Sends the shutdown signal.
    pub(crate) fn begin_shutdown(&self) {
        self.signal.send_replace(true);
    }

    /// Waits for the shutdown signal.
    pub(crate) async fn started(&self) {
        // The sender is `self`, so the channel cannot be closed.
        drop(self.signal.subscribe().wait_for(|started| *started).await);
    }

    /// Waits until no request is active, at most for `timeout`. Returns `false` on timeout.
    pub(crate) async fn drained(&self, timeout: Duration) -> bool {
        tokio::time::timeout(timeout, self.active.closed()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn shutdown_waits_for_active_requests_up_to_its_timeout() {
        let shutdown = Shutdown::new();
        assert!(shutdown.drained(Duration::from_secs(1)).await);
        let active = shutdown.begin();
        assert!(!shutdown.drained(Duration::from_secs(1)).await);
        let signalled = shutdown.clone();
        let worker = tokio::spawn(async move {
            signalled.started().await;
            drop(active);
        });
        shutdown.begin_shutdown();
        assert!(shutdown.drained(Duration::from_secs(1)).await);
        worker.await.unwrap();
    }
}
