//! The last calls of the third generation.

use super::{
    Answer, Simulation,
    call::Call,
    field::{DIGITS, Field, Kind, may},
    route::{Room, Route},
    rules,
    shape::{Record, Shape, always},
};
use crate::gateway::RequestRecord;

pub(super) const ROOM: Room = Room {
    name: "requests",
    about: "The last calls of the third generation. The 1000 latest are kept; no header and no body is.",
    routes: &[Route::get(
        "requests",
        "list_requests",
        "The calls, the oldest first.",
        REQUESTS,
        |simulation, call| Ok(list(simulation, call)),
    )
    .asking(FILTERS)],
};

const FILTERS: &[Field] = &[
    may("mchid", Kind::Text(1, 32, DIGITS), "Of this merchant alone."),
    may("operation", Kind::OneOf(rules::operations), "Of this operation alone."),
    may("status", Kind::Number(0, 599), "Answered with this status alone."),
    may("limit", Kind::Number(0, 1000), "So many of the latest alone."),
];

pub(super) const REQUESTS: Shape = Shape::List(&Shape::Record(&REQUEST));
const REQUEST: Record = Record {
    name: "Request",
    about: "A call and how it was answered.",
    members: &[
        always("at", Shape::Seconds, "When."),
        always("method", Shape::Text, "The method."),
        always("target", Shape::Text, "Path and query, as they came."),
        always("mchid", Shape::Maybe(&Shape::Text), "Who called, if the merchant is known."),
        always(
            "operation",
            Shape::Maybe(&Shape::Word(rules::operations)),
            "Which operation it was; none if the door let nothing in.",
        ),
        always("status", Shape::Count, "The HTTP status; 0 if a fault took the request away."),
        always("code", Shape::Maybe(&Shape::Text), "The code of a refusal."),
        always("request_id", Shape::Text, "Request-ID, with the number at its end."),
        always("body_bytes", Shape::Count, "So many bytes of body came."),
        always("fault", Shape::Maybe(&Shape::Word(rules::kinds)), "The fault that struck it."),
    ],
};

fn list(simulation: &mut Simulation, call: &Call<'_>) -> Answer {
    let query = &call.query;
    let (mchid, operation, status) = (query.text("mchid"), query.text("operation"), query.number("status"));
    let limit = query.number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let is_wanted = |request: &&RequestRecord| {
        (mchid.is_none() || request.mchid.as_deref() == mchid)
            && (operation.is_none() || request.operation == operation)
            && status.is_none_or(|status| u64::from(request.status) == status)
    };
    let mut wanted: Vec<_> = simulation.gateway.requests().filter(is_wanted).collect();
    let latest = wanted.split_off(wanted.len().saturating_sub(limit));
    Answer::shown(latest)
}
