use super::*;
use crate::{engine::model::Store, ledger::Scan};
use wxpay_proto::UnixTime;

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

fn run<O: Operation>(store: &mut Store, operation: &O) -> O::Output {
    store.run(operation, &Context { now: NOW, random: 7 }).unwrap()
}

fn key() -> ApiKeyRow {
    ApiKeyRow {
        key_id: "key_1".into(),
        hash: "secret-hash".into(),
        name: "shop".into(),
        scopes: "orders:read".into(),
        merchants: String::new(),
        created_at: NOW,
        last_used_day: None,
        expires_at: None,
        revoked_at: None,
    }
}

fn audited(store: &Store) -> Vec<AuditRow> {
    store.scan(&Scan::of("", 10))
}

#[test]
fn an_api_key_is_created_once_and_audited_without_its_hash() {
    let mut store = Store::default();
    let create = CreateApiKey { row: key(), actor: "cli".into() };
    assert!(run(&mut store, &create));
    assert!(!run(&mut store, &create));
    let audit = audited(&store);
    assert_eq!(audit.len(), 1);
    assert_eq!((audit[0].actor.as_str(), audit[0].action.as_str()), ("cli", "api_key.create"));
    assert_eq!((audit[0].month, audit[0].at), (202_311, NOW));
    assert!(!audit[0].detail.contains("secret-hash"));
}

#[test]
fn an_api_key_stays_revoked_from_the_first_time() {
    let mut store = Store::default();
    let revoke = RevokeApiKey { key_id: "key_1".into(), actor: "cli".into() };
    assert_eq!(run(&mut store, &revoke), None);
    run(&mut store, &CreateApiKey { row: key(), actor: "cli".into() });
    let revoked = run(&mut store, &revoke).unwrap();
    assert_eq!(revoked.revoked_at, Some(NOW));
    let later = Context { now: UnixTime::from_secs(1_800_000_000), random: 7 };
    assert_eq!(store.run(&revoke, &later).unwrap(), Some(revoked));
    let mut actions: Vec<String> = audited(&store).into_iter().map(|row| row.action).collect();
    actions.sort();
    assert_eq!(actions, ["api_key.create", "api_key.revoke"]);
}

#[test]
fn the_last_day_of_use_never_goes_back() {
    let mut store = Store::default();
    run(&mut store, &TouchApiKey { key_id: "key_1".into(), day: 5 });
    assert_eq!(store, Store::default());
    run(&mut store, &CreateApiKey { row: key(), actor: "cli".into() });
    for (day, expected) in [(5, 5), (4, 5), (6, 6)] {
        run(&mut store, &TouchApiKey { key_id: "key_1".into(), day });
        assert_eq!(store.load(ApiKeyRow::of("key_1"))[0].last_used_day, Some(expected));
    }
}
