//! The prepay call of an order: recorded before it is sent, and when it ends.

use super::{OrderState, apply::task_load};
use crate::ledger::{
    Changes, Context, Corrupt, Decision, Load, Operation, OrderKey, Rows,
    rows::{
        order::{OrderRow, OrderStatus},
        task::TaskRow,
    },
    schedule::Schedule,
};
use std::fmt;
use wxpay_proto::UnixTime;

/// Begins a prepay call of an order that was placed before. It must not be sent before this is committed.
/// [`PlaceOrder`](super::place::PlaceOrder) begins the first one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BeginPrepay {
    /// The order.
    pub(crate) key: OrderKey,
    /// The digest of the terms that would be sent.
    pub(crate) terms_digest: String,
    /// The time until which the call may be sent or repeated.
    pub(crate) call_until: UnixTime,
    /// The polling schedule.
    pub(crate) schedule: Schedule,
}

/// The result of beginning a prepay call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BegunPrepay {
    /// Send the call, then end it.
    Begun {
        /// The call, for [`EndPrepay`].
        call: PrepayCall,
        /// The order.
        state: OrderState,
    },
    /// WeChat Pay accepted the order before, and the result is still valid. Send nothing.
    Ready(OrderState),
    /// The order has other terms by now. Send nothing; place it again.
    Stale(OrderState),
    /// The order is not open, or has expired. Send nothing.
    NotOpen(OrderState),
}

/// A prepay call that was begun.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PrepayCall {
    /// The number of the call, from 1.
    pub(crate) number: u64,
    /// Whether WeChat Pay may have known the order before this call. A refusal of this call then proves nothing: an
    /// earlier call may have been carried out, or may yet be, by a process that no longer answers.
    pub(crate) had_doubt: bool,
    /// The version of the root that the beginning wrote. A query or another call that was recorded meanwhile may have
    /// shown that the order exists, so a refusal proves its absence only if nothing was.
    pub(crate) version: u64,
    /// The digest of the terms that are sent.
    pub(crate) terms_digest: String,
}

/// The result of a prepay call.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum PrepayResult {
    /// WeChat Pay accepted the order.
    Prepared {
        /// The result, as JSON.
        prepay: String,
        /// The time from which the result is no longer valid.
        expires_at: UnixTime,
    },
    /// WeChat Pay has the charge of a code payment, and the payer is entering the password.
    UserPaying {
        /// The time that the reply is signed with, if it is.
        signed_at: Option<UnixTime>,
    },
    /// The call was certainly not sent.
    NotSent,
    /// WeChat Pay refused the order with a verified refusal, of a kind that leaves no order behind.
    ///
    /// Some refusals prove the opposite: `ORDERPAID` and `OUT_TRADE_NO_USED` mean that the number is in use at
    /// WeChat Pay, and `INVALID_REQUEST` is sent for a number that is in use with other terms. These are
    /// [`Unknown`](Self::Unknown), never `Refused`: the terms of an order that may exist must not be replaced.
    Refused,
    /// Whether WeChat Pay has the order is unknown. Query it.
    Unknown,
}

/// Prints the kind only: the payer's client pays with the result.
impl fmt::Debug for PrepayResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Prepared { .. } => "Prepared",
            Self::UserPaying { .. } => "UserPaying",
            Self::NotSent => "NotSent",
            Self::Refused => "Refused",
            Self::Unknown => "Unknown",
        })
    }
}

/// Ends a prepay call. Returns the order; `None` if there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EndPrepay {
    /// The order.
    pub(crate) key: OrderKey,
    /// The call that was begun.
    pub(crate) call: PrepayCall,
    /// The result.
    pub(crate) result: PrepayResult,
    /// The polling schedule.
    pub(crate) schedule: Schedule,
}

impl Operation for BeginPrepay {
    type Output = BegunPrepay;

    fn loads(&self) -> Vec<Load> {
        let mut loads = OrderState::loads(&self.key);
        loads.push(task_load(&self.key));
        loads
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<BegunPrepay>, Corrupt> {
        let now = context.now;
        let mut state = OrderState::read_or_unplaced(rows, &self.key, now)?;
        let order = &state.order;
        if order.status == OrderStatus::Unplaced {
            return Ok(Decision::unchanged(BegunPrepay::NotOpen(state)));
        }
        if order.terms_digest.as_ref() != Some(&self.terms_digest) {
            return Ok(Decision::unchanged(BegunPrepay::Stale(state)));
        }
        if order.status != OrderStatus::Open || order.has_expired(now) {
            return Ok(Decision::unchanged(BegunPrepay::NotOpen(state)));
        }
        let Some(call) = state.begin_prepay(self.call_until, now) else {
            return Ok(Decision::unchanged(BegunPrepay::Ready(state)));
        };
        let mut changes = Changes::default();
        let task = state.task_of_prepay(rows.one()?, &self.schedule, now);
        changes.put(&task);
        let state = state.commit(&mut changes, now);
        Ok(Decision { changes, output: BegunPrepay::Begun { call, state } })
    }
}

impl Operation for EndPrepay {
    type Output = Option<OrderState>;

