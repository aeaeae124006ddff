//! Reports of WeChat Pay about a refund.

use super::{call::loads, schedule::RefundTask};
use crate::ledger::{
    Changes, Context, Corrupt, Decision, Load, Operation, OrderKey, Rows,
    case::{load_case, resolve},
    order::OrderState,
    rows::{
        case::{CaseKind, CaseRow},
        event::EventType,
        inbox::InboxRow,
        payment::Source,
        refund::{RefundRow, RefundSource, RefundStatus},
    },
};
use serde_json::json;
use wxpay_proto::{
    Fen, UnixTime,
    id::{OutRefundNo, RefundId, TransactionId},
};

/// Learns a refund from a verified notification, a reply or a bill. Reports may be repeated, and come in any order.
/// A report of WeChat Pay is always applied, also of a refund that was never requested here or exceeds the payment.
#[derive(Clone, Debug)]
pub(crate) struct LearnRefund {
    /// The order.
    pub(crate) key: OrderKey,
    /// The report.
    pub(crate) report: RefundReport,
    /// The source.
    pub(crate) source: Source,
    /// The notification, to be stored in the same transaction.
    pub(crate) inbox: Option<InboxRow>,
}

/// A report about a refund.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RefundReport {
    /// The merchant's refund number.
    pub(crate) out_refund_no: OutRefundNo,
    /// WeChat Pay's number of the refund.
    pub(crate) refund_id: Option<RefundId>,
    /// WeChat Pay's number of the payment.
    pub(crate) transaction_id: TransactionId,
    /// The amount, coupons included.
    pub(crate) amount: Fen,
    /// The status.
    pub(crate) status: RefundStatus,
    /// The time at which it succeeded.
    pub(crate) success_at: Option<UnixTime>,
}

/// The result of [`LearnRefund`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LearnedRefund {
    /// The state.
    pub(crate) state: OrderState,
    /// Whether the report changed anything.
    pub(crate) is_new: bool,
}

impl Operation for LearnRefund {
    type Output = LearnedRefund;

    fn loads(&self) -> Vec<Load> {
        let number = &self.report.out_refund_no;
        let mut loads = loads(&self.key, number);
        for kind in [CaseKind::ContradictoryEvidence, CaseKind::RefundAbnormal] {
            loads.push(load_case(&self.key, kind, &case_cause(number)));
        }
        loads.extend(self.inbox.as_ref().map(InboxRow::load));
        loads
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<LearnedRefund>, Corrupt> {
        let now = context.now;
        let mut state = OrderState::read_or_unplaced(rows, &self.key, now)?;
        let mut changes = Changes::default();
        if let Some(inbox) = &self.inbox {
            changes.put(&inbox.received_again(rows.one()?));
        }
        let known = state.refund(&self.report.out_refund_no).cloned();
        let mut refund = known.clone().unwrap_or_else(|| self.row(now));
        let contradicts = known.is_some() && self.contradicts(&refund);
        let before = known.as_ref().map(|known| known.status);
        self.merge(&mut refund);
        let cases: Vec<CaseRow> = rows.all()?;
        let opens_contradiction =
            contradicts && !cases.iter().any(|case| case.kind == CaseKind::ContradictoryEvidence);
        let is_new = known.as_ref() != Some(&refund) || opens_contradiction;
        let mut task = RefundTask::read_or_new(rows, &self.key, &self.report.out_refund_no, context)?;
        if !is_new {
            // The task alone moves on.
            if !refund.status.is_final() && self.source == Source::Query {
                task.advance(context);
                task.write(&refund, &mut changes);
            }
            return Ok(Decision { changes, output: LearnedRefund { state, is_new } });
        }
        if self.source == Source::Query {
            task.advance(context);
        }
        task.write(&refund, &mut changes);
        refund.updated_at = now;
        state.put_refund(&mut changes, refund.clone());
        if before != Some(refund.status) {
            entered(&mut state, &mut changes, &refund, cases, now);
        }
        state.recount_refunds(&mut changes, now);
        if opens_contradiction {
            self.open_contradiction(&mut state, &mut changes, known.as_ref(), now);
        }
        let state = state.commit(&mut changes, now);
        Ok(Decision { changes, output: LearnedRefund { state, is_new } })
    }
}

impl LearnRefund {
    /// Merges the report into the row, so that the same reports give the same row in any order.
    fn merge(&self, refund: &mut RefundRow) {
        let report = &self.report;
        // The refusal that closed it was not the last word.
        if refund.status == RefundStatus::Closed && !refund.may_exist_upstream {
            refund.status = RefundStatus::Pending;
        }
        if report.status.rank() > refund.status.rank() {
            refund.status = report.status;
        }
        refund.may_exist_upstream = true;
        refund.call_until = None;
        refund.in_doubt = false;
        refund.absent_since = None;
        refund.amount = refund.amount.max(report.amount);
        if refund.source == RefundSource::WeChat && report.transaction_id < refund.transaction_id {
            refund.transaction_id = report.transaction_id.clone();
        }
        let refund_id = report.refund_id.as_ref().map(|id| id.as_str().to_owned());
        refund.refund_id = smaller(refund.refund_id.take(), refund_id);
        refund.success_at = smaller(refund.success_at, report.success_at);
    }

