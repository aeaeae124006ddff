//! Recording the answer to a query that found no payment. A payment is learned with `LearnPayment`.

use super::{OrderState, apply::task_load, facts::Facts};
use crate::ledger::{
    Changes, Context, Corrupt, Decision, Load, Operation, OrderKey, Rows,
    call::{ABSENCE_HOLD, absence_hold},
    rows::{
        order::{ApiVersion, OrderRow, OrderStatus},
        payment::EvidenceRow,
        task::TaskRow,
    },
    schedule::Schedule,
};
use std::time::Duration;
use wxpay_proto::{UnixTime, v3::pay::TradeState};

/// The point at which a query or a close call began. See [`OrderState::begin_call`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallBegun {
    /// The version of the root, 0 if there was none. A reply that says that the order does not exist counts only if
    /// nothing was written about the order meanwhile: it may be older than what was written.
    pub(crate) version: u64,
    /// The status of the order. A payment that is reported to a query of a reversed order stays.
    pub(crate) status: OrderStatus,
}

/// The answer to a query that found no payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum QueryAnswer {
    /// The order exists and is not paid.
    Unpaid {
        /// The status, such as `NOTPAY` or `USERPAYING`.
        trade_state: String,
    },
    /// A verified reply that the order does not exist.
    NotFound,
    /// The order is closed.
    Closed,
    /// The order is reversed.
    Revoked,
    /// The payment failed for good.
    PayError,
    /// The query failed. It never ends the polling.
    Failed {
        /// The error, without secrets.
        error: String,
    },
}

/// Records the answer to a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RecordQuery {
    /// The order.
    pub(crate) key: OrderKey,
    /// The point at which the query began.
    pub(crate) begun: CallBegun,
    /// The answer.
    pub(crate) answer: QueryAnswer,
    /// The time that the reply is signed with. It decides whether the order has expired. `None`: the reply has none,
    /// as in APIv1, or there is no reply.
    pub(crate) signed_at: Option<UnixTime>,
    /// The same, or for a reply without one the local time by a clock that cannot jump. It measures how long an order has
    /// been absent.
    pub(crate) steady_at: UnixTime,
    /// The polling schedule.
    pub(crate) schedule: Schedule,
}

/// The result of recording an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queried {
    /// The order. It is `unplaced`, and not stored, if nothing is known of the number.
    pub(crate) state: OrderState,
    /// Whether the order must be closed now: it is unpaid, and the signed time is past `expires_at`. A code payment must
    /// be reversed: the time of its charge is over.
    pub(crate) should_close: bool,
}

/// The time after `expires_at` at which an order is queried, so that it is closed soon.
const EXPIRY_DELAY: Duration = Duration::from_secs(1);

impl Operation for RecordQuery {
    type Output = Queried;

    fn loads(&self) -> Vec<Load> {
        let mut loads = OrderState::loads(&self.key);
        loads.push(EvidenceRow::of(&self.key).load());
        loads.push(task_load(&self.key));
        loads
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<Queried>, Corrupt> {
        let now = context.now;
        let mut state = OrderState::read_or_unplaced(rows, &self.key, now)?;
        if state.order.status == OrderStatus::Unplaced {
            return Ok(Decision::unchanged(Queried { state, should_close: false }));
        }
        let mut facts = Facts::read(rows)?;
        let mut changes = Changes::default();
        let reply_at = self.signed_at.unwrap_or(now);
        let mut should_close = false;
        match &self.answer {
            QueryAnswer::Unpaid { trade_state } => {
                state.order.may_exist_upstream = true;
                state.order.absent_since = None;
                self.learn_charge(&mut state.order, trade_state);
                should_close = self.should_close(&state);
                // APIv1 has no call that closes an order.
                let is_over = state.order.api_version == Some(ApiVersion::V1)
                    && state.order.has_expired(reply_at.before(self.schedule.margin));
                if is_over && state.order.status == OrderStatus::Open {
                    state.end(&mut changes, &mut facts, OrderStatus::Expired, now);
                }
            }
            QueryAnswer::NotFound => {
                state.learn_absence(self.begun, self.steady_at);
                if !state.order.may_exist_upstream {
                    state.end_absent(&mut changes, &mut facts, reply_at, now);
                }
                should_close = state.order.must_reverse(reply_at);
            }
            QueryAnswer::Closed => state.end(&mut changes, &mut facts, OrderStatus::Closed, now),
            QueryAnswer::Revoked => state.end(&mut changes, &mut facts, OrderStatus::Reversed, now),
            QueryAnswer::PayError => state.end(&mut changes, &mut facts, OrderStatus::Failed, now),
            // A charge in doubt is reversed, as WeChat Pay asks for, even if it cannot be queried.
            QueryAnswer::Failed { .. } => should_close = state.order.must_reverse(now),
        }
        if matches!(self.answer, QueryAnswer::Closed | QueryAnswer::Revoked | QueryAnswer::PayError) {
            state.order.may_exist_upstream = true;
        }
        let task = rows.one::<TaskRow>()?;
        self.write_task(&state, &facts, task, &mut changes, context);
        let state = state.commit(&mut changes, now);
        Ok(Decision { changes, output: Queried { state, should_close } })
    }
}

impl RecordQuery {
    /// Returns whether an unpaid order must be closed. Only a signed time decides: our clock may be a day ahead.
    fn should_close(&self, state: &OrderState) -> bool {
        match state.order.status {
            // The decision is written: the call is repeated until its result is known.
            OrderStatus::Closing | OrderStatus::Reversing => true,
            OrderStatus::Open if state.order.is_code() => {
                self.signed_at.is_some_and(|signed| state.order.must_reverse(signed))
            }
            OrderStatus::Open => {
                state.order.api_version == Some(ApiVersion::V3)
                    && self.signed_at.is_some_and(|signed| state.order.has_expired(signed))
            }
            OrderStatus::Unplaced
            | OrderStatus::Closed
            | OrderStatus::Paid
            | OrderStatus::Reversed
            | OrderStatus::Failed
            | OrderStatus::Expired
            | OrderStatus::Anomalous => false,
        }
    }

