//! Webhooks: signed requests that report events to the shop's endpoints, and the same events as a stream.
//!
//! * [`signature`]: the signature of Standard Webhooks, and the secrets of an endpoint;
//! * [`target`]: an endpoint's URL, and the guard against server-side request forgery;
//! * [`retry`]: the classification of a response, and the schedule of retries;
//! * [`send`]: one request over HTTP;
//! * [`body`], [`events`], [`filter`]: events as the shop sees them, and the event log;
//! * [`deliver`]: deliveries in order per subject, with retries;
//! * [`endpoints`]: the operations on endpoints;
//! * [`stream`], [`subscribe`]: server-sent events.

mod attempt;
pub(crate) mod body;
pub(crate) mod deliver;
pub(crate) mod endpoints;
pub(crate) mod events;
pub(crate) mod filter;
pub(crate) mod retry;
pub(crate) mod secrets;
pub(crate) mod send;
pub(crate) mod signature;
pub(crate) mod stream;
pub(crate) mod subscribe;
pub(crate) mod target;
#[cfg(test)]
mod testing;

use crate::{ambient::Ambient, ledger::Context};
use std::{future::pending, pin::Pin};
use tokio::sync::watch;

/// A boxed future, so that the traits of this module are object-safe.
pub(crate) type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Returns the context of an operation that runs now.
fn context(ambient: &dyn Ambient) -> Context {
    let random = ambient.entropy().into_bytes();
    let random = random.first_chunk().copied().map(u64::from_le_bytes).unwrap_or_default();
    Context { now: ambient.now(), random }
}

/// Waits until events were numbered. For ever if nothing reports that any more: the log is read at intervals anyway.
async fn numbered_again(numbered: &mut watch::Receiver<u64>) {
    if numbered.changed().await.is_err() {
        pending::<()>().await;
    }
}
