//! Applying facts to the root: payments, status, events and cases, in every operation by the same code.

use super::{
    OrderState,
    facts::{Conclusion, Fact, Facts},
};
use crate::ledger::{
    Changes, Load, OrderKey,
    rows::{
        event::EventType,
        order::{OrderRow, OrderStatus},
        payment::Source,
        task::{TaskKind, TaskRow},
    },
    schedule::Schedule,
};
use wxpay_proto::UnixTime;

impl OrderState {
    /// Returns the task of the order: the loaded one, or a new one that is due at once.
    pub(super) fn task_or_new(&self, task: Option<TaskRow>, schedule: &Schedule, now: UnixTime) -> TaskRow {
        let key = self.order.key();
        task.unwrap_or_else(|| TaskRow {
            shard: key.shard(),
            kind: TaskKind::Order,
            subject: key.subject(),
            out_trade_no: key.out_trade_no.as_str().into(),
            due_at: now,
            attempts: 0,
            until: schedule.until(self.order.expires_at.unwrap_or(now)),
            last_error: None,
        })
    }

    /// Applies the facts: writes the rows of payments, and what changed since `before` as status, events and cases.
    ///
    /// While the order is not placed, or a decision to close it is not resolved, only rows are written.
    pub(super) fn apply(&mut self, changes: &mut Changes, facts: &Facts, before: &Conclusion, now: UnixTime) {
        self.write_payments(changes, facts);
        // A refund may have been reported before its payment.
        self.recount_refunds(changes, now);
        if matches!(self.order.status, OrderStatus::Closing | OrderStatus::Reversing) {
            return;
        }
        let after = facts.conclude(&self.order);
        if let Some(payments) = after.payments {
            let status = self.order.status.after_payments(payments, after.has_ended);
            let is_paid_now = status == OrderStatus::Paid && self.order.status != OrderStatus::Paid;
            self.order.status = status;
            if is_paid_now {
                self.emit(changes, EventType::OrderPaid, now);
            }
            // Once for each order, when the first anomaly appears, whether it is paid by then or not: so the same
            // facts give the same events in any order.
            let was_announced = before.payments.is_some() && !before.findings.is_empty();
            if !after.findings.is_empty() && !was_announced {
                self.emit(changes, EventType::OrderAnomalous, now);
            }
        }
        for (finding, data) in &after.findings {
            if !before.findings.contains_key(finding) {
                let (kind, cause) = finding;
                self.open_case(changes, *kind, cause, data, now);
            }
        }
    }

    /// Ends the order as closed, reversed, failed or expired, unless it has ended; then applies the facts.
    ///
    /// A paid order stays paid: such a report contradicts the payment, and a person must look at it.
    pub(super) fn end(
        &mut self,
        changes: &mut Changes,
        facts: &mut Facts,
        status: OrderStatus,
        now: UnixTime,
    ) {
        let mut before = facts.conclude(&self.order);
        let fact = match (self.order.status, status) {
            (
                OrderStatus::Unplaced
                | OrderStatus::Closed
                | OrderStatus::Reversed
                | OrderStatus::Failed
                | OrderStatus::Expired,
                _,
            ) => {
                return;
            }
            (OrderStatus::Paid, _) | (OrderStatus::Anomalous, OrderStatus::Reversed) => {
                Fact::Contradiction { status }
            }
            (OrderStatus::Anomalous, _) if before.has_ended => return,
            (OrderStatus::Anomalous, _) => {
                self.emit(changes, EventType::OrderClosed, now);
                Fact::Ended { status }
            }
            (OrderStatus::Open | OrderStatus::Closing | OrderStatus::Reversing, OrderStatus::Reversed) => {
                self.order.status = status;
                self.emit(changes, EventType::OrderReversed, now);
                self.apply(changes, facts, &Conclusion::default(), now);
                return;
            }
            (OrderStatus::Open | OrderStatus::Closing | OrderStatus::Reversing, _) => {
                // Nothing was announced while the decision was unresolved.
                before = Conclusion::default();
                self.order.status = status;
                self.emit(changes, EventType::OrderClosed, now);
                Fact::Ended { status }
            }
        };
        facts.add(changes, &self.order.key(), fact, Source::Query, now);
        self.apply(changes, facts, &before, now);
    }

    /// Takes back a decision to close or reverse that WeChat Pay did not carry out, and applies the payments that
    /// waited for it.
    pub(super) fn reopen(&mut self, changes: &mut Changes, facts: &Facts, now: UnixTime) {
        self.order.status = OrderStatus::Open;
        self.apply(changes, facts, &Conclusion::default(), now);
    }

    /// Writes the task of an order of which more is expected, and deletes that of any other.
    pub(super) fn write_task(&self, changes: &mut Changes, facts: &Facts, task: &TaskRow) {
        if self.is_over(facts) {
            self.delete_task(changes);
        } else {
            changes.put(task);
        }
    }

    /// Returns whether no query can change the order: it is final, or it ended before it became anomalous.
    pub(super) fn is_over(&self, facts: &Facts) -> bool {
        self.order.status.is_final() || facts.have_end()
    }

    /// Deletes the task of the order.
    pub(super) fn delete_task(&self, changes: &mut Changes) {
        let key = self.order.key();
        changes.delete(TaskRow::of(key.shard(), TaskKind::Order, &key.subject()));
    }

    fn write_payments(&mut self, changes: &mut Changes, facts: &Facts) {
        let rows = facts.payment_rows(&self.order, &self.payments);
        for row in &rows {
            if !self.payments.contains(row) {
                changes.put(row);
            }
        }
        self.payments = rows;
    }
}

/// Returns the read of an order's task.
pub(super) fn task_load(order: &OrderKey) -> Load {
    TaskRow::of(order.shard(), TaskKind::Order, &order.subject()).load()
}

impl OrderRow {
    /// Returns whether the order has expired at this time.
    pub(super) fn has_expired(&self, at: UnixTime) -> bool {
        self.expires_at.is_some_and(|expires| at > expires)
    }
}
