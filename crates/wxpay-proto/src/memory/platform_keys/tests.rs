use super::*;
use crate::{
    crypto::{InvalidSignature, TooLong},
    refusal::{Code, Refusal},
};

#[derive(Debug)]
struct Key(u8);

impl PublicKey for Key {
    fn verify(&self, _: &[u8], _: &[u8]) -> Result<(), InvalidSignature> {
        Err(InvalidSignature)
    }
    fn seal(&self, _: &[u8]) -> Result<Vec<u8>, TooLong> {
        Ok(Vec::from([self.0]))
    }
}

fn at(secs: u64) -> UnixTime {
    UnixTime::from_secs(secs)
}

fn serial(text: &str) -> SerialNo {
    text.parse().unwrap()
}

fn key(text: &str, from: u64, to: u64) -> (SerialNo, PlatformKey) {
    (serial(text), PlatformKey { key: Arc::new(Key(1)), not_before: at(from), not_after: at(to) })
}

fn lease<T>(claim: Result<T, MissingKey>) -> Lease {
    match claim {
        Err(MissingKey::Fetch(lease)) => lease,
        Ok(_) | Err(MissingKey::Wait(_) | MissingKey::Unavailable(_)) => panic!("expected a lease"),
    }
}

/// Returns the problem of a key that may not be fetched again yet, and the time of the next fetch.
fn throttled<T>(claim: Result<T, MissingKey>) -> (KeyProblem, UnixTime) {
    match claim {
        Err(MissingKey::Unavailable(KeyProblem::Throttled { until, cause })) => (*cause, until),
        Ok(_) | Err(_) => panic!("expected a throttled fetch"),
    }
}

#[test]
fn unknown_serials_cause_at_most_one_fetch_a_minute() {
    let mut keys = PlatformKeys::default();
    let mut fetches = 0;
    for second in 0..600_u64 {
        for invented in 0..5_u8 {
            let invented = format!("{second:06X}{invented:02X}");
            match keys.claim(&serial(&invented), at(second)) {
                Err(MissingKey::Fetch(lease)) => {
                    fetches += 1;
                    keys.fill(&lease, Vec::from([key("AA", 0, 9000)]), at(second));
                }
                claim => assert!(matches!(throttled(claim).0, KeyProblem::NotListed)),
            }
        }
    }
    assert_eq!(fetches, 10);
    assert!(keys.claim(&serial("AA"), at(600)).is_ok());
}

#[test]
fn one_caller_fetches_and_a_vanished_fetcher_is_replaced_after_a_minute() {
    let mut keys = PlatformKeys::default();
    let vanished = lease(keys.claim(&serial("AA"), at(0)));
    assert!(matches!(keys.claim(&serial("AA"), at(1)), Err(MissingKey::Wait(_))));
    let (problem, until) = throttled(keys.claim(&serial("AA"), at(15)));
    assert!(matches!(problem, KeyProblem::Unfinished) && until == at(60));
    let next = lease(keys.claim(&serial("AA"), at(60)));
    keys.fill(&vanished, Vec::from([key("BB", 0, 9000)]), at(61));
    assert!(
        matches!(keys.claim(&serial("BB"), at(61)), Err(MissingKey::Wait(_))),
        "the late list must not be stored"
    );
    keys.fill(&next, Vec::from([key("AA", 0, 9000)]), at(62));
    assert!(keys.claim(&serial("AA"), at(62)).is_ok());
}

#[test]
fn a_failed_fetch_ends_the_waiting_and_its_problem_is_kept_until_a_list_is_stored() {
    let mut keys = PlatformKeys::default();
    let failing = lease(keys.claim(&serial("AA"), at(0)));
    assert!(matches!(keys.claim(&serial("AA"), at(1)), Err(MissingKey::Wait(_))));
    keys.fail(&failing, KeyProblem::Undecryptable, at(1));
    for second in [1, 30, 59] {
        let (problem, until) = throttled(keys.claim(&serial("AA"), at(second)));
        assert!(matches!(problem, KeyProblem::Undecryptable) && until == at(60));
        assert!(matches!(throttled(keys.claim_for_sealing(at(second))).0, KeyProblem::Undecryptable));
    }
    let unused = lease(keys.claim(&serial("AA"), at(60)));
    assert!(matches!(keys.release(&unused), KeyProblem::Undecryptable));
    let late = lease(keys.claim(&serial("AA"), at(120)));
    keys.fail(&failing, KeyProblem::NotConfigured, at(121));
    assert!(
        matches!(keys.claim(&serial("AA"), at(121)), Err(MissingKey::Wait(_))),
        "a late failure ends nothing"
    );
    keys.fill(&late, Vec::new(), at(122));
    assert!(matches!(throttled(keys.claim(&serial("AA"), at(122))).0, KeyProblem::NotListed));
}

