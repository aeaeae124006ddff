//! The quota of a merchant: the number of its calls that may be in progress.

use std::sync::{Mutex, PoisonError};
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

#[derive(Debug)]
pub(super) struct Quota {
    permits: Semaphore,
    /// The number of permits, with those of the calls in progress.
    size: Mutex<usize>,
}

impl Quota {
    pub(super) fn new(size: usize) -> Self {
        Self { permits: Semaphore::new(size), size: Mutex::new(size) }
    }

    /// Changes the size. While more calls are in progress, each that ends makes room for none.
    pub(super) fn resize(&self, size: usize) {
        let mut current = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(more) = size.checked_sub(*current) {
            self.permits.add_permits(more);
            *current = size;
        } else {
            let forgotten = self.permits.forget_permits(current.saturating_sub(size));
            *current = current.saturating_sub(forgotten);
        }
    }

    /// Waits until a call may begin.
    pub(super) async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.permits.acquire().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_quota_shrinks_as_calls_end_and_grows_at_once() {
        let quota = Quota::new(4);
        let mut calls = Vec::new();
        for _ in 0..3 {
            calls.push(quota.acquire().await.unwrap());
        }
        quota.resize(2);
        assert_eq!(quota.permits.available_permits(), 0);
        calls.pop();
        quota.resize(2);
        assert_eq!(quota.permits.available_permits(), 0, "two calls are in progress");
        calls.pop();
        quota.resize(2);
        assert_eq!(quota.permits.available_permits(), 1);
        quota.resize(5);
        assert_eq!(quota.permits.available_permits(), 4);
    }
}
