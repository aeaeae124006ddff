//! Single-flight per order: concurrent identical requests share one result.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;
use wxpay_proto::id::OutTradeNo;

/// Work in progress, by order number. `L` is the key that distinguishes different requests for one order.
#[derive(Debug)]
pub(crate) struct SingleFlight<L, T> {
    underway: Arc<Mutex<BTreeMap<OutTradeNo, InFlight<L, T>>>>,
}

#[derive(Debug)]
struct InFlight<L, T> {
    wish: L,
    landed: watch::Receiver<Option<T>>,
}

/// The result of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome<T> {
    /// The result of the caller's own work.
    Own(T),
    /// The result of an identical request that was already in progress.
    Shared(T),
    /// No result: the work panicked, or the runtime is shutting down.
    Lost,
}

impl<L, T> Clone for SingleFlight<L, T> {
    fn clone(&self) -> Self {
        Self { underway: Arc::clone(&self.underway) }
    }
}

impl<L, T> Default for SingleFlight<L, T> {
    fn default() -> Self {
        Self { underway: Arc::default() }
    }
}

impl<L, T> SingleFlight<L, T>
where
    L: PartialEq + Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// Runs `work` in its own task, so that it completes even if the caller stops waiting. If an identical request is in
    /// progress, waits for its result instead. A different request for the same order waits for its turn.
    pub(crate) async fn run(
        &self,
        number: &OutTradeNo,
        wish: L,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Outcome<T> {
        loop {
            let (same, mut landed) = match self.slot(number, &wish) {
                Slot::Nothing(land) => {
                    let landed = land.subscribe();
                    self.start(number.clone(), land, work);
                    return outcome(landed).await.map_or(Outcome::Lost, Outcome::Own);
                }
                Slot::Same(landed) => (true, landed),
                Slot::Other(landed) => (false, landed),
            };
            if same {
                return outcome(landed).await.map_or(Outcome::Lost, Outcome::Shared);
            }
            // An error means that the other work ended without a result; either way it is this caller's turn to look.
            drop(landed.wait_for(Option::is_some).await);
        }
    }

    fn slot(&self, number: &OutTradeNo, wish: &L) -> Slot<T> {
        let mut underway = self.underway.lock().unwrap_or_else(PoisonError::into_inner);
        match underway.get(number) {
            // A closed channel without a result: its task panicked. Treat it as absent, or it would block the order for ever.
            Some(flight) if flight.landed.has_changed().is_ok() => {
                if flight.wish == *wish {
                    Slot::Same(flight.landed.clone())
                } else {
                    Slot::Other(flight.landed.clone())
                }
            }
            Some(_) | None => {
                let (land, landed) = watch::channel(None);
                underway.insert(number.clone(), InFlight { wish: wish.clone(), landed });
                Slot::Nothing(land)
            }
        }
    }

    fn start(
        &self,
        number: OutTradeNo,
        land: watch::Sender<Option<T>>,
        work: impl Future<Output = T> + Send + 'static,
    ) {
        let flights = self.clone();
        tokio::spawn(async move {
            let outcome = work.await;
            // Remove it before publishing: a request that comes later must do the work again, not share an old result.
            flights.underway.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
            land.send_replace(Some(outcome));
        });
    }
}

enum Slot<T> {
    Nothing(watch::Sender<Option<T>>),
    Same(watch::Receiver<Option<T>>),
    Other(watch::Receiver<Option<T>>),
}

async fn outcome<T: Clone>(mut landed: watch::Receiver<Option<T>>) -> Option<T> {
    landed.wait_for(Option::is_some).await.ok()?.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };

    fn number() -> OutTradeNo {
        "20140508001".parse().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn the_same_wish_is_worked_on_once_and_shared() {
        let (flights, worked) = (SingleFlight::default(), Arc::new(AtomicU32::new(0)));
        let fly = |wish: u8| {
            let (flights, worked) = (flights.clone(), Arc::clone(&worked));
            tokio::spawn(async move {
                let work = async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    worked.fetch_add(1, Ordering::SeqCst)
                };
                flights.run(&number(), wish, work).await
            })
        };
        let first: Vec<_> = (0..8).map(|_| fly(1)).collect();
        let mut own = 0;
        for flight in first {
            own += u32::from(matches!(flight.await.unwrap(), Outcome::Own(_)));
        }
        assert_eq!((own, worked.load(Ordering::SeqCst)), (1, 1));
        let (one, other) = (fly(1), fly(2));
        let landed = [one.await.unwrap(), other.await.unwrap()];
        assert!(landed.iter().all(|landed| matches!(landed, Outcome::Own(_))), "{landed:?}");
        assert_eq!(worked.load(Ordering::SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn work_goes_on_when_nobody_waits_and_a_panic_blocks_nobody() {
        let flights: SingleFlight<(), u8> = SingleFlight::default();
        let done = Arc::new(AtomicU32::new(0));
        let mark = Arc::clone(&done);
        let work = async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            mark.store(1, Ordering::SeqCst);
            1
        };
        let impatient = tokio::time::timeout(Duration::from_secs(1), flights.run(&number(), (), work)).await;
        assert!(impatient.is_err());
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(done.load(Ordering::SeqCst), 1);
        let number = number();
        assert_eq!(flights.run(&number, (), async { panic!("planned") }).await, Outcome::Lost);
        assert_eq!(flights.run(&number, (), async { 7 }).await, Outcome::Own(7));
    }
}
