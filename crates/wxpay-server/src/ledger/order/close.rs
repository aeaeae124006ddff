//! Closing and reversing an order: a written decision, then the call, then its result.

use super::{OrderState, apply::task_load, facts::Facts, query::CallBegun};
use crate::ledger::{
    Changes, Context, Corrupt, Decision, Load, Operation, OrderKey, Rows,
    rows::{
        order::{OrderRow, OrderStatus},
        payment::EvidenceRow,
    },
    schedule::Schedule,
};
use wxpay_proto::UnixTime;

/// The kind of a decision that destroys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseKind {
    /// Close the order, so that it can no longer be paid.
    Close,
    /// Reverse a code payment: it is cancelled, or the money is returned.
    Reverse,
}

/// Begins to close or to reverse an order. The call must not be sent before this is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BeginClose {
    /// The order.
    pub(crate) key: OrderKey,
    /// The kind. Ignored if a decision is written already.
    pub(crate) kind: CloseKind,
    /// Whether the shop requested it. Otherwise the order has expired.
    pub(crate) requested: bool,
    /// The time that the last reply about the order is signed with, if there is one. WeChat Pay's own clock tells whether
    /// a charge is old enough to be reversed.
    pub(crate) signed_at: Option<UnixTime>,
    /// The polling schedule.
    pub(crate) schedule: Schedule,
}

/// The result of beginning to close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BegunClose {
    /// Send the call of `call.kind`, then end it.
    Begun {
        /// The call, for [`EndClose`].
        call: CloseCall,
        /// The order.
        state: OrderState,
    },
    /// The decision to reverse is written, and the charge is too young to be reversed. Send nothing yet.
    Later(OrderState),
    /// The order was never at WeChat Pay, and is now closed, reversed or expired. Send nothing.
    Done(OrderState),
    /// The order is not open. Send nothing.
    NotOpen(OrderState),
}

/// A close call that was begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CloseCall {
    /// The kind of the decision.
    pub(crate) kind: CloseKind,
    /// Whether an earlier call of the same decision may have been carried out.
    pub(crate) had_doubt: bool,
    /// The point at which it began.
    pub(crate) begun: CallBegun,
}

/// The result of a close or reverse call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseResult {
    /// WeChat Pay confirmed it, or the order was closed before.
    Closed,
    /// The order is paid (`ORDERPAID`). Query it next: the payment is applied then.
    Paid,
    /// A verified reply that the order does not exist.
    NotFound,
    /// The call was certainly not sent.
    NotSent,
    /// WeChat Pay refused with a verified refusal: the order is as it was, unless an earlier call was carried out.
    Refused,
    /// Whether it was carried out is unknown. The decision stands, and the task repeats the call.
    Unknown,
}

/// Ends a close or reverse call. Returns the order; `None` if there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndClose {
    /// The order.
    pub(crate) key: OrderKey,
    /// The call that was begun.
    pub(crate) call: CloseCall,
    /// The result.
    pub(crate) result: CloseResult,
    /// The time that the reply is signed with, if it is.
    pub(crate) signed_at: Option<UnixTime>,
    /// The polling schedule.
    pub(crate) schedule: Schedule,
}

impl CloseKind {
    /// Returns the status while the decision is not resolved.
    fn pending(self) -> OrderStatus {
        match self {
            Self::Close => OrderStatus::Closing,
            Self::Reverse => OrderStatus::Reversing,
        }
    }

    /// Returns the status after WeChat Pay carried it out.
    fn done(self) -> OrderStatus {
        match self {
            Self::Close => OrderStatus::Closed,
            Self::Reverse => OrderStatus::Reversed,
        }
    }

    /// Returns the decision that ends an order: a code payment is reversed, any other order is closed.
    pub(crate) fn of(order: &OrderRow) -> Self {
        if order.is_code() { Self::Reverse } else { Self::Close }
    }

    /// Returns the decision that a status is.
    fn of_pending(status: OrderStatus) -> Option<Self> {
        [Self::Close, Self::Reverse].into_iter().find(|kind| kind.pending() == status)
    }
}

fn loads(key: &OrderKey) -> Vec<Load> {
    let mut loads = OrderState::loads(key);
    loads.push(EvidenceRow::of(key).load());
    loads.push(task_load(key));
    loads
}

impl Operation for BeginClose {
    type Output = BegunClose;

