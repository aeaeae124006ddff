//! Graceful shutdown: accept nothing new, finish active requests, close the ledger.

use std::time::Duration;
use tokio::sync::watch;

/// The shutdown signal, and the count of active requests, each of which holds a [`Busy`].
///
/// `ending` carries the signal; the receivers of `busy` are the count.
#[derive(Clone, Debug)]
pub(crate) struct Shutdown {
    ending: watch::Sender<bool>,
    busy: watch::Sender<()>,
}

/// A guard for one active request; shutdown waits until it is dropped.
#[derive(Debug)]
pub(crate) struct ActiveRequest(#[expect(dead_code, reason = "held for its count")] watch::Receiver<()>);

impl Shutdown {
    pub(crate) fn new() -> Self {
        Self { ending: watch::Sender::new(false), busy: watch::Sender::new(()) }
    }

    /// Returns a guard that delays the shutdown until it is dropped.
    pub(crate) fn begin(&self) -> ActiveRequest {
        ActiveRequest(self.busy.subscribe())
    }

    pub(crate) fn begin_shutdown(&self) {
        self.ending.send_replace(true);
    }

    /// Waits for the shutdown signal.
    pub(crate) async fn started(&self) {
        // The sender is `self`, so the channel cannot be closed.
        drop(self.ending.subscribe().wait_for(|ending| *ending).await);
    }

    /// Waits until no request is active, at most for `most`. Returns `false` on timeout.
    pub(crate) async fn drained(&self, most: Duration) -> bool {
        tokio::time::timeout(most, self.busy.closed()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_the_busy_but_not_for_ever() {
        let ending = Shutdown::new();
        assert!(ending.drained(Duration::from_secs(1)).await);
        let busy = ending.begin();
        assert!(!ending.drained(Duration::from_secs(1)).await);
        let news = ending.clone();
        let worker = tokio::spawn(async move {
            news.started().await;
            drop(busy);
        });
        ending.begin_shutdown();
        assert!(ending.drained(Duration::from_secs(1)).await);
        worker.await.unwrap();
    }
}
