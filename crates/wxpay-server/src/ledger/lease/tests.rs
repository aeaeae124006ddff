use super::*;
use crate::{engine::model::Store, ledger::Prefix};

const START: u64 = 1_700_000_000;

fn at(seconds: u64) -> Context {
    Context { now: UnixTime::from_secs(START.saturating_add(seconds)), random: 0 }
}

/// Returns the lease, if the process may take it.
fn take(store: &mut Store, owner: &str, seconds: u64) -> Option<LeaseRow> {
    let names = vec!["shard:0".into()];
    let take = TakeLeases { names, owner: owner.into(), duration: Duration::from_secs(10) };
    store.run(&take, &at(seconds)).unwrap().pop()
}

fn taken(store: &mut Store, owner: &str, seconds: u64) -> LeaseRow {
    take(store, owner, seconds).expect("held by another")
}

fn renew_as(store: &mut Store, process: &str, claims: Vec<LeaseClaim>, seconds: u64) -> Vec<LeaseRow> {
    let renew = RenewLeases {
        process: process.into(),
        schema_version: 1,
        claims,
        duration: Duration::from_secs(10),
        forgotten: vec!["one".into(), "other".into()],
    };
    store.run(&renew, &at(seconds)).unwrap()
}

fn renew(store: &mut Store, lease: &LeaseRow, seconds: u64) -> Vec<LeaseRow> {
    renew_as(store, &lease.owner, vec![LeaseClaim::to(lease)], seconds)
}

fn release(store: &mut Store, lease: &LeaseRow, ending: Option<&str>, seconds: u64) {
    let release = ReleaseLeases { claims: vec![LeaseClaim::to(lease)], ending: ending.map(str::to_owned) };
    store.run(&release, &at(seconds)).unwrap();
}

fn processes(store: &Store) -> Vec<String> {
    store.load(Prefix::<ProcessRow>::all()).into_iter().map(|row| row.process).collect()
}

#[test]
fn a_foreign_lease_is_taken_only_after_its_end() {
    let mut store = Store::default();
    let lease = taken(&mut store, "one", 0);
    assert_eq!(lease.version, 1);
    assert_eq!(take(&mut store, "other", 9), None);
    assert_eq!(take(&mut store, "other", 10), None);
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
    assert_eq!(take(&mut store, "other", 65), None);
}

#[test]
fn a_lease_that_another_process_took_cannot_be_renewed_or_released() {
    let mut store = Store::default();
    let lost = taken(&mut store, "one", 0);
    taken(&mut store, "other", 11);
    assert_eq!(renew(&mut store, &lost, 12), []);
    release(&mut store, &lost, None, 12);
    assert_eq!(take(&mut store, "third", 13), None);
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
    release(&mut store, &lease, None, 1);
    assert_eq!(renew(&mut store, &lease, 1), []);
    assert_eq!(taken(&mut store, "other", 1).version, 2);
}

#[test]
fn a_lease_of_a_clock_that_was_far_ahead_does_not_last() {
    let mut store = Store::default();
    taken(&mut store, "one", 400 * 24 * 3600);
    assert_eq!(taken(&mut store, "other", 0).version, 2);
}

#[test]
fn leases_are_taken_together_and_those_of_others_are_left_out() {
    let mut store = Store::default();
    taken(&mut store, "other", 0);
    let names = vec!["shard:2".into(), "shard:0".into(), "shard:1".into()];
    let take = TakeLeases { names, owner: "one".into(), duration: Duration::from_secs(10) };
    let names = |leases: Vec<LeaseRow>| leases.into_iter().map(|lease| lease.name).collect::<Vec<_>>();
    assert_eq!(names(store.run(&take, &at(5)).unwrap()), ["shard:2", "shard:1"]);
    assert_eq!(names(store.run(&take, &at(11)).unwrap()), ["shard:2", "shard:0", "shard:1"]);
}

#[test]
fn a_process_lives_while_it_renews_and_is_forgotten_an_hour_after_its_end() {
    let mut store = Store::default();
    renew_as(&mut store, "one", Vec::new(), 0);
    let row = store.load(ProcessRow::of("one")).remove(0);
    assert!(row.is_alive(at(10).now) && !row.is_alive(at(11).now));
    assert_eq!(row.schema_version, 1);
    renew_as(&mut store, "other", Vec::new(), 3000);
    assert_eq!(processes(&store), ["one", "other"]);
    renew_as(&mut store, "other", Vec::new(), 3700);
    assert_eq!(processes(&store), ["other"]);
    let lease = taken(&mut store, "other", 3700);
    release(&mut store, &lease, Some("other"), 3701);
    assert_eq!(processes(&store), Vec::<String>::new());
    // A clock that was far ahead does not make it live for ever.
    renew_as(&mut store, "one", Vec::new(), 400 * 24 * 3600);
    assert!(!store.load(ProcessRow::of("one")).remove(0).is_alive(at(0).now));
    renew_as(&mut store, "other", Vec::new(), 0);
    assert_eq!(processes(&store), ["other"]);
}
