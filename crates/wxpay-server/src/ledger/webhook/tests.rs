//! Endpoints, and the order of their deliveries.

mod deliver;
mod endpoint;
mod properties;

use super::{
    AdvanceCursor, DeferEvent, DeferredEvent, DeleteEndpoint, DeliveryFailure, DisableEndpoint, EventRef,
    GiveUpEvent, NEVER, RecordDelivered, ReplayEvents, SaveEndpoint, SavedEndpoint,
};
use crate::{
    engine::model::Store,
    ledger::{
        Context, Operation, OrderKey, Scan, Subject,
        rows::{
            access::AuditRow,
            webhook::{AttemptRow, CursorRow, DeferredRow, EndpointRow, EndpointStatus},
        },
    },
};
use std::time::Duration;
use wxpay_proto::UnixTime;

#[derive(Debug)]
struct World {
    store: Store,
    now: UnixTime,
}

impl World {
    fn with_endpoint() -> Self {
        let mut world = Self { store: Store::default(), now: UnixTime::from_secs(1_700_000_000) };
        let saved = world.run(&SaveEndpoint { row: endpoint(), seen: None, actor: "key_1".into() });
        assert!(matches!(saved, SavedEndpoint::Saved(_)));
        world
    }

    fn run<O: Operation>(&mut self, operation: &O) -> O::Output {
        self.store.run(operation, &Context { now: self.now, random: 7 }).unwrap()
    }

    fn pass(&mut self, seconds: u64) {
        self.now = self.now.after(Duration::from_secs(seconds));
    }

    fn endpoint(&self) -> EndpointRow {
        self.store.load(EndpointRow::of("we_1")).pop().unwrap()
    }

    fn attempt(&self, event: &EventRef, http_status: u64) -> AttemptRow {
        AttemptRow {
            month: 202_311,
            endpoint: "we_1".into(),
            log: event.log,
            position: event.position,
            at: self.now,
            http_status: Some(http_status),
            duration_ms: 5,
            response: Some(format!("{http_status}")),
        }
    }

    fn delivered(&mut self, event: &EventRef) {
        let attempt = self.attempt(event, 200);
        self.run(&RecordDelivered { endpoint: "we_1".into(), event: event.clone(), attempt });
    }

    fn fail(&mut self, event: &EventRef) -> DeferredEvent {
        let failure = DeliveryFailure {
            attempt: self.attempt(event, 500),
            next_at: self.now.after(Duration::from_mins(1)),
        };
        let failure = Some(failure);
        self.run(&DeferEvent { endpoint: "we_1".into(), event: event.clone(), failure }).unwrap()
    }

    fn wait(&mut self, event: &EventRef) -> DeferredRow {
        let defer = DeferEvent { endpoint: "we_1".into(), event: event.clone(), failure: None };
        self.run(&defer).unwrap().row
    }

    fn give_up(&mut self, event: &EventRef) {
        let attempt = Some(self.attempt(event, 500));
        self.run(&GiveUpEvent { endpoint: "we_1".into(), event: event.clone(), attempt });
    }

    fn replay(&mut self, events: &[EventRef]) -> Option<usize> {
        self.run(&ReplayEvents { endpoint: "we_1".into(), events: events.to_vec(), actor: "key_1".into() })
    }

    fn deferred(&self) -> Vec<DeferredRow> {
        self.store.load(DeferredRow::of("we_1"))
    }

    /// Returns the positions that are due.
    fn due(&self) -> Vec<u64> {
        let scan = Scan::<DeferredRow>::of("deferred_due", 100).equal(&String::from("we_1")).equal(&false);
        self.store.scan(&scan.until(&self.now)).iter().map(|row| row.position).collect()
    }

    fn audited(&self) -> Vec<String> {
        self.store.scan(&Scan::<AuditRow>::of("", 100)).into_iter().map(|row| row.action).collect()
    }
}

fn endpoint() -> EndpointRow {
    EndpointRow {
        endpoint: "we_1".into(),
        merchant: Some("shop1".parse().unwrap()),
        url: "https://shop.example/hook?secret=1".into(),
        types: String::new(),
        sealed_secrets: "sealed".into(),
        status: EndpointStatus::Enabled,
        failing_since: None,
        version: 0,
        created_at: UnixTime::EPOCH,
    }
}

/// Returns an event of an order.
fn event(order: &str, position: u64) -> EventRef {
    let key = OrderKey::new("shop1".parse().unwrap(), order.parse().unwrap());
    EventRef { subject: key.subject(), log: 0, month: 202_311, position }
}