    fn loads(&self) -> Vec<Load> {
        let mut loads = OrderState::loads(&self.key);
        loads.push(task_load(&self.key));
        loads
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<Option<OrderState>>, Corrupt> {
        let now = context.now;
        let Some(mut state) = OrderState::read(rows)? else { return Ok(Decision::unchanged(None)) };
        let order = &mut state.order;
        // Only then no other call, of this process or of another, may still be sent.
        let is_only_call = !self.call.had_doubt && order.prepay_calls == self.call.number;
        if is_only_call {
            order.prepay_call_until = None;
        }
        // A reply from before the end of the call says nothing about its last request.
        order.absent_since = None;
        let mut is_due_now = false;
        match &self.result {
            PrepayResult::Prepared { prepay, expires_at } => {
                order.may_exist_upstream = true;
                let has_these_terms = order.terms_digest.as_ref() == Some(&self.call.terms_digest);
                let is_later = order.prepay_expires_at.is_none_or(|known| known <= *expires_at);
                if has_these_terms && is_later {
                    order.prepay = Some(prepay.clone());
                    order.prepay_expires_at = Some(*expires_at);
                }
            }
            PrepayResult::UserPaying { signed_at } => {
                order.may_exist_upstream = true;
                order.set_user_paying();
                if let Some(signed_at) = signed_at {
                    order.set_charged_at(*signed_at);
                }
            }
            PrepayResult::NotSent | PrepayResult::Refused
                if is_only_call && order.version == self.call.version =>
            {
                order.may_exist_upstream = false;
            }
            // The number may be in use by an earlier call, which may be paid by now.
            PrepayResult::Refused => is_due_now = true,
            PrepayResult::NotSent | PrepayResult::Unknown => {}
        }
        let mut changes = Changes::default();
        if state.order.status == OrderStatus::Open {
            let stored: Option<TaskRow> = rows.one()?;
            let due_at = if is_due_now { now } else { state.first_query(&self.schedule, now) };
            // The beginning of the call has set it: to move it by the duration of the call is not worth a write.
            let is_soon = stored.as_ref().is_some_and(|task| task.attempts == 0 && task.due_at <= due_at);
            if !is_soon {
                let task = state.task_or_new(stored, &self.schedule, now);
                changes.put(&TaskRow { attempts: 0, due_at, ..task });
            }
        }
        let state = state.commit(&mut changes, now);
        Ok(Decision { changes, output: Some(state) })
    }
}

impl OrderState {
    /// Begins a prepay call, to be committed with this state. `None` if the order is not open, has expired, or has a
    /// result that is still valid; and for a code payment if an earlier charge may exist: a second one might charge the
    /// payer twice.
    pub(super) fn begin_prepay(&mut self, call_until: UnixTime, now: UnixTime) -> Option<PrepayCall> {
        let order = &mut self.order;
        if order.status != OrderStatus::Open || order.has_expired(now) || order.has_live_prepay(now) {
            return None;
        }
        if order.is_charging() {
            return None;
        }
        let terms_digest = order.terms_digest.clone()?;
        if order.is_code() {
            order.begin_charge(now);
        }
        let had_doubt = order.may_exist_upstream;
        order.may_exist_upstream = true;
        order.prepay_calls = order.prepay_calls.saturating_add(1);
        // The latest of all calls that did not end: an earlier one may be repeated until its own time.
        order.prepay_call_until = order.prepay_call_until.max(Some(call_until));
        order.absent_since = None;
        let version = order.version.saturating_add(1);
        Some(PrepayCall { number: order.prepay_calls, had_doubt, version, terms_digest })
    }

    /// Returns the task of an order whose prepay call begins. A crash before the call ends must not leave the next query
    /// to the end of a long interval.
    pub(super) fn task_of_prepay(
        &self,
        stored: Option<TaskRow>,
        schedule: &Schedule,
        now: UnixTime,
    ) -> TaskRow {
        let task = self.task_or_new(stored, schedule, now);
        TaskRow { attempts: 0, due_at: self.first_query(schedule, now), ..task }
    }
}

impl OrderRow {
    /// Returns whether the payer can still pay with the stored result of a prepay call.
    pub(crate) fn has_live_prepay(&self, at: UnixTime) -> bool {
        self.prepay.is_some() && self.prepay_expires_at.is_some_and(|expires| at < expires)
    }
}
