use super::*;
use crate::engine::model::Store;

const START: u64 = 1_700_000_000;

fn at(seconds: u64) -> Context {
    Context { now: UnixTime::from_secs(START.saturating_add(seconds)), random: 0 }
}

fn take(store: &mut Store, owner: &str, seconds: u64) -> TakenLease {
    let take = TakeLease { name: "shard:0".into(), owner: owner.into(), duration: Duration::from_secs(10) };
    store.run(&take, &at(seconds)).unwrap()
}

fn taken(store: &mut Store, owner: &str, seconds: u64) -> LeaseRow {
    let TakenLease::Taken(lease) = take(store, owner, seconds) else { panic!("held by another") };
    lease
}

fn renew(store: &mut Store, lease: &LeaseRow, seconds: u64) -> Vec<LeaseRow> {
    let claims = vec![LeaseClaim::to(lease)];
    store.run(&RenewLeases { claims, duration: Duration::from_secs(10) }, &at(seconds)).unwrap()
}

#[test]
fn a_foreign_lease_is_taken_only_after_its_end() {
    let mut store = Store::default();
    let lease = taken(&mut store, "one", 0);
    assert_eq!(lease.version, 1);
    assert_eq!(take(&mut store, "other", 9), TakenLease::Held(lease.clone()));
    assert_eq!(take(&mut store, "other", 10), TakenLease::Held(lease));
    assert_eq!(taken(&mut store, "other", 11).version, 2);
}

#[test]
fn a_holder_renews_its_lease_and_keeps_the_version() {
    let mut store = Store::default();
    let lease = taken(&mut store, "one", 0);
    let renewed = renew(&mut store, &lease, 3);
    assert_eq!((renewed[0].version, renewed[0].until), (1, at(13).now));
    assert_eq!(taken(&mut store, "one", 5).version, 1);
    // Also after its end, while nobody took it.
    assert_eq!(renew(&mut store, &lease, 60).len(), 1);
    assert!(matches!(take(&mut store, "other", 65), TakenLease::Held(_)));
}

#[test]
fn a_lease_that_another_process_took_cannot_be_renewed_or_released() {
    let mut store = Store::default();
    let lost = taken(&mut store, "one", 0);
    taken(&mut store, "other", 11);
    assert_eq!(renew(&mut store, &lost, 12), []);
    store.run(&ReleaseLeases { claims: vec![LeaseClaim::to(&lost)] }, &at(12)).unwrap();
    assert!(matches!(take(&mut store, "third", 13), TakenLease::Held(_)));
    // The first owner again, at another version: its old claim stays lost.
    let again = taken(&mut store, "one", 30);
    assert_eq!(again.version, 3);
    assert_eq!(renew(&mut store, &lost, 31), []);
    assert!(!LeaseClaim::to(&lost).is_held(&again));
}

#[test]
fn a_released_lease_is_free_at_once_and_its_version_goes_on() {
    let mut store = Store::default();
    let lease = taken(&mut store, "one", 0);
    store.run(&ReleaseLeases { claims: vec![LeaseClaim::to(&lease)] }, &at(1)).unwrap();
    assert_eq!(renew(&mut store, &lease, 1), []);
    assert_eq!(taken(&mut store, "other", 1).version, 2);
}

#[test]
fn a_lease_of_a_clock_that_was_far_ahead_does_not_last() {
    let mut store = Store::default();
    taken(&mut store, "one", 400 * 24 * 3600);
    assert_eq!(taken(&mut store, "other", 0).version, 2);
}
