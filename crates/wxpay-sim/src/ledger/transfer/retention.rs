//! Retention: how many transfers and authorizations the ledger keeps, and which it forgets first.

use super::{AuthorizationState, Authorizations, Transfers};
use std::collections::BTreeMap;
use wxpay_proto::id::{MchId, OutAuthorizationNo, OutBillNo};

/// The keys of records in the order in which the records were added.
#[derive(Clone, Debug)]
pub(super) struct Ages<K> {
    last: u64,
    unfinished: BTreeMap<u64, K>,
    finished: BTreeMap<u64, K>,
}

impl<K> Default for Ages<K> {
    fn default() -> Self {
        Self { last: 0, unfinished: BTreeMap::new(), finished: BTreeMap::new() }
    }
}

impl<K: Clone> Ages<K> {
    /// Adds a record. Later records have higher numbers.
    pub(super) fn added(&mut self, key: K) -> u64 {
        self.last = self.last.saturating_add(1);
        self.unfinished.insert(self.last, key);
        self.last
    }

    pub(super) fn finished(&mut self, age: u64) {
        self.finished.extend(self.unfinished.remove(&age).map(|key| (age, key)));
    }

    fn forget(&mut self, age: u64) {
        self.unfinished.remove(&age);
        self.finished.remove(&age);
    }

    /// Returns the oldest finished record, or the oldest one if none is finished.
    fn oldest(&self) -> Option<K> {
        self.finished.values().next().or_else(|| self.unfinished.values().next()).cloned()
    }
}

impl Transfers {
    /// Forgets transfers with their receipts until at most `max` are left: the oldest finished one first, and the oldest
    /// one if none is finished. Returns the forgotten ones.
    pub(crate) fn forget_beyond(&mut self, max: usize) -> Vec<(MchId, OutBillNo)> {
        let mut forgotten = Vec::new();
        while self.all.len() > max {
            let Some(key) = self.ages.oldest() else { break };
            // Its authorization could not be confirmed any more.
            if let Some(number) = self.requested_with(&key.0, key.1.as_str()) {
                self.authorizations.forget_unconfirmed(&key.0, number);
            }
            let Some(transfer) = self.all.remove(&key) else { break };
            self.ages.forget(transfer.age);
            self.ids.remove(&transfer.transfer_bill_no);
            forgotten.push(key);
        }
        forgotten
    }
}

impl Authorizations {
    /// Forgets authorizations until at most `max` are left: the oldest closed one first, and the oldest one if none is
    /// closed. Returns the forgotten ones.
    pub(crate) fn forget_beyond(&mut self, max: usize) -> Vec<(MchId, OutAuthorizationNo)> {
        let mut forgotten = Vec::new();
        while self.all.len() > max {
            let Some(key) = self.ages.oldest() else { break };
            if !self.forget(&key) {
                break;
            }
            forgotten.push(key);
        }
        forgotten
    }

    fn forget_unconfirmed(&mut self, mchid: &MchId, number: OutAuthorizationNo) {
        let key = (mchid.clone(), number);
        if self.all.get(&key).is_some_and(|each| each.state == AuthorizationState::WaitUserConfirm) {
            self.forget(&key);
        }
    }

    fn forget(&mut self, key: &(MchId, OutAuthorizationNo)) -> bool {
        let Some(authorization) = self.all.remove(key) else { return false };
        self.ages.forget(authorization.age);
        if let Some(id) = &authorization.authorization_id {
            self.ids.remove(id);
        }
        true
    }
}
