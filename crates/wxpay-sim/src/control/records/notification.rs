//! Notices, their deliveries, and remarks.

use super::super::shape::{Record, Shape, always, sometimes};

pub(in crate::control) const NOTIFICATIONS: Shape = Shape::List(&ONE_NOTIFICATION);
/// One notice.
pub(in crate::control) const ONE_NOTIFICATION: Shape = Shape::Record(&NOTIFICATION);
const NOTIFICATION: Record = Record {
    name: "Notice",
    about: "A notice and how it was answered.",
    members: &[
        always("notify_id", Shape::Text, "Its number."),
        always("mchid", Shape::Text, "Whose it is; in the first generation the partner."),
        always(
            "out_trade_no",
            Shape::Text,
            "The order it is about, or the merchant's own number of what it is about.",
        ),
        sometimes(
            "event_type",
            Shape::Text,
            "What it tells: TRANSACTION.SUCCESS and the like; the third generation's alone.",
        ),
        always("state", Shape::Word(states), "Where it stands."),
        always("next_at", Shape::Maybe(&Shape::Seconds), "When the next delivery is due."),
        always("deliveries", Shape::List(&Shape::Record(&ATTEMPT)), "What was delivered."),
    ],
};
const ATTEMPT: Record = Record {
    name: "Delivery",
    about: "One delivery of a notice.",
    members: &[
        always("id", Shape::Maybe(&Shape::Count), "Its number; none if it was lost."),
        always("at", Shape::Seconds, "When."),
        always("result", RESULT, "What became of it."),
        always("forged", Shape::Truth, "Whether it was a tampered copy."),
    ],
};
const RESULT: Shape = Shape::Either(&[
    Shape::Word(|| vec!["on_the_way", "success", "no_answer", "lost"]),
    Shape::Record(&Record {
        name: "RefusedDelivery",
        about: "It was answered something else than it must be.",
        members: &[always("refused", Shape::Count, "The HTTP status.")],
    }),
]);

pub(in crate::control) const REMARKS: Shape = Shape::List(&Shape::Record(&WARNING));
const WARNING: Record = Record {
    name: "Warning",
    about: "A remark. It never holds a secret.",
    members: &[
        always("at", Shape::Seconds, "When."),
        always("kind", Shape::Word(remarks), "What kind of remark."),
        always("out_trade_no", Shape::Maybe(&Shape::Text), "The order it is about, if that could be read."),
        always("detail", Shape::Text, "The remark."),
    ],
};

pub(in crate::control) fn states() -> Vec<&'static str> {
    vec!["WAITING", "ON_THE_WAY", "ACCEPTED", "GIVEN_UP"]
}

fn remarks() -> Vec<&'static str> {
    vec![
        "leaked_secret",
        "plus_in_package",
        "second_sign_literal",
        "loose_success",
        "forgery_believed",
        "doubtful",
        "refused",
        "given_up",
    ]
}
