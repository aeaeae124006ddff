//! Route of the latest APIv3 requests.

use super::{
    ControlResponse, Simulation,
    call::Call,
    fault_rules,
    field::{DIGITS, Field, Kind, optional},
    route::{Route, RouteGroup},
    schema::{Record, Schema, required_member},
};
use crate::gateway::RequestRecord;

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "requests",
    description: "The latest APIv3 requests. The latest 1000 are kept, without headers and bodies.",
    routes: &[Route::get(
        "requests",
        "list_requests",
        "Lists the requests, oldest first.",
        REQUESTS,
        |simulation, call| Ok(list(simulation, call)),
    )
    .with_query(FILTERS)],
};

const FILTERS: &[Field] = &[
    optional("mchid", Kind::Text(1, 32, DIGITS), "Only requests of this merchant."),
    optional("operation", Kind::Enum(fault_rules::operations), "Only requests of this operation."),
    optional("status", Kind::Number(0, 599), "Only requests with this response status."),
    optional(
        "limit",
        Kind::Number(0, 1000),
        "The maximum number of requests to return; the latest are returned.",
    ),
];

pub(super) const REQUESTS: Schema = Schema::List(&Schema::Record(&REQUEST));
const REQUEST: Record = Record {
    name: "Request",
    description: "A request and its response.",
    members: &[
        required_member("at", Schema::Seconds, "The time of the request."),
        required_member("method", Schema::Text, "The HTTP method."),
        required_member("target", Schema::Text, "Path and query, as received."),
        required_member("mchid", Schema::Nullable(&Schema::Text), "The merchant, if the gateway knows it."),
        required_member(
            "operation",
            Schema::Nullable(&Schema::Enum(fault_rules::operations)),
            "The operation; null if the request failed validation before it was identified.",
        ),
        required_member(
            "status",
            Schema::Count,
            "The HTTP status of the response; 0 if a fault dropped the request.",
        ),
        required_member(
            "code",
            Schema::Nullable(&Schema::Text),
            "The error code, if the request was refused.",
        ),
        required_member("request_id", Schema::Text, "The Request-ID, including the number at its end."),
        required_member("body_bytes", Schema::Count, "The length of the request body, in bytes."),
        required_member(
            "fault",
            Schema::Nullable(&Schema::Enum(fault_rules::kinds)),
            "The kind of the injected fault.",
        ),
    ],
};

fn list(simulation: &mut Simulation, call: &Call<'_>) -> ControlResponse {
    let query = &call.query;
    let (mchid, operation, status) = (query.text("mchid"), query.text("operation"), query.number("status"));
    let limit = query.number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let matches = |request: &&RequestRecord| {
        (mchid.is_none() || request.mchid.as_deref() == mchid)
            && (operation.is_none() || request.operation == operation)
            && status.is_none_or(|status| u64::from(request.status) == status)
    };
    let mut requests: Vec<_> = simulation.gateway.requests().filter(matches).collect();
    let latest = requests.split_off(requests.len().saturating_sub(limit));
    ControlResponse::json(latest)
}
