//! Asking after orders that stay open. Notices are not guaranteed; this is.

use crate::{
    flights::{Flights, Landed},
    gateway::Gateway,
    intake,
    ledger::{Answer, Failure, Ledger, Schedule},
    problem::causes,
    shutdown::Ending,
    time::now,
};
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, Semaphore},
    task::JoinSet,
};
use wxpay_proto::id::OutTradeNo;

/// How long it sleeps at most before it looks for due orders again.
const GLANCE: Duration = Duration::from_secs(1);

/// Queries orders, each one at a time. Copies are handles to the same.
#[derive(Clone, Debug)]
pub(crate) struct Chase {
    ledger: Ledger,
    gateway: Gateway,
    schedule: Schedule,
    ending: Ending,
    asking: Flights<(), bool>,
    permits: Arc<Semaphore>,
    at_once: usize,
    woken: Arc<Notify>,
}

impl Chase {
    pub(crate) fn new(
        ledger: Ledger,
        gateway: Gateway,
        schedule: Schedule,
        at_once: usize,
        ending: Ending,
    ) -> Self {
        let permits = Arc::new(Semaphore::new(at_once));
        Self {
            ledger,
            gateway,
            schedule,
            ending,
            asking: Flights::default(),
            permits,
            at_once,
            woken: Arc::default(),
        }
    }

    /// Looks for due orders soon.
    pub(crate) fn wake(&self) {
        self.woken.notify_one();
    }

    /// Asks after one order now, unless that is under way already; tells whether there was an answer, which is
    /// in the ledger then.
    pub(crate) async fn ask(&self, number: &OutTradeNo) -> bool {
        let (this, order, busy) = (self.clone(), number.clone(), self.ending.busy());
        let work = async move {
            let _busy = busy;
            this.query(&order).await.unwrap_or_else(|failure| {
                tracing::error!(out_trade_no = %order, %failure, "a query's answer could not be kept");
                false
            })
        };
        match self.asking.fly(number, (), work).await {
            Landed::Own(answered) | Landed::Shared(answered) => answered,
            Landed::Lost => false,
        }
    }

    /// Chases until the server ends.
    pub(crate) async fn run(self) {
        let mut asking: JoinSet<OutTradeNo> = JoinSet::new();
        let mut underway: BTreeSet<OutTradeNo> = BTreeSet::new();
        loop {
            // Those under way are due as well, until their answers are kept.
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
                            let answered = this.ask(&number).await;
                            drop(permit);
                            if !answered {
                                // It may still be due, if the ledger could not be written.
                                tokio::time::sleep(GLANCE).await;
                            }
                            number
                        });
                    }
                }
                Err(failure) => tracing::error!(%failure, "due orders cannot be found"),
            }
            tokio::select! {
                () = self.ending.announced() => return,
                Some(done) = asking.join_next() => {
                    match done {
                        Ok(number) => _ = underway.remove(&number),
                        // A task that panicked took its number along: look at all of them again.
                        Err(_) => underway.clear(),
                    }
                }
                () = self.woken.notified() => {}
                () = tokio::time::sleep(GLANCE) => {}
            }
        }
    }

    async fn query(&self, number: &OutTradeNo) -> Result<bool, Failure> {
        let answer = match self.gateway.run(self.gateway.merchant.query(number.clone())).await {
            Ok(queried) => match queried.evidence() {
                Some(evidence) => Answer::Paid(evidence),
                None => Answer::Unpaid,
            },
            Err(error) => {
                tracing::warn!(out_trade_no = %number, causes = causes(&error), "no answer to a query");
                Answer::None
            }
        };
        let answered = !matches!(answer, Answer::None);
        let joined =
            self.ledger.asked(number.clone(), answer, self.schedule.clone(), now(), chance()).await?;
        intake::raise(number, &joined);
        Ok(answered)
    }
}

/// For jitter: that there is none does not matter.
fn chance() -> u16 {
    let mut fresh = [0; 2];
    match getrandom::fill(&mut fresh) {
        Ok(()) => u16::from_le_bytes(fresh),
        Err(_) => 0,
    }
}
