//! All stores together: what they have, and the locks in them.

use super::{
    local::KnownToken,
    store::{Lock, LockRequest, Store, StoreError, StoredToken},
};
use crate::{
    ambient::Ambient,
    ledger::Context,
    merchants::seal::{self, Place, SealingKeys},
    observe::{log::RateLimitedLog, metrics::Metrics},
};
use std::{sync::Arc, time::Duration};
use wxpay_proto::{UnixTime, id::AppId, memory::AccessToken};

/// The time beyond a fetch's own timeout after which its lock ends by itself.
const LOCK_MARGIN: Duration = Duration::from_secs(5);
/// The lines per minute and kind that failing stores may log.
const LINES_PER_MINUTE: u32 = 1;
/// The table that tokens are sealed for, in every store.
const TABLE: &str = "tokens";

/// The stores, in the order in which they are asked.
#[derive(Debug)]
pub(super) struct Stores {
    all: Vec<Store>,
    sealing: SealingKeys,
    ambient: Arc<dyn Ambient>,
    metrics: Metrics,
    log: RateLimitedLog,
}

/// The result of asking all stores.
pub(super) enum Asked {
    /// A token that is newer than the one seen.
    Newer(KnownToken),
    /// This process may fetch.
    Locked(Vec<Held>),
    /// Another process fetches, or has just fetched.
    Busy,
    /// No store answers.
    Alone,
}

/// A lock in the store at this position.
pub(super) struct Held {
    position: usize,
    lock: Lock,
    pub(super) epoch: u64,
}

impl Stores {
    pub(super) fn new(
        all: Vec<Store>,
        sealing: SealingKeys,
        ambient: Arc<dyn Ambient>,
        metrics: Metrics,
    ) -> Self {
        Self { all, sealing, ambient, metrics, log: RateLimitedLog::new(LINES_PER_MINUTE) }
    }

    /// Checks the stores that a setting names. Logs what is wrong: payments go on without them.
    pub(super) async fn check(&self) {
        let value = hex::encode(self.ambient.entropy().into_bytes());
        for store in &self.all {
            let Store::Redis(redis) = store else { continue };
            match redis.check(&value).await {
                Ok(()) => tracing::info!("access tokens are shared in Redis"),
                Err(StoreError::Setting(reason)) => {
                    tracing::error!(
                        reason,
                        "a setting of Redis is wrong; access tokens are shared in the ledger"
                    );
                }
                Err(error) => {
                    tracing::warn!(reason = %error, "Redis is away; access tokens are shared in the ledger");
                }
            }
        }
    }

    /// Looks for a newer token in the stores, and takes the locks if there is none.
    pub(super) async fn ask(&self, app: &AppId, seen: &mut u64, fetch_timeout: Duration) -> Asked {
        for (position, store) in self.all.iter().enumerate() {
            let Some(Some(found)) = self.checked(store, store.read(app).await) else { continue };
            if let Some(known) = self.usable(app, *seen, &found) {
                self.metrics.access_token(store.source());
                self.offer(app, &known, self.all.iter().take(position)).await;
                return Asked::Newer(known);
            }
            // One that cannot be opened is replaced, too.
            *seen = found.epoch.max(*seen);
        }
        let value = hex::encode(self.ambient.entropy().into_bytes());
        let duration = fetch_timeout.saturating_add(LOCK_MARGIN);
        let request = LockRequest { app, seen: *seen, duration, value: &value };
        let mut locks = Vec::new();
        for (position, store) in self.all.iter().enumerate() {
            match self.checked(store, store.lock(request, self.context()).await) {
                Some(Some(locked)) => {
                    locks.push(Held { position, lock: locked.lock, epoch: locked.epoch });
                }
                Some(None) => {
                    self.unlock(&locks).await;
                    return Asked::Busy;
                }
                None => {}
            }
        }
        if locks.is_empty() { Asked::Alone } else { Asked::Locked(locks) }
    }

