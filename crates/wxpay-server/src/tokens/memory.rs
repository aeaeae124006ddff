//! The token store of a single process.

use super::{BoxFuture, StoredToken, TokenStore};
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};
use wxpay_proto::id::AppId;

/// A token store in memory. Several servers in one process may share it through an `Arc`.
#[derive(Debug, Default)]
pub struct InProcess(Mutex<BTreeMap<AppId, StoredToken>>);

impl TokenStore for InProcess {
    fn load<'a>(&'a self, app: &'a AppId) -> BoxFuture<'a, Option<StoredToken>> {
        let token = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(app).cloned();
        Box::pin(async move { Ok(token) })
    }

    fn save<'a>(&'a self, app: &'a AppId, token: StoredToken) -> BoxFuture<'a, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(app.clone(), token);
        Box::pin(async { Ok(()) })
    }
}

impl<T: TokenStore + ?Sized> TokenStore for std::sync::Arc<T> {
    fn load<'a>(&'a self, app: &'a AppId) -> BoxFuture<'a, Option<StoredToken>> {
        (**self).load(app)
    }

    fn save<'a>(&'a self, app: &'a AppId, token: StoredToken) -> BoxFuture<'a, ()> {
        (**self).save(app, token)
    }
}
