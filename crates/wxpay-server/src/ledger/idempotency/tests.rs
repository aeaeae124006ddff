use super::*;
use crate::engine::model::Store;

const START: UnixTime = UnixTime::from_secs(1_700_000_000);

fn at(seconds: u64) -> Context {
    Context { now: START.after(Duration::from_secs(seconds)), random: 0 }
}

fn begin(store: &mut Store, body: &str, seconds: u64) -> BegunIdempotent {
    let until = at(seconds).now.after(Duration::from_mins(1));
    let begin = BeginIdempotent { digest: "k".into(), request_digest: body.into(), until };
    store.run(&begin, &at(seconds)).unwrap()
}

/// Ends the request that was begun at a second.
fn end(store: &mut Store, begun: u64, http_status: u64, seconds: u64) {
    let end = EndIdempotent {
        digest: "k".into(),
        request_digest: "a".into(),
        until: at(begun).now.after(Duration::from_mins(1)),
        http_status,
        resource: format!("{begun}"),
    };
    store.run(&end, &at(seconds)).unwrap();
}

fn replay(http_status: u64, resource: &str) -> BegunIdempotent {
    BegunIdempotent::Replay { http_status, resource: resource.into() }
}

#[test]
fn an_ended_request_is_replayed_for_72_hours() {
    let mut store = Store::default();
    assert_eq!(begin(&mut store, "a", 0), BegunIdempotent::Begun);
    end(&mut store, 0, 422, 5);
    assert_eq!(begin(&mut store, "a", 6), replay(422, "0"));
    assert_eq!(begin(&mut store, "b", 6), BegunIdempotent::Mismatch);
    assert_eq!(begin(&mut store, "a", 72 * 3600 + 4), replay(422, "0"));
    assert_eq!(begin(&mut store, "b", 72 * 3600 + 5), BegunIdempotent::Begun);
}

#[test]
fn a_request_in_progress_holds_its_key() {
    let mut store = Store::default();
    begin(&mut store, "a", 0);
    assert_eq!(begin(&mut store, "a", 59), BegunIdempotent::InProgress);
    assert_eq!(begin(&mut store, "b", 59), BegunIdempotent::Mismatch);
}

#[test]
fn an_equal_request_takes_over_after_the_deadline() {
    let mut store = Store::default();
    begin(&mut store, "a", 0);
    // The first request may have been carried out: another one under its key stays refused.
    assert_eq!(begin(&mut store, "b", 60), BegunIdempotent::Mismatch);
    assert_eq!(begin(&mut store, "a", 60), BegunIdempotent::Begun);
    assert_eq!(begin(&mut store, "a", 61), BegunIdempotent::InProgress);
    // The first one ends after all, and does not end the second.
    end(&mut store, 0, 200, 62);
    assert_eq!(begin(&mut store, "a", 63), BegunIdempotent::InProgress);
    end(&mut store, 60, 200, 64);
    assert_eq!(begin(&mut store, "a", 65), replay(200, "60"));
}

#[test]
fn a_server_error_is_not_frozen() {
    let mut store = Store::default();
    begin(&mut store, "a", 0);
    end(&mut store, 0, 504, 5);
    assert_eq!(begin(&mut store, "b", 6), BegunIdempotent::Mismatch);
    assert_eq!(begin(&mut store, "a", 6), BegunIdempotent::Begun);
    end(&mut store, 6, 200, 7);
    assert_eq!(begin(&mut store, "a", 8), replay(200, "6"));
}

#[test]
fn an_end_without_a_beginning_changes_nothing() {
    let mut store = Store::default();
    end(&mut store, 0, 200, 1);
    assert_eq!(store, Store::default());
}
