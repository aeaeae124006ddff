use super::*;
use crate::ledger::{
    Changes, SubjectKind,
    case::{ResolveCase, ResolvedCase},
    rows::{
        case::{CaseKind, CaseRow, Remedy},
        event::{EventLogRow, EventType, OutboxRow},
    },
};

fn save(world: &mut World, row: EndpointRow, seen: Option<u64>) -> SavedEndpoint {
    world.run(&SaveEndpoint { row, seen, actor: "key_1".into() })
}

#[test]
fn a_new_endpoint_receives_the_events_from_then_on() {
    let mut world = World { store: Store::default(), now: UnixTime::from_secs(1_700_000_000) };
    let mut changes = Changes::default();
    changes.put(&EventLogRow { log: 0, last: 41, month: 202_310, version: 3 });
    world.store.apply(&changes).unwrap();
    save(&mut world, endpoint(), None);
    let cursor = &world.store.load(CursorRow::of("we_1"))[0];
    assert_eq!((cursor.month, cursor.position), (202_310, 41));
}

#[test]
fn a_save_of_an_old_version_changes_nothing() {
    let mut world = World::with_endpoint();
    let known = world.endpoint();
    assert_eq!((known.version, known.created_at), (1, world.now));
    let changed = EndpointRow { types: "order.paid".into(), ..known.clone() };
    world.pass(5);
    let SavedEndpoint::Saved(saved) = save(&mut world, changed.clone(), Some(1)) else {
        panic!("must be saved")
    };
    assert_eq!((saved.version, saved.created_at), (2, known.created_at));
    assert_eq!(save(&mut world, changed, Some(1)), SavedEndpoint::Stale(Some(saved.clone())));
    assert_eq!(save(&mut world, endpoint(), None), SavedEndpoint::Stale(Some(saved)));
    assert_eq!(world.audited(), ["webhook_endpoint.create", "webhook_endpoint.update"]);
}

#[test]
fn the_audit_of_an_endpoint_holds_neither_url_nor_secrets() {
    let world = World::with_endpoint();
    let audit = world.store.scan(&Scan::<AuditRow>::of("", 10));
    assert!(
        !audit[0].detail.contains("example") && !audit[0].detail.contains("sealed\""),
        "{}",
        audit[0].detail
    );
    assert_eq!((audit[0].actor.as_str(), audit[0].subject.as_str()), ("key_1", "we_1"));
}

#[test]
fn a_disabled_endpoint_opens_one_case_that_can_be_resolved() {
    let mut world = World::with_endpoint();
    let disable = DisableEndpoint { endpoint: "we_1".into(), reason: "410".into() };
    let case = world.run(&disable).unwrap();
    assert_eq!(world.run(&disable), None);
    assert_eq!(case.kind, CaseKind::EndpointDisabled);
    assert_eq!(case.subject.kind(), SubjectKind::Endpoint);
    assert!(!case.data.contains("example"), "the URL may hold a secret: {}", case.data);
    assert_eq!(world.endpoint().status, EndpointStatus::Disabled);
    let resolve = ResolveCase {
        case_id: case.case_id.clone(),
        subject: case.subject.clone(),
        remedy: Remedy::Retry,
        actor: "key_1".into(),
        note: None,
    };
    assert!(matches!(world.run(&resolve), ResolvedCase::Resolved(_)));
    let events = world.store.scan(&Scan::<OutboxRow>::of("", 10));
    let mut types: Vec<EventType> = events.iter().map(|event| event.event_type).collect();
    types.sort();
    assert_eq!(types, [EventType::CaseOpened, EventType::CaseResolved, EventType::EndpointDisabled]);
    // Enabled and disabled again: another case.
    let enabled = EndpointRow { status: EndpointStatus::Enabled, ..world.endpoint() };
    let seen = Some(enabled.version);
    save(&mut world, enabled, seen);
    assert_ne!(world.run(&disable).unwrap().case_id, case.case_id);
    assert_eq!(world.store.scan(&Scan::<CaseRow>::of("", 10)).len(), 2);
}

#[test]
fn an_endpoint_of_all_merchants_can_be_disabled() {
    let mut world = World { store: Store::default(), now: UnixTime::from_secs(1_700_000_000) };
    save(&mut world, EndpointRow { merchant: None, ..endpoint() }, None);
    let case = world.run(&DisableEndpoint { endpoint: "we_1".into(), reason: "410".into() }).unwrap();
    assert_eq!(case.merchant.as_str(), "_");
}

#[test]
fn an_endpoint_that_is_enabled_again_starts_without_a_failure() {
    let mut world = World::with_endpoint();
    world.fail(&event("A1", 1));
    world.run(&DisableEndpoint { endpoint: "we_1".into(), reason: "no success in 5 days".into() });
    let disabled = world.endpoint();
    assert!(disabled.failing_since.is_some());
    let seen = Some(disabled.version);
    save(&mut world, EndpointRow { status: EndpointStatus::Enabled, ..disabled }, seen);
    assert_eq!(world.endpoint().failing_since, None);
}
