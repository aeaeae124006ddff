//! Cases: opened once for each cause.
//!
//! The events of a case about an order belong to the order's subject. Those of another case form a subject of their own.

mod open;
mod redirect;
mod resolve;

pub(crate) use open::OpenCase;
pub(crate) use redirect::RecordRedirect;
pub(crate) use resolve::{ResolveCase, ResolvedCase};

use super::{
    Changes, Load, OrderKey, Shard, Subject, SubjectKind,
    emit::{digest_id, event},
    order::OrderState,
    rows::{
        case::{CaseKind, CaseRow, CaseStatus, Remedy},
        event::EventType,
    },
};
use serde_json::{Value, json};
use wxpay_proto::{UnixTime, wire::time::format_rfc3339};

impl CaseKind {
    /// Returns the remedy that is proposed for a case of this kind.
    pub(crate) fn proposal(self) -> Remedy {
        match self {
            Self::SecondPayment | Self::PaidAfterClose | Self::UnknownPayment | Self::AmountMismatch => {
                Remedy::Refund
            }
            Self::RefundAbnormal | Self::RefundRefused | Self::EndpointDisabled => Remedy::Retry,
            Self::RefundExceedsPayment
            | Self::TransactionOfAnotherNumber
            | Self::ContradictoryEvidence
            | Self::UnreadableNotification
            | Self::BillDifference => Remedy::Accept,
        }
    }
}

impl OrderState {
    /// Opens a case about the order and emits `case.opened`. `cause` tells causes of the same kind apart, such as a
    /// `transaction_id`. The caller opens each case once: with the transition that causes it.
    pub(crate) fn open_case(
        &mut self,
        changes: &mut Changes,
        kind: CaseKind,
        cause: &str,
        data: &Value,
        now: UnixTime,
    ) {
        let opened = CaseRow::new(self.order.key().subject(), kind, cause, data, now);
        changes.put(&opened);
        self.emit_object(changes, EventType::CaseOpened, now, |_| opened.to_json());
    }
}

impl CaseRow {
    /// Returns the id of the case of this kind and cause.
    pub(crate) fn id(subject: &Subject, kind: CaseKind, cause: &str) -> String {
        digest_id("case", &[subject.as_str(), kind.as_str(), cause])
    }

    /// Creates an open case.
    pub(crate) fn new(subject: Subject, kind: CaseKind, cause: &str, data: &Value, now: UnixTime) -> Self {
        Self {
            shard: Shard::of(subject.merchant(), subject.number()),
            case_id: Self::id(&subject, kind, cause),
            merchant: subject.merchant().clone(),
            kind,
            subject,
            status: CaseStatus::Open,
            data: data.to_string(),
            proposal: Some(kind.proposal()),
            opened_at: now,
            resolved_at: None,
            resolved_by: None,
            note: None,
        }
    }

    /// Returns whether somebody must decide.
    pub(crate) fn is_open(&self) -> bool {
        self.status == CaseStatus::Open
    }

    /// Emits an event of a case that is not about an order. It is opened before it is resolved, so that the status gives
    /// the number of the event.
    pub(crate) fn emit(&self, changes: &mut Changes, now: UnixTime) {
        let (event_type, seq) = match self.status {
            CaseStatus::Open => (EventType::CaseOpened, 1),
            CaseStatus::Resolved => (EventType::CaseResolved, 2),
        };
        let subject = Subject::new(SubjectKind::Merchant, self.merchant.clone(), &self.case_id);
        changes.insert(&event(
            self.shard,
            subject,
            seq,
            self.merchant.clone(),
            event_type,
            &self.to_json(),
            now,
        ));
    }

    /// Returns the case as the shop sees it.
    pub(crate) fn to_json(&self) -> Value {
        json!({
            "object": "case",
            "case_id": self.case_id,
            "merchant": self.merchant.as_str(),
            "kind": self.kind,
            "subject": self.subject.as_str(),
            "status": self.status,
            "data": serde_json::from_str::<Value>(&self.data).unwrap_or_default(),
            "proposal": self.proposal,
            "opened_at": format_rfc3339(self.opened_at),
            "resolved_at": self.resolved_at.map(format_rfc3339),
            "resolved_by": self.resolved_by,
            "note": self.note,
        })
    }
}

/// Returns the read of a case about an order.
pub(crate) fn load_case(key: &OrderKey, kind: CaseKind, cause: &str) -> Load {
    CaseRow::of(key.shard(), &CaseRow::id(&key.subject(), kind, cause)).load()
}

/// Returns the case, resolved.
pub(crate) fn resolve(case: CaseRow, actor: &str, note: Option<String>, now: UnixTime) -> CaseRow {
    CaseRow {
        status: CaseStatus::Resolved,
        resolved_at: Some(now),
        resolved_by: Some(actor.into()),
        note,
        ..case
    }
}
