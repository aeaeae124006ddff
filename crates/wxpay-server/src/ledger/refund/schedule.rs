//! The schedule of refund queries, and the task that carries it.

use crate::ledger::{
    Changes, Context, Corrupt, Load, OrderKey, Rows, Subject,
    call::MAX_CALL,
    rows::{
        refund::RefundRow,
        task::{TaskKind, TaskRow},
    },
};
use std::time::Duration;
use wxpay_proto::{UnixTime, id::OutRefundNo};

/// The intervals between the queries of a refund. The last one is repeated until the refund is final.
const INTERVALS: [Duration; 7] = [
    Duration::from_mins(1),
    Duration::from_mins(5),
    Duration::from_mins(10),
    Duration::from_mins(30),
    Duration::from_hours(1),
    Duration::from_hours(2),
    Duration::from_hours(6),
];

/// Returns the time of the next query, after this many.
fn due(attempts: u64, context: &Context) -> UnixTime {
    let last = INTERVALS.last().copied().unwrap_or_default();
    let interval = usize::try_from(attempts).ok().and_then(|index| INTERVALS.get(index)).copied();
    context.now.after(context.jittered(interval.unwrap_or(last)))
}

/// Returns whether a call that was begun may still be sent, by the local clock. A deadline that is too late was written
/// by a clock that was wrong.
///
/// This only spares a second call: if the local clock is wrong, both are sent under one number, and leave a doubt.
pub(super) fn may_be_sent(refund: &RefundRow, now: UnixTime) -> bool {
    refund.call_until.is_some_and(|until| now < until && until.since(now) <= MAX_CALL)
}

/// The background task of a refund.
pub(super) struct RefundTask(TaskRow);

impl RefundTask {
    /// Returns the read of the task.
    pub(super) fn load(key: &OrderKey, out_refund_no: &OutRefundNo) -> Load {
        let subject = Subject::refund(key.merchant.clone(), out_refund_no);
        TaskRow::of(key.shard(), TaskKind::Refund, &subject).load()
    }

    /// Returns the loaded task, or a new one.
    pub(super) fn read_or_new(
        rows: &Rows,
        key: &OrderKey,
        out_refund_no: &OutRefundNo,
        context: &Context,
    ) -> Result<Self, Corrupt> {
        Ok(rows.one()?.map_or_else(|| Self::new(key, out_refund_no, context), Self))
    }

    /// Creates the task of a new refund.
    pub(super) fn new(key: &OrderKey, out_refund_no: &OutRefundNo, context: &Context) -> Self {
        Self(TaskRow {
            shard: key.shard(),
            kind: TaskKind::Refund,
            subject: Subject::refund(key.merchant.clone(), out_refund_no),
            out_trade_no: key.out_trade_no.as_str().into(),
            due_at: due(0, context),
            attempts: 0,
            until: INTERVALS.iter().fold(context.now, |time, interval| time.after(*interval)),
            last_error: None,
        })
    }

    /// Returns whether a query or a repeated call was made in the background.
    pub(super) fn was_attempted(&self) -> bool {
        self.0.attempts > 0
    }

    /// Sets the reason why the last attempt failed.
    pub(super) fn fail(&mut self, error: String) {
        self.0.last_error = Some(error);
    }

    /// Moves a task that is due to its next time. One that is not due stays: no background attempt was made.
    pub(super) fn advance(&mut self, context: &Context) {
        if self.0.due_at <= context.now {
            self.0.attempts = self.0.attempts.saturating_add(1);
            self.0.due_at = due(self.0.attempts, context);
        }
    }

    /// Moves the task to this time.
    pub(super) fn at(&mut self, due_at: UnixTime) {
        self.0.due_at = due_at;
    }

    /// Writes the task, or removes it if the refund is final.
    pub(super) fn write(&self, refund: &RefundRow, changes: &mut Changes) {
        if refund.status.is_final() {
            changes.delete(TaskRow::of(self.0.shard, self.0.kind, &self.0.subject));
        } else {
            changes.put(&self.0);
        }
    }
}
