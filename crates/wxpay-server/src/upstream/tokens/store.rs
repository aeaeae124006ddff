//! The stores that processes share: the ledger, and Redis.

use super::{ledger::LedgerStore, redis::RedisStore};
use crate::{
    ledger::{Context, lease::LeaseClaim},
    observe::metrics::TokenSource,
};
use std::{fmt, time::Duration};
use wxpay_proto::{UnixTime, id::AppId};

/// A token as a store has it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct StoredToken {
    /// The token, sealed.
    pub(super) sealed: String,
    /// Grows with every fetch; see [`crate::ledger::token`].
    pub(super) epoch: u64,
    /// The time from which it is not used any more.
    pub(super) expires_at: UnixTime,
}

impl fmt::Debug for StoredToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredToken").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// The right to fetch a token, in one store. It ends by itself.
#[derive(Clone, Debug)]
pub(super) enum Lock {
    /// The lease.
    Ledger(LeaseClaim),
    /// The random value of the lock.
    Redis { app: AppId, value: String },
}

/// A request for a lock.
#[derive(Clone, Copy, Debug)]
pub(super) struct LockRequest<'a> {
    pub(super) app: &'a AppId,
    /// The epoch that is to be replaced. 0 for none.
    pub(super) seen: u64,
    /// The time after which the lock ends by itself.
    pub(super) duration: Duration,
    /// A random value that no other lock has.
    pub(super) value: &'a str,
}

/// A lock that was taken.
#[derive(Clone, Debug)]
pub(super) struct Locked {
    pub(super) lock: Lock,
    /// The epoch of the token to fetch.
    pub(super) epoch: u64,
}

/// The error of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StoreError {
    /// It failed, for this reason.
    Failed(String),
    /// A setting is wrong, for this reason.
    Setting(String),
    /// It failed a moment ago, and was not asked.
    NotAsked,
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed(reason) | Self::Setting(reason) => f.write_str(reason),
            Self::NotAsked => f.write_str("it failed a moment ago, and was not asked"),
        }
    }
}

impl std::error::Error for StoreError {}

/// A store.
#[derive(Debug)]
pub(crate) enum Store {
    /// The ledger: a row.
    Ledger(LedgerStore),
    /// Redis, or Valkey.
    Redis(Box<RedisStore>),
}

impl Store {
    /// Returns the name for the log.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Ledger(_) => "ledger",
            Self::Redis(_) => "redis",
        }
    }

    /// Returns the label for metrics.
    pub(super) fn source(&self) -> TokenSource {
        match self {
            Self::Ledger(_) => TokenSource::Ledger,
            Self::Redis(_) => TokenSource::Redis,
        }
    }

    /// Returns the token. It may have expired.
    pub(super) async fn read(&self, app: &AppId) -> Result<Option<StoredToken>, StoreError> {
        match self {
            Self::Ledger(ledger) => ledger.read(app).await,
            Self::Redis(redis) => redis.read(app).await,
        }
    }

    /// Takes the lock to fetch a token. `None` if there is a newer token, or another process fetches one.
    pub(super) async fn lock(
        &self,
        request: LockRequest<'_>,
        context: Context,
    ) -> Result<Option<Locked>, StoreError> {
        match self {
            Self::Ledger(ledger) => ledger.lock(request, context).await,
            Self::Redis(redis) => redis.lock(request, context.now).await,
        }
    }

    /// Stores a token if it is newer than the stored one. With a lock, only if that is still held; it is given back.
    /// Returns whether the token was stored.
    pub(super) async fn write(
        &self,
        app: &AppId,
        token: &StoredToken,
        lock: Option<&Lock>,
        context: Context,
    ) -> Result<bool, StoreError> {
        match (self, lock) {
            (Self::Ledger(ledger), None) => ledger.write(app, token, None, context).await,
            (Self::Ledger(ledger), Some(Lock::Ledger(claim))) => {
                ledger.write(app, token, Some(claim), context).await
            }
            (Self::Redis(redis), None) => redis.write(app, token, None, context.now).await,
            (Self::Redis(redis), Some(Lock::Redis { value, .. })) => {
                redis.write(app, token, Some(value), context.now).await
            }
            // A lock of another store proves nothing.
            (Self::Ledger(_), Some(Lock::Redis { .. })) | (Self::Redis(_), Some(Lock::Ledger(_))) => {
                Ok(false)
            }
        }
    }

    /// Gives a lock back.
    pub(super) async fn unlock(&self, lock: &Lock, context: Context) -> Result<(), StoreError> {
        match (self, lock) {
            (Self::Ledger(ledger), Lock::Ledger(claim)) => ledger.unlock(claim, context).await,
            (Self::Redis(redis), Lock::Redis { app, value }) => redis.unlock(app, value).await,
            (Self::Ledger(_), Lock::Redis { .. }) | (Self::Redis(_), Lock::Ledger(_)) => Ok(()),
        }
    }
}