    fn contradicts(&self, refund: &RefundRow) -> bool {
        let report = &self.report;
        let differs = |known: Option<&str>, reported: Option<&str>| matches!((known, reported), (Some(known), Some(reported)) if known != reported);
        let statuses = [refund.status, report.status];
        report.amount != refund.amount
            || report.transaction_id != refund.transaction_id
            || differs(refund.refund_id.as_deref(), report.refund_id.as_ref().map(RefundId::as_str))
            || statuses.contains(&RefundStatus::Closed) && statuses.contains(&RefundStatus::Success)
    }

    fn open_contradiction(
        &self,
        state: &mut OrderState,
        changes: &mut Changes,
        known: Option<&RefundRow>,
        now: UnixTime,
    ) {
        let report = &self.report;
        let data = json!({
            "out_refund_no": report.out_refund_no.as_str(),
            "reported": {
                "transaction_id": report.transaction_id.as_str(),
                "refund_id": report.refund_id.as_ref().map(RefundId::as_str),
                "amount": report.amount.get(),
                "status": report.status,
            },
            "known": known.map(|known| json!({
                "transaction_id": known.transaction_id.as_str(),
                "refund_id": known.refund_id,
                "amount": known.amount.get(),
                "status": known.status,
            })),
        });
        let cause = case_cause(&report.out_refund_no);
        state.open_case(changes, CaseKind::ContradictoryEvidence, &cause, &data, now);
    }

    fn row(&self, now: UnixTime) -> RefundRow {
        let report = &self.report;
        RefundRow {
            shard: self.key.shard(),
            merchant: self.key.merchant.clone(),
            out_trade_no: self.key.out_trade_no.clone(),
            out_refund_no: report.out_refund_no.clone(),
            transaction_id: report.transaction_id.clone(),
            amount: report.amount,
            reason: None,
            detail: None,
            terms_digest: None,
            source: RefundSource::WeChat,
            status: report.status,
            may_exist_upstream: true,
            calls: 0,
            call_until: None,
            in_doubt: false,
            absent_since: None,
            refund_id: None,
            success_at: None,
            requested_by: None,
            created_at: now,
            updated_at: now,
        }
    }
}

/// Emits the events of a refund's new status.
fn entered(
    state: &mut OrderState,
    changes: &mut Changes,
    refund: &RefundRow,
    cases: Vec<CaseRow>,
    now: UnixTime,
) {
    let event_type = match refund.status {
        RefundStatus::Pending | RefundStatus::Processing => return,
        RefundStatus::Success => EventType::RefundSucceeded,
        RefundStatus::Closed => EventType::RefundClosed,
        RefundStatus::Abnormal => EventType::RefundAbnormal,
    };
    state.emit_refund(changes, event_type, refund, now);
    if refund.status == RefundStatus::Abnormal {
        let data = json!({
            "out_refund_no": refund.out_refund_no.as_str(),
            "refund_id": refund.refund_id,
            "transaction_id": refund.transaction_id.as_str(),
            "amount": refund.amount.get(),
        });
        state.open_case(changes, CaseKind::RefundAbnormal, &case_cause(&refund.out_refund_no), &data, now);
        return;
    }
    for case in cases.into_iter().filter(|case| case.kind == CaseKind::RefundAbnormal && case.is_open()) {
        let note = format!("the refund is now {}", refund.status);
        let case = resolve(case, "server", Some(note), now);
        changes.put(&case);
        state.emit_object(changes, EventType::CaseResolved, now, |_| case.to_json());
    }
}

/// Returns the cause of the cases about one refund.
pub(crate) fn case_cause(out_refund_no: &OutRefundNo) -> String {
    format!("refund:{out_refund_no}")
}

fn smaller<T: Ord>(known: Option<T>, reported: Option<T>) -> Option<T> {
    match (known, reported) {
        (Some(known), Some(reported)) => Some(known.min(reported)),
        (known, reported) => known.or(reported),
    }
}
