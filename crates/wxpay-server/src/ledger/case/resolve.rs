//! Resolving a case.

use super::resolve;
use crate::ledger::{
    Changes, Context, Corrupt, Decision, Load, Operation, Rows, Shard, Subject,
    access::AuditEntry,
    order::OrderState,
    rows::{
        case::{CaseRow, Remedy},
        event::EventType,
    },
};
use serde_json::json;

/// Resolves a case. The remedy is carried out before.
#[derive(Clone, Debug)]
pub(crate) struct ResolveCase {
    /// The id.
    pub(crate) case_id: String,
    /// The subject of the case.
    pub(crate) subject: Subject,
    /// The remedy.
    pub(crate) remedy: Remedy,
    /// The actor that decided.
    pub(crate) actor: String,
    /// The remark of the actor.
    pub(crate) note: Option<String>,
}

/// The result of [`ResolveCase`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ResolvedCase {
    /// Resolved.
    Resolved(CaseRow),
    /// The case was resolved before.
    Already(CaseRow),
    /// No such case.
    NotFound,
}

impl Operation for ResolveCase {
    type Output = ResolvedCase;

    fn loads(&self) -> Vec<Load> {
        let shard = Shard::of(self.subject.merchant(), self.subject.number());
        let mut loads = vec![CaseRow::of(shard, &self.case_id).load()];
        if let Some(key) = self.subject.order() {
            loads.extend(OrderState::loads(&key));
        }
        loads
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<ResolvedCase>, Corrupt> {
        let Some(case) = rows.one::<CaseRow>()?.filter(|case| case.subject == self.subject) else {
            return Ok(Decision::unchanged(ResolvedCase::NotFound));
        };
        if !case.is_open() {
            return Ok(Decision::unchanged(ResolvedCase::Already(case)));
        }
        let mut changes = Changes::default();
        let case = resolve(case, &self.actor, self.note.clone(), context.now);
        changes.put(&case);
        AuditEntry {
            actor: &self.actor,
            action: "case.resolve",
            subject: &case.case_id,
            detail: json!({ "kind": case.kind, "subject": case.subject.as_str(), "remedy": self.remedy }),
        }
        .write(&mut changes, context);
        // The case about an order opened with a version of the order's root; it cannot be absent.
        match OrderState::read(rows)? {
            Some(mut state) => {
                state.emit_object(&mut changes, EventType::CaseResolved, context.now, |_| case.to_json());
                state.commit(&mut changes, context.now);
            }
            None => case.emit(&mut changes, context.now),
        }
        Ok(Decision { changes, output: ResolvedCase::Resolved(case) })
    }
}
