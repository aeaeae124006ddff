//! The access token of APIv1, one for all processes.
//!
//! WeChat Pay invalidates the old token when a new one is fetched, so two processes that each fetch would end each
//! other's again and again, until the daily quota is used up. Therefore a token has an epoch, and the one who asks for a
//! token names the epoch that it replaces. Whoever finds a newer token in a store uses it; otherwise one process takes
//! the lock and fetches.
//!
//! ```text
//!  core: no token, refresh due, or 40001/40014/42001 ─▶ GET /cgi-bin/token ─▶ SharedTokens
//!      newer than the last epoch that this process was given?
//!        in this process, in Redis, in the ledger ── yes ─▶ reply made of it
//!        no ─▶ lock in every store that answers ─ busy ─▶ look again
//!                 │ all                          └ none answers ─▶ at most one fetch in five minutes
//!                 ▼
//!              fetch ─▶ write under the locks, 300 s less than it lasts
//! ```
//!
//! The core keeps the reply in its memory, as the copy of this process, and asks again when it needs a newer token:
//! exactly the epoch that WeChat Pay rejected is replaced, never a newer one. It needs no knowledge of stores.
//!
//! A lock is taken in every store: processes that see Redis and processes that do not exclude each other in the ledger.
//! Stores fail without harm. A token in a store is sealed with the sealing key.

mod ledger;
mod local;
pub(crate) mod redis;
mod store;
mod stores;
#[cfg(test)]
mod tests;

pub(crate) use ledger::LedgerStore;
pub(crate) use store::Store;

use crate::{
    ambient::Ambient,
    merchants::seal::SealingKeys,
    observe::metrics::{Metrics, TokenSource},
};
use local::{KnownToken, LocalTokens};
use std::{pin::Pin, sync::Arc, time::Duration};
use stores::{Asked, Held, Stores};
use tokio::time::{Instant, sleep};
use tracing::Instrument as _;
use wxpay_hyper::{Client, Transport};
use wxpay_proto::{
    exchange::{Failure, Reply, Transmit},
    id::AppId,
    v1::IssuedToken,
};

/// The part of a token's lifetime in which it is not used: clocks differ, and a call takes time.
const MARGIN: Duration = Duration::from_mins(5);
/// The interval at which a process looks again while another one fetches.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// The interval between two fetches of a process while no store answers.
const ALONE_INTERVAL: Duration = Duration::from_mins(5);

/// A network on which requests for a token are answered with the token that all processes share. Clones are handles to
/// the same.
#[derive(Clone, Debug)]
pub(crate) struct SharedTokens(Arc<Inner>);

/// The parts of [`SharedTokens`].
#[derive(Debug)]
pub(crate) struct TokenParts {
    /// The network.
    pub(crate) network: Arc<dyn Transport>,
    /// The stores, in the order in which they are asked.
    pub(crate) stores: Vec<Store>,
    /// The keys that seal the tokens.
    pub(crate) sealing: SealingKeys,
    /// Time and randomness.
    pub(crate) ambient: Arc<dyn Ambient>,
    /// The metrics.
    pub(crate) metrics: Metrics,
}

#[derive(Debug)]
struct Inner {
    network: Arc<dyn Transport>,
    stores: Stores,
    ambient: Arc<dyn Ambient>,
    metrics: Metrics,
    local: LocalTokens,
}

impl SharedTokens {
    /// Creates the network.
    pub(crate) fn new(parts: TokenParts) -> Self {
        let TokenParts { network, stores, sealing, ambient, metrics } = parts;
        let stores = Stores::new(stores, sealing, Arc::clone(&ambient), metrics.clone());
        Self(Arc::new(Inner { network, stores, ambient, metrics, local: LocalTokens::default() }))
    }

    /// Checks the stores that a setting names. Logs what is wrong: payments go on without them.
    pub(crate) async fn check(&self) {
        self.0.stores.check().await;
    }

    /// Brings this process up to the newest token of an app, and the stores, too. Does nothing if this process has used
    /// none. To be called more often than the five minutes for which WeChat Pay accepts a token that was replaced.
    pub(crate) async fn follow(&self, app: &AppId, client: &Client) {
        let slot = self.0.local.slot(app);
        let Some(known) = slot.known() else { return };
        let newest = self.0.stores.level(app, known).await;
        let now = self.0.ambient.now();
        if now < newest.expires_at && slot.give(&newest) {
            client.memory(|memory| {
                memory.put_token(app, newest.token.clone(), now, newest.expires_at);
            });
        }
    }

