use super::*;
use crate::{
    engine::model::Store,
    ledger::{OrderKey, Scan, emit::event, lease::TakeLeases, rows::event::EventType},
};
use proptest::prelude::*;
use serde_json::json;
use std::time::Duration;
use wxpay_proto::UnixTime;

const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

fn outbox_row(order: &str, seq: u64) -> OutboxRow {
    let key = OrderKey::new("shop1".parse().unwrap(), order.parse().unwrap());
    event(key.shard(), key.subject(), seq, key.merchant, EventType::OrderPaid, &json!({}), NOW)
}

fn with_outbox(rows: &[OutboxRow]) -> Store {
    let mut changes = Changes::default();
    for row in rows {
        changes.put(row);
    }
    let mut store = Store::default();
    store.apply(&changes).unwrap();
    store
}

fn number(store: &mut Store, outbox: &[OutboxRow], now: UnixTime) -> Vec<EventRow> {
    let operation = NumberEvents { outbox: outbox.to_vec(), lease: None };
    let numbered = store.run(&operation, &Context { now, random: 0 }).unwrap();
    let NumberedEvents::Numbered(events) = numbered else { panic!("no lease is needed") };
    events
}

fn all(store: &Store) -> Vec<EventRow> {
    store.scan(&Scan::of("", 10_000))
}

#[test]
fn the_months_of_positions_never_go_back_with_the_clock() {
    let rows = [outbox_row("A1", 1), outbox_row("A1", 2), outbox_row("A1", 3)];
    let mut store = with_outbox(&rows);
    // 2026-11-30 and 2026-12-01 in China.
    let (november, december) = (UnixTime::from_secs(1_796_000_000), UnixTime::from_secs(1_796_060_000));
    assert_eq!(number(&mut store, &rows[..1], november)[0].month, 202_611);
    assert_eq!(number(&mut store, &rows[1..2], december)[0].month, 202_612);
    assert_eq!(number(&mut store, &rows[2..], november)[0].month, 202_612);
    let positions: Vec<u64> = all(&store).iter().map(|event| event.position).collect();
    assert_eq!(positions, [1, 2, 3]);
}

#[test]
fn at_most_500_events_are_numbered_at_once() {
    let rows: Vec<OutboxRow> = (1..=501).map(|seq| outbox_row("A1", seq)).collect();
    let mut store = with_outbox(&rows);
    assert_eq!(number(&mut store, &rows, NOW).len(), 500);
    assert_eq!(store.scan(&Scan::<OutboxRow>::of("", 10)), rows[500..]);
}

#[test]
fn a_process_that_lost_the_lease_numbers_nothing() {
    let rows = [outbox_row("A1", 1)];
    let mut store = with_outbox(&rows);
    let take = |owner: &str| TakeLeases {
        names: vec!["event_log:0".into()],
        owner: owner.into(),
        duration: Duration::from_secs(10),
    };
    let lease = store.run(&take("one"), &Context { now: NOW, random: 0 }).unwrap().remove(0);
    let later = Context { now: NOW.after(Duration::from_secs(11)), random: 0 };
    let other = store.run(&take("other"), &later).unwrap().remove(0);
    let operation = |lease| NumberEvents { outbox: rows.to_vec(), lease: Some(LeaseClaim::to(lease)) };
    assert_eq!(store.run(&operation(&lease), &later).unwrap(), NumberedEvents::NotHeld);
    assert_eq!(all(&store), []);
    let NumberedEvents::Numbered(events) = store.run(&operation(&other), &later).unwrap() else {
        panic!("it is held")
    };
    assert_eq!(events.len(), 1);
}

proptest! {
    #[test]
    fn positions_have_no_gaps_and_each_event_one_under_any_calls(
        calls in proptest::collection::vec(
            (proptest::collection::vec(0..12_usize, 0..10), 0..100_000_000_u64),
            1..20,
        ),
    ) {
        let rows: Vec<OutboxRow> = (0..12_usize)
            .map(|index| outbox_row(["A1", "B1", "C1"][index % 3], u64::try_from(index / 3).unwrap()))
            .collect();
        let mut store = with_outbox(&rows);
        for (picked, seconds) in &calls {
            // Stale and repeated rows, in any order, at any time.
            let outbox: Vec<OutboxRow> = picked.iter().map(|index| rows[*index].clone()).collect();
            number(&mut store, &outbox, NOW.after(Duration::from_secs(*seconds)));
        }
        let rest: Vec<OutboxRow> = store.scan(&Scan::of("", 100));
        number(&mut store, &rest, NOW);
        let events = all(&store);
        let positions: Vec<u64> = events.iter().map(|event| event.position).collect();
        prop_assert_eq!(positions, (1..=12).collect::<Vec<u64>>());
        prop_assert!(events.is_sorted_by_key(|event| event.month));
        let mut ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        prop_assert_eq!(ids.len(), 12);
        prop_assert_eq!(store.scan(&Scan::<OutboxRow>::of("", 10)).len(), 0);
    }
}
