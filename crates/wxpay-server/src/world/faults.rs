//! The faults that happened, by kind.

use super::{
    World,
    life::{CALL_FAULTS, NOTIFICATION_FAULTS},
    network::NetworkFailure,
};
use std::collections::BTreeMap;
use wxpay_sim::faults::Fault;

/// The faults that the world itself counts.
const OWN: [&str; 22] = [
    "outages of the network",
    "slow ways to place orders",
    "kills",
    "shutdowns",
    "failures of the ledger",
    "lost answers of the ledger",
    "ledger: slow",
    "jumps of the clock",
    "changes of keys",
    "webhooks: receiver down",
    "webhooks: slow",
    "webhooks: response lost",
    "webhooks: request lost",
    "webhooks: too slow",
    "webhooks: server error",
    "webhooks: busy",
    "webhooks: 410",
    "acknowledgements lost",
    "a misdirected notification",
    "a stale notification",
    "refunds in the console",
    "refunds that end differently",
];

/// Returns the kinds of faults, those of the gateway by their names in its control interface.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    let gateway = CALL_FAULTS.into_iter().chain(NOTIFICATION_FAULTS);
    let gateway = gateway.chain([Fault::PaidDuringClose, Fault::SecondPayment]).map(Fault::kind);
    OWN.into_iter().chain(NetworkFailure::ALL.into_iter().map(NetworkFailure::name)).chain(gateway)
}

/// Returns the faults that happened, by kind.
pub(super) fn happened(counts: &BTreeMap<&'static str, u64>) -> BTreeMap<&'static str, u64> {
    kinds().map(|kind| (kind, counts.get(kind).copied().unwrap_or_default())).collect()
}

impl World {
    /// Counts the faults of the gateway that happened.
    pub(super) fn count_gateway_faults(&self) {
        let hits: Vec<_> = self.gateway(|gateway| {
            gateway.fault_rules().iter().map(|rule| (rule.fault().kind(), rule.hits())).collect()
        });
        for (kind, hits) in hits.into_iter().filter(|(_, hits)| *hits > 0) {
            self.add(kind, hits);
        }
    }
}
