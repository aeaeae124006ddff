//! Leases: the right of one process to do background work. It may still be done twice; the version fences.

use super::{Changes, Context, Corrupt, Decision, Load, Operation, Rows, rows::task::LeaseRow};
use std::time::Duration;
use wxpay_proto::UnixTime;

/// No lease lasts this long: a later end was written by a clock that was wrong.
const MAX_LEASE: Duration = Duration::from_mins(10);

/// The lease under which an operation runs. The operation changes nothing if the lease has another owner or version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeaseClaim {
    /// The name.
    pub(crate) name: String,
    /// The process.
    pub(crate) owner: String,
    /// The version at which it was taken.
    pub(crate) version: u64,
}

impl LeaseClaim {
    /// Returns the claim to a lease.
    pub(crate) fn to(lease: &LeaseRow) -> Self {
        Self { name: lease.name.clone(), owner: lease.owner.clone(), version: lease.version }
    }

    /// Returns the read of the lease.
    pub(crate) fn load(&self) -> Load {
        LeaseRow::of(&self.name).load()
    }

    /// Returns whether nobody else took the lease.
    pub(crate) fn is_held(&self, lease: &LeaseRow) -> bool {
        (lease.name.as_str(), lease.owner.as_str(), lease.version)
            == (self.name.as_str(), self.owner.as_str(), self.version)
    }
}

/// Takes a lease: one of nobody, one of this process, or one whose end has passed.
#[derive(Clone, Debug)]
pub(crate) struct TakeLease {
    /// The name.
    pub(crate) name: String,
    /// The process.
    pub(crate) owner: String,
    /// The duration.
    pub(crate) duration: Duration,
}

/// The result of [`TakeLease`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TakenLease {
    /// Taken.
    Taken(LeaseRow),
    /// The lease is held by another process.
    Held(LeaseRow),
}

impl Operation for TakeLease {
    type Output = TakenLease;

    fn loads(&self) -> Vec<Load> {
        vec![LeaseRow::of(&self.name).load()]
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<TakenLease>, Corrupt> {
        let known = rows.one::<LeaseRow>()?;
        let is_own = known.as_ref().is_some_and(|known| known.owner == self.owner);
        if let Some(known) = known.as_ref().filter(|known| !is_own && !has_ended(known, context.now)) {
            return Ok(Decision::unchanged(TakenLease::Held(known.clone())));
        }
        let seen = known.map(|known| known.version);
        let version = seen.unwrap_or_default().saturating_add(u64::from(!is_own));
        let lease = LeaseRow {
            name: self.name.clone(),
            owner: self.owner.clone(),
            version,
            until: context.now.after(self.duration),
        };
        let mut changes = Changes::default();
        changes.root(&lease, seen);
        Ok(Decision { changes, output: TakenLease::Taken(lease) })
    }
}

fn has_ended(lease: &LeaseRow, now: UnixTime) -> bool {
    lease.until < now || lease.until.since(now) > MAX_LEASE
}

/// Renews leases that nobody else took, also after their end.
#[derive(Clone, Debug)]
pub(crate) struct RenewLeases {
    /// The leases.
    pub(crate) claims: Vec<LeaseClaim>,
    /// The duration.
    pub(crate) duration: Duration,
}

impl Operation for RenewLeases {
    /// The renewed leases. The others are lost.
    type Output = Vec<LeaseRow>;

    fn loads(&self) -> Vec<Load> {
        self.claims.iter().map(LeaseClaim::load).collect()
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<Vec<LeaseRow>>, Corrupt> {
        let mut changes = Changes::default();
        let mut renewed = Vec::new();
        for lease in held(rows, &self.claims)? {
            let seen = lease.version;
            let lease = LeaseRow { until: context.now.after(self.duration), ..lease };
            changes.root(&lease, Some(seen));
            renewed.push(lease);
        }
        Ok(Decision { changes, output: renewed })
    }
}

/// Gives leases back, so that other processes take them at once.
#[derive(Clone, Debug)]
pub(crate) struct ReleaseLeases {
    /// The leases.
    pub(crate) claims: Vec<LeaseClaim>,
}

impl Operation for ReleaseLeases {
    type Output = ();

    fn loads(&self) -> Vec<Load> {
        self.claims.iter().map(LeaseClaim::load).collect()
    }

    fn decide(&self, rows: &Rows, _: &Context) -> Result<Decision<()>, Corrupt> {
        let mut changes = Changes::default();
        for lease in held(rows, &self.claims)? {
            // The row stays: its version must go on growing.
            let seen = lease.version;
            changes.root(&LeaseRow { owner: String::new(), until: UnixTime::EPOCH, ..lease }, Some(seen));
        }
        Ok(Decision { changes, output: () })
    }
}

fn held(rows: &Rows, claims: &[LeaseClaim]) -> Result<Vec<LeaseRow>, Corrupt> {
    let mut leases: Vec<LeaseRow> = rows.all()?;
    leases.retain(|lease| claims.iter().any(|claim| claim.is_held(lease)));
    leases.sort_by(|one, other| one.name.cmp(&other.name));
    leases.dedup_by(|one, other| one.name == other.name);
    Ok(leases)
}

#[cfg(test)]
mod tests;
