//! What has been learned from WeChat Pay and may be forgotten.
//!
//! [`Memory`] is a plain value: an adapter keeps it in a `Mutex`, a test on the stack, and a cluster shares the
//! tokens in it through a store of its own. Losing it costs a fetch, never a payment.

mod perishable;
mod platform_keys;
mod seen;
mod tokens;

pub use perishable::{Claim, Lease, Perishable};
pub(crate) use platform_keys::{KeyClaim, PlatformKey, PlatformKeys};
pub use seen::{Seen, Sight, Ticket};
pub use tokens::AccessToken;
pub(crate) use tokens::{TokenClaim, Tokens};

use crate::{
    clock::UnixTime,
    id::{AppId, MchId},
};
use alloc::collections::BTreeMap;

/// Plain state; the caller decides where it lives and who may lock it.
#[derive(Debug, Default)]
pub struct Memory {
    tokens: BTreeMap<AppId, Tokens>,
    platform_keys: BTreeMap<MchId, PlatformKeys>,
    /// The notices met lately.
    pub seen: Seen,
}

impl Memory {
    /// An app's token and when it expires, if a good one is known. For a store shared with other processes:
    /// save it when it changed.
    #[must_use]
    pub fn token(&self, app: &AppId, now: UnixTime) -> Option<(&AccessToken, UnixTime)> {
        self.tokens.get(app)?.peek(now)
    }

    /// Puts in a token that another process fetched. It is refreshed after three quarters of the life it has
    /// left.
    pub fn put_token(&mut self, app: &AppId, token: AccessToken, now: UnixTime, expires_at: UnixTime) {
        self.tokens_of(app).put(token, now, expires_at);
    }

    /// When an app's token should be refreshed, so that no payment waits for it. `None` while there is none.
    #[must_use]
    pub fn next_upkeep(&self, app: &AppId) -> Option<UnixTime> {
        self.tokens.get(app)?.refresh_at()
    }

    /// When a merchant's platform certificates should be fetched again, so that nothing waits for it. `None` while
    /// none were needed.
    #[must_use]
    pub fn next_key_upkeep(&self, merchant: &MchId) -> Option<UnixTime> {
        self.platform_keys.get(merchant)?.refresh_at()
    }

    pub(crate) fn platform_keys_of(&mut self, merchant: &MchId) -> &mut PlatformKeys {
        self.platform_keys.entry(merchant.clone()).or_default()
    }

    pub(crate) fn tokens_of(&mut self, app: &AppId) -> &mut Tokens {
        self.tokens.entry(app.clone()).or_default()
    }
}
