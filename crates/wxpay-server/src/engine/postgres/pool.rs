//! A pool of sessions: at most so many at once, and those that are idle are used again.

use super::{
    dial::Dialer,
    failure::{Failure, Kind},
    session::Session,
};
use crate::engine::LedgerError;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The time after which an idle session is closed. A firewall between would forget it, and nobody would be told.
const MAX_IDLE: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct Pool {
    dialer: Dialer,
    size: u32,
    permits: Arc<Semaphore>,
    /// The last one was used last.
    idle: Mutex<Vec<Session>>,
    waiting: AtomicU64,
}

/// A session in use. Dropping it closes the session: only one that is known to be in no transaction is
/// [released](Self::release).
#[derive(Debug)]
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    session: Session,
    _permit: OwnedSemaphorePermit,
}

impl Pool {
    pub(super) fn new(dialer: Dialer, size: u32) -> Self {
        let permits = Arc::new(Semaphore::new(usize::try_from(size).unwrap_or(1)));
        Self { dialer, size, permits, idle: Mutex::default(), waiting: AtomicU64::new(0) }
    }

    /// Returns a session, as soon as one may be used.
    ///
    /// # Errors
    ///
    /// If the pool is closed, or no host accepts.
    pub(super) async fn get(&self) -> Result<Lease<'_>, LedgerError> {
        let waiting = Waiting::begin(&self.waiting);
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| LedgerError::Closed)?;
        drop(waiting);
        let session = match self.take_idle() {
            Some(session) => session,
            None => self.dialer.dial().await?,
        };
        Ok(Lease { pool: self, session, _permit: permit })
    }

    fn take_idle(&self) -> Option<Session> {
        let mut idle = self.idle();
        idle.retain(|session| session.is_open() && session.idle_time() < MAX_IDLE);
        idle.pop()
    }

    /// Returns the number of callers that wait for a session.
    pub(super) fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Waits for the sessions in use and for those that were asked for before, then closes all.
    pub(super) async fn close(&self) {
        // An error means that the pool was closed before.
        if let Ok(all) = Arc::clone(&self.permits).acquire_many_owned(self.size).await {
            self.permits.close();
            drop(all);
            let idle = std::mem::take(&mut *self.idle());
            for session in idle {
                session.close().await;
            }
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a caller for as long as it waits, also if it stops waiting.
struct Waiting<'a>(&'a AtomicU64);

impl<'a> Waiting<'a> {
    fn begin(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lease<'_> {
    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    /// Returns the session to the pool. It must be in no transaction.
    pub(super) fn release(self) {
        let Self { pool, mut session, .. } = self;
        session.touch();
        pool.idle().push(session);
    }

    /// Closes a session whose last request failed. If its connection is lost, those of the idle sessions probably are,
    /// too: they were to the same host.
    pub(super) fn discard(self, failure: &Failure) {
        if failure.kind == Kind::Lost {
            self.pool.idle().clear();
        }
    }
}
