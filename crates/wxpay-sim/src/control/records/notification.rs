//! Schemas of notifications, their deliveries, and warnings.

use super::super::schema::{Record, SECONDS, Schema, optional_member, required_member};

pub(in crate::control) const NOTIFICATIONS: Schema = Schema::List(&NOTIFICATION);
/// Schema of one notification.
pub(in crate::control) const NOTIFICATION: Schema = Schema::Record(&NOTIFICATION_RECORD);
const NOTIFICATION_RECORD: Record = Record {
    name: "Notification",
    description: "A notification and its deliveries.",
    members: &[
        required_member("notify_id", Schema::Text, "The id of the notification."),
        required_member("mchid", Schema::Text, "The merchant: mchid, or partner for APIv1."),
        required_member(
            "out_trade_no",
            Schema::Text,
            "The order; for a notification without an order, the merchant's number of its subject.",
        ),
        optional_member(
            "event_type",
            Schema::Text,
            "The event type, such as TRANSACTION.SUCCESS. APIv3 only.",
        ),
        required_member(
            "state",
            Schema::Enum(states),
            "The state. STOPPED: the schedule is exhausted, or the notification was cancelled.",
        ),
        required_member("next_at", Schema::Nullable(&SECONDS), "The time of the next delivery."),
        required_member("deliveries", Schema::List(&Schema::Record(&ATTEMPT)), "The deliveries so far."),
    ],
};
const ATTEMPT: Record = Record {
    name: "Delivery",
    description: "One delivery of a notification.",
    members: &[
        required_member(
            "id",
            Schema::Nullable(&Schema::Count),
            "The id of the delivery; null if it was lost.",
        ),
        required_member("at", SECONDS, "The time of the delivery."),
        required_member("result", RESULT, "The result."),
        required_member(
            "status",
            Schema::Nullable(&Schema::Count),
            "The HTTP status of the response; null if no response was received.",
        ),
        required_member(
            "reason",
            Schema::Nullable(&Schema::Text),
            "The reason why the delivery is not a success, such as: connection refused.",
        ),
        required_member("forged", Schema::Boolean, "True for a tampered copy."),
    ],
};
const RESULT: Schema = Schema::AnyOf(&[
    Schema::Enum(|| vec!["in_progress", "success", "no_response", "lost"]),
    Schema::Record(&Record {
        name: "RejectedDelivery",
        description: "A delivery whose response was not the required acknowledgement.",
        members: &[required_member("rejected", Schema::Count, "The HTTP status of the response.")],
    }),
]);

pub(in crate::control) const WARNING_RECORDS: Schema = Schema::List(&Schema::Record(&WARNING));
const WARNING: Record = Record {
    name: "Warning",
    description: "A warning. It never contains a secret.",
    members: &[
        required_member("at", SECONDS, "The time of the warning."),
        required_member("kind", Schema::Enum(warning_kinds), "The kind of warning."),
        required_member("out_trade_no", Schema::Nullable(&Schema::Text), "The order, if it could be read."),
        required_member("detail", Schema::Text, "The text of the warning."),
    ],
};

pub(in crate::control) fn states() -> Vec<&'static str> {
    vec!["WAITING", "IN_PROGRESS", "ACCEPTED", "STOPPED"]
}

fn warning_kinds() -> Vec<&'static str> {
    vec![
        "leaked_secret",
        "plus_in_package",
        "second_sign_package",
        "inexact_success",
        "forged_notification_accepted",
        "nonportable",
        "refused",
        "retries_exhausted",
    ]
}
