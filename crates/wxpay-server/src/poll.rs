//! Polling of open orders. Notifications are not guaranteed to arrive; queries find the payment without them.

use crate::{
    gateway::Gateway,
    ledger::{Failure, Ledger, QueryResult, Schedule},
    notifications,
    problem::causes,
    shutdown::Shutdown,
    single_flight::{Outcome, SingleFlight},
    time::now,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
};
use wxpay_proto::id::OutTradeNo;

/// Interval at which the poller looks for due orders, and its delay after a failed query.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A poller of open orders: at most one query per order at a time. Clones are handles to the same poller.
#[derive(Clone, Debug)]
pub(crate) struct Poller {
    ledger: Ledger,
    gateway: Gateway,
    schedule: Schedule,
    shutdown: Shutdown,
    queries: SingleFlight<(), bool>,
    permits: Arc<Semaphore>,
    concurrency: usize,
    wake: Arc<Notify>,
}

impl Poller {
    pub(crate) fn new(
        ledger: Ledger,
        gateway: Gateway,
        schedule: Schedule,
        concurrency: usize,
        shutdown: Shutdown,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(concurrency));
        Self {
            ledger,
            gateway,
            schedule,
            shutdown,
            queries: SingleFlight::default(),
            permits,
            concurrency,
            wake: Arc::default(),
        }
    }

    /// Makes the poller look for due orders now.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// Queries one order now, or waits for the query in progress. Returns whether the query succeeded and its result
    /// is in the ledger.
    pub(crate) async fn query(&self, number: &OutTradeNo) -> bool {
        let (this, order, active) = (self.clone(), number.clone(), self.shutdown.begin());
        let work = async move {
            let _active = active;
            this.query_once(&order).await.unwrap_or_else(|failure| {
                tracing::error!(out_trade_no = %order, %failure, "the ledger could not store the result of a query");
                false
            })
        };
        match self.queries.run(number, (), work).await {
            Outcome::Own(succeeded) | Outcome::Shared(succeeded) => succeeded,
            Outcome::Lost => false,
        }
    }

    /// Polls until the server shuts down.
    pub(crate) async fn run(self) {
        let mut tasks: JoinSet<OutTradeNo> = JoinSet::new();
        let mut in_progress: BTreeSet<OutTradeNo> = BTreeSet::new();
        loop {
            // Orders being queried stay due until their results are stored, so they are listed again. Twice their
            // number lets as many new ones in.
            let limit = self.concurrency.saturating_mul(2);
            match self.ledger.due(now(), limit).await {
                Ok(due) => {
                    for number in
                        due.into_iter().filter(|number| !in_progress.contains(number)).collect::<Vec<_>>()
                    {
                        in_progress.insert(number.clone());
                        let this = self.clone();
                        tasks.spawn(async move {
                            let permit = this.permits.acquire().await;
                            let succeeded = this.query(&number).await;
                            drop(permit);
                            if !succeeded {
                                // The order is still due if the ledger could not be written: do not query it in a
                                // tight loop.
                                tokio::time::sleep(POLL_INTERVAL).await;
                            }
                            number
                        });
                    }
                }
                Err(failure) => {
                    tracing::error!(%failure, "the ledger could not list the orders that are due");
                }
            }
            tokio::select! {
                () = self.shutdown.started() => return,
                Some(done) = tasks.join_next() => {
                    match done {
                        Ok(number) => _ = in_progress.remove(&number),
                        // A task that panicked does not return its number; without this its order would never be
                        // queried again.
                        Err(_) => in_progress.clear(),
                    }
                }
                () = self.wake.notified() => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
    }

    async fn query_once(&self, number: &OutTradeNo) -> Result<bool, Failure> {
        let result = match self.gateway.run(self.gateway.merchant.query(number.clone())).await {
            Ok(lookup) => match lookup.evidence() {
                Some(evidence) => QueryResult::Paid(evidence),
                None => QueryResult::Unpaid,
            },
            Err(error) => {
                tracing::warn!(out_trade_no = %number, causes = causes(&error), "the query failed; it will be repeated");
                QueryResult::Failed
            }
        };
        let succeeded = !matches!(result, QueryResult::Failed);
        let merged =
            self.ledger.record_query(number.clone(), result, self.schedule.clone(), now(), jitter()).await?;
        notifications::log_merged(number, &merged);
        Ok(succeeded)
    }
}

/// Returns random jitter; 0 if the operating system returns no random bytes, since jitter is not needed for
/// correctness.
fn jitter() -> u16 {
    let mut bytes = [0; 2];
    match getrandom::fill(&mut bytes) {
        Ok(()) => u16::from_le_bytes(bytes),
        Err(_) => 0,
    }
}
