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
    ending: Shutdown,
    asking: SingleFlight<(), bool>,
    permits: Arc<Semaphore>,
    at_once: usize,
    woken: Arc<Notify>,
}

impl Poller {
    pub(crate) fn new(
        ledger: Ledger,
        gateway: Gateway,
        schedule: Schedule,
        at_once: usize,
        ending: Shutdown,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(at_once));
        Self {
            ledger,
            gateway,
            schedule,
            ending,
            asking: SingleFlight::default(),
            permits,
            at_once,
            woken: Arc::default(),
        }
    }

    /// Makes the poller look for due orders now.
    pub(crate) fn wake(&self) {
        self.woken.notify_one();
    }

    /// Queries one order now, or waits for the query in progress. Returns whether WeChat Pay answered; the answer is in
    /// the ledger then.
    pub(crate) async fn query(&self, number: &OutTradeNo) -> bool {
        let (this, order, busy) = (self.clone(), number.clone(), self.ending.begin());
        let work = async move {
            let _busy = busy;
            this.query_once(&order).await.unwrap_or_else(|failure| {
                tracing::error!(out_trade_no = %order, %failure, "the ledger could not store the result of a query");
                false
            })
        };
        match self.asking.run(number, (), work).await {
            Outcome::Own(answered) | Outcome::Shared(answered) => answered,
            Outcome::Lost => false,
        }
    }

    /// Polls until the server shuts down.
    pub(crate) async fn run(self) {
        let mut asking: JoinSet<OutTradeNo> = JoinSet::new();
        let mut underway: BTreeSet<OutTradeNo> = BTreeSet::new();
        loop {
            // Orders being queried are due until their results are stored, so the limit leaves room for as many new ones.
            let room = self.at_once.saturating_mul(2);
            match self.ledger.due(now(), room).await {
                Ok(due) => {
                    for number in
                        due.into_iter().filter(|number| !underway.contains(number)).collect::<Vec<_>>()
                    {
                        underway.insert(number.clone());
                        let this = self.clone();
                        asking.spawn(async move {
                            let permit = this.permits.acquire().await;
                            let answered = this.query(&number).await;
                            drop(permit);
                            if !answered {
                                // The order is still due if the ledger could not be written: do not query it in a
                                // tight loop.
                                tokio::time::sleep(POLL_INTERVAL).await;
                            }
                            number
                        });
                    }
                }
                Err(failure) => {
                    tracing::error!(%failure, "the ledger could not list the orders that are due")
                }
            }
            tokio::select! {
                () = self.ending.started() => return,
                Some(done) = asking.join_next() => {
                    match done {
                        Ok(number) => _ = underway.remove(&number),
                        // A task that panicked does not return its number; without this its order would never be
                        // queried again.
                        Err(_) => underway.clear(),
                    }
                }
                () = self.woken.notified() => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
        }
    }

    async fn query_once(&self, number: &OutTradeNo) -> Result<bool, Failure> {
        let answer = match self.gateway.run(self.gateway.merchant.query(number.clone())).await {
            Ok(queried) => match queried.evidence() {
                Some(evidence) => QueryResult::Paid(evidence),
                None => QueryResult::Unpaid,
            },
            Err(error) => {
                tracing::warn!(out_trade_no = %number, causes = causes(&error), "the query failed; it will be repeated");
                QueryResult::None
            }
        };
        let answered = !matches!(answer, QueryResult::None);
        let joined =
            self.ledger.record_query(number.clone(), answer, self.schedule.clone(), now(), jitter()).await?;
        notifications::log_merged(number, &joined);
        Ok(answered)
    }
}

/// Returns random jitter; 0 if the operating system has no random bytes, which does no harm.
fn jitter() -> u16 {
    let mut fresh = [0; 2];
    match getrandom::fill(&mut fresh) {
        Ok(()) => u16::from_le_bytes(fresh),
        Err(_) => 0,
    }
}