    /// Learns from a reply about a charge that is not paid.
    fn learn_charge(&self, order: &mut OrderRow, trade_state: &str) {
        if !order.is_charging() {
            return;
        }
        if TradeState::from(trade_state) == TradeState::UserPaying {
            order.set_user_paying();
        }
        if let Some(signed_at) = self.signed_at {
            order.limit_charged_at(signed_at);
        }
    }

    fn write_task(
        &self,
        state: &OrderState,
        facts: &Facts,
        task: Option<TaskRow>,
        changes: &mut Changes,
        context: &Context,
    ) {
        let Some(mut task) = task else { return };
        let is_over = state.order.status == OrderStatus::Anomalous
            && !matches!(self.answer, QueryAnswer::Failed { .. })
            && self.signed_at.unwrap_or(context.now) > task.until;
        if is_over {
            return state.delete_task(changes);
        }
        task.attempts = task.attempts.saturating_add(1);
        task.last_error = match &self.answer {
            QueryAnswer::Failed { error } => Some(error.clone()),
            QueryAnswer::Unpaid { .. }
            | QueryAnswer::NotFound
            | QueryAnswer::Closed
            | QueryAnswer::Revoked
            | QueryAnswer::PayError => None,
        };
        task.due_at = state.next_query(&task, &self.schedule, context);
        // A payment became known after the reversal, and this answer does not say that it was returned.
        let is_unverified =
            state.order.status == OrderStatus::Reversed && self.verifies_nothing(&task, context);
        if is_unverified {
            changes.put(&task);
        } else {
            state.write_task(changes, facts, &task);
        }
    }

    /// Returns whether the answer to a query of a reversed order leaves open if its payment was returned. An answer that
    /// contradicts the payment is not repeated for ever.
    fn verifies_nothing(&self, task: &TaskRow, context: &Context) -> bool {
        match &self.answer {
            QueryAnswer::Failed { .. } => true,
            QueryAnswer::Unpaid { .. } | QueryAnswer::NotFound => {
                self.signed_at.unwrap_or(context.now) <= task.until
            }
            QueryAnswer::Closed | QueryAnswer::Revoked | QueryAnswer::PayError => false,
        }
    }
}

impl OrderState {
    /// Learns from a verified reply that the order does not exist. If this holds for as long as [`absence_hold`] says,
    /// the order cannot exist.
    pub(super) fn learn_absence(&mut self, begun: CallBegun, reply_at: UnixTime) {
        let order = &mut self.order;
        let is_newest = begun.version == order.version;
        // The payer's client may create the order with a result of the prepay call that is still valid.
        let can_be_created = order.has_live_prepay(reply_at);
        // A number that has a payment exists, whatever a reply says.
        let is_known = !self.payments.is_empty();
        if !order.may_exist_upstream || !is_newest || can_be_created || is_known {
            return;
        }
        let since = *order.absent_since.get_or_insert(reply_at);
        if reply_at.since(since) >= absence_hold(order.prepay_call_until.is_some()) {
            order.may_exist_upstream = false;
            order.absent_since = None;
            order.prepay_call_until = None;
            order.prepay = None;
            order.prepay_expires_at = None;
        }
    }

    /// Ends an order that cannot exist at WeChat Pay, if it has expired or is to be closed.
    pub(super) fn end_absent(
        &mut self,
        changes: &mut Changes,
        facts: &mut Facts,
        reply_at: UnixTime,
        now: UnixTime,
    ) {
        let has_expired = self.order.has_expired(reply_at);
        let end = match self.order.status {
            OrderStatus::Open | OrderStatus::Closing if has_expired => OrderStatus::Expired,
            OrderStatus::Closing => OrderStatus::Closed,
            OrderStatus::Reversing => OrderStatus::Reversed,
            OrderStatus::Open
            | OrderStatus::Unplaced
            | OrderStatus::Closed
            | OrderStatus::Paid
            | OrderStatus::Reversed
            | OrderStatus::Failed
            | OrderStatus::Expired
            | OrderStatus::Anomalous => return,
        };
        self.end(changes, facts, end, now);
    }

    /// Returns the time of the next query, or of the next close call.
    pub(super) fn next_query(&self, task: &TaskRow, schedule: &Schedule, context: &Context) -> UnixTime {
        let now = context.now;
        let next = if self.order.is_charging() {
            Self::next_of_charge(task.attempts, schedule, context)
        } else {
            schedule.next(task.attempts, context)
        };
        let at_expiry = self.order.expires_at.map(|expires| expires.after(EXPIRY_DELAY));
        let at_expiry = at_expiry.filter(|at| *at > now);
        match at_expiry {
            // Nothing can be found before, unless a prepay call is begun, which moves the task.
            Some(at_expiry) if !self.order.may_exist_upstream => at_expiry,
            _ if self.order.absent_since.is_some() => next.min(now.after(ABSENCE_HOLD).after(EXPIRY_DELAY)),
            Some(at_expiry) => next.min(at_expiry),
            None => next,
        }
    }
}
