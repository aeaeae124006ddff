//! The ledger as a store: a row per app, and a lease.

use super::store::{Lock, LockRequest, Locked, StoreError, StoredToken};
use crate::{
    engine::{Ledger, LedgerError},
    ledger::{
        Context, Operation, Prefix,
        lease::{LeaseClaim, ReleaseLeases},
        rows::merchant::TokenRow,
        token::{LeaseToken, LeasedToken, StoreToken},
    },
};
use std::time::Duration;
use tokio::time::timeout;
use wxpay_proto::id::AppId;

/// The longest time that an operation may take.
const TIMEOUT: Duration = Duration::from_secs(3);

/// The ledger as a store.
#[derive(Clone, Debug)]
pub(crate) struct LedgerStore {
    ledger: Ledger,
    /// The name of this process, as the owner of leases.
    process: String,
}

impl LedgerStore {
    /// Creates the store.
    pub(crate) fn new(ledger: Ledger, process: String) -> Self {
        Self { ledger, process }
    }

    pub(super) async fn read(&self, app: &AppId) -> Result<Option<StoredToken>, StoreError> {
        let rows = within(self.ledger.load(Prefix::<TokenRow>::all().and(&app.to_string()))).await?;
        let stored = |row: TokenRow| StoredToken {
            sealed: row.sealed_token,
            epoch: row.version,
            expires_at: row.expires_at,
        };
        Ok(rows.into_iter().next().map(stored))
    }

    pub(super) async fn lock(
        &self,
        request: LockRequest<'_>,
        context: Context,
    ) -> Result<Option<Locked>, StoreError> {
        let LockRequest { app, seen, duration, .. } = request;
        let lease = LeaseToken { appid: app.to_string(), seen, owner: self.process.clone(), duration };
        Ok(match self.run(lease, context).await? {
            LeasedToken::Leased { claim, epoch } => Some(Locked { lock: Lock::Ledger(claim), epoch }),
            LeasedToken::Busy => None,
        })
    }

    pub(super) async fn write(
        &self,
        app: &AppId,
        token: &StoredToken,
        claim: Option<&LeaseClaim>,
        context: Context,
    ) -> Result<bool, StoreError> {
        let row = TokenRow {
            appid: app.to_string(),
            sealed_token: token.sealed.clone(),
            version: token.epoch,
            expires_at: token.expires_at,
        };
        self.run(StoreToken { row, claim: claim.cloned() }, context).await
    }

    pub(super) async fn unlock(&self, claim: &LeaseClaim, context: Context) -> Result<(), StoreError> {
        self.run(ReleaseLeases { claims: vec![claim.clone()], ending: None }, context).await
    }

    async fn run<O: Operation>(&self, operation: O, context: Context) -> Result<O::Output, StoreError> {
        within(self.ledger.run(operation, context)).await
    }
}

async fn within<T>(running: impl Future<Output = Result<T, LedgerError>>) -> Result<T, StoreError> {
    let result = timeout(TIMEOUT, running).await;
    let result = result.map_err(|_| StoreError::Failed(format!("no answer within {TIMEOUT:?}")))?;
    result.map_err(|error| StoreError::Failed(error.to_string()))
}
