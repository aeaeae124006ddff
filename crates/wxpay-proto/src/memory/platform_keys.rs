//! The platform certificates of one merchant: verification keys by serial number.

use super::refreshable::Lease;
use crate::{
    clock::UnixTime,
    crypto::{Certificate, CryptoProvider, InvalidKey, PublicKey},
    id::SerialNo,
};
use alloc::{collections::BTreeMap, sync::Arc, vec::Vec};
use core::time::Duration;

/// The key and the validity of an authenticated platform certificate.
#[derive(Clone, Debug)]
pub(crate) struct PlatformKey {
    pub(crate) key: Arc<dyn PublicKey>,
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
}

impl PlatformKey {
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

    /// Returns whether the key may verify. A certificate that is not valid yet may, too, because clocks differ.
    fn is_usable(&self, now: UnixTime) -> bool {
        now < self.not_after
    }
}

/// The platform certificates of one merchant. Each serial number keeps its key until the certificate expires, even if
/// later lists omit it: a reply signed before a rotation may arrive after it.
///
/// There is at most one fetch a [minute](Self::MIN_FETCH_INTERVAL), because anybody can invent an unknown serial
/// number.
#[derive(Debug, Default)]
pub(crate) struct PlatformKeys {
    keys: BTreeMap<SerialNo, PlatformKey>,
    /// The time of the last successful fetch. An empty list counts.
    fetched_at: Option<UnixTime>,
    last_fetch_started_at: Option<UnixTime>,
    leased_until: Option<UnixTime>,
    leases: u64,
}

/// The result of a claim: the key, or the next action of the caller.
#[derive(Debug)]
pub(crate) enum KeyClaim<T> {
    Use(T),
    Fetch(Lease),
    Wait(UnixTime),
    /// There is no such key, or it is too early to fetch again.
    Unknown,
}

impl PlatformKeys {
    /// The minimum interval between the starts of two fetches.
    pub(crate) const MIN_FETCH_INTERVAL: Duration = Duration::from_secs(60);
    /// The age at which the list is fetched again: half of the documented maximum.
    pub(crate) const REFRESH_INTERVAL: Duration = Duration::from_secs(6 * 3600);
    const LEASE_TIMEOUT: Duration = Duration::from_secs(15);
    const POLL_INTERVAL: Duration = Duration::from_millis(50);

    /// Claims the key with this serial number.
    pub(crate) fn claim(&mut self, serial: &SerialNo, now: UnixTime) -> KeyClaim<Arc<dyn PublicKey>> {
        match self.keys.get(serial) {
            Some(entry) if entry.is_usable(now) => KeyClaim::Use(entry.key.clone()),
            _ => self.claim_fetch(now),
        }
    }

    /// Claims the key to seal with: the newest one that is valid.
    pub(crate) fn claim_for_sealing(&mut self, now: UnixTime) -> KeyClaim<(SerialNo, Arc<dyn PublicKey>)> {
        match self.newest(now) {
            Some((serial, entry)) => KeyClaim::Use((serial.clone(), entry.key.clone())),
            None => self.claim_fetch(now),
        }
    }

    fn newest(&self, now: UnixTime) -> Option<(&SerialNo, &PlatformKey)> {
        let valid = self.keys.iter().filter(|(_, entry)| entry.is_usable(now) && entry.not_before <= now);
        valid.max_by_key(|(_, entry)| entry.not_before)
    }

    /// Claims a refresh of the list. Returns `None` if it is not due.
    pub(crate) fn claim_refresh(&mut self, now: UnixTime) -> Option<Lease> {
        let due = self.refresh_at().is_none_or(|due| due <= now);
        match due.then(|| self.claim_fetch::<()>(now)) {
            Some(KeyClaim::Fetch(lease)) => Some(lease),
            _ => None,
        }
    }

    fn claim_fetch<T>(&mut self, now: UnixTime) -> KeyClaim<T> {
        // A clock that was set back must not block fetches for ever, here and below.
        if self.leased_until.is_some_and(|until| now < until && until.since(now) <= Self::LEASE_TIMEOUT) {
            return KeyClaim::Wait(now.after(Self::POLL_INTERVAL));
        }
        if self
            .last_fetch_started_at
            .is_some_and(|last| last <= now && now < last.after(Self::MIN_FETCH_INTERVAL))
        {
            return KeyClaim::Unknown;
        }
        self.last_fetch_started_at = Some(now);
        self.leased_until = Some(now.after(Self::LEASE_TIMEOUT));
        self.leases = self.leases.wrapping_add(1);
        KeyClaim::Fetch(Lease::new(self.leases))
    }

    /// Stores a list in which every key was authenticated. Expired keys are removed.
    pub(crate) fn fill(&mut self, lease: &Lease, keys: Vec<(SerialNo, PlatformKey)>, now: UnixTime) {
        if !self.end_lease(lease) {
            return;
        }
        self.fetched_at = Some(now);
        self.keys.retain(|_, entry| entry.is_usable(now));
        self.keys.extend(keys);
    }

    /// Ends the lease without a list. The cached keys stay in use.
    pub(crate) fn release(&mut self, lease: &Lease) {
        self.end_lease(lease);
    }

