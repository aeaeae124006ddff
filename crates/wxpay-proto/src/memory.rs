//! Cached access tokens, platform keys and notification ids. Losing them is harmless: it costs a fetch, never a
//! payment.
//!
//! [`Memory`] is a plain value. An adapter keeps it in a `Mutex`, a test on the stack, and a cluster shares its tokens
//! through a store of its own. A flow reaches it through [`MemoryAccess`], for one look-up or insert at a time.
//!
//! A shared value is fetched by the caller that holds the [`Lease`], which is a fencing number and not a lock. The
//! lease of a caller that vanishes ends, and the next caller fetches.
//!
//! Time is the wall clock's, which may be set back. No lease, delay or quota then lasts longer than its own length.

mod deadline;
mod deduplicator;
mod key_error;
mod platform_keys;
mod refreshable;
mod tokens;

pub use deduplicator::{Deduplicator, Delivery, Processing};
pub use key_error::{KeyError, KeyProblem};
pub(crate) use platform_keys::{MissingKey, PlatformKey, PlatformKeys};
pub use refreshable::{Claim, Lease, Refreshable};
pub use tokens::AccessToken;
pub(crate) use tokens::{TokenClaim, Tokens};

use crate::{
    clock::UnixTime,
    id::{AppId, MchId},
};
use alloc::collections::BTreeMap;

/// The cache of one or more merchants. The caller decides where it is stored and how it is locked.
#[derive(Debug, Default)]
pub struct Memory {
    tokens: BTreeMap<AppId, Tokens>,
    platform_keys: BTreeMap<MchId, PlatformKeys>,
    /// The notifications received recently.
    pub deduplicator: Deduplicator,
}

/// Access to a [`Memory`] that other flows may share.
///
/// A step locks the memory for one look-up or one insert and unlocks it before it computes anything. A memory that is
/// not shared needs no lock: [`Memory`] itself implements the trait. For a shared one, keep the guard of a mutex between
/// the two calls, and drop it in [`unlock`](Self::unlock):
///
/// ```
/// use std::sync::{Mutex, MutexGuard, PoisonError};
/// use wxpay_proto::memory::{Memory, MemoryAccess};
///
/// struct Shared<'a> {
///     mutex: &'a Mutex<Memory>,
///     guard: Option<MutexGuard<'a, Memory>>,
/// }
///
/// impl MemoryAccess for Shared<'_> {
///     fn lock(&mut self) -> &mut Memory {
///         self.guard.insert(self.mutex.lock().unwrap_or_else(PoisonError::into_inner))
///     }
///
///     fn unlock(&mut self) {
///         self.guard = None;
///     }
/// }
/// ```
pub trait MemoryAccess {
    /// Locks the memory, until [`unlock`](Self::unlock) is called or the value is dropped.
    fn lock(&mut self) -> &mut Memory;

    /// Unlocks the memory. Called after every [`lock`](Self::lock).
    fn unlock(&mut self);
}

impl MemoryAccess for Memory {
    fn lock(&mut self) -> &mut Memory {
        self
    }

    fn unlock(&mut self) {}
}

impl Memory {
    /// Returns an app's token and its expiry, if there is a valid one. To share it with other processes, store it
    /// whenever it changes.
    pub fn token(&self, app: &AppId, now: UnixTime) -> Option<(&AccessToken, UnixTime)> {
        self.tokens.get(app)?.peek(now)
    }

    /// Stores a token that another process fetched. It is refreshed after three quarters of its remaining lifetime.
    pub fn put_token(&mut self, app: &AppId, token: AccessToken, now: UnixTime, expires_at: UnixTime) {
        self.tokens_of(app).put(token, now, expires_at);
    }

    /// Returns the time to refresh an app's token, so that no payment waits for it. `None` while there is no token.
    pub fn next_token_refresh(&self, app: &AppId) -> Option<UnixTime> {
        self.tokens.get(app)?.refresh_at()
    }

    /// Returns the time to fetch a merchant's platform certificates again, so that no request waits for them. `None`
    /// while none were fetched.
    pub fn next_platform_key_refresh(&self, merchant: &MchId) -> Option<UnixTime> {
        self.platform_keys.get(merchant)?.refresh_at()
    }

    pub(crate) fn platform_keys_of(&mut self, merchant: &MchId) -> &mut PlatformKeys {
        self.platform_keys.entry(merchant.clone()).or_default()
    }

    pub(crate) fn tokens_of(&mut self, app: &AppId) -> &mut Tokens {
        self.tokens.entry(app.clone()).or_default()
    }
}
