//! The platform certificates of one merchant: verification keys by serial number.

use super::{deadline::Deadline, key_error::KeyProblem, refreshable::Lease};
use crate::{
    clock::UnixTime,
    crypto::{Certificate, CryptoProvider, InvalidKey, PublicKey},
    id::SerialNo,
    prelude::*,
};
use alloc::collections::BTreeMap;
use core::time::Duration;

/// The key and the validity of an authenticated platform certificate.
#[derive(Clone, Debug)]
pub(crate) struct PlatformKey {
    pub(crate) key: Arc<dyn PublicKey>,
    not_before: UnixTime,
    not_after: UnixTime,
}

impl PlatformKey {
    /// The tolerance before the validity begins: the local clock may be slow by as much as a signature's timestamp may
    /// differ from it. There is none after the end.
    const TOLERANCE: Duration = Duration::from_secs(300);

    /// Extracts the key of a certificate, with its serial number.
    pub(crate) fn of(
        provider: &dyn CryptoProvider,
        certificate: &Certificate,
    ) -> Result<(SerialNo, Self), InvalidKey> {
        let serial = certificate.serial().parse().map_err(|_| InvalidKey)?;
        let key = provider.public_key(certificate.spki())?;
        let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
        Ok((serial, Self { key, not_before, not_after }))
    }

    /// Returns whether the key may verify and seal.
    pub(crate) fn is_usable(&self, now: UnixTime) -> bool {
        self.not_before <= now.after(Self::TOLERANCE) && !self.is_expired(now)
    }

    fn is_expired(&self, now: UnixTime) -> bool {
        self.not_after <= now
    }

    /// Returns the newest of the usable keys, which seals.
    pub(crate) fn newest(keys: &BTreeMap<SerialNo, Self>, now: UnixTime) -> Option<(&SerialNo, &Self)> {
        let usable = keys.iter().filter(|(_, entry)| entry.is_usable(now));
        usable.max_by_key(|(_, entry)| entry.not_before)
    }
}

/// The platform certificates of one merchant. Each serial number keeps its key until the certificate expires, even if
/// later lists omit it: a reply signed before a rotation may arrive after it. A later list cannot replace the key of a
/// serial number either.
///
/// There is at most one fetch a [minute](Self::MIN_FETCH_INTERVAL), because anybody can invent an unknown serial
/// number.
#[derive(Debug, Default)]
pub(crate) struct PlatformKeys {
    keys: BTreeMap<SerialNo, PlatformKey>,
    /// The end of the freshness of the list. An empty list counts, too.
    refresh: Option<Deadline>,
    /// The end of the minimum interval since the last fetch began.
    throttle: Option<Deadline>,
    lease: Option<Deadline>,
    leases: u64,
    /// The problem that the last fetch found. `None` after a list was stored.
    failure: Option<KeyProblem>,
}

/// The next action of a flow whose key is missing.
#[derive(Debug)]
pub(crate) enum MissingKey {
    /// Fetch the certificates, then call [`PlatformKeys::fill`] or [`PlatformKeys::fail`]; or [`PlatformKeys::release`].
    Fetch(Lease),
    /// The certificates are being fetched by another flow. Claim the key again at this time.
    Wait(UnixTime),
    /// There is no such key, or it is too early to fetch again.
    Unavailable(KeyProblem),
}

impl PlatformKeys {
    /// The minimum interval between the starts of two fetches.
    pub(crate) const MIN_FETCH_INTERVAL: Duration = Duration::from_secs(60);
    /// The age at which the list is fetched again: half of the documented maximum.
    pub(crate) const REFRESH_INTERVAL: Duration = Duration::from_secs(6 * 3600);
    const LEASE_TIMEOUT: Duration = Duration::from_secs(15);
    const POLL_INTERVAL: Duration = Duration::from_millis(50);

    /// Returns the key with this serial number, if it is cached and usable.
    pub(crate) fn get(&self, serial: &SerialNo, now: UnixTime) -> Option<&Arc<dyn PublicKey>> {
        self.keys.get(serial).filter(|entry| entry.is_usable(now)).map(|entry| &entry.key)
    }

