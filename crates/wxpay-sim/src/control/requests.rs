//! Route of the latest APIv3 requests.

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
    about: "The latest APIv3 requests. The latest 1000 are kept, without headers and bodies.",
    routes: &[Route::get(
        "requests",
        "list_requests",
        "Lists the requests, oldest first.",
        REQUESTS,
        |simulation, call| Ok(list(simulation, call)),
    )
    .asking(FILTERS)],
};

const FILTERS: &[Field] = &[
    may("mchid", Kind::Text(1, 32, DIGITS), "Only requests of this merchant."),
    may("operation", Kind::OneOf(rules::operations), "Only requests of this operation."),
    may("status", Kind::Number(0, 599), "Only requests with this response status."),
    may("limit", Kind::Number(0, 1000), "The maximum number of requests to return; the latest are returned."),
];

pub(super) const REQUESTS: Shape = Shape::List(&Shape::Record(&REQUEST));
const REQUEST: Record = Record {
    name: "Request",
    about: "A request and its response.",
    members: &[
        always("at", Shape::Seconds, "The time of the request."),
        always("method", Shape::Text, "The HTTP method."),
        always("target", Shape::Text, "Path and query, as received."),
        always("mchid", Shape::Maybe(&Shape::Text), "The merchant, if the gateway knows it."),
        always(
            "operation",
            Shape::Maybe(&Shape::Word(rules::operations)),
            "The operation; null if the request failed validation before it was identified.",
        ),
        always("status", Shape::Count, "The HTTP status of the response; 0 if a fault dropped the request."),
        always("code", Shape::Maybe(&Shape::Text), "The error code, if the request was refused."),
        always("request_id", Shape::Text, "The Request-ID, including the number at its end."),
        always("body_bytes", Shape::Count, "The length of the request body, in bytes."),
        always("fault", Shape::Maybe(&Shape::Word(rules::kinds)), "The kind of the injected fault."),
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
