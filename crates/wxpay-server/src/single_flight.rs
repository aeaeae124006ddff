//! Single-flight per number: concurrent identical requests share one result.

use crate::watched::Watched;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Work in progress, by number `N`, such as the key of an order. Requests with equal keys `K` are identical.
#[derive(Debug)]
pub(crate) struct SingleFlight<N, K, T> {
    in_flight: Arc<Mutex<BTreeMap<N, InFlight<K, T>>>>,
}

#[derive(Debug)]
struct InFlight<K, T> {
    key: K,
    progress: Arc<Watched<Progress<T>>>,
}

/// The progress of work.
#[derive(Debug)]
enum Progress<T> {
    Running,
    Done(T),
    /// It panicked, or the runtime is shutting down.
    Lost,
}

impl<T> Progress<T> {
    fn is_running(&self) -> bool {
        matches!(self, Self::Running)
    }
}

impl<K, T> InFlight<K, T> {
    /// The entry of work that was lost counts as absent: it would block the number for ever.
    fn is_in_progress(&self) -> bool {
        self.progress.read(Progress::is_running)
    }
}

/// Ends the progress when the work is dropped.
struct Ending<T>(Arc<Watched<Progress<T>>>);

impl<T> Drop for Ending<T> {
    fn drop(&mut self) {
        self.0.update(|progress| {
            if progress.is_running() {
                *progress = Progress::Lost;
            }
        });
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
            match self.slot(number, &key) {
                Slot::Free(progress) => {
                    self.start(number.clone(), Arc::clone(&progress), work);
                    return outcome(&progress).await.map_or(Outcome::Lost, Outcome::Own);
                }
                Slot::SameKey(progress) => {
                    return outcome(&progress).await.map_or(Outcome::Lost, Outcome::Shared);
                }
                // Whatever its result is, look again.
                Slot::OtherKey(progress) => drop(outcome(&progress).await),
            }
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
                    Slot::SameKey(Arc::clone(&other.progress))
                } else {
                    Slot::OtherKey(Arc::clone(&other.progress))
                }
            }
            Some(_) | None => {
                let progress = Arc::new(Watched::new(Progress::Running));
                let entry = InFlight { key: key.clone(), progress: Arc::clone(&progress) };
                in_flight.insert(number.clone(), entry);
                Slot::Free(progress)
            }
        }
    }

    fn start(
        &self,
        number: N,
        progress: Arc<Watched<Progress<T>>>,
        work: impl Future<Output = T> + Send + 'static,
    ) {
        let (this, ending) = (self.clone(), Ending(progress));
        tokio::spawn(async move {
            let outcome = work.await;
            // Remove the entry before publishing: a later request must do the work again, not share an old result.
            this.in_flight.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
            ending.0.update(|progress| *progress = Progress::Done(outcome));
        });
    }
}

enum Slot<T> {
    Free(Arc<Watched<Progress<T>>>),
    SameKey(Arc<Watched<Progress<T>>>),
    OtherKey(Arc<Watched<Progress<T>>>),
}

/// Waits for the result. `None` if it is lost.
async fn outcome<T: Clone>(progress: &Watched<Progress<T>>) -> Option<T> {
    let ended = |progress: &Progress<T>| match progress {
        Progress::Running => None,
        Progress::Done(result) => Some(Some(result.clone())),
        Progress::Lost => Some(None),
    };
    progress.find(ended).await
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