    /// Claims the key with this serial number.
    pub(crate) fn claim(
        &mut self,
        serial: &SerialNo,
        now: UnixTime,
    ) -> Result<Arc<dyn PublicKey>, MissingKey> {
        match self.get(serial, now) {
            Some(key) => Ok(key.clone()),
            None => Err(self.claim_fetch(now)),
        }
    }

    /// Claims the key to seal with: the newest one that is usable.
    pub(crate) fn claim_for_sealing(
        &mut self,
        now: UnixTime,
    ) -> Result<(SerialNo, Arc<dyn PublicKey>), MissingKey> {
        match PlatformKey::newest(&self.keys, now) {
            Some((serial, entry)) => Ok((serial.clone(), entry.key.clone())),
            None => Err(self.claim_fetch(now)),
        }
    }

    /// Claims a refresh of the list. Returns `None` if it is not due.
    pub(crate) fn claim_refresh(&mut self, now: UnixTime) -> Option<Lease> {
        if self.refresh.is_some_and(|refresh| refresh.is_pending(now)) {
            return None;
        }
        match self.claim_fetch(now) {
            MissingKey::Fetch(lease) => Some(lease),
            MissingKey::Wait(_) | MissingKey::Unavailable(_) => None,
        }
    }

    fn claim_fetch(&mut self, now: UnixTime) -> MissingKey {
        if self.lease.is_some_and(|lease| lease.is_pending(now)) {
            return MissingKey::Wait(now.after(Self::POLL_INTERVAL));
        }
        if let Some(throttle) = self.throttle.filter(|throttle| throttle.is_pending(now)) {
            let cause = Box::new(self.problem());
            return MissingKey::Unavailable(KeyProblem::Throttled { until: throttle.end(), cause });
        }
        self.throttle = Some(Deadline::after(now, Self::MIN_FETCH_INTERVAL));
        self.lease = Some(Deadline::after(now, Self::LEASE_TIMEOUT));
        self.leases = self.leases.wrapping_add(1);
        MissingKey::Fetch(Lease::new(self.leases))
    }

    /// Returns the problem that the last fetch found.
    fn problem(&self) -> KeyProblem {
        match (self.lease, &self.failure) {
            // The fetcher vanished.
            (Some(_), _) => KeyProblem::Unfinished,
            (None, Some(failure)) => failure.clone(),
            (None, None) => KeyProblem::NotListed,
        }
    }

    /// Stores a list in which every key was authenticated. Expired keys are removed.
    pub(crate) fn fill(&mut self, lease: &Lease, keys: Vec<(SerialNo, PlatformKey)>, now: UnixTime) {
        if !self.end_lease(lease) {
            return;
        }
        self.failure = None;
        self.refresh = Some(Deadline::after(now, Self::REFRESH_INTERVAL));
        self.keys.retain(|_, entry| !entry.is_expired(now));
        for (serial, key) in keys {
            // A serial number keeps its key: a list cannot exchange it.
            self.keys.entry(serial).or_insert(key);
        }
    }

    /// Ends the lease without a list. The cached keys stay in use.
    pub(crate) fn fail(&mut self, lease: &Lease, failure: KeyProblem, now: UnixTime) {
        if !self.end_lease(lease) {
            return;
        }
        if matches!(failure, KeyProblem::NoCertificates(_)) {
            // An answer, not a failure: asking again every minute would change nothing.
            self.refresh = Some(Deadline::after(now, Self::REFRESH_INTERVAL));
        }
        self.failure = Some(failure);
    }

    /// Ends the lease of a flow that does not fetch. Returns the problem that the fetch before found.
    pub(crate) fn release(&mut self, lease: &Lease) -> KeyProblem {
        self.end_lease(lease);
        self.problem()
    }

    fn end_lease(&mut self, lease: &Lease) -> bool {
        let current = lease.number() == self.leases;
        if current {
            self.lease = None;
        }
        current
    }

    /// Returns the time of the next fetch, or `None` if the list was never fetched.
    pub(crate) fn refresh_at(&self) -> Option<UnixTime> {
        let due = self.refresh?.end();
        Some(self.throttle.map_or(due, |throttle| due.max(throttle.end())))
    }
}

#[cfg(test)]
mod tests;
