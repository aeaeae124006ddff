//! Notices and how they were answered, and what the gateway noticed besides.

use super::{
    Answer,
    route::{Room, Route},
    shape::{Record, Shape, always, sometimes},
};

pub(super) const ROOM: Room = Room {
    name: "notices",
    about: "Notices to merchants, of both generations.",
    routes: &[Route::get(
        "notices",
        "list_notices",
        "Every notice, and how it was answered.",
        NOTICES,
        |simulation, _| Ok(Answer::shown(simulation.gateway.notices())),
    )],
};

pub(super) const WARNINGS: Room = Room {
    name: "warnings",
    about: "What the gateway noticed and did not say on the wire.",
    routes: &[Route::get(
        "warnings",
        "list_warnings",
        "What was noticed, the oldest first.",
        REMARKS,
        |simulation, _| Ok(Answer::shown(simulation.gateway.warnings().collect::<Vec<_>>())),
    )],
};

pub(super) const NOTICES: Shape = Shape::List(&Shape::Record(&NOTICE));
pub(super) static NOTICE: Record = Record {
    name: "Notice",
    about: "A notice and how it was answered.",
    members: &[
        always("notify_id", Shape::Text, "Its number."),
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
        always(
            "state",
            Shape::Word(|| vec!["WAITING", "ON_THE_WAY", "ACCEPTED", "GIVEN_UP"]),
            "Where it stands.",
        ),
        always("next_at", Shape::Maybe(&Shape::Seconds), "When the next delivery is due."),
        always("deliveries", Shape::List(&Shape::Record(&ATTEMPT)), "What was delivered."),
    ],
};
static ATTEMPT: Record = Record {
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
pub(super) const REMARKS: Shape = Shape::List(&Shape::Record(&WARNING));
static WARNING: Record = Record {
    name: "Warning",
    about: "A remark. It never holds a secret.",
    members: &[
        always("at", Shape::Seconds, "When."),
        always(
            "kind",
            Shape::Word(|| {
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
            }),
            "What kind of remark.",
        ),
        always("out_trade_no", Shape::Maybe(&Shape::Text), "The order it is about, if that could be read."),
        always("detail", Shape::Text, "The remark."),
    ],
};
