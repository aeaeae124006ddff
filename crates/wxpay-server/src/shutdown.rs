//! Graceful shutdown: accept nothing new, finish active requests, close the ledger.

use std::time::Duration;
use tokio::sync::watch;

/// The shutdown signal, and the count of active requests, each of which holds a [`Busy`].
///
/// `ending` carries the signal; the receivers of `busy` are the count.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    ending: watch::Sender<bool>,
    busy: watch::Sender<()>,
}

/// A guard for one active request; shutdown waits until it is dropped.
#[derive(Debug)]
pub(crate) struct Busy(#[expect(dead_code, reason = "held for its count")] watch::Receiver<()>);

impl Ending {
    pub(crate) fn new() -> Self {
        Self { ending: watch::Sender::new(false), busy: watch::Sender::new(()) }
    }

    /// Returns a guard that delays the shutdown until it is dropped.
    pub(crate) fn busy(&self) -> Busy {
        Busy(self.busy.subscribe())
    }

    pub(crate) fn announce(&self) {
        self.ending.send_replace(true);
    }

    /// Waits for the shutdown signal.
    pub(crate) async fn announced(&self) {
        // The sender is `self`, so the channel cannot be closed.
        drop(self.ending.subscribe().wait_for(|ending| *ending).await);
    }

    /// Waits until no request is active, at most for `most`. Returns `false` on timeout.
    pub(crate) async fn settled(&self, most: Duration) -> bool {
        tokio::time::timeout(most, self.busy.closed()).await.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_the_busy_but_not_for_ever() {
        let ending = Ending::new();
        assert!(ending.settled(Duration::from_secs(1)).await);
        let busy = ending.busy();
        assert!(!ending.settled(Duration::from_secs(1)).await);
        let news = ending.clone();
        let worker = tokio::spawn(async move {
            news.announced().await;
            drop(busy);
        });
        ending.announce();
        assert!(ending.settled(Duration::from_secs(1)).await);
        worker.await.unwrap();
    }
}
