//! Leases: the right of one process to do background work. It may still be done twice; the version fences.

use super::{
    Changes, Context, Corrupt, Decision, Load, Operation, Rows,
    rows::task::{LeaseRow, ProcessRow},
};
use std::time::Duration;
use wxpay_proto::UnixTime;

/// No lease and no process lasts this long without renewal: a later end was written by a clock that was wrong.
const MAX_LEASE: Duration = Duration::from_mins(10);
/// The time for which a process that ended without saying so is remembered.
const MEMORY: Duration = Duration::from_hours(1);

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

impl LeaseRow {
    /// Returns whether a process may take the lease: it is nobody's, its own, or its end has passed.
    pub(crate) fn is_free_for(&self, process: &str, now: UnixTime) -> bool {
        self.owner == process || has_ended(self.until, now)
    }
}

impl ProcessRow {
    /// Returns whether the process lives, as far as is known.
    pub(crate) fn is_alive(&self, now: UnixTime) -> bool {
        !has_ended(self.until, now)
    }

    /// Returns whether the process ended so long ago that its row can be deleted.
    pub(crate) fn is_forgotten(&self, now: UnixTime) -> bool {
        self.until < now.before(MEMORY) || self.until.since(now) > MAX_LEASE
    }
}

fn has_ended(until: UnixTime, now: UnixTime) -> bool {
    until < now || until.since(now) > MAX_LEASE
}

/// Takes those of the leases that are free, in one transaction.
#[derive(Clone, Debug)]
pub(crate) struct TakeLeases {
    /// The names.
    pub(crate) names: Vec<String>,
    /// The process.
    pub(crate) owner: String,
    /// The duration.
    pub(crate) duration: Duration,
}

impl Operation for TakeLeases {
    /// The leases that were taken. The others are held by other processes.
    type Output = Vec<LeaseRow>;

    fn loads(&self) -> Vec<Load> {
        self.names.iter().map(|name| LeaseRow::of(name).load()).collect()
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<Vec<LeaseRow>>, Corrupt> {
        let known: Vec<LeaseRow> = rows.all()?;
        let mut changes = Changes::default();
        let mut taken = Vec::new();
        for name in &self.names {
            let known = known.iter().find(|known| known.name == *name);
            if known.is_some_and(|known| !known.is_free_for(&self.owner, context.now)) {
                continue;
            }
            let is_own = known.is_some_and(|known| known.owner == self.owner);
            let seen = known.map(|known| known.version);
            let lease = LeaseRow {
                name: name.clone(),
                owner: self.owner.clone(),
                version: seen.unwrap_or_default().saturating_add(u64::from(!is_own)),
                until: context.now.after(self.duration),
            };
            changes.root(&lease, seen);
            taken.push(lease);
        }
        Ok(Decision { changes, output: taken })
    }
}

/// Renews the life of a process, and those of its leases that nobody else took, also after their end.
#[derive(Clone, Debug)]
pub(crate) struct RenewLeases {
    /// The process.
    pub(crate) process: String,
    /// The newest version of the schema that the process knows.
    pub(crate) schema_version: i64,
    /// The leases.
    pub(crate) claims: Vec<LeaseClaim>,
    /// The duration.
    pub(crate) duration: Duration,
    /// Other processes, which are deleted if they ended long ago.
    pub(crate) forgotten: Vec<String>,
}

impl Operation for RenewLeases {
    /// The renewed leases. The others are lost.
    type Output = Vec<LeaseRow>;

    fn loads(&self) -> Vec<Load> {
        let processes = self.forgotten.iter().chain([&self.process]);
        let processes = processes.map(|process| ProcessRow::of(process).load());
        self.claims.iter().map(LeaseClaim::load).chain(processes).collect()
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<Vec<LeaseRow>>, Corrupt> {
        let until = context.now.after(self.duration);
        let mut changes = Changes::default();
        let (process, schema_version) = (self.process.clone(), self.schema_version);
        changes.put(&ProcessRow { process, schema_version, until });
        let mut renewed = Vec::new();
        for lease in held(rows, &self.claims)? {
            let seen = lease.version;
            let lease = LeaseRow { until, ..lease };
            changes.root(&lease, Some(seen));
            renewed.push(lease);
        }
        for other in rows.all::<ProcessRow>()? {
            if other.process != self.process && other.is_forgotten(context.now) {
                changes.delete(ProcessRow::of(&other.process));
            }
        }
        Ok(Decision { changes, output: renewed })
    }
}

/// Gives leases back, so that other processes take them at once.
#[derive(Clone, Debug)]
pub(crate) struct ReleaseLeases {
    /// The leases.
    pub(crate) claims: Vec<LeaseClaim>,
    /// The process, if it ends.
    pub(crate) ending: Option<String>,
}

impl Operation for ReleaseLeases {
    type Output = ();

    fn loads(&self) -> Vec<Load> {
        let ending = self.ending.iter().map(|process| ProcessRow::of(process).load());
        self.claims.iter().map(LeaseClaim::load).chain(ending).collect()
    }

    fn decide(&self, rows: &Rows, _: &Context) -> Result<Decision<()>, Corrupt> {
        let mut changes = Changes::default();
        for lease in held(rows, &self.claims)? {
            // The row stays: its version must go on growing.
            let seen = lease.version;
            changes.root(&LeaseRow { owner: String::new(), until: UnixTime::EPOCH, ..lease }, Some(seen));
        }
        if let Some(process) = &self.ending {
            changes.delete(ProcessRow::of(process));
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
