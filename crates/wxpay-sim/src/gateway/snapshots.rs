//! Saved states: copies of the whole gateway in memory, under a name.

use super::Gateway;
use std::{collections::BTreeMap, fmt, sync::Arc};
use wxpay_proto::UnixTime;

/// Maximum number of saved states.
const MAX_SNAPSHOTS: usize = 8;

/// The saved states, by name.
pub(super) type Snapshots = BTreeMap<String, Arc<Snapshot>>;

/// A saved state: everything that the gateway knows, at a business time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Snapshot {
    gateway: Gateway,
    /// The business time of the save.
    pub saved_at: UnixTime,
}

impl Snapshot {
    /// Returns the number of orders in the state.
    pub fn orders(&self) -> usize {
        self.gateway.ledger.order_count()
    }
}

/// The reason why a state is not saved or loaded. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoSnapshot {
    /// The maximum number of states is saved.
    Full,
    /// No state has this name.
    Unknown,
}

impl fmt::Display for NoSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Full => write!(f, "{MAX_SNAPSHOTS} states are saved already; delete one first"),
            Self::Unknown => f.write_str("no state is saved under this name"),
        }
    }
}

impl std::error::Error for NoSnapshot {}

impl Gateway {
    /// Saves a copy of everything that the gateway knows under a name, in memory. A state of this name is replaced.
    ///
    /// # Errors
    ///
    /// [`NoSnapshot::Full`] if there is no room for one more.
    pub fn save_snapshot(&mut self, name: &str, now: UnixTime) -> Result<(), NoSnapshot> {
        if !self.snapshots.contains_key(name) && self.snapshots.len() >= MAX_SNAPSHOTS {
            return Err(NoSnapshot::Full);
        }
        let others = std::mem::take(&mut self.snapshots);
        let gateway = self.clone();
        self.snapshots = others;
        self.snapshots.insert(name.into(), Arc::new(Snapshot { gateway, saved_at: now }));
        Ok(())
    }

    /// Replaces everything that the gateway knows with a saved state, and returns the business time of its save, at
    /// which the clock must go on. Deliveries that were in progress then are sent again. Saved states stay.
    ///
    /// # Errors
    ///
    /// [`NoSnapshot::Unknown`] for an unknown name.
    pub fn load_snapshot(&mut self, name: &str) -> Result<UnixTime, NoSnapshot> {
        let snapshot = self.snapshots.get(name).ok_or(NoSnapshot::Unknown)?;
        let (mut gateway, saved_at) = (snapshot.gateway.clone(), snapshot.saved_at);
        gateway.notifications.resume_after(&self.notifications, saved_at);
        gateway.snapshots = std::mem::take(&mut self.snapshots);
        *self = gateway;
        Ok(saved_at)
    }

    /// Deletes a saved state.
    ///
    /// # Errors
    ///
    /// [`NoSnapshot::Unknown`] for an unknown name.
    pub fn delete_snapshot(&mut self, name: &str) -> Result<(), NoSnapshot> {
        self.snapshots.remove(name).map(drop).ok_or(NoSnapshot::Unknown)
    }

    /// Returns the saved states, by name.
    pub fn snapshots(&self) -> impl Iterator<Item = (&str, &Snapshot)> {
        self.snapshots.iter().map(|(name, snapshot)| (name.as_str(), &**snapshot))
    }
}
