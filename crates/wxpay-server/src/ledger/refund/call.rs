//! Calls that create a refund at WeChat Pay: at most one at a time, each under the same number.

use super::schedule::{RefundTask, may_be_sent};
use crate::ledger::{
    Changes, Context, Corrupt, Decision, Load, Operation, OrderKey, Rows,
    order::OrderState,
    rows::{
        case::CaseKind,
        event::EventType,
        refund::{RefundRow, RefundStatus},
    },
};
use serde_json::json;
use wxpay_proto::{UnixTime, id::OutRefundNo};

/// Begins a further call of a pending refund. It is written before anything is sent.
#[derive(Clone, Debug)]
pub(crate) struct BeginRefundCall {
    /// The order.
    pub(crate) key: OrderKey,
    /// The merchant's refund number.
    pub(crate) out_refund_no: OutRefundNo,
    /// The time until which the call may be sent.
    pub(crate) call_until: UnixTime,
}

/// The result of [`BeginRefundCall`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum BegunRefundCall {
    /// Begun: the refund must be sent. The number of the call is [`OrderState::refund_call`].
    Begun(OrderState),
    /// A later or an earlier call may still be sent.
    InProgress(OrderState),
    /// WeChat Pay has accepted or refused the refund.
    NotPending(OrderState),
    /// No such refund.
    NotFound(OrderState),
}

impl Operation for BeginRefundCall {
    type Output = BegunRefundCall;

    fn loads(&self) -> Vec<Load> {
        loads(&self.key, &self.out_refund_no)
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<BegunRefundCall>, Corrupt> {
        let mut state = OrderState::read_or_unplaced(rows, &self.key, context.now)?;
        let Some(mut refund) = state.refund(&self.out_refund_no).cloned() else {
            return Ok(Decision::unchanged(BegunRefundCall::NotFound(state)));
        };
        if refund.status != RefundStatus::Pending {
            return Ok(Decision::unchanged(BegunRefundCall::NotPending(state)));
        }
        if may_be_sent(&refund, context.now) {
            return Ok(Decision::unchanged(BegunRefundCall::InProgress(state)));
        }
        let mut changes = Changes::default();
        refund.begin_call(self.call_until, context.now);
        let mut task = RefundTask::read_or_new(rows, &self.key, &self.out_refund_no, context)?;
        task.advance(context);
        task.write(&refund, &mut changes);
        state.put_refund(&mut changes, refund);
        let state = state.commit(&mut changes, context.now);
        Ok(Decision { changes, output: BegunRefundCall::Begun(state) })
    }
}

/// Ends a call that did not give the refund's status. A reply with one is learned with
/// [`LearnRefund`](super::LearnRefund).
#[derive(Clone, Debug)]
pub(crate) struct EndRefundCall {
    /// The order.
    pub(crate) key: OrderKey,
    /// The merchant's refund number.
    pub(crate) out_refund_no: OutRefundNo,
    /// The number of the call: [`OrderState::refund_call`] when it was begun.
    pub(crate) call: u64,
    /// The result.
    pub(crate) result: RefundCall,
}

/// The result of a call that creates a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RefundCall {
    /// Certainly not sent.
    NotSent,
    /// Refused by a verified reply.
    Refused {
        /// WeChat Pay's code.
        code: String,
        /// WeChat Pay's message.
        message: String,
        /// Whether the same call can never succeed. Too little balance, for example, may be mended.
        is_final: bool,
    },
    /// Sent, without a verified reply.
    Unknown,
}

impl Operation for EndRefundCall {
    type Output = OrderState;

    fn loads(&self) -> Vec<Load> {
        loads(&self.key, &self.out_refund_no)
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<OrderState>, Corrupt> {
        let mut state = OrderState::read_or_unplaced(rows, &self.key, context.now)?;
        let known = state.refund(&self.out_refund_no);
        // A call ends once. One that outlived its deadline may have been followed by another, which counted it as doubt.
        let is_open = |refund: &&RefundRow| {
            refund.status == RefundStatus::Pending && refund.calls == self.call && refund.call_until.is_some()
        };
        let Some(mut refund) = known.filter(is_open).cloned() else {
            return Ok(Decision::unchanged(state));
        };
        let mut changes = Changes::default();
        let mut task = RefundTask::read_or_new(rows, &self.key, &self.out_refund_no, context)?;
        let is_refused = self.apply(&mut refund, &mut task);
        refund.updated_at = context.now;
        task.write(&refund, &mut changes);
        let needs_person = task.was_attempted();
        state.put_refund(&mut changes, refund.clone());
        state.recount_refunds(&mut changes, context.now);
        if let Some((code, message)) = is_refused {
            state.emit_refund(&mut changes, EventType::RefundClosed, &refund, context.now);
            // The reply to the shop's request tells it. Nobody waits for a call in the background.
            if needs_person {
                let data = json!({
                    "out_refund_no": refund.out_refund_no.as_str(),
                    "transaction_id": refund.transaction_id.as_str(),
                    "amount": refund.amount.get(),
                    "code": code,
                    "message": message,
                });
                let cause = format!("{}:{}", refund.out_refund_no, refund.calls);
                state.open_case(&mut changes, CaseKind::RefundRefused, &cause, &data, context.now);
            }
        }
        let state = state.commit(&mut changes, context.now);
        Ok(Decision { changes, output: state })
    }
}

impl EndRefundCall {
    /// Applies the result. Returns code and message of a refusal that closes the refund.
    fn apply(&self, refund: &mut RefundRow, task: &mut RefundTask) -> Option<(&str, &str)> {
        refund.call_until = None;
        match &self.result {
            RefundCall::Unknown => {
                refund.in_doubt = true;
                refund.absent_since = None;
                task.fail("the fate of the refund is unknown".into());
                None
            }
            RefundCall::NotSent => {
                refund.may_exist_upstream = refund.in_doubt;
                task.fail("the refund was not sent".into());
                None
            }
            RefundCall::Refused { code, message, is_final } => {
                refund.may_exist_upstream = refund.in_doubt;
                task.fail(format!("refused: {code}: {message}"));
                if refund.in_doubt || !is_final {
                    return None;
                }
                refund.status = RefundStatus::Closed;
                Some((code, message))
            }
        }
    }
}

impl RefundRow {
    /// Begins a call. An earlier one that did not end becomes a doubt.
    pub(super) fn begin_call(&mut self, call_until: UnixTime, now: UnixTime) {
        self.in_doubt |= self.call_until.is_some();
        self.may_exist_upstream = true;
        self.calls = self.calls.saturating_add(1);
        self.call_until = Some(call_until);
        self.absent_since = None;
        self.updated_at = now;
    }
}

pub(super) fn loads(key: &OrderKey, out_refund_no: &OutRefundNo) -> Vec<Load> {
    let mut loads = OrderState::loads(key);
    loads.push(RefundTask::load(key, out_refund_no));
    loads
}
