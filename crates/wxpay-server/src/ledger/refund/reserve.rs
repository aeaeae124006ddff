//! Reserving a refund.

use super::schedule::RefundTask;
use crate::ledger::{
    Context, Corrupt, Decision, Load, Operation, OrderKey, Rows,
    order::OrderState,
    rows::{
        order::OrderStatus,
        payment::PaymentRow,
        refund::{RefundRow, RefundSource, RefundStatus},
    },
};
use wxpay_proto::{
    Fen, UnixTime,
    id::{OutRefundNo, TransactionId},
};

/// Reserves a refund, and begins its first call. Its number was claimed before.
#[derive(Clone, Debug)]
pub(crate) struct ReserveRefund {
    /// The order.
    pub(crate) key: OrderKey,
    /// The merchant's refund number.
    pub(crate) out_refund_no: OutRefundNo,
    /// The payment. Required if there are several.
    pub(crate) transaction_id: Option<TransactionId>,
    /// The amount, more than zero.
    pub(crate) amount: Fen,
    /// The reason that the payer sees.
    pub(crate) reason: Option<String>,
    /// The goods and the rest of the request, as JSON.
    pub(crate) detail: Option<String>,
    /// The digest of the terms.
    pub(crate) terms_digest: String,
    /// The API key that requests it.
    pub(crate) requested_by: Option<String>,
    /// The time until which the call may be sent.
    pub(crate) call_until: UnixTime,
}

/// The result of [`ReserveRefund`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reserved {
    /// Reserved, and a call begun: the refund must be sent.
    Created(OrderState),
    /// The refund exists with these terms.
    Existing(OrderState),
    /// The refund exists with other terms.
    Differs(OrderState),
    /// The order has no payment.
    NotPaid(OrderState),
    /// The order has several payments; the request names none.
    TransactionRequired(OrderState),
    /// The order has no such payment.
    UnknownTransaction(OrderState),
    /// The amount is zero, or exceeds what can still be refunded.
    Exceeds {
        /// The amount that can still be refunded.
        available: Fen,
        /// The state.
        state: OrderState,
    },
}

impl Operation for ReserveRefund {
    type Output = Reserved;

    fn loads(&self) -> Vec<Load> {
        OrderState::loads(&self.key)
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<Reserved>, Corrupt> {
        let mut state = OrderState::read_or_unplaced(rows, &self.key, context.now)?;
        let known = state.refund(&self.out_refund_no).cloned();
        if let Some(known) = &known {
            let is_same = self.is_same(known);
            if is_same && (known.status != RefundStatus::Closed || known.may_exist_upstream) {
                return Ok(Decision::unchanged(Reserved::Existing(state)));
            }
            if !is_same && !is_replaceable(known) {
                return Ok(Decision::unchanged(Reserved::Differs(state)));
            }
        }
        let payment = match self.payment(&state) {
            Ok(payment) => payment,
            Err(refusal) => return Ok(Decision::unchanged(refusal(state))),
        };
        // A refund that is replaced gives its reservation back.
        let replaced = known.as_ref().filter(|known| known.status.is_reserved());
        let replaced = replaced.filter(|known| known.transaction_id == payment.transaction_id);
        let returned = replaced.map_or(Fen::ZERO, |known| known.amount);
        let available = available(payment, returned);
        if self.amount == Fen::ZERO || self.amount > available {
            return Ok(Decision::unchanged(Reserved::Exceeds { available, state }));
        }
        let mut decision = Decision::unchanged(());
        let refund =
            self.row(payment.transaction_id.clone(), known.map_or(0, |known| known.calls), context.now);
        RefundTask::new(&self.key, &self.out_refund_no, context).write(&refund, &mut decision.changes);
        state.put_refund(&mut decision.changes, refund);
        state.recount_refunds(&mut decision.changes, context.now);
        let state = state.commit(&mut decision.changes, context.now);
        Ok(Decision { changes: decision.changes, output: Reserved::Created(state) })
    }
}

impl ReserveRefund {
    fn is_same(&self, known: &RefundRow) -> bool {
        known.terms_digest.as_ref().map_or_else(
            // It was learned from WeChat Pay: its other terms are not known.
            || {
                self.amount == known.amount
                    && self.transaction_id.as_ref().is_none_or(|given| *given == known.transaction_id)
            },
            |digest| *digest == self.terms_digest,
        )
    }

    fn payment<'a>(&self, state: &'a OrderState) -> Result<&'a PaymentRow, fn(OrderState) -> Reserved> {
        // A reversal returns the payment.
        if matches!(state.order.status, OrderStatus::Reversing | OrderStatus::Reversed) {
            return Err(Reserved::NotPaid);
        }
        match (&self.transaction_id, state.payments.as_slice()) {
            (_, []) => Err(Reserved::NotPaid),
            (None, [payment]) => Ok(payment),
            (None, _) => Err(Reserved::TransactionRequired),
            (Some(given), payments) => {
                let payment = payments.iter().find(|payment| payment.transaction_id == *given);
                payment.ok_or(Reserved::UnknownTransaction)
            }
        }
    }

    fn row(&self, transaction_id: TransactionId, earlier_calls: u64, now: UnixTime) -> RefundRow {
        RefundRow {
            shard: self.key.shard(),
            merchant: self.key.merchant.clone(),
            out_trade_no: self.key.out_trade_no.clone(),
            out_refund_no: self.out_refund_no.clone(),
            transaction_id,
            amount: self.amount,
            reason: self.reason.clone(),
            detail: self.detail.clone(),
            terms_digest: Some(self.terms_digest.clone()),
            source: RefundSource::Api,
            status: RefundStatus::Pending,
            may_exist_upstream: true,
            calls: earlier_calls.saturating_add(1),
            call_until: Some(self.call_until),
            in_doubt: false,
            absent_since: None,
            refund_id: None,
            success_at: None,
            requested_by: self.requested_by.clone(),
            created_at: now,
            updated_at: now,
        }
    }
}

fn is_replaceable(known: &RefundRow) -> bool {
    !known.may_exist_upstream && matches!(known.status, RefundStatus::Pending | RefundStatus::Closed)
}

fn available(payment: &PaymentRow, returned: Fen) -> Fen {
    let reserved = payment.refund_reserved.get().saturating_sub(returned.get());
    let taken = reserved.saturating_add(payment.refunded.get());
    Fen::new(payment.total.get().saturating_sub(taken))
}
