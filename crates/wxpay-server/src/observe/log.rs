//! Lines of the log that anybody on the network can cause, bounded.

use crate::serve::Shutdown;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// The period of the limit and of the summaries.
const PERIOD: Duration = Duration::from_mins(1);

/// A limit of lines per minute and kind. Lines beyond it are counted, and the count is logged once a minute.
///
/// A kind is a constant, never a text of a request, so their number is bounded. Clones share the limit.
#[derive(Clone, Debug)]
pub(crate) struct RateLimitedLog {
    per_minute: u32,
    windows: Arc<Mutex<BTreeMap<&'static str, Window>>>,
}

/// The lines of one kind since `began`.
#[derive(Debug)]
struct Window {
    began: Instant,
    permitted: u32,
    suppressed: u64,
}

impl RateLimitedLog {
    pub(crate) fn new(per_minute: u32) -> Self {
        Self { per_minute, windows: Arc::default() }
    }

    /// Returns whether a line of this kind may be logged now. If not, it is counted.
    pub(crate) fn permits(&self, kind: &'static str) -> bool {
        let now = Instant::now();
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window =
            windows.entry(kind).or_insert_with(|| Window { began: now, permitted: 0, suppressed: 0 });
        let mut suppressed = 0;
        if now.saturating_duration_since(window.began) >= PERIOD {
            suppressed = window.suppressed;
            *window = Window { began: now, permitted: 0, suppressed: 0 };
        }
        let permitted = window.permitted < self.per_minute;
        if permitted {
            window.permitted = window.permitted.saturating_add(1);
        } else {
            window.suppressed = window.suppressed.saturating_add(1);
        }
        drop(windows);
        summarise(kind, suppressed);
        permitted
    }

    /// Logs the counts of the periods that have ended, once a minute, until shutdown; then those of the last.
    pub(crate) async fn run(self, shutdown: Shutdown) {
        loop {
            let stopping = tokio::select! {
                biased;
                () = shutdown.started() => true,
                () = sleep(PERIOD) => false,
            };
            for (kind, suppressed) in self.take_suppressed() {
                summarise(kind, suppressed);
            }
            if stopping {
                return;
            }
        }
    }

    /// Returns the number of suppressed lines by kind since the last call, without the kinds that had none.
    pub(crate) fn take_suppressed(&self) -> Vec<(&'static str, u64)> {
        let mut windows = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = windows.iter_mut().map(|(kind, window)| (*kind, std::mem::take(&mut window.suppressed)));
        taken.filter(|(_, suppressed)| *suppressed > 0).collect()
    }
}

fn summarise(kind: &'static str, suppressed: u64) {
    if suppressed > 0 {
        tracing::warn!(kind, suppressed, "log lines were suppressed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn lines_beyond_the_limit_are_counted_by_kind_until_the_minute_has_passed() {
        let log = RateLimitedLog::new(3);
        let permitted = (0..100).filter(|_| log.permits("forged")).count();
        assert_eq!(permitted, 3);
        assert!(log.permits("stale"), "kinds are independent");
        assert_eq!(log.take_suppressed(), [("forged", 97)]);
        assert_eq!(log.take_suppressed(), []);
        assert!(!log.permits("forged"));
        sleep(PERIOD).await;
        assert!(log.permits("forged"));
        assert_eq!(log.take_suppressed(), [], "the count was logged when the new minute began");
    }

    #[tokio::test(start_paused = true)]
    async fn the_summary_is_taken_each_minute_and_at_shutdown() {
        let (log, shutdown) = (RateLimitedLog::new(0), Shutdown::new());
        let task = tokio::spawn(log.clone().run(shutdown.clone()));
        assert!(!log.permits("forged"));
        sleep(PERIOD + Duration::from_secs(1)).await;
        assert_eq!(log.take_suppressed(), []);
        assert!(!log.permits("forged"));
        shutdown.begin_shutdown();
        task.await.unwrap();
        assert_eq!(log.take_suppressed(), []);
    }
}
