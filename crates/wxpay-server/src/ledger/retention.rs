//! Retention: old messages and events are deleted. Money never is.

use super::{
    Changes, Context, Corrupt, Decision, Load, Operation, Prefix, Rows, Scan, Table,
    month::month_of,
    rows::{
        access::{AuditRow, IdempotencyRow},
        event::EventRow,
        inbox::{CallRow, InboxRow},
        webhook::{AttemptRow, DeferredRow},
    },
};
use std::time::Duration;
use wxpay_proto::UnixTime;

/// The largest number of rows that one operation deletes.
pub(crate) const MAX_DELETED: usize = 500;

const DAY: Duration = Duration::from_hours(24);

/// The durations for which rows are kept. Rows that are stored by month are deleted when their whole month is older.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Retention {
    /// Events, events that were given up, and the audit.
    pub(crate) events: Duration,
    /// Notifications and calls.
    pub(crate) messages: Duration,
    /// Attempts to deliver events.
    pub(crate) attempts: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            events: DAY.saturating_mul(400),
            messages: DAY.saturating_mul(180),
            attempts: DAY.saturating_mul(30),
        }
    }
}

/// A row that is deleted when it is old.
pub(crate) trait Expiring: Table {
    /// Returns whether the row is too old to be kept.
    fn is_expired(&self, retention: &Retention, now: UnixTime) -> bool;

    /// Returns the scan that finds the oldest rows.
    fn oldest() -> Scan<Self> {
        Scan::of("", MAX_DELETED)
    }
}

/// A row that is kept by month, and deleted with its whole month.
pub(crate) trait ExpiringByMonth: Expiring {
    /// Returns the first month whose rows are kept.
    fn first_month(retention: &Retention, now: UnixTime) -> u64;
}

macro_rules! expiring_by_month {
    ($($row:ident: $kept:ident,)+) => {$(
        impl Expiring for $row {
            fn is_expired(&self, retention: &Retention, now: UnixTime) -> bool {
                self.month < Self::first_month(retention, now)
            }
        }

        impl ExpiringByMonth for $row {
            fn first_month(retention: &Retention, now: UnixTime) -> u64 {
                month_of(now.before(retention.$kept))
            }
        }
    )+};
}

expiring_by_month! {
    EventRow: events,
    AuditRow: events,
    InboxRow: messages,
    CallRow: messages,
    AttemptRow: attempts,
}

impl Expiring for DeferredRow {
    fn is_expired(&self, retention: &Retention, now: UnixTime) -> bool {
        self.gave_up && self.first_failed_at < now.before(retention.events)
    }
}

impl Expiring for IdempotencyRow {
    fn is_expired(&self, _: &Retention, now: UnixTime) -> bool {
        self.forgotten_at() <= now
    }

    fn oldest() -> Scan<Self> {
        Scan::of("idempotency_expiry", MAX_DELETED)
    }
}

/// Deletes those of the rows that are expired, at most [`MAX_DELETED`]. They are read again: a row may be in use anew.
#[derive(Clone, Debug)]
pub(crate) struct DeleteOld<T> {
    /// The rows.
    pub(crate) rows: Vec<T>,
    /// The retention.
    pub(crate) retention: Retention,
}

impl<T: Expiring> Operation for DeleteOld<T> {
    /// The number of deleted rows.
    type Output = usize;

    fn loads(&self) -> Vec<Load> {
        self.rows.iter().take(MAX_DELETED).map(|row| Prefix::of_row(row).load()).collect()
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<usize>, Corrupt> {
        let mut changes = Changes::default();
        let mut expired: Vec<T> = rows.all()?;
        expired.retain(|row| row.is_expired(&self.retention, context.now));
        for row in &expired {
            changes.delete(Prefix::of_row(row));
        }
        Ok(Decision { changes, output: expired.len() })
    }
}

#[cfg(test)]
mod tests;
