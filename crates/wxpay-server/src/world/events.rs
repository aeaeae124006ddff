//! The rules that events and webhooks must obey.

use super::{World, audit::shown};
use crate::{
    ledger::{
        OrderKey,
        rows::{
            event::{EventRow, EventType, OutboxRow},
            order::{OrderRow, OrderStatus},
        },
    },
    webhooks::body::event_json,
};
use serde_json::Value;
use std::collections::BTreeMap;

impl World {
    /// Checks the event log and the webhooks.
    pub(super) async fn check_events(&self, orders: &BTreeMap<OrderKey, OrderRow>) {
        assert!(self.rows::<OutboxRow>().await.is_empty(), "events are not numbered");
        let mut events: Vec<EventRow> = self.rows().await;
        events.sort_by_key(|event| event.position);
        for (expected, event) in (1..).zip(&events) {
            assert_eq!(event.position, expected, "the positions have a gap");
        }
        assert!(events.is_sorted_by_key(|event| event.month), "the months of positions are not in order");
        let mut by_subject: BTreeMap<&str, Vec<&EventRow>> = BTreeMap::new();
        for event in &events {
            by_subject.entry(event.subject.as_str()).or_default().push(event);
        }
        for (subject, events) in &by_subject {
            let is_in_order = events.is_sorted_by(|one, other| one.seq < other.seq);
            assert!(is_in_order, "{subject}: its events are not in order");
        }
        for (key, order) in orders {
            let none = Vec::new();
            check_order(key, order, by_subject.get(key.subject().as_str()).unwrap_or(&none));
        }
        self.check_webhooks(&events, &by_subject);
        self.add("events", u64::try_from(events.len()).unwrap());
    }

    /// Each event arrived at least once, in the order of its subject, and nothing else did.
    fn check_webhooks(&self, events: &[EventRow], by_subject: &BTreeMap<&str, Vec<&EventRow>>) {
        let receiver = self.receiver();
        let by_id: BTreeMap<&str, &EventRow> =
            events.iter().map(|event| (event.id.as_str(), event)).collect();
        let mut arrived: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (id, body) in &receiver.processed {
            let event =
                by_id.get(id.as_str()).unwrap_or_else(|| panic!("{id}: an event that is not in the log"));
            assert_eq!(*body, event_json(event), "{id}: the body differs from the log");
            arrived.entry(event.subject.as_str()).or_default().push(id);
        }
        for (subject, events) in by_subject {
            let expected: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
            let arrived = arrived.get(subject).map(Vec::as_slice).unwrap_or_default();
            assert_eq!(arrived, expected, "{subject}: webhooks are missing, or not in order");
        }
    }
}

fn check_order(key: &OrderKey, order: &OrderRow, events: &[&EventRow]) {
    let shown = shown(key);
    let count = |wanted: EventType| events.iter().filter(|event| event.event_type == wanted).count();
    for (expected, event) in (1..).zip(events) {
        assert_eq!(event.seq, expected, "{shown}: the numbers of its events have a gap");
    }
    assert_eq!(order.seq, u64::try_from(events.len()).unwrap(), "{shown}: events are missing");
    assert_eq!(count(EventType::OrderCreated), 1, "{shown}: order.created");
    let paid = usize::from(order.status == OrderStatus::Paid);
    assert_eq!(count(EventType::OrderPaid), paid, "{shown}: order.paid of an order that is {}", order.status);
    let reversed = usize::from(order.status == OrderStatus::Reversed);
    let is_other = order.status == OrderStatus::Anomalous;
    assert!(count(EventType::OrderReversed) == reversed || is_other, "{shown}: order.reversed");
    assert!(count(EventType::OrderPaid) + count(EventType::OrderReversed) <= 1, "{shown}: paid and reversed");
    let mut status = OrderStatus::Open;
    for event in events {
        let object: Value = serde_json::from_str(&event.data).unwrap();
        if object["object"] != "order" {
            continue;
        }
        let next: OrderStatus = object["status"].as_str().unwrap().parse().unwrap();
        // An order that never existed at WeChat Pay can be placed again, which no event tells; and one that is closing
        // may be open again.
        let may_reopen = matches!(status, OrderStatus::Expired);
        let follows = status.can_become(next) || (may_reopen && OrderStatus::Open.can_become(next));
        assert!(follows, "{shown}: {status} became {next}");
        status = next;
    }
}
