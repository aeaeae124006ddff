//! Redirecting an abnormal refund.

use crate::ledger::{
    Changes, Context, Corrupt, Decision, Load, Operation, Rows, Shard, Subject,
    access::AuditEntry,
    rows::case::{CaseRow, Remedy},
};
use serde_json::{Map, Value, json};
use wxpay_proto::wire::time::format_rfc3339;

/// Records who sends the refund of a case to another account, before it is sent: in the audit, and in the data of the
/// case. It stays open until the refund succeeds: it may become abnormal again.
#[derive(Clone, Debug)]
pub(crate) struct RecordRedirect {
    /// The id.
    pub(crate) case_id: String,
    /// The subject of the case.
    pub(crate) subject: Subject,
    /// The kind of the account, in WeChat Pay's words. Its number is not kept.
    pub(crate) destination: &'static str,
    /// The actor that decided.
    pub(crate) actor: String,
    /// The remark of the actor.
    pub(crate) note: Option<String>,
}

impl Operation for RecordRedirect {
    /// Whether the case is open.
    type Output = bool;

    fn loads(&self) -> Vec<Load> {
        let shard = Shard::of(self.subject.merchant(), self.subject.number());
        vec![CaseRow::of(shard, &self.case_id).load()]
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<bool>, Corrupt> {
        let case = rows.one::<CaseRow>()?.filter(|case| case.subject == self.subject && case.is_open());
        let Some(case) = case else { return Ok(Decision::unchanged(false)) };
        let mut changes = Changes::default();
        let mut data: Map<String, Value> = serde_json::from_str(&case.data).unwrap_or_default();
        let redirect =
            json!({ "destination": self.destination, "requested_at": format_rfc3339(context.now) });
        data.insert("redirect".into(), redirect);
        let case = CaseRow { data: Value::Object(data).to_string(), ..case };
        changes.put(&case);
        AuditEntry {
            actor: &self.actor,
            action: "case.redirect",
            subject: &case.case_id,
            detail: json!({
                "kind": case.kind,
                "subject": case.subject.as_str(),
                "remedy": Remedy::Redirect,
                "destination": self.destination,
                "note": self.note,
            }),
        }
        .write(&mut changes, context);
        Ok(Decision { changes, output: true })
    }
}
