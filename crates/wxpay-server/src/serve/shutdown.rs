//! Graceful shutdown: accept nothing new, finish active requests, cut the remaining connections.

use crate::watched::Watched;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, timeout, timeout_at},
};

/// Time for active requests to end after the signal.
#[cfg(test)]
const DRAIN_TIMEOUT: Duration = Duration::from_secs(8);
/// Time for connections to write their last response after the active requests have ended.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Time for connections that were cut to be dropped.
const CUT_TIMEOUT: Duration = Duration::from_millis(500);
/// Time without an active request after which a connection is cut during the shutdown: its client does not read.
const QUIET_TIMEOUT: Duration = Duration::from_secs(2);

/// The progress of a shutdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Running,
    /// Nothing new is accepted; active requests end.
    Draining,
    /// Connections are dropped.
    Cut,
}

/// The shutdown signal, and the counts of active requests and connections. Clones are handles to the same.
#[derive(Clone, Debug)]
pub(crate) struct Shutdown {
    phase: Arc<Watched<Phase>>,
    requests: Active,
    connections: Active,
}

/// A count of guards; the receivers of the channel are the count.
#[derive(Clone, Debug)]
pub(crate) struct Active(watch::Sender<()>);

/// A guard for one active request; shutdown waits until it is dropped.
#[derive(Debug)]
pub(crate) struct ActiveRequest(#[expect(dead_code, reason = "held for its count")] watch::Receiver<()>);

impl Active {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(()))
    }

    /// Returns a guard that is counted until it is dropped.
    pub(crate) fn begin(&self) -> ActiveRequest {
        ActiveRequest(self.0.subscribe())
    }

    /// Waits until no guard is left.
    pub(crate) async fn ended(&self) {
        self.0.closed().await;
    }

    /// Waits until there was no guard at the beginning and at the end of [`QUIET_TIMEOUT`].
    pub(super) async fn quiet(&self) {
        loop {
            self.ended().await;
            tokio::time::sleep(QUIET_TIMEOUT).await;
            if self.0.is_closed() {
                return;
            }
        }
    }
}

impl Shutdown {
    pub(crate) fn new() -> Self {
        Self {
            phase: Arc::new(Watched::new(Phase::Running)),
            requests: Active::new(),
            connections: Active::new(),
        }
    }

    /// Returns a guard that delays the shutdown until it is dropped.
    pub(crate) fn begin(&self) -> ActiveRequest {
        self.requests.begin()
    }

    /// Returns a guard of an open connection.
    pub(super) fn begin_connection(&self) -> ActiveRequest {
        self.connections.begin()
    }

    /// Sends the shutdown signal.
    pub(crate) fn begin_shutdown(&self) {
        self.enter(Phase::Draining);
    }

    /// Returns whether the shutdown signal was sent.
    pub(crate) fn has_started(&self) -> bool {
        self.phase.read(|phase| *phase >= Phase::Draining)
    }

    /// Waits for the shutdown signal.
    pub(crate) async fn started(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Waits until the connections must be dropped.
    pub(super) async fn cut(&self) {
        self.reached(Phase::Cut).await;
    }

    /// Waits until no request is active, at most for `timeout`. Returns `false` on timeout.
    #[cfg(test)]
    pub(crate) async fn drained(&self, timeout: Duration) -> bool {
        tokio::time::timeout(timeout, self.requests.ended()).await.is_ok()
    }

    /// Sends the signal and waits until all connections are closed, at most 10 seconds: active requests have 8 seconds
    /// to end; then a client that does not read its response is cut. Returns whether all active requests ended.
    #[cfg(test)]
    pub(crate) async fn finish(&self) -> bool {
        self.finish_within(DRAIN_TIMEOUT).await
    }

    /// Shuts down with another time for the active requests.
    pub(crate) async fn finish_within(&self, drain: Duration) -> bool {
        self.begin_shutdown();
        let deadline = Instant::now().checked_add(drain).unwrap_or_else(Instant::now);
        let ended = timeout_at(deadline, self.requests.ended()).await.is_ok();
        // Clients that read slowly may use what remains of the time; the others are cut as soon as they are quiet.
        let close_by = deadline.checked_add(CLOSE_TIMEOUT).unwrap_or(deadline);
        let closed = timeout_at(close_by, self.connections.ended()).await.is_ok();
        self.enter(Phase::Cut);
        if !closed {
            // A handler that never yields keeps its task; the process ends all the same.
            drop(timeout(CUT_TIMEOUT, self.connections.ended()).await);
        }
        if !ended {
            tracing::warn!("shutdown timed out with active requests");
        }
        ended
    }

    fn enter(&self, phase: Phase) {
        self.phase.update(|current| *current = phase.max(*current));
    }

    async fn reached(&self, phase: Phase) {
        self.phase.find(|current| (*current >= phase).then_some(())).await;
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
        assert!(!shutdown.has_started());
        shutdown.begin_shutdown();
        assert!(shutdown.has_started());
        assert!(shutdown.drained(Duration::from_secs(1)).await);
        worker.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn finish_ends_within_ten_seconds_and_tells_whether_requests_ended() {
        let shutdown = Shutdown::new();
        let (request, connection) = (shutdown.begin(), shutdown.begin_connection());
        let started = Instant::now();
        assert!(!shutdown.finish().await);
        assert!(started.elapsed() <= Duration::from_secs(10), "{:?}", started.elapsed());
        shutdown.cut().await;
        drop(request);
        let again = Instant::now();
        assert!(shutdown.finish().await, "the connection alone is no active request");
        assert!(again.elapsed() <= Duration::from_secs(10), "{:?}", again.elapsed());
        drop(connection);
        assert!(shutdown.finish().await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_signal_does_not_take_back_the_cut() {
        let shutdown = Shutdown::new();
        assert!(shutdown.finish().await);
        shutdown.begin_shutdown();
        timeout(Duration::from_secs(1), shutdown.cut()).await.unwrap();
    }
}
