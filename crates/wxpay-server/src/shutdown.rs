//! Ending in order: nothing new, what is under way to its end, then the ledger.

use std::time::Duration;
use tokio::sync::watch;

/// Tells everybody that the server is ending, and waits for those who hold a [`Busy`].
///
/// The two channels: `ending` carries the news, `busy` counts by its receivers who still works.
#[derive(Clone, Debug)]
pub(crate) struct Ending {
    ending: watch::Sender<bool>,
    busy: watch::Sender<()>,
}

/// Somebody is doing something that should come to its end.
#[derive(Debug)]
pub(crate) struct Busy(#[expect(dead_code, reason = "held for its count")] watch::Receiver<()>);

impl Ending {
    pub(crate) fn new() -> Self {
        Self { ending: watch::Sender::new(false), busy: watch::Sender::new(()) }
    }

    /// Marks that something is under way, until the mark is dropped.
    pub(crate) fn busy(&self) -> Busy {
        Busy(self.busy.subscribe())
    }

    pub(crate) fn announce(&self) {
        self.ending.send_replace(true);
    }

    /// Comes back when the end is announced.
    pub(crate) async fn announced(&self) {
        // The sender is `self`: it cannot be gone.
        drop(self.ending.subscribe().wait_for(|ending| *ending).await);
    }

    /// Comes back when nobody is busy, or after `most`; tells which.
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
