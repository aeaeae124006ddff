//! Schemas of notifications, their deliveries, and warnings.

use super::super::shape::{Record, Shape, always, sometimes};

pub(in crate::control) const NOTIFICATIONS: Shape = Shape::List(&ONE_NOTIFICATION);
/// Schema of one notification.
pub(in crate::control) const ONE_NOTIFICATION: Shape = Shape::Record(&NOTIFICATION);
const NOTIFICATION: Record = Record {
    name: "Notification",
    about: "A notification and its deliveries.",
    members: &[
        always("notify_id", Shape::Text, "The id of the notification."),
        always("mchid", Shape::Text, "The merchant: mchid, or partner for APIv1."),
        always(
            "out_trade_no",
            Shape::Text,
            "The order; for a notification without an order, the merchant's number of its subject.",
        ),
        sometimes("event_type", Shape::Text, "The event type, such as TRANSACTION.SUCCESS. APIv3 only."),
        always(
            "state",
            Shape::Word(states),
            "The state. STOPPED: the schedule is exhausted, or the notification was cancelled.",
        ),
        always("next_at", Shape::Maybe(&Shape::Seconds), "The time of the next delivery."),
        always("deliveries", Shape::List(&Shape::Record(&ATTEMPT)), "The deliveries so far."),
    ],
};
const ATTEMPT: Record = Record {
    name: "Delivery",
    about: "One delivery of a notification.",
    members: &[
        always("id", Shape::Maybe(&Shape::Count), "The id of the delivery; null if it was lost."),
        always("at", Shape::Seconds, "The time of the delivery."),
        always("result", RESULT, "The result."),
        always("forged", Shape::Truth, "True for a tampered copy."),
    ],
};
const RESULT: Shape = Shape::Either(&[
    Shape::Word(|| vec!["in_progress", "success", "no_response", "lost"]),
    Shape::Record(&Record {
        name: "RejectedDelivery",
        about: "A delivery whose response was not the required acknowledgement.",
        members: &[always("rejected", Shape::Count, "The HTTP status of the response.")],
    }),
]);

pub(in crate::control) const REMARKS: Shape = Shape::List(&Shape::Record(&WARNING));
const WARNING: Record = Record {
    name: "Warning",
    about: "A warning. It never contains a secret.",
    members: &[
        always("at", Shape::Seconds, "The time of the warning."),
        always("kind", Shape::Word(remarks), "The kind of warning."),
        always("out_trade_no", Shape::Maybe(&Shape::Text), "The order, if it could be read."),
        always("detail", Shape::Text, "The text of the warning."),
    ],
};

pub(in crate::control) fn states() -> Vec<&'static str> {
    vec!["WAITING", "IN_PROGRESS", "ACCEPTED", "STOPPED"]
}

fn remarks() -> Vec<&'static str> {
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
