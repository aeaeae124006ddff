//! Obtaining a platform key, to verify or to seal with: from memory, or by fetching the certificates.
//!
//! ```text
//!  begin ─▶ claim ─▶ cached ─────────────────────────────────────────▶ Done(Ok): the key
//!            ▲   ├─▶ not cached: fetch, once ───────┐
//!            │   ├─▶ another flow fetches: wait ────┤
//!            └───┼──────────────────────────────────┘
//!                └─▶ unavailable, fetched already, or too late ──────▶ Done(Err) with a KeyError
//! ```
//!
//! Every flow that needs a key embeds this one. A fetch that failed leaves its problem in memory, where the next claim
//! finds it.

use super::{certificates::FetchPlatformKeys, merchant::Merchant};
use crate::{
    crypto::PublicKey,
    exchange::{AwaitingReply, Flow, Reply, Step, sealed},
    id::KeyId,
    memory::{KeyError, KeyProblem, MissingKey},
    prelude::*,
    retry::Attempts,
    world::World,
};

/// Obtains a platform key. Fails with an error without a fate, whose source is a [`KeyError`].
#[derive(Debug)]
pub(super) struct ObtainKey {
    merchant: Merchant,
    /// The key that a message names. `None` for the key to seal with.
    id: Option<KeyId>,
    /// The attempts of the flow that needs the key: their deadline ends the waiting.
    attempts: Attempts,
    fetched: bool,
}

/// A flow that awaits the certificates.
#[derive(Debug)]
pub(super) struct Fetching(AwaitingReply<FetchPlatformKeys>, ObtainKey);

impl ObtainKey {
    /// Creates the flow for the key with this id, which verifies a message.
    pub(super) fn to_verify(merchant: &Merchant, id: &KeyId, attempts: Attempts) -> Self {
        Self { merchant: merchant.clone(), id: Some(id.clone()), attempts, fetched: false }
    }

    /// Begins the flow for the key to seal with, which was claimed in vain.
    pub(super) fn begin_to_seal(
        merchant: &Merchant,
        missing: MissingKey,
        attempts: Attempts,
        world: &mut World<'_>,
    ) -> Step<Self> {
        Self { merchant: merchant.clone(), id: None, attempts, fetched: false }.on_missing(missing, world)
    }

    fn claim(self, world: &mut World<'_>) -> Step<Self> {
        let claimed = match &self.id {
            Some(id) => self.merchant.key(id, world),
            None => self.merchant.sealing_key(world).map(|(_, key)| key),
        };
        match claimed {
            Ok(key) => Step::Done(Ok(key)),
            Err(missing) => self.on_missing(missing, world),
        }
    }

    fn on_missing(self, missing: MissingKey, world: &mut World<'_>) -> Step<Self> {
        let problem = match missing {
            MissingKey::Fetch(lease) if !self.fetched => {
                let timeout = self.attempts.timeout(world.now);
                let fetch = FetchPlatformKeys::new(self.merchant.clone(), lease, timeout);
                return Self { fetched: true, ..self }.follow(fetch.begin(world), world);
            }
            MissingKey::Wait(until) if self.attempts.is_within_deadline(until) => {
                return Step::wait(until, self);
            }
            // Other flows would wait for a fetch that is not coming.
            MissingKey::Fetch(lease) => {
                world.memory(|memory| memory.platform_keys_of(self.merchant.mchid()).release(&lease))
            }
            MissingKey::Wait(_) => KeyProblem::Unfinished,
            MissingKey::Unavailable(problem) => problem,
        };
        Step::Done(Err(KeyError::new(self.id, problem).into_error()))
    }

    fn follow(self, step: Step<FetchPlatformKeys>, world: &mut World<'_>) -> Step<Self> {
        match step {
            Step::Send(transmit, fetch) => Step::send(transmit, Fetching(fetch, self)),
            Step::Wait(_, waiting) => waiting.never(),
            Step::Done(Ok(()) | Err(_)) => self.claim(world),
        }
    }
}

impl sealed::Sealed for ObtainKey {}

impl Flow for ObtainKey {
    type AwaitingReply = Fetching;
    type Waiting = Self;
    type Output = Arc<dyn PublicKey>;

    fn may_block(&self) -> bool {
        self.merchant.may_block()
    }

    fn begin(self, world: &mut World<'_>) -> Step<Self> {
        self.claim(world)
    }

    fn on_reply(Fetching(fetch, obtain): Fetching, reply: Reply, world: &mut World<'_>) -> Step<Self> {
        obtain.follow(fetch.step(reply, world), world)
    }

    fn on_wake(obtain: Self, world: &mut World<'_>) -> Step<Self> {
        obtain.claim(world)
    }
}