    /// Returns the token that this process asks for, as WeChat Pay would.
    async fn obtain(&self, app: AppId, seen: u64, transmit: Transmit) -> Result<KnownToken, Reply> {
        let slot = self.0.local.slot(&app);
        let _turn = slot.turn().await;
        if let Some(known) =
            slot.known().filter(|known| self.0.stores.is_newer(seen, known.epoch, known.expires_at))
        {
            return Ok(known);
        }
        let began = Instant::now();
        let mut replaced = seen;
        loop {
            match self.0.stores.ask(&app, &mut replaced, transmit.timeout).await {
                Asked::Newer(known) => return Ok(slot.learn(known)),
                Asked::Locked(locks) => {
                    if let Some(known) = self.fetch(&app, transmit.clone(), &locks).await? {
                        return Ok(slot.learn(known));
                    }
                }
                Asked::Alone => {
                    if !slot.may_fetch_alone(ALONE_INTERVAL) {
                        return Err(not_sent(
                            "no store of access tokens answers, and one was fetched just now",
                        ));
                    }
                    tracing::warn!(%app, "no store answers: an access token is fetched for this process alone");
                    let epoch = replaced.saturating_add(1).max(self.0.ambient.now().as_millis());
                    let known = self.request(epoch, transmit).await?;
                    slot.fetched_alone();
                    return Ok(slot.learn(known));
                }
                Asked::Busy => {}
            }
            if began.elapsed() >= transmit.timeout {
                return Err(not_sent("another process fetches the access token, and takes too long"));
            }
            sleep(POLL_INTERVAL).await;
        }
    }

    /// Fetches a token under locks, and stores it. `None` if all locks were lost meanwhile. The error is the reply for the
    /// core.
    async fn fetch(
        &self,
        app: &AppId,
        transmit: Transmit,
        locks: &[Held],
    ) -> Result<Option<KnownToken>, Reply> {
        let epoch = locks.iter().map(|held| held.epoch).max().unwrap_or_default();
        match self.request(epoch, transmit).await {
            Ok(known) => Ok(self.0.stores.write(app, &known, locks).await.then_some(known)),
            Err(reply) => {
                self.0.stores.unlock(locks).await;
                Err(reply)
            }
        }
    }

    /// Requests a token from WeChat Pay.
    async fn request(&self, epoch: u64, transmit: Transmit) -> Result<KnownToken, Reply> {
        let requested_at = self.0.ambient.now();
        let reply = self.0.network.send(transmit).await;
        // The core reads a refusal, or what is no token.
        let Some(IssuedToken { token, lifetime, .. }) =
            reply.as_ref().ok().and_then(|reply| IssuedToken::from_response(reply).ok())
        else {
            return Err(reply);
        };
        self.0.metrics.access_token(TokenSource::Gateway);
        // A simulator's token may last for less than the margin.
        let margin = MARGIN.min(lifetime.checked_div(10).unwrap_or_default());
        let expires_at = requested_at.after(lifetime.saturating_sub(margin));
        Ok(KnownToken { token, epoch, expires_at })
    }
}

fn not_sent(reason: &'static str) -> Reply {
    Err(Failure::NotSent(reason.into()))
}

impl Transport for SharedTokens {
    fn send(&self, transmit: Transmit) -> Pin<Box<dyn Future<Output = Reply> + Send + '_>> {
        Box::pin(async move {
            let Some(app) = IssuedToken::requested_app(&transmit) else {
                return self.0.network.send(transmit).await;
            };
            let slot = self.0.local.slot(&app);
            let (this, seen) = (self.clone(), slot.given());
            // In a task of its own: if the caller leaves, the lock must be given back, and the token reach the stores.
            let obtaining = async move { this.obtain(app, seen, transmit).await };
            match tokio::spawn(obtaining.in_current_span()).await {
                Ok(Ok(known)) => {
                    slot.give(&known);
                    // In whole seconds; none is no lifetime.
                    let lifetime = known.expires_at.since(self.0.ambient.now()).max(Duration::from_secs(1));
                    Ok(IssuedToken::new(known.token, lifetime).to_response())
                }
                Ok(Err(reply)) => reply,
                Err(_) => not_sent("the request for an access token stopped unexpectedly"),
            }
        })
    }
}
