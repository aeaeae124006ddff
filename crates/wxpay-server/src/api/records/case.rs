//! Cases, which a person must decide, and the audit log.

use super::list;
use wxpay_openapi::{Record, Schema, required_member};

/// Returns the remedies of cases.
pub(crate) fn remedies() -> Vec<&'static str> {
    vec!["refund", "accept", "retry", "redirect"]
}

fn kinds() -> Vec<&'static str> {
    vec![
        "second_payment",
        "amount_mismatch",
        "paid_after_close",
        "refund_abnormal",
        "refund_refused",
        "refund_exceeds_payment",
        "unknown_payment",
        "transaction_of_another_number",
        "contradictory_evidence",
        "unreadable_notification",
        "endpoint_disabled",
        "bill_difference",
    ]
}

pub(crate) const CASE: Schema = Schema::Record(&Record {
    name: "Case",
    description: "Something that a person must decide.",
    members: &[
        required_member("object", Schema::Enum(|| vec!["case"]), "The type of the object."),
        required_member("case_id", Schema::Text, "The id."),
        required_member("merchant", Schema::Text, "The merchant."),
        required_member("kind", Schema::Enum(kinds), "The kind."),
        required_member("subject", Schema::Text, "The subject, such as order:shop:A1."),
        required_member("status", Schema::Enum(|| vec!["open", "resolved"]), "The status."),
        required_member("data", Schema::Object, "The facts."),
        required_member("proposal", Schema::Nullable(&Schema::Enum(remedies)), "The proposed remedy."),
        required_member("opened_at", Schema::Time, "The time at which it was opened."),
        required_member("resolved_at", Schema::Nullable(&Schema::Time), "The time at which it was resolved."),
        required_member("resolved_by", Schema::Nullable(&Schema::Text), "The API key that resolved it."),
        required_member("note", Schema::Nullable(&Schema::Text), "The note of who resolved it."),
    ],
});
list!(
    /// A page of cases.
    CASES, "CaseList", CASE
);

const AUDIT_ENTRY: Schema = Schema::Record(&Record {
    name: "AuditEntry",
    description: "An action that was carried out through this interface.",
    members: &[
        required_member("id", Schema::Text, "The id."),
        required_member("actor", Schema::Text, "The id of the API key, or the command."),
        required_member("action", Schema::Text, "The action, such as merchant.update."),
        required_member("subject", Schema::Text, "The subject, such as the name of a merchant."),
        required_member("detail", Schema::Object, "The details. They contain no secret."),
        required_member("at", Schema::Time, "The time."),
    ],
});
list!(
    /// A page of the audit log.
    AUDIT, "AuditList", AUDIT_ENTRY
);
