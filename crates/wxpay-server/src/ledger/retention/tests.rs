use super::*;
use crate::{
    engine::model::Store,
    ledger::idempotency::{BeginIdempotent, BegunIdempotent},
};

// 2026-11-29 in China.
const NOW: UnixTime = UnixTime::from_secs(1_795_950_000);

fn attempt(month: u64, position: u64) -> AttemptRow {
    AttemptRow {
        month,
        endpoint: "we_1".into(),
        log: 0,
        position,
        at: NOW,
        http_status: None,
        duration_ms: 1,
        response: None,
    }
}

fn with<T: Table>(rows: &[T]) -> Store {
    let mut changes = Changes::default();
    for row in rows {
        changes.put(row);
    }
    let mut store = Store::default();
    store.apply(&changes).unwrap();
    store
}

/// Runs one round, as the task does.
fn delete<T: Expiring>(store: &mut Store) -> usize {
    let rows = store.scan(&T::oldest());
    let delete = DeleteOld { rows, retention: Retention::default() };
    store.run(&delete, &Context { now: NOW, random: 0 }).unwrap()
}

#[test]
fn rows_of_months_that_are_wholly_too_old_are_deleted() {
    // 30 days before is the 30th of October.
    let mut store = with(&[attempt(202_609, 1), attempt(202_610, 1), attempt(202_611, 1)]);
    assert_eq!(delete::<AttemptRow>(&mut store), 1);
    assert_eq!(delete::<AttemptRow>(&mut store), 0);
    let months: Vec<u64> = store.scan(&Scan::<AttemptRow>::of("", 10)).iter().map(|row| row.month).collect();
    assert_eq!(months, [202_610, 202_611]);
}

#[test]
fn at_most_500_rows_are_deleted_at_once() {
    let rows: Vec<AttemptRow> = (0..501).map(|position| attempt(202_601, position)).collect();
    let mut store = with(&rows);
    let all = DeleteOld { rows: rows.clone(), retention: Retention::default() };
    assert_eq!(store.run(&all, &Context { now: NOW, random: 0 }).unwrap(), 500);
    assert_eq!(store.scan(&Scan::<AttemptRow>::of("", 1000)), rows[500..]);
    assert_eq!(delete::<AttemptRow>(&mut store), 1);
}

#[test]
fn an_idempotency_key_that_is_in_use_again_is_not_deleted() {
    let mut store = with(&[IdempotencyRow {
        digest: "k".into(),
        request_digest: "a".into(),
        resource: Some("{}".into()),
        http_status: Some(200),
        expires_at: NOW,
    }]);
    let found = store.scan(&IdempotencyRow::oldest());
    let begin = BeginIdempotent {
        digest: "k".into(),
        request_digest: "b".into(),
        until: NOW.after(Duration::from_mins(1)),
    };
    let context = Context { now: NOW, random: 0 };
    assert_eq!(store.run(&begin, &context).unwrap(), BegunIdempotent::Begun);
    let delete = DeleteOld { rows: found, retention: Retention::default() };
    assert_eq!(store.run(&delete, &context).unwrap(), 0);
    let later = Context { now: NOW.after(Duration::from_hours(73)), random: 0 };
    assert_eq!(store.run(&delete, &later).unwrap(), 1);
}

#[test]
fn a_deferred_event_is_deleted_only_if_it_was_given_up_long_ago() {
    let row = |position, gave_up, first_failed_at| DeferredRow {
        endpoint: "we_1".into(),
        subject: "order:shop1:A1".parse().unwrap(),
        log: 0,
        position,
        month: 202_501,
        gave_up,
        next_at: NOW,
        attempts: 11,
        first_failed_at,
        last_response: None,
    };
    let long_ago = NOW.before(DAY.saturating_mul(401));
    let mut store = with(&[row(1, true, long_ago), row(2, false, long_ago), row(3, true, NOW)]);
    assert_eq!(delete::<DeferredRow>(&mut store), 1);
    let left: Vec<u64> =
        store.scan(&Scan::<DeferredRow>::of("", 10)).iter().map(|row| row.position).collect();
    assert_eq!(left, [2, 3]);
}
