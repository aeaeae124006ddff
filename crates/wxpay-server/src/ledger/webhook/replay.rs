//! Replaying events.

use super::{EventRef, Queue, endpoint};
use crate::ledger::{
    Changes, Context, Corrupt, Decision, Load, Operation, Rows, Subject, access::AuditEntry,
    rows::webhook::EndpointRow,
};
use serde_json::json;
use std::collections::BTreeSet;

/// The largest number of events that one operation replays.
pub(crate) const MAX_REPLAYED: usize = 500;

/// Delivers events again to an endpoint, in order within each subject. Of more than [`MAX_REPLAYED`] events, the rest is
/// ignored.
#[derive(Clone, Debug)]
pub(crate) struct ReplayEvents {
    /// The endpoint.
    pub(crate) endpoint: String,
    /// The events.
    pub(crate) events: Vec<EventRef>,
    /// The actor.
    pub(crate) actor: String,
}

impl ReplayEvents {
    fn batch(&self) -> &[EventRef] {
        self.events.get(..MAX_REPLAYED).unwrap_or(&self.events)
    }

    fn subjects(&self) -> BTreeSet<&Subject> {
        self.batch().iter().map(|event| &event.subject).collect()
    }
}

impl Operation for ReplayEvents {
    /// The number of events that are delivered again. `None` if there is no such endpoint.
    type Output = Option<usize>;

    fn loads(&self) -> Vec<Load> {
        let queues = self.subjects().into_iter().map(|subject| Queue::load(&self.endpoint, subject));
        std::iter::once(EndpointRow::of(&self.endpoint).load()).chain(queues).collect()
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<Option<usize>>, Corrupt> {
        if endpoint(rows)?.is_none() {
            return Ok(Decision::unchanged(None));
        }
        let mut changes = Changes::default();
        let mut count = 0_usize;
        for subject in self.subjects() {
            let mut queue = Queue::read(rows, subject)?;
            let events: BTreeSet<&EventRef> =
                self.batch().iter().filter(|event| event.subject == *subject).collect();
            for event in events {
                count = count.saturating_add(1);
                queue.remove(event);
                queue.insert(event.row(&self.endpoint, context.now));
            }
            queue.write(rows, context.now, &mut changes)?;
        }
        let positions = || self.batch().iter().map(|event| event.position);
        AuditEntry {
            actor: &self.actor,
            action: "webhook_endpoint.replay",
            subject: &self.endpoint,
            detail: json!({ "count": count, "first": positions().min(), "last": positions().max() }),
        }
        .write(&mut changes, context);
        Ok(Decision { changes, output: Some(count) })
    }
}
