//! Where access tokens are shared.
//!
//! In this generation a fetch makes every earlier token of the app invalid, so all processes of a merchant must
//! use one. The client's own memory is enough for one process; a [`TokenStore`] shares the token with others.

mod memory;

pub use memory::InProcess;

use std::{error, fmt, pin::Pin, sync::Mutex, sync::PoisonError};
use wxpay_hyper::Client;
use wxpay_proto::{
    UnixTime,
    id::AppId,
    memory::{AccessToken, Memory},
};

/// What a store promises to bring, in time.
pub type Promise<'a, T> =
    Pin<Box<dyn Future<Output = Result<T, Box<dyn error::Error + Send + Sync>>> + Send + 'a>>;

/// A token and when it expires.
pub type Dated = (AccessToken, UnixTime);

/// A place where an app's token is shared.
///
/// A store that fails stops no payment: the client then goes on with what it knows, or fetches. A store that
/// forgets costs a fetch.
pub trait TokenStore: fmt::Debug + Send + Sync {
    /// The app's token, if there is one.
    fn load<'a>(&'a self, app: &'a AppId) -> Promise<'a, Option<Dated>>;
    /// Keeps the app's newest token. What is past its time may be forgotten.
    fn save<'a>(&'a self, app: &'a AppId, token: Dated) -> Promise<'a, ()>;
}

/// The way between a store and a client's memory.
#[derive(Debug)]
pub(crate) struct Sharing {
    store: Box<dyn TokenStore>,
    /// What the store was last seen to hold. Only what differs from it is news: an old token that is still in
    /// the store must not displace the newer one that was fetched because the old one was refused.
    seen: Mutex<Option<AccessToken>>,
}

impl Sharing {
    pub(crate) fn new(store: Box<dyn TokenStore>) -> Self {
        Self { store, seen: Mutex::default() }
    }

    /// Before a call: news from the store into the memory.
    pub(crate) async fn fetch(&self, app: &AppId, client: &Client) {
        let (token, expires_at) = match self.store.load(app).await {
            Ok(Some(dated)) => dated,
            Ok(None) => return,
            Err(cause) => return tracing::warn!(%cause, "the token store cannot be read"),
        };
        let now = crate::time::now();
        if now < expires_at && self.is_news(&token) {
            client.memory(|memory| memory.put_token(app, token, now, expires_at));
        }
    }

    /// After a call: news from the memory into the store.
    pub(crate) async fn publish(&self, app: &AppId, client: &Client) {
        let now = crate::time::now();
        let held = |memory: &mut Memory| memory.token(app, now).map(|(token, until)| (token.clone(), until));
        let Some(dated) = client.memory(held) else { return };
        if !self.is_news(&dated.0) {
            return;
        }
        if let Err(cause) = self.store.save(app, dated).await {
            tracing::warn!(%cause, "the token store cannot be written");
        }
    }

    fn is_news(&self, token: &AccessToken) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let news = seen.as_ref() != Some(token);
        if news {
            *seen = Some(token.clone());
        }
        news
    }
}
