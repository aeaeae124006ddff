//! Opening a case that is not about an order.

use crate::ledger::{
    Changes, Context, Corrupt, Decision, Load, Operation, Rows, Shard, Subject,
    rows::{
        case::{CaseKind, CaseRow},
        inbox::InboxRow,
    },
};
use serde_json::Value;

/// Opens a case that is not about an order, once for each cause.
#[derive(Clone, Debug)]
pub(crate) struct OpenCase {
    /// The subject.
    pub(crate) subject: Subject,
    /// The kind.
    pub(crate) kind: CaseKind,
    /// The cause, which distinguishes cases of the same kind.
    pub(crate) cause: String,
    /// The facts, a JSON object.
    pub(crate) data: Value,
    /// The notification, to be stored in the same transaction.
    pub(crate) inbox: Option<InboxRow>,
}

impl Operation for OpenCase {
    type Output = CaseRow;

    fn loads(&self) -> Vec<Load> {
        let shard = Shard::of(self.subject.merchant(), self.subject.number());
        let case = CaseRow::of(shard, &CaseRow::id(&self.subject, self.kind, &self.cause));
        std::iter::once(case.load()).chain(self.inbox.as_ref().map(InboxRow::load)).collect()
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<CaseRow>, Corrupt> {
        let mut changes = Changes::default();
        if let Some(inbox) = &self.inbox {
            changes.put(&inbox.received_again(rows.one()?));
        }
        if let Some(known) = rows.one()? {
            return Ok(Decision { changes, output: known });
        }
        let case = CaseRow::new(self.subject.clone(), self.kind, &self.cause, &self.data, context.now);
        changes.insert(&case);
        case.emit(&mut changes, context.now);
        Ok(Decision { changes, output: case })
    }
}