    fn end_lease(&mut self, lease: &Lease) -> bool {
        let current = lease.number() == self.leases;
        if current {
            self.leased_until = None;
        }
        current
    }

    /// Returns the time of the next fetch, or `None` if the list was never fetched.
    pub(crate) fn refresh_at(&self) -> Option<UnixTime> {
        let due = self.fetched_at?.after(Self::REFRESH_INTERVAL);
        Some(self.last_fetch_started_at.map_or(due, |last| due.max(last.after(Self::MIN_FETCH_INTERVAL))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::{InvalidSignature, TooLong};

    #[derive(Debug)]
    struct Key;

    impl PublicKey for Key {
        fn verify(&self, _: &[u8], _: &[u8]) -> Result<(), InvalidSignature> {
            Err(InvalidSignature)
        }
        fn seal(&self, _: &[u8]) -> Result<Vec<u8>, TooLong> {
            Err(TooLong)
        }
    }

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    fn serial(text: &str) -> SerialNo {
        text.parse().unwrap()
    }

    fn key(text: &str, from: u64, to: u64) -> (SerialNo, PlatformKey) {
        (serial(text), PlatformKey { key: Arc::new(Key), not_before: at(from), not_after: at(to) })
    }

    fn lease<T>(claim: KeyClaim<T>) -> Lease {
        match claim {
            KeyClaim::Fetch(lease) => lease,
            KeyClaim::Use(_) | KeyClaim::Wait(_) | KeyClaim::Unknown => panic!("expected a lease"),
        }
    }

    #[test]
    fn unknown_serials_cause_at_most_one_fetch_a_minute() {
        let mut keys = PlatformKeys::default();
        let mut fetches = 0;
        for second in 0..600_u64 {
            for invented in 0..5_u8 {
                let invented = alloc::format!("{second:06X}{invented:02X}");
                if let KeyClaim::Fetch(lease) = keys.claim(&serial(&invented), at(second)) {
                    fetches += 1;
                    keys.fill(&lease, Vec::from([key("AA", 0, 9000)]), at(second));
                }
            }
        }
        assert_eq!(fetches, 10);
        assert!(matches!(keys.claim(&serial("AA"), at(600)), KeyClaim::Use(_)));
    }

    #[test]
    fn one_caller_fetches_and_a_vanished_fetcher_is_replaced_after_a_minute() {
        let mut keys = PlatformKeys::default();
        let vanished = lease(keys.claim(&serial("AA"), at(0)));
        assert!(matches!(keys.claim(&serial("AA"), at(1)), KeyClaim::Wait(_)));
        assert!(matches!(keys.claim(&serial("AA"), at(15)), KeyClaim::Unknown));
        let next = lease(keys.claim(&serial("AA"), at(60)));
        keys.fill(&vanished, Vec::from([key("BB", 0, 9000)]), at(61));
        assert!(
            matches!(keys.claim(&serial("BB"), at(61)), KeyClaim::Wait(_)),
            "the late list must not be stored"
        );
        keys.fill(&next, Vec::from([key("AA", 0, 9000)]), at(62));
        assert!(matches!(keys.claim(&serial("AA"), at(62)), KeyClaim::Use(_)));
    }

    #[test]
    fn a_key_dropped_from_the_list_stays_until_it_expires() {
        let mut keys = PlatformKeys::default();
        let first = lease(keys.claim(&serial("AA"), at(0)));
        keys.fill(&first, Vec::from([key("AA", 0, 1000)]), at(0));
        let second = lease(keys.claim(&serial("BB"), at(100)));
        keys.fill(&second, Vec::from([key("BB", 50, 9000)]), at(100));
        assert!(matches!(keys.claim(&serial("AA"), at(999)), KeyClaim::Use(_)));
        assert!(!matches!(keys.claim(&serial("AA"), at(1000)), KeyClaim::Use(_)));
    }

    #[test]
    fn sealing_uses_the_newest_key_in_force() {
        let mut keys = PlatformKeys::default();
        let first = lease(keys.claim_for_sealing(at(100)));
        keys.fill(
            &first,
            Vec::from([key("AA", 0, 9000), key("BB", 50, 9000), key("CC", 200, 9000)]),
            at(100),
        );
        let KeyClaim::Use((newest, _)) = keys.claim_for_sealing(at(100)) else { panic!("expected a key") };
        assert_eq!(newest, serial("BB"));
    }

    #[test]
    fn the_list_is_refreshed_every_six_hours_even_after_the_clock_is_set_back() {
        let mut keys = PlatformKeys::default();
        assert_eq!(keys.refresh_at(), None);
        let first = lease(keys.claim_for_sealing(at(100_000)));
        keys.fill(&first, Vec::new(), at(100_000));
        assert_eq!(keys.refresh_at(), Some(at(121_600)));
        assert!(keys.claim_refresh(at(121_599)).is_none());
        assert!(keys.claim_refresh(at(121_600)).is_some());
        assert!(matches!(keys.claim(&serial("AA"), at(5)), KeyClaim::Fetch(_)));
    }
}
