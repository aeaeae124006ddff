//! The tokens that this process knows.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use wxpay_proto::{UnixTime, id::AppId, memory::AccessToken};

/// A token.
#[derive(Clone, Debug)]
pub(super) struct KnownToken {
    pub(super) token: AccessToken,
    /// Grows with every fetch; see [`crate::ledger::token`].
    pub(super) epoch: u64,
    /// The time from which it is not used any more.
    pub(super) expires_at: UnixTime,
}

/// The tokens of all apps.
#[derive(Debug, Default)]
pub(super) struct LocalTokens(Mutex<BTreeMap<AppId, Arc<Slot>>>);

impl LocalTokens {
    pub(super) fn slot(&self, app: &AppId) -> Arc<Slot> {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(app.clone()).or_default())
    }
}

/// The token of one app.
#[derive(Debug, Default)]
pub(super) struct Slot {
    turn: tokio::sync::Mutex<()>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    known: Option<KnownToken>,
    /// The epoch that the core was given last: it asks for a newer one.
    given: u64,
    fetched_alone: Option<Instant>,
}

impl Slot {
    /// Waits for the right to ask the stores: one caller of this process at a time.
    pub(super) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Returns the newest token that this process knows.
    pub(super) fn known(&self) -> Option<KnownToken> {
        self.state().known.clone()
    }

    /// Keeps a token, unless a newer one is known. Returns it.
    pub(super) fn learn(&self, token: KnownToken) -> KnownToken {
        let mut state = self.state();
        if state.known.as_ref().is_none_or(|known| known.epoch < token.epoch) {
            state.known = Some(token.clone());
        }
        token
    }

    /// Returns the epoch that the core was given last. 0 for none.
    pub(super) fn given(&self) -> u64 {
        self.state().given
    }

    /// Records that the core is given this token. Returns whether it had an older one.
    pub(super) fn give(&self, token: &KnownToken) -> bool {
        self.learn(token.clone());
        let mut state = self.state();
        let is_newer = state.given < token.epoch;
        state.given = state.given.max(token.epoch);
        is_newer
    }

    /// Returns whether a token may be fetched while no store answers.
    pub(super) fn may_fetch_alone(&self, interval: Duration) -> bool {
        self.state().fetched_alone.is_none_or(|at| at.elapsed() >= interval)
    }

    /// Records that a token was fetched while no store answered.
    pub(super) fn fetched_alone(&self) {
        self.state().fetched_alone = Some(Instant::now());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