    fn loads(&self) -> Vec<Load> {
        loads(&self.key)
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<BegunClose>, Corrupt> {
        let now = context.now;
        let mut state = OrderState::read_or_unplaced(rows, &self.key, now)?;
        let written = CloseKind::of_pending(state.order.status);
        if written.is_none() && state.order.status != OrderStatus::Open {
            return Ok(Decision::unchanged(BegunClose::NotOpen(state)));
        }
        let mut changes = Changes::default();
        if written.is_none() && !state.order.may_exist_upstream {
            let status = match (self.requested, self.kind) {
                (true, kind) => kind.done(),
                (false, CloseKind::Reverse) => OrderStatus::Reversed,
                (false, CloseKind::Close) => OrderStatus::Expired,
            };
            let mut facts = Facts::read(rows)?;
            state.end(&mut changes, &mut facts, status, now);
            state.delete_task(&mut changes);
            let state = state.commit(&mut changes, now);
            return Ok(Decision { changes, output: BegunClose::Done(state) });
        }
        let kind = written.unwrap_or(self.kind);
        state.order.status = kind.pending();
        let mut task = state.task_or_new(rows.one()?, &self.schedule, now);
        task.attempts = if written.is_some() { task.attempts.saturating_add(1) } else { 0 };
        let wait = match kind {
            CloseKind::Close => None,
            CloseKind::Reverse => state.order.reverse_wait(self.signed_at.unwrap_or(now)),
        };
        task.due_at = match (wait, kind) {
            (Some(wait), _) => now.after(wait),
            (None, CloseKind::Reverse) => OrderState::next_of_charge(task.attempts, &self.schedule, context),
            (None, CloseKind::Close) => self.schedule.next(task.attempts, context),
        };
        changes.put(&task);
        let state = state.commit(&mut changes, now);
        if wait.is_some() {
            return Ok(Decision { changes, output: BegunClose::Later(state) });
        }
        let call = CloseCall { kind, had_doubt: written.is_some(), begun: state.begin_call() };
        Ok(Decision { changes, output: BegunClose::Begun { call, state } })
    }
}

impl Operation for EndClose {
    type Output = Option<OrderState>;

    fn loads(&self) -> Vec<Load> {
        loads(&self.key)
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<Option<OrderState>>, Corrupt> {
        let now = context.now;
        let Some(mut state) = OrderState::read(rows)? else { return Ok(Decision::unchanged(None)) };
        let mut facts = Facts::read(rows)?;
        let mut changes = Changes::default();
        let is_pending = CloseKind::of_pending(state.order.status) == Some(self.call.kind);
        if !is_pending && self.result != CloseResult::Closed {
            return Ok(Decision::unchanged(Some(state)));
        }
        let mut is_due_now = false;
        let mut task = state.task_or_new(rows.one()?, &self.schedule, now);
        match self.result {
            // Also after somebody else resolved the decision: what WeChat Pay confirmed is a fact.
            CloseResult::Closed => state.end(&mut changes, &mut facts, self.call.kind.done(), now),
            // A reversal that was begun is never taken back: this call, or an earlier one, may yet be carried out, and
            // goods would be delivered for a payment that is returned.
            CloseResult::Paid | CloseResult::Refused | CloseResult::NotSent
                if self.call.kind == CloseKind::Reverse =>
            {
                if self.result != CloseResult::NotSent && state.is_irreversible(&task) {
                    state.keep_payment(&mut changes, &mut facts, now);
                }
            }
            CloseResult::Paid => {
                state.reopen(&mut changes, &facts, now);
                is_due_now = true;
            }
            CloseResult::Refused => state.reopen(&mut changes, &facts, now),
            CloseResult::NotSent if !self.call.had_doubt => state.reopen(&mut changes, &facts, now),
            CloseResult::NotFound => {
                let reply_at = self.signed_at.unwrap_or(now);
                state.learn_absence(self.call.begun, reply_at);
                if !state.order.may_exist_upstream {
                    state.end_absent(&mut changes, &mut facts, reply_at, now);
                }
            }
            CloseResult::NotSent | CloseResult::Unknown => {}
        }
        task.due_at = if is_due_now { now } else { state.next_query(&task, &self.schedule, context) };
        state.write_task(&mut changes, &facts, &task);
        let state = state.commit(&mut changes, now);
        Ok(Decision { changes, output: Some(state) })
    }
}
