//! Single-flight per number: concurrent identical requests share one result.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::watch;

/// Work in progress, by number `N`, such as the key of an order. Requests with equal keys `K` are identical.
#[derive(Debug)]
pub(crate) struct SingleFlight<N, K, T> {
    in_flight: Arc<Mutex<BTreeMap<N, InFlight<K, T>>>>,
}

#[derive(Debug)]
struct InFlight<K, T> {
    key: K,
    outcome: watch::Receiver<Option<T>>,
}

impl<K, T> InFlight<K, T> {
    /// A closed channel without a result means that the task panicked. Its entry counts as absent: it would block the
    /// number for ever.
    fn is_in_progress(&self) -> bool {
        self.outcome.has_changed().is_ok()
    }
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

impl<N, K, T> Clone for SingleFlight<N, K, T> {
    fn clone(&self) -> Self {
        Self { in_flight: Arc::clone(&self.in_flight) }
    }
}

impl<N, K, T> Default for SingleFlight<N, K, T> {
    fn default() -> Self {
        Self { in_flight: Arc::default() }
    }
}

impl<N, K, T> SingleFlight<N, K, T>
where
    N: Ord + Clone + Send + 'static,
    K: PartialEq + Clone + Send + 'static,
    T: Clone + Send + Sync + 'static,
{
    /// Runs `work` in its own task, so that it completes even if the caller stops waiting. If an identical request is
    /// in progress, waits for its result instead. A different request for the same number waits for its turn.
    pub(crate) async fn run(
        &self,
        number: &N,
        key: K,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Outcome<T> {
        loop {
            let (same, mut receiver) = match self.slot(number, &key) {
                Slot::Free(sender) => {
                    let receiver = sender.subscribe();
                    self.start(number.clone(), sender, work);
                    return outcome(receiver).await.map_or(Outcome::Lost, Outcome::Own);
                }
                Slot::SameKey(receiver) => (true, receiver),
                Slot::OtherKey(receiver) => (false, receiver),
            };
            if same {
                return outcome(receiver).await.map_or(Outcome::Lost, Outcome::Shared);
            }
            // An error means that the other work ended without a result; either way, look again.
            drop(receiver.wait_for(Option::is_some).await);
        }
    }

    /// Returns whether work for a number is in progress.
    pub(crate) fn is_in_flight(&self, number: &N) -> bool {
        let in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        in_flight.get(number).is_some_and(InFlight::is_in_progress)
    }

    fn slot(&self, number: &N, key: &K) -> Slot<T> {
        let mut in_flight = self.in_flight.lock().unwrap_or_else(PoisonError::into_inner);
        match in_flight.get(number) {
            Some(other) if other.is_in_progress() => {
                if other.key == *key {
                    Slot::SameKey(other.outcome.clone())
                } else {
                    Slot::OtherKey(other.outcome.clone())
                }
            }
            Some(_) | None => {
                let (sender, receiver) = watch::channel(None);
                in_flight.insert(number.clone(), InFlight { key: key.clone(), outcome: receiver });
                Slot::Free(sender)
            }
        }
    }

    fn start(
        &self,
        number: N,
        sender: watch::Sender<Option<T>>,
        work: impl Future<Output = T> + Send + 'static,
    ) {
        let this = self.clone();
        tokio::spawn(async move {
            let outcome = work.await;
            // Remove the entry before publishing: a later request must do the work again, not share an old result.
            this.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
            sender.send_replace(Some(outcome));
        });
    }
}

enum Slot<T> {
    Free(watch::Sender<Option<T>>),
    SameKey(watch::Receiver<Option<T>>),
    OtherKey(watch::Receiver<Option<T>>),
}

async fn outcome<T: Clone>(mut receiver: watch::Receiver<Option<T>>) -> Option<T> {
    receiver.wait_for(Option::is_some).await.ok()?.clone()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        sync::atomic::{AtomicU32, Ordering},
        time::Duration,
    };

    fn number() -> u8 {
        1
    }

    #[tokio::test(start_paused = true)]
    async fn identical_requests_run_once_and_share_the_result() {
        let (requests, runs) = (SingleFlight::default(), Arc::new(AtomicU32::new(0)));
        let request = |key: u8| {
            let (requests, runs) = (requests.clone(), Arc::clone(&runs));
            tokio::spawn(async move {
                let work = async move {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    runs.fetch_add(1, Ordering::SeqCst)
                };
                requests.run(&number(), key, work).await
            })
        };
        let first: Vec<_> = (0..8).map(|_| request(1)).collect();
        let mut own = 0;
        for handle in first {
            own += u32::from(matches!(handle.await.unwrap(), Outcome::Own(_)));
        }
        assert_eq!((own, runs.load(Ordering::SeqCst)), (1, 1));
        let (one, other) = (request(1), request(2));
        let outcomes = [one.await.unwrap(), other.await.unwrap()];
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Own(_))), "{outcomes:?}");
        assert_eq!(runs.load(Ordering::SeqCst), 3);
    }

    #[tokio::test(start_paused = true)]
    async fn work_continues_after_the_caller_leaves_and_a_panic_blocks_nobody() {
        let requests: SingleFlight<u8, (), u8> = SingleFlight::default();
        let done = Arc::new(AtomicU32::new(0));
        let mark = Arc::clone(&done);
        let work = async move {
            tokio::time::sleep(Duration::from_secs(5)).await;
            mark.store(1, Ordering::SeqCst);
            1
        };
        let abandoned = tokio::time::timeout(Duration::from_secs(1), requests.run(&number(), (), work)).await;
        assert!(abandoned.is_err());
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert_eq!(done.load(Ordering::SeqCst), 1);
        let number = number();
        assert_eq!(requests.run(&number, (), async { panic!("planned") }).await, Outcome::Lost);
        assert_eq!(requests.run(&number, (), async { 7 }).await, Outcome::Own(7));
    }
}
