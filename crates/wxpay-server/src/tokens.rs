//! Shared storage of access tokens.
//!
//! In APIv1 a new access token invalidates the app's earlier ones, so all processes of a merchant must use the same
//! token. The client's own memory is enough for one process; a [`TokenStore`] shares the token with others.

mod memory;

pub use memory::InProcess;

use std::{error, fmt, pin::Pin, sync::Mutex, sync::PoisonError};
use wxpay_hyper::Client;
use wxpay_proto::{
    UnixTime,
    id::AppId,
    memory::{AccessToken, Memory},
};

/// A boxed future of a store operation.
pub type BoxFuture<'a, T> =
    Pin<Box<dyn Future<Output = Result<T, Box<dyn error::Error + Send + Sync>>> + Send + 'a>>;

/// A token with its expiry.
pub type StoredToken = (AccessToken, UnixTime);

/// Shared storage of one access token per app.
///
/// An error of the store fails no payment: the client then uses the token it has, or fetches one. Losing a token costs
/// one fetch.
pub trait TokenStore: fmt::Debug + Send + Sync {
    /// Returns the app's token, if there is one.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    fn load<'a>(&'a self, app: &'a AppId) -> BoxFuture<'a, Option<StoredToken>>;
    /// Stores the app's newest token. An expired token may be deleted.
    ///
    /// # Errors
    ///
    /// If the store cannot be written.
    fn save<'a>(&'a self, app: &'a AppId, token: StoredToken) -> BoxFuture<'a, ()>;
}

/// Copies tokens between a store and the memory of a client.
#[derive(Debug)]
pub(crate) struct TokenSync {
    store: Box<dyn TokenStore>,
    /// The token last loaded from or saved to the store; only a different one is copied. Otherwise an old token that is
    /// still in the store would replace the newer one that was fetched because WeChat Pay refused the old one.
    last_copied: Mutex<Option<AccessToken>>,
}

impl TokenSync {
    pub(crate) fn new(store: Box<dyn TokenStore>) -> Self {
        Self { store, last_copied: Mutex::default() }
    }

    /// Copies a new token from the store to the client's memory; called before a request.
    pub(crate) async fn load(&self, app: &AppId, client: &Client) {
        let (token, expires_at) = match self.store.load(app).await {
            Ok(Some(stored)) => stored,
            Ok(None) => return,
            Err(cause) => return tracing::warn!(%cause, "the token store cannot be read"),
        };
        let now = crate::time::now();
        if now < expires_at && self.is_new(&token) {
            client.memory(|memory| memory.put_token(app, token, now, expires_at));
        }
    }

    /// Copies a new token from the client's memory to the store; called after a request.
    pub(crate) async fn save(&self, app: &AppId, client: &Client) {
        let now = crate::time::now();
        let read = |memory: &mut Memory| memory.token(app, now).map(|(token, until)| (token.clone(), until));
        let Some(stored) = client.memory(read) else { return };
        if !self.is_new(&stored.0) {
            return;
        }
        if let Err(cause) = self.store.save(app, stored).await {
            tracing::warn!(%cause, "the token store cannot be written");
        }
    }

    fn is_new(&self, token: &AccessToken) -> bool {
        let mut last_copied = self.last_copied.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = last_copied.as_ref() != Some(token);
        if is_new {
            *last_copied = Some(token.clone());
        }
        is_new
    }
}
