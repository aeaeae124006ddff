//! Numbering events: after the commit of the change that they report, by one holder of the lease.

use super::{
    Changes, Context, Corrupt, Decision, Load, Operation, Prefix, Rows,
    lease::LeaseClaim,
    month::month_of,
    rows::{
        event::{EVENT_LOG, EventLogRow, EventRow, OutboxRow},
        task::LeaseRow,
    },
};

/// The largest number of events that one operation numbers.
pub(crate) const MAX_NUMBERED: usize = 500;

/// Gives the next positions to events of the outbox. Those that were numbered meanwhile are left out. Of more than
/// [`MAX_NUMBERED`] events, the rest stays in the outbox.
#[derive(Clone, Debug)]
pub(crate) struct NumberEvents {
    /// The events, those of one subject in their order.
    pub(crate) outbox: Vec<OutboxRow>,
    /// The lease of the event log. `None` where one process exists.
    pub(crate) lease: Option<LeaseClaim>,
}

/// The result of [`NumberEvents`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NumberedEvents {
    /// The events with their positions.
    Numbered(Vec<EventRow>),
    /// The lease is held by another process. Nothing was changed.
    NotHeld,
}

impl NumberEvents {
    fn batch(&self) -> &[OutboxRow] {
        self.outbox.get(..MAX_NUMBERED).unwrap_or(&self.outbox)
    }
}

impl Operation for NumberEvents {
    type Output = NumberedEvents;

    fn loads(&self) -> Vec<Load> {
        let lease = self.lease.iter().map(LeaseClaim::load);
        let outbox = self.batch().iter().map(|row| Prefix::of_row(row).load());
        lease.chain([EventLogRow::only().load()]).chain(outbox).collect()
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<NumberedEvents>, Corrupt> {
        if let Some(claim) = &self.lease
            && !rows.one::<LeaseRow>()?.is_some_and(|lease| claim.is_held(&lease))
        {
            return Ok(Decision::unchanged(NumberedEvents::NotHeld));
        }
        let mut outbox: Vec<OutboxRow> = rows.all()?;
        outbox.sort_by(|one, other| {
            (one.shard, &one.subject, one.seq).cmp(&(other.shard, &other.subject, other.seq))
        });
        outbox.dedup_by(|one, other| {
            (one.shard, &one.subject, one.seq) == (other.shard, &other.subject, other.seq)
        });
        if outbox.is_empty() {
            return Ok(Decision::unchanged(NumberedEvents::Numbered(Vec::new())));
        }
        let known = rows.one::<EventLogRow>()?;
        let seen = known.as_ref().map(|log| log.version);
        let mut log = known.unwrap_or(EventLogRow { log: EVENT_LOG, last: 0, month: 0, version: 0 });
        log.month = log.month.max(month_of(context.now));
        log.version = log.version.saturating_add(1);
        let mut changes = Changes::default();
        let mut events = Vec::new();
        for row in outbox {
            log.last = log.last.saturating_add(1);
            changes.delete(Prefix::of_row(&row));
            let event = EventRow {
                month: log.month,
                log: EVENT_LOG,
                position: log.last,
                id: row.id,
                merchant: row.merchant,
                subject: row.subject,
                seq: row.seq,
                event_type: row.event_type,
                data: row.data,
                at: row.at,
            };
            changes.insert(&event);
            events.push(event);
        }
        changes.root(&log, seen);
        Ok(Decision { changes, output: NumberedEvents::Numbered(events) })
    }
}

#[cfg(test)]
mod tests;
