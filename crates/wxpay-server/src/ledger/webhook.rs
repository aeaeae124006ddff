//! Webhooks: endpoints, and the order of deliveries.
//!
//! Events of one subject are delivered in order, and subjects do not wait for each other: an event that fails is deferred,
//! and later events of its subject are deferred behind it. Only the first deferred event of a subject is due; the
//! operations here keep that true.

mod deliver;
mod endpoint;
mod replay;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use deliver::DeferredEvent;
pub(crate) use deliver::{AdvanceCursor, DeferEvent, DeliveryFailure, GiveUpEvent, RecordDelivered};
pub(crate) use endpoint::{DeleteEndpoint, DisableEndpoint, SaveEndpoint, SavedEndpoint};
pub(crate) use replay::{MAX_REPLAYED, ReplayEvents};

use super::{
    Changes, Corrupt, Load, Prefix, Rows, Subject,
    rows::{
        event::EventRow,
        webhook::{DeferredRow, EndpointRow},
    },
};
use wxpay_proto::UnixTime;

/// The time at which an event is due that waits for an earlier one of its subject: never.
pub(crate) const NEVER: UnixTime = UnixTime::from_millis(i64::MAX.unsigned_abs());

/// An event by its subject and position.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EventRef {
    /// The subject.
    pub(crate) subject: Subject,
    /// The log.
    pub(crate) log: u64,
    /// The month of the position.
    pub(crate) month: u64,
    /// The position.
    pub(crate) position: u64,
}

impl EventRef {
    /// Returns the reference to an event.
    pub(crate) fn to(event: &EventRow) -> Self {
        Self { subject: event.subject.clone(), log: event.log, month: event.month, position: event.position }
    }

    /// Returns the reference to a deferred event.
    pub(crate) fn to_deferred(row: &DeferredRow) -> Self {
        Self { subject: row.subject.clone(), log: row.log, month: row.month, position: row.position }
    }

    fn names(&self, row: &DeferredRow) -> bool {
        (&row.subject, row.log, row.position) == (&self.subject, self.log, self.position)
    }

    /// Returns a row for the event, due now.
    fn row(&self, endpoint: &str, now: UnixTime) -> DeferredRow {
        DeferredRow {
            endpoint: endpoint.into(),
            subject: self.subject.clone(),
            log: self.log,
            position: self.position,
            month: self.month,
            gave_up: false,
            next_at: now,
            attempts: 0,
            first_failed_at: now,
            last_response: None,
        }
    }
}

/// The deferred events of one subject at one endpoint, by position.
#[derive(Debug)]
struct Queue(Vec<DeferredRow>);

impl Queue {
    fn load(endpoint: &str, subject: &Subject) -> Load {
        Prefix::<DeferredRow>::all().and(&String::from(endpoint)).and(subject).load()
    }

    fn read(rows: &Rows, subject: &Subject) -> Result<Self, Corrupt> {
        let mut deferred: Vec<DeferredRow> = rows.all()?;
        deferred.retain(|row| row.subject == *subject);
        deferred.sort_by_key(|row| (row.log, row.position));
        deferred.dedup_by_key(|row| (row.log, row.position));
        Ok(Self(deferred))
    }

    fn find(&mut self, event: &EventRef) -> Option<&mut DeferredRow> {
        self.0.iter_mut().find(|row| event.names(row))
    }

    /// Returns whether an earlier event must be delivered or given up first.
    fn waits(&self, event: &EventRef) -> bool {
        let earlier = |row: &DeferredRow| (row.log, row.position) < (event.log, event.position);
        self.0.iter().any(|row| !row.gave_up && earlier(row))
    }

    fn insert(&mut self, row: DeferredRow) {
        self.0.push(row);
        self.0.sort_by_key(|row| (row.log, row.position));
    }

    fn remove(&mut self, event: &EventRef) {
        self.0.retain(|row| !event.names(row));
    }

    /// Makes the first waiting event due and the others wait, and writes the rows that differ from those that were read.
    fn write(mut self, read: &Rows, now: UnixTime, changes: &mut Changes) -> Result<(), Corrupt> {
        let mut waiting = self.0.iter_mut().filter(|row| !row.gave_up);
        if let Some(first) = waiting.next()
            && first.next_at == NEVER
        {
            first.next_at = now;
        }
        for row in waiting {
            row.next_at = NEVER;
        }
        let before: Vec<DeferredRow> = read.all()?;
        for row in self.0.iter().filter(|row| !before.contains(row)) {
            changes.put(row);
        }
        Ok(())
    }
}

/// Returns the endpoint. `None` if it was deleted: nothing is written about it then.
fn endpoint(rows: &Rows) -> Result<Option<EndpointRow>, Corrupt> {
    rows.one()
}
