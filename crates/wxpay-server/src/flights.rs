//! Single-flight per order: concurrent identical requests share one result.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;
use wxpay_proto::id::OutTradeNo;

/// Work in progress, by order number. `L` is the key that distinguishes different requests for one order.
#[derive(Debug)]
pub(crate) struct Flights<L, T> {
    underway: Arc<Mutex<BTreeMap<OutTradeNo, Flight<L, T>>>>,
}

#[derive(Debug)]
struct Flight<L, T> {
    wish: L,
    landed: watch::Receiver<Option<T>>,
}

/// The result of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Landed<T> {
    /// The result of the caller's own work.
    Own(T),
    /// The result of an identical request that was already in progress.
    Shared(T),
    /// No result: the work panicked, or the runtime is shutting down.
    Lost,
}

impl<L, T> Clone for Flights<L, T> {
    fn clone(&self) -> Self {
        Self { underway: Arc::clone(&self.underway) }
    }
}

impl<L, T> Default for Flights<L, T> {
    fn default() -> Self {
        Self { underway: Arc::default() }
    }
}

impl<L, T> Flights<L, T>
where
    L: PartialEq + Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// Runs `work` in its own task, so that it completes even if the caller stops waiting. If an identical request is in
    /// progress, waits for its result instead. A different request for the same order waits for its turn.
    pub(crate) async fn fly(
        &self,
        number: &OutTradeNo,
        wish: L,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Landed<T> {
        loop {
            let (same, mut landed) = match self.underway(number, &wish) {
                Underway::Nothing(land) => {
                    let landed = land.subscribe();
                    self.begin(number.clone(), land, work);
                    return outcome(landed).await.map_or(Landed::Lost, Landed::Own);
                }
                Underway::Same(landed) => (true, landed),
                Underway::Other(landed) => (false, landed),
            };
            if same {
                return outcome(landed).await.map_or(Landed::Lost, Landed::Shared);
            }
            // An error means that the other work ended without a result; either way it is this caller's turn to look.
            drop(landed.wait_for(Option::is_some).await);
        }
    }

    fn underway(&self, number: &OutTradeNo, wish: &L) -> Underway<T> {
        let mut underway = self.underway.lock().unwrap_or_else(PoisonError::into_inner);
        match underway.get(number) {
            // A closed channel without a result: its task panicked. Treat it as absent, or it would block the order for ever.
            Some(flight) if flight.landed.has_changed().is_ok() => {
                if flight.wish == *wish {
                    Underway::Same(flight.landed.clone())
                } else {
                    Underway::Other(flight.landed.clone())
                }
            }
            Some(_) | None => {
                let (land, landed) = watch::channel(None);
                underway.insert(number.clone(), Flight { wish: wish.clone(), landed });
                Underway::Nothing(land)
            }
        }
    }

    fn begin(
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

enum Underway<T> {
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
        let (flights, worked) = (Flights::default(), Arc::new(AtomicU32::new(0)));
        let fly = |wish: u8| {
            let (flights, worked) = (flights.clone(), Arc::clone(&worked));
            tokio::spawn(async move {
                let work = async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    worked.fetch_add(1, Ordering::SeqCst)
                };
                flights.fly(&number(), wish, work).await
            })
        };
        let first: Vec<_> = (0..8).map(|_| fly(1)).collect();
        let mut own = 0;
        for flight in first {
            own += u32::from(matches!(flight.await.unwrap(), Landed::Own(_)));
        }
        assert_eq!((own, worked.load(Ordering::SeqCst)), (1, 1));
        let (one, other) = (fly(1), fly(2));
        let landed = [one.await.unwrap(), other.await.unwrap()];
        assert!(landed.iter().all(|landed| matches!(landed, Landed::Own(_))), "{landed:?}");
        assert_eq!(worked.load(Ordering::SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn work_goes_on_when_nobody_waits_and_a_panic_blocks_nobody() {
        let flights: Flights<(), u8> = Flights::default();
        let done = Arc::new(AtomicU32::new(0));
        let mark = Arc::clone(&done);
        let work = async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            mark.store(1, Ordering::SeqCst);
            1
        };
        let impatient = tokio::time::timeout(Duration::from_secs(1), flights.fly(&number(), (), work)).await;
        assert!(impatient.is_err());
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(done.load(Ordering::SeqCst), 1);
        let number = number();
        assert_eq!(flights.fly(&number, (), async { panic!("planned") }).await, Landed::Lost);
        assert_eq!(flights.fly(&number, (), async { 7 }).await, Landed::Own(7));
    }
}
