//! The audit of one order: everything that follows from its evidence is computed again, and compared with what is
//! stored.

use super::{OrderState, facts::Facts};
use crate::ledger::{
    Changes, Corrupt, Load, OrderKey, Rows,
    case::load_case,
    refund::case_cause,
    rows::{
        case::{CaseKind, CaseRow},
        order::OrderStatus,
        payment::{EvidenceRow, PaymentRow},
        refund::{RefundSource, RefundStatus},
    },
};
use serde_json::Value;

/// The kinds of the cases about one payment, whose cause is the payment's transaction.
const CASES_OF_PAYMENTS: [CaseKind; 4] = [
    CaseKind::SecondPayment,
    CaseKind::PaidAfterClose,
    CaseKind::AmountMismatch,
    CaseKind::ContradictoryEvidence,
];

impl OrderState {
    /// Returns the reads of an audit.
    pub(crate) fn audit_loads(key: &OrderKey) -> Vec<Load> {
        let mut loads = Self::loads(key);
        loads.push(EvidenceRow::of(key).load());
        loads
    }

    /// Returns the reads that an audit needs besides: the cases of several payments, and of refunds that exceed one. They
    /// must be read later than what they are about, with which they are written, and are never deleted: then none seems to
    /// be missing.
    ///
    /// # Errors
    ///
    /// If a row is corrupt.
    pub(crate) fn audit_case_loads(rows: &Rows) -> Result<Vec<Load>, Corrupt> {
        let Some(state) = Self::read(rows)? else { return Ok(Vec::new()) };
        let key = state.order.key();
        let mut loads = Vec::new();
        if state.payments.len() > 1 {
            for payment in &state.payments {
                let cause = payment.transaction_id.as_str();
                loads.extend(CASES_OF_PAYMENTS.map(|kind| load_case(&key, kind, cause)));
            }
            loads.push(load_case(&key, CaseKind::UnknownPayment, ""));
        }
        if state.payments.iter().any(PaymentRow::is_exceeded) {
            let causes = state.refunds.iter().map(|refund| case_cause(&refund.out_refund_no));
            loads.extend(causes.map(|cause| load_case(&key, CaseKind::ContradictoryEvidence, &cause)));
        }
        Ok(loads)
    }

    /// Returns the rules that the order violates, each with the invariant that it belongs to, by its name in the metrics.
    ///
    /// # Errors
    ///
    /// If a row is corrupt.
    pub(crate) fn violations(rows: &Rows) -> Result<Vec<(&'static str, &'static str)>, Corrupt> {
        let Some(state) = Self::read(rows)? else { return Ok(Vec::new()) };
        let facts = Facts::read(rows)?;
        let mut violations = Vec::new();
        let mut require = |holds: bool, invariant, rule| {
            if !holds {
                violations.push((invariant, rule));
            }
        };
        require(
            facts.payment_rows(&state.order, &state.payments) == state.payments,
            "lost_payment",
            "the payments must be those that the evidence gives",
        );
        // While a close is not resolved, payments are stored and not yet applied: their cases are opened after it.
        let is_applied = !matches!(state.order.status, OrderStatus::Closing | OrderStatus::Reversing);
        let cases: Vec<CaseRow> = rows.all()?;
        let unnoticed = state.payments.iter().filter(|payment| {
            !cases.iter().any(|case| names_transaction(case, payment.transaction_id.as_str()))
        });
        require(
            !is_applied || unnoticed.count() <= 1,
            "double_charge",
            "every payment but one must have a case",
        );
        let conclusion = facts.conclude(&state.order);
        if let Some(payments) = conclusion.payments {
            let status = state.order.status;
            require(
                status.after_payments(payments, conclusion.has_ended) == status,
                "monotone_status",
                "the status must follow from the payments",
            );
            let has_payment = payments == OrderStatus::Paid || payments == OrderStatus::Anomalous;
            require(
                status != OrderStatus::Paid || has_payment,
                "phantom",
                "a paid order must have the evidence of a payment",
            );
        }
        let mut recounted = state.clone();
        recounted.recount_refunds(&mut Changes::default(), state.order.updated_at);
        require(
            recounted.payments == state.payments,
            "refund_bound",
            "the sums of the refunds must be those of the refunds",
        );
        let is_requested_here = state.refunds.iter().all(|refund| refund.source == RefundSource::Api);
        let is_within = !recounted.payments.iter().any(PaymentRow::is_exceeded);
        // WeChat Pay made a refund of another amount under a number that was used here.
        let is_contradicted = state.refunds.iter().any(|refund| {
            let of_refund = |case: &CaseRow| is_about_refund(case, refund.out_refund_no.as_str());
            cases.iter().any(of_refund)
        });
        require(
            !is_requested_here || is_within || is_contradicted,
            "refund_bound",
            "the refunds that were requested must not exceed the payment",
        );
        let has_payment_of = |refund: &crate::ledger::rows::refund::RefundRow| {
            state.payments.iter().any(|payment: &PaymentRow| payment.transaction_id == refund.transaction_id)
        };
        let must_have = |status| status != RefundStatus::Closed;
        require(
            state
                .refunds
                .iter()
                .filter(|refund| refund.source == RefundSource::Api && must_have(refund.status))
                .all(has_payment_of),
            "phantom",
            "a refund that was requested must be of a payment of the order",
        );
        Ok(violations)
    }
}

/// Returns whether a case is about contradictory reports of a refund.
fn is_about_refund(case: &CaseRow, out_refund_no: &str) -> bool {
    let data: Value = serde_json::from_str(&case.data).unwrap_or_default();
    case.kind == CaseKind::ContradictoryEvidence
        && data.get("out_refund_no").is_some_and(|number| *number == *out_refund_no)
}

/// Returns whether a case is about a transaction, alone or among others.
fn names_transaction(case: &CaseRow, transaction_id: &str) -> bool {
    let data: Value = serde_json::from_str(&case.data).unwrap_or_default();
    let all = data.get("transactions").and_then(Value::as_array);
    data.get("transaction_id").into_iter().chain(all.into_iter().flatten()).any(|id| *id == *transaction_id)
}