    /// Stores a token that was fetched under locks. Returns whether it is the newest: not if all locks were lost meanwhile,
    /// because another process fetches then, and its token replaces this one.
    pub(super) async fn write(&self, app: &AppId, known: &KnownToken, locks: &[Held]) -> bool {
        let Some(sealed) = self.sealed(app, known) else {
            self.unlock(locks).await;
            return true;
        };
        let (mut is_stored, mut is_refused) = (false, false);
        for held in locks {
            let Some(store) = self.all.get(held.position) else { continue };
            let written = store.write(app, &sealed, Some(&held.lock), self.context()).await;
            match self.checked(store, written) {
                Some(true) => is_stored = true,
                Some(false) => is_refused = true,
                None => {}
            }
        }
        is_stored || !is_refused
    }

    /// Returns the newest token that this process or a store has, and gives it to the stores that have lost it, or failed
    /// when it was fetched.
    pub(super) async fn level(&self, app: &AppId, known: KnownToken) -> KnownToken {
        let mut newest = known;
        let mut behind = Vec::new();
        for store in &self.all {
            // A store that does not answer is not asked again at once.
            let Some(found) = self.checked(store, store.read(app).await) else { continue };
            behind.push((store, found.as_ref().map_or(0, |found| found.epoch)));
            if let Some(found) = found.and_then(|found| self.usable(app, newest.epoch, &found)) {
                self.metrics.access_token(store.source());
                newest = found;
            }
        }
        behind.retain(|(_, epoch)| *epoch < newest.epoch);
        if self.ambient.now() < newest.expires_at {
            self.offer(app, &newest, behind.into_iter().map(|(store, _)| store)).await;
        }
        newest
    }

    /// Gives a token to stores that have none as new.
    async fn offer(&self, app: &AppId, known: &KnownToken, stores: impl Iterator<Item = &Store>) {
        let Some(sealed) = self.sealed(app, known) else { return };
        for store in stores {
            let written = store.write(app, &sealed, None, self.context()).await;
            // Another process may have been faster.
            _ = self.checked(store, written);
        }
    }

    pub(super) async fn unlock(&self, locks: &[Held]) {
        for held in locks {
            let Some(store) = self.all.get(held.position) else { continue };
            // If it fails, the lock ends by itself.
            _ = self.checked(store, store.unlock(&held.lock, self.context()).await);
        }
    }

    /// Returns the result of a store, or logs and counts its failure.
    fn checked<T>(&self, store: &Store, result: Result<T, StoreError>) -> Option<T> {
        let error = match result {
            Ok(value) => return Some(value),
            Err(StoreError::NotAsked) => return None,
            Err(error) => error,
        };
        let source = store.source();
        self.metrics.access_token_store_failed(source);
        if self.log.permits(store.name()) {
            tracing::warn!(store = store.name(), reason = %error, "a store of access tokens failed; payments go on");
        }
        None
    }

    /// Opens a token that is newer than the epoch seen.
    fn usable(&self, app: &AppId, seen: u64, stored: &StoredToken) -> Option<KnownToken> {
        let StoredToken { sealed, epoch, expires_at } = stored;
        if !self.is_newer(seen, *epoch, *expires_at) {
            return None;
        }
        let token = match self.sealing.open(place(app), sealed) {
            Ok(opened) => String::from_utf8(opened.expose().clone()).ok().and_then(AccessToken::new),
            Err(error) => {
                if self.log.permits("token_sealed") {
                    tracing::warn!(%app, reason = %error, "a stored access token cannot be opened; it is replaced");
                }
                None
            }
        };
        Some(KnownToken { token: token?, epoch: *epoch, expires_at: *expires_at })
    }

    pub(super) fn is_newer(&self, seen: u64, epoch: u64, expires_at: UnixTime) -> bool {
        epoch > seen && self.ambient.now() < expires_at
    }

    fn sealed(&self, app: &AppId, known: &KnownToken) -> Option<StoredToken> {
        let nonce = seal::nonce(self.ambient.entropy());
        let sealed = self.sealing.seal(place(app), known.token.expose().as_bytes(), nonce).ok()?;
        Some(StoredToken { sealed, epoch: known.epoch, expires_at: known.expires_at })
    }

    fn context(&self) -> Context {
        Context { now: self.ambient.now(), random: 0 }
    }
}

fn place(app: &AppId) -> Place<'_> {
    Place { table: TABLE, row: app.as_str() }
}
