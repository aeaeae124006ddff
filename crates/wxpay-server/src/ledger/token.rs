//! The access token of an APIv1 app, shared by all processes: one fetches it, under a lease.
//!
//! A token's epoch grows with every fetch, and is the version of its row. It is a time in milliseconds if that is more
//! than the last epoch, so that it also grows where the last one is forgotten, as in a cache that was flushed.

use super::{
    Changes, Context, Corrupt, Decision, Load, Operation, Prefix, Rows,
    lease::{LeaseClaim, ReleaseLeases, TakeLeases},
    rows::{merchant::TokenRow, task::LeaseRow},
};
use std::time::Duration;

/// Takes the lease to fetch a token, unless there is a newer one than the caller's.
#[derive(Clone, Debug)]
pub(crate) struct LeaseToken {
    /// The app.
    pub(crate) appid: String,
    /// The epoch that is to be replaced. 0 for none.
    pub(crate) seen: u64,
    /// The process.
    pub(crate) owner: String,
    /// The duration of the lease.
    pub(crate) duration: Duration,
}

/// The result of [`LeaseToken`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LeasedToken {
    /// The caller may fetch a token, of this epoch.
    Leased {
        /// The lease.
        claim: LeaseClaim,
        /// The epoch of the token.
        epoch: u64,
    },
    /// There is a newer token, or another process fetches one.
    Busy,
}

fn lease_of(appid: &str) -> String {
    format!("token:{appid}")
}

fn row_of(appid: &str) -> Load {
    Prefix::<TokenRow>::all().and(&appid.to_owned()).load()
}

impl Operation for LeaseToken {
    type Output = LeasedToken;

    fn loads(&self) -> Vec<Load> {
        vec![row_of(&self.appid), LeaseRow::of(&lease_of(&self.appid)).load()]
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<LeasedToken>, Corrupt> {
        let known = rows.one::<TokenRow>()?;
        if known.as_ref().is_some_and(|row| row.version > self.seen && context.now < row.expires_at) {
            return Ok(Decision::unchanged(LeasedToken::Busy));
        }
        let Self { appid, owner, duration, .. } = self.clone();
        let Decision { changes, output } =
            TakeLeases { names: vec![lease_of(&appid)], owner, duration }.decide(rows, context)?;
        let output = match output.first() {
            None => LeasedToken::Busy,
            Some(lease) => {
                let last = known.map(|row| row.version).unwrap_or_default().max(self.seen);
                let epoch = last.saturating_add(1).max(context.now.as_millis());
                LeasedToken::Leased { claim: LeaseClaim::to(lease), epoch }
            }
        };
        Ok(Decision { changes, output })
    }
}

/// Stores a token that is newer than the stored one.
#[derive(Clone, Debug)]
pub(crate) struct StoreToken {
    /// The token. Its version is its epoch.
    pub(crate) row: TokenRow,
    /// The lease under which it was fetched: it must be held, and is given back. `None` for a token that another store
    /// has already.
    pub(crate) claim: Option<LeaseClaim>,
}

impl Operation for StoreToken {
    /// Whether it was stored.
    type Output = bool;

    fn loads(&self) -> Vec<Load> {
        vec![row_of(&self.row.appid), LeaseRow::of(&lease_of(&self.row.appid)).load()]
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<bool>, Corrupt> {
        let lease = rows.one::<LeaseRow>()?;
        let is_held = |claim: &LeaseClaim| lease.as_ref().is_some_and(|lease| claim.is_held(lease));
        let seen = rows.one::<TokenRow>()?.map(|row| row.version);
        let is_newer = seen.is_none_or(|seen| self.row.version > seen);
        if !is_newer || !self.claim.as_ref().is_none_or(is_held) {
            return Ok(Decision::unchanged(false));
        }
        let mut changes = Changes::default();
        if let Some(claim) = self.claim.clone() {
            changes = ReleaseLeases { claims: vec![claim], ending: None }.decide(rows, context)?.changes;
        }
        changes.root(&self.row, seen);
        Ok(Decision { changes, output: true })
    }
}

#[cfg(test)]
mod tests;
