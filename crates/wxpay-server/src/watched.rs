//! A value that tasks wait on.

use std::{
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::Notify;

/// A value whose changes wake those who wait on it, in the order in which they began to wait.
///
/// `tokio::sync::watch` wakes in a random order, so that a run of the deterministic world could not be repeated.
#[derive(Debug, Default)]
pub(crate) struct Watched<T> {
    value: Mutex<T>,
    changed: Notify,
}

impl<T> Watched<T> {
    pub(crate) fn new(value: T) -> Self {
        Self { value: Mutex::new(value), changed: Notify::new() }
    }

    /// Changes the value, and wakes those who wait.
    pub(crate) fn update(&self, change: impl FnOnce(&mut T)) {
        change(&mut *self.lock());
        self.changed.notify_waiters();
    }

    /// Returns something of the value.
    pub(crate) fn read<R>(&self, read: impl FnOnce(&T) -> R) -> R {
        read(&*self.lock())
    }

    /// Waits until `find` returns something of the value.
    pub(crate) async fn find<R>(&self, mut find: impl FnMut(&T) -> Option<R>) -> R {
        loop {
            let mut changed = pin!(self.changed.notified());
            // It waits from here on: a change after the look at the value wakes it.
            changed.as_mut().enable();
            if let Some(found) = self.read(&mut find) {
                return found;
            }
            changed.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[tokio::test]
    async fn all_waiters_wake_in_the_order_in_which_they_began() {
        let (value, woken) = (Arc::new(Watched::new(0)), Arc::new(Mutex::new(Vec::new())));
        let waiters: Vec<_> = (0..50)
            .map(|number| {
                let (value, woken) = (Arc::clone(&value), Arc::clone(&woken));
                tokio::spawn(async move {
                    value.find(|value| (*value > 1).then_some(())).await;
                    woken.lock().unwrap().push(number);
                })
            })
            .collect();
        for new in 1..=2 {
            tokio::task::yield_now().await;
            assert!(woken.lock().unwrap().is_empty());
            value.update(|value| *value = new);
        }
        for waiter in waiters {
            waiter.await.unwrap();
        }
        assert_eq!(*woken.lock().unwrap(), (0..50).collect::<Vec<_>>());
        assert_eq!(value.find(|value| Some(*value)).await, 2, "what is there already is found at once");
    }
}
