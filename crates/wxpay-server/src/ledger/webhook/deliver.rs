//! Results of deliveries.

use super::{EventRef, NEVER, Queue, endpoint};
use crate::ledger::{
    Changes, Context, Corrupt, Decision, Load, Operation, Prefix, Rows,
    rows::webhook::{AttemptRow, CursorRow, DeferredRow, EndpointRow},
};
use wxpay_proto::UnixTime;

fn loads(endpoint: &str, event: &EventRef) -> Vec<Load> {
    vec![EndpointRow::of(endpoint).load(), Queue::load(endpoint, &event.subject)]
}

/// Records that an endpoint accepted an event. The next event of the subject becomes due.
#[derive(Clone, Debug)]
pub(crate) struct RecordDelivered {
    /// The endpoint.
    pub(crate) endpoint: String,
    /// The event.
    pub(crate) event: EventRef,
    /// The attempt.
    pub(crate) attempt: AttemptRow,
}

impl Operation for RecordDelivered {
    type Output = ();

    fn loads(&self) -> Vec<Load> {
        loads(&self.endpoint, &self.event)
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<()>, Corrupt> {
        let Some(endpoint) = endpoint(rows)? else { return Ok(Decision::unchanged(())) };
        let mut changes = Changes::default();
        changes.put(&self.attempt);
        if endpoint.failing_since.is_some() {
            failing(endpoint, None, &mut changes);
        }
        let mut queue = Queue::read(rows, &self.event.subject)?;
        if queue.find(&self.event).is_some() {
            let row = self.event.row(&self.endpoint, context.now);
            changes.delete(Prefix::of_row(&row));
            queue.remove(&self.event);
        }
        queue.write(rows, context.now, &mut changes)?;
        Ok(Decision { changes, output: () })
    }
}

/// Defers an event: its attempt failed, or an earlier event of its subject is deferred.
#[derive(Clone, Debug)]
pub(crate) struct DeferEvent {
    /// The endpoint.
    pub(crate) endpoint: String,
    /// The event.
    pub(crate) event: EventRef,
    /// The failed attempt. `None` if the event waits for an earlier one; if none is deferred any more, it is due now.
    pub(crate) failure: Option<DeliveryFailure>,
}

/// A failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeliveryFailure {
    /// The attempt. Its response is kept with the deferred event.
    pub(crate) attempt: AttemptRow,
    /// The time of the next attempt.
    pub(crate) next_at: UnixTime,
}

/// The result of [`DeferEvent`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeferredEvent {
    /// The endpoint, with the time since which it fails.
    pub(crate) endpoint: EndpointRow,
    /// The deferred event.
    pub(crate) row: DeferredRow,
}

impl Operation for DeferEvent {
    /// `None` if the endpoint was deleted.
    type Output = Option<DeferredEvent>;

    fn loads(&self) -> Vec<Load> {
        loads(&self.endpoint, &self.event)
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<Self::Output>, Corrupt> {
        let now = context.now;
        let Some(mut endpoint) = endpoint(rows)? else { return Ok(Decision::unchanged(None)) };
        let mut changes = Changes::default();
        let mut queue = Queue::read(rows, &self.event.subject)?;
        let waits = queue.waits(&self.event);
        let known = queue.find(&self.event).cloned();
        let is_first_failure = known.as_ref().is_none_or(|known| known.attempts == 0);
        let mut row = known.unwrap_or_else(|| self.event.row(&self.endpoint, now));
        if let Some(failure) = &self.failure {
            changes.put(&failure.attempt);
            row.attempts = row.attempts.saturating_add(1);
            row.next_at = failure.next_at;
            row.last_response.clone_from(&failure.attempt.response);
            if is_first_failure {
                row.first_failed_at = now;
            }
            if endpoint.failing_since.is_none() {
                endpoint = failing(endpoint, Some(now), &mut changes);
            }
        }
        if waits && !row.gave_up {
            row.next_at = NEVER;
        }
        queue.remove(&self.event);
        queue.insert(row.clone());
        queue.write(rows, now, &mut changes)?;
        Ok(Decision { changes, output: Some(DeferredEvent { endpoint, row }) })
    }
}

/// Gives up an event after its last attempt. It stays visible, and later events of its subject go on.
#[derive(Clone, Debug)]
pub(crate) struct GiveUpEvent {
    /// The endpoint.
    pub(crate) endpoint: String,
    /// The event.
    pub(crate) event: EventRef,
    /// The last attempt. `None` if there is none to record: the event was deleted, for example.
    pub(crate) attempt: Option<AttemptRow>,
}

impl Operation for GiveUpEvent {
    type Output = ();

    fn loads(&self) -> Vec<Load> {
        loads(&self.endpoint, &self.event)
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<()>, Corrupt> {
        let Some(endpoint) = endpoint(rows)? else { return Ok(Decision::unchanged(())) };
        let mut changes = Changes::default();
        let mut queue = Queue::read(rows, &self.event.subject)?;
        let known = queue.find(&self.event).cloned();
        let mut row = known.unwrap_or_else(|| self.event.row(&self.endpoint, context.now));
        if let Some(attempt) = &self.attempt {
            changes.put(attempt);
            row.attempts = row.attempts.saturating_add(1);
            row.last_response.clone_from(&attempt.response);
            if endpoint.failing_since.is_none() {
                failing(endpoint, Some(context.now), &mut changes);
            }
        }
        row.gave_up = true;
        row.next_at = NEVER;
        queue.remove(&self.event);
        queue.insert(row);
        queue.write(rows, context.now, &mut changes)?;
        Ok(Decision { changes, output: () })
    }
}

/// Advances the cursor of an endpoint: every event up to this position was delivered or deferred. It never goes back.
#[derive(Clone, Debug)]
pub(crate) struct AdvanceCursor {
    /// The endpoint.
    pub(crate) endpoint: String,
    /// The log.
    pub(crate) log: u64,
    /// The month of the position.
    pub(crate) month: u64,
    /// The position.
    pub(crate) position: u64,
}

impl Operation for AdvanceCursor {
    /// The cursor. `None` if the endpoint was deleted.
    type Output = Option<CursorRow>;

    fn loads(&self) -> Vec<Load> {
        let cursor = CursorRow::of(&self.endpoint).and(&self.log);
        vec![EndpointRow::of(&self.endpoint).load(), cursor.load()]
    }

    fn decide(&self, rows: &Rows, _: &Context) -> Result<Decision<Self::Output>, Corrupt> {
        if endpoint(rows)?.is_none() {
            return Ok(Decision::unchanged(None));
        }
        let known = rows.one::<CursorRow>()?.filter(|known| known.position >= self.position);
        if known.is_some() {
            return Ok(Decision::unchanged(known));
        }
        let cursor = CursorRow {
            endpoint: self.endpoint.clone(),
            log: self.log,
            month: self.month,
            position: self.position,
        };
        let mut changes = Changes::default();
        changes.put(&cursor);
        Ok(Decision { changes, output: Some(cursor) })
    }
}

/// Writes since when an endpoint fails. Returns the written row.
fn failing(endpoint: EndpointRow, since: Option<UnixTime>, changes: &mut Changes) -> EndpointRow {
    let seen = endpoint.version;
    let row = EndpointRow { failing_since: since, version: seen.saturating_add(1), ..endpoint };
    changes.root(&row, Some(seen));
    row
}
