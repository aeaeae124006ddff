//! The receivers that a merchant shares its payments with.

use super::ReceiverRecord;
use crate::ledger::Ledger;
use std::{collections::BTreeMap, ops::Bound};

/// The type of a receiver that is a merchant.
pub(crate) const MERCHANT_ID: &str = "MERCHANT_ID";

/// All receivers. The value is the hash of the name that the receiver was added under, if one was given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Receivers(BTreeMap<ReceiverRecord, Option<String>>);

impl Receivers {
    /// Returns the receivers after another one.
    pub(crate) fn after(&self, after: Option<ReceiverRecord>) -> impl Iterator<Item = &ReceiverRecord> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.0.range((from, Bound::Unbounded)).map(|(receiver, _)| receiver)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the hash of a receiver's name, or `None` if the receiver was not added.
    pub(super) fn get(&self, receiver: &ReceiverRecord) -> Option<&Option<String>> {
        self.0.get(receiver)
    }
}

impl Ledger {
    /// Adds a receiver under the hash of its name. Adding it again changes only the name.
    pub(crate) fn add_receiver(&mut self, receiver: ReceiverRecord, name: Option<String>) {
        self.sharings.receivers.0.insert(receiver, name);
    }

    /// Removes a receiver. Removing it again has no effect.
    pub(crate) fn remove_receiver(&mut self, receiver: &ReceiverRecord) {
        self.sharings.receivers.0.remove(receiver);
    }
}
