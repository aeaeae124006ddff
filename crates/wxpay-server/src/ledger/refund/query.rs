//! Replies to a query of a refund that do not give its status.

use super::{call::loads, schedule::RefundTask};
use crate::ledger::{
    Changes, Context, Corrupt, Decision, Load, Operation, OrderKey, Rows,
    call::absence_hold,
    order::OrderState,
    rows::refund::{RefundRow, RefundStatus},
};
use wxpay_proto::{UnixTime, id::OutRefundNo};

/// Records the query of a refund. A reply with a status is learned with [`LearnRefund`](super::LearnRefund).
#[derive(Clone, Debug)]
pub(crate) struct RecordRefundQuery {
    /// The order.
    pub(crate) key: OrderKey,
    /// The merchant's refund number.
    pub(crate) out_refund_no: OutRefundNo,
    /// The answer.
    pub(crate) answer: RefundAnswer,
    /// The time until which the refund may be sent again.
    pub(crate) call_until: UnixTime,
}

/// An answer without a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RefundAnswer {
    /// WeChat Pay has no such refund.
    NotFound {
        /// The time that the reply is signed with.
        signed_at: UnixTime,
        /// The number of the last call that was begun before the query: [`OrderState::refund_call`]. The reply says
        /// nothing about a later one.
        last_call: u64,
    },
    /// The query failed.
    Failed {
        /// The error, without secrets.
        error: String,
    },
}

/// The result of [`RecordRefundQuery`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefundQueried {
    /// The state.
    pub(crate) state: OrderState,
    /// Whether the refund must be sent again, under its number. The call is begun; its number is
    /// [`OrderState::refund_call`].
    pub(crate) should_resend: bool,
}

impl Operation for RecordRefundQuery {
    type Output = RefundQueried;

    fn loads(&self) -> Vec<Load> {
        loads(&self.key, &self.out_refund_no)
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<RefundQueried>, Corrupt> {
        let mut state = OrderState::read_or_unplaced(rows, &self.key, context.now)?;
        let known = state.refund(&self.out_refund_no);
        let Some(mut refund) = known.filter(|refund| !refund.status.is_final()).cloned() else {
            return Ok(Decision::unchanged(RefundQueried { state, should_resend: false }));
        };
        let mut task = RefundTask::read_or_new(rows, &self.key, &self.out_refund_no, context)?;
        task.advance(context);
        let should_resend = match &self.answer {
            RefundAnswer::NotFound { signed_at, last_call } => {
                task.fail("WeChat Pay has no such refund".into());
                let is_newest = refund.calls == *last_call;
                is_newest && self.absent(&mut refund, &mut task, *signed_at, context.now)
            }
            RefundAnswer::Failed { error } => {
                task.fail(error.clone());
                false
            }
        };
        refund.updated_at = context.now;
        let mut changes = Changes::default();
        task.write(&refund, &mut changes);
        state.put_refund(&mut changes, refund);
        let state = state.commit(&mut changes, context.now);
        Ok(Decision { changes, output: RefundQueried { state, should_resend } })
    }
}

impl RecordRefundQuery {
    /// Applies the absence of the refund. Returns whether it is sent again.
    ///
    /// A refund in doubt is sent again only when its absence held: afterwards a refusal leaves no doubt. If it were sent
    /// at once, a refusal would prove nothing about the earlier calls, and the refund would stay reserved for ever.
    fn absent(
        &self,
        refund: &mut RefundRow,
        task: &mut RefundTask,
        signed_at: UnixTime,
        now: UnixTime,
    ) -> bool {
        if refund.status != RefundStatus::Pending {
            return false;
        }
        if refund.may_exist_upstream {
            let since = *refund.absent_since.get_or_insert(signed_at);
            let missing = absence_hold(refund.call_until.is_some()).saturating_sub(signed_at.since(since));
            if !missing.is_zero() {
                task.at(now.after(missing));
                return false;
            }
        }
        refund.in_doubt = false;
        refund.call_until = None;
        refund.begin_call(self.call_until, now);
        true
    }
}