#[test]
fn a_merchant_without_certificates_is_asked_again_after_six_hours_only() {
    let mut keys = PlatformKeys::default();
    let first = keys.claim_refresh(at(0)).unwrap();
    keys.fail(
        &first,
        KeyProblem::NoCertificates(Arc::new(Refusal::new(404, Code::RESOURCE_NOT_EXISTS, ""))),
        at(0),
    );
    assert!(keys.claim_refresh(at(21_599)).is_none() && keys.claim_refresh(at(21_600)).is_some());
    let mut keys = PlatformKeys::default();
    let first = keys.claim_refresh(at(0)).unwrap();
    keys.fail(&first, KeyProblem::Undecryptable, at(0));
    assert!(keys.claim_refresh(at(59)).is_none() && keys.claim_refresh(at(60)).is_some());
}

#[test]
fn a_key_dropped_from_the_list_stays_until_it_expires() {
    let mut keys = PlatformKeys::default();
    let first = lease(keys.claim(&serial("AA"), at(0)));
    keys.fill(&first, Vec::from([key("AA", 0, 1000)]), at(0));
    let second = lease(keys.claim(&serial("BB"), at(100)));
    keys.fill(&second, Vec::from([key("BB", 50, 9000)]), at(100));
    assert!(keys.claim(&serial("AA"), at(999)).is_ok());
    assert!(keys.claim(&serial("AA"), at(1000)).is_err());
}

#[test]
fn a_later_list_cannot_exchange_the_key_of_a_serial_number() {
    let mut keys = PlatformKeys::default();
    let first = keys.claim_refresh(at(0)).unwrap();
    keys.fill(&first, Vec::from([key("AA", 0, 900_000)]), at(0));
    let second = keys.claim_refresh(at(100_000)).unwrap();
    let other = PlatformKey { key: Arc::new(Key(2)), not_before: at(0), not_after: at(900_000) };
    keys.fill(&second, Vec::from([(serial("AA"), other)]), at(100_000));
    assert_eq!(keys.claim(&serial("AA"), at(100_001)).unwrap().seal(b""), Ok(Vec::from([1])));
}

#[test]
fn a_certificate_is_used_from_five_minutes_before_its_validity_until_the_end() {
    let mut keys = PlatformKeys::default();
    let first = lease(keys.claim(&serial("AA"), at(0)));
    keys.fill(&first, Vec::from([key("AA", 1000, 2000)]), at(0));
    for (second, usable) in [(0, false), (699, false), (700, true), (1999, true), (2000, false)] {
        assert_eq!(keys.get(&serial("AA"), at(second)).is_some(), usable, "{second}");
        assert_eq!(PlatformKey::newest(&keys.keys, at(second)).is_some(), usable, "{second}");
    }
}

#[test]
fn sealing_uses_the_newest_usable_key() {
    let mut keys = PlatformKeys::default();
    let first = lease(keys.claim_for_sealing(at(100)));
    keys.fill(&first, Vec::from([key("AA", 0, 9000), key("BB", 50, 9000), key("CC", 500, 9000)]), at(100));
    assert_eq!(keys.claim_for_sealing(at(100)).unwrap().0, serial("BB"));
    assert_eq!(keys.claim_for_sealing(at(200)).unwrap().0, serial("CC"));
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
    assert!(matches!(keys.claim(&serial("AA"), at(5)), Err(MissingKey::Fetch(_))));
}

#[test]
fn a_caller_that_read_the_clock_earlier_does_not_fetch_a_second_time() {
    let mut keys = PlatformKeys::default();
    let first = lease(keys.claim(&serial("AA"), at(1000)));
    assert!(matches!(keys.claim(&serial("AA"), UnixTime::from_millis(999_990)), Err(MissingKey::Wait(_))));
    keys.fail(&first, KeyProblem::Undecryptable, at(1000));
    throttled(keys.claim(&serial("AA"), UnixTime::from_millis(999_990)));
}
