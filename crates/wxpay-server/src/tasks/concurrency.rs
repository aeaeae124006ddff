//! The number of background calls in progress, which follows the gateway's latency.
//!
//! It grows while tasks wait and the latency stays near its best, and shrinks when the latency rises or the gateway says
//! that there are too many calls.

use std::time::Duration;
use tokio::time::Instant;

/// The smallest number.
const MIN: usize = 4;
/// The number at the start.
const INITIAL: usize = 16;
/// The latency above the best that is no sign of load.
const TOLERANCE: Duration = Duration::from_millis(50);
/// The pause between two reductions: the next is meaningful only once the calls in progress have ended.
const PAUSE: Duration = Duration::from_millis(500);
/// The number of calls after which the best latency is forgotten by a sixteenth: the way to the gateway may change.
const MEMORY: u32 = 256;

/// The outcome of a background call, for the concurrency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    /// The gateway answered after this time.
    Answered(Duration),
    /// The gateway is slow, away or overloaded.
    Congested,
    /// Says nothing about the gateway.
    Neutral,
}

/// The number of background calls in progress.
#[derive(Debug)]
pub(super) struct Concurrency {
    limit: usize,
    max: usize,
    is_starting: bool,
    /// The calls that ended since the limit last grew.
    ended: usize,
    best: Duration,
    average: Duration,
    calls: u32,
    reduced_at: Option<Instant>,
}

impl Concurrency {
    /// Creates the concurrency, with its maximum.
    pub(super) fn new(max: usize) -> Self {
        let max = max.max(1);
        Self {
            limit: INITIAL.min(max),
            max,
            is_starting: true,
            ended: 0,
            best: Duration::MAX,
            average: Duration::ZERO,
            calls: 0,
            reduced_at: None,
        }
    }

    /// Returns the number of calls that may be in progress.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Learns from a call that ended. `is_waiting`: tasks wait for their turn.
    pub(super) fn learn(&mut self, sample: Sample, is_waiting: bool) {
        match sample {
            Sample::Neutral => {}
            Sample::Congested => self.reduce(),
            Sample::Answered(latency) => {
                self.observe(latency);
                let tolerable = self.best.saturating_mul(2).saturating_add(TOLERANCE);
                if self.average > tolerable {
                    self.reduce();
                } else if is_waiting {
                    self.grow();
                }
            }
        }
    }

    fn observe(&mut self, latency: Duration) {
        self.average = if self.calls == 0 { latency } else { moved(self.average, latency) };
        self.calls = self.calls.saturating_add(1);
        if self.calls.checked_rem(MEMORY) == Some(0) {
            self.best = self.best.saturating_add(self.best.checked_div(16).unwrap_or_default());
        }
        self.best = self.best.min(latency);
    }

    /// Grows by one for each call at the start, and by one for each round of calls later.
    fn grow(&mut self) {
        self.ended = self.ended.saturating_add(1);
        if self.is_starting || self.ended >= self.limit {
            self.ended = 0;
            self.limit = self.limit.saturating_add(1).min(self.max);
        }
    }

    fn reduce(&mut self) {
        let now = Instant::now();
        if self.reduced_at.is_some_and(|at| now.saturating_duration_since(at) < PAUSE) {
            return;
        }
        self.reduced_at = Some(now);
        self.is_starting = false;
        self.ended = 0;
        let reduced = self.limit.saturating_mul(3).checked_div(4).unwrap_or_default();
        self.limit = reduced.max(MIN.min(self.max));
    }
}

/// Moves an average by an eighth of the way to a new value.
fn moved(average: Duration, value: Duration) -> Duration {
    let eighth = |duration: Duration| duration.checked_div(8).unwrap_or_default();
    average.saturating_sub(eighth(average)).saturating_add(eighth(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    const FAST: Sample = Sample::Answered(Duration::from_millis(80));

    #[tokio::test(start_paused = true)]
    async fn the_concurrency_grows_while_tasks_wait_and_shrinks_with_the_latency() {
        let mut concurrency = Concurrency::new(100);
        for _ in 0..40 {
            concurrency.learn(FAST, false);
        }
        assert_eq!(concurrency.limit(), INITIAL, "without waiting tasks there is nothing to gain");
        for _ in 0..400 {
            concurrency.learn(FAST, true);
        }
        assert_eq!(concurrency.limit(), 100);
        for _ in 0..20 {
            advance(PAUSE).await;
            concurrency.learn(Sample::Answered(Duration::from_secs(2)), true);
        }
        assert_eq!(concurrency.limit(), MIN);
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_of_refusals_reduces_once() {
        let mut concurrency = Concurrency::new(100);
        for _ in 0..50 {
            concurrency.learn(Sample::Congested, true);
        }
        assert_eq!(concurrency.limit(), 12);
        concurrency.learn(Sample::Neutral, true);
        advance(PAUSE).await;
        concurrency.learn(Sample::Congested, true);
        assert_eq!(concurrency.limit(), 9);
        for _ in 0..9 {
            concurrency.learn(FAST, true);
        }
        assert_eq!(concurrency.limit(), 10, "one more for each round");
    }
}
