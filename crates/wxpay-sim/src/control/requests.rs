//! Route of the latest requests.

use super::{
    ControlResponse, Simulation,
    call::Call,
    fault_rules,
    field::{DIGITS, Field, Kind, optional},
    route::{Route, RouteGroup},
    schema::{Record, SECONDS, Schema, required_member},
};
use crate::{faults::ApiVersion, gateway::RequestRecord};

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "requests",
    description: "The latest requests, of both API versions. The latest 1000 are kept, without headers and bodies.",
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
    optional("api_version", Kind::Enum(fault_rules::api_versions), "Only requests of this API version."),
    optional(
        "mchid",
        Kind::Text(1, 32, DIGITS),
        "Only requests of this merchant: mchid, or partner for APIv1.",
    ),
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
        required_member("at", SECONDS, "The time of the request."),
        required_member(
            "api_version",
            Schema::Enum(fault_rules::api_versions),
            "The API version. An unknown path outside of both counts as v1.",
        ),
        required_member("method", Schema::Text, "The HTTP method."),
        required_member(
            "target",
            Schema::Text,
            "Path and query. In APIv1, only appid and grant_type keep their values: the others are secrets.",
        ),
        required_member("mchid", Schema::Nullable(&Schema::Text), "The merchant, if the gateway knows it."),
        required_member(
            "operation",
            Schema::Nullable(&Schema::Enum(fault_rules::operations)),
            "The operation; null if no operation has this path and method.",
        ),
        required_member(
            "status",
            Schema::Count,
            "The HTTP status of the response; 0 if a fault dropped the request.",
        ),
        required_member(
            "code",
            Schema::Nullable(&Schema::Text),
            "The error code, if the request was refused: a name in APIv3, a number in APIv1.",
        ),
        required_member(
            "reason",
            Schema::Nullable(&Schema::Text),
            "The reason, if the request was refused; the reply may not contain it. Or, after warning:, what is wrong with a \
             request that was answered.",
        ),
        required_member(
            "request_id",
            Schema::Text,
            "The Request-ID, including the number at its end. Empty in APIv1.",
        ),
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
    let api_version = query.text("api_version").and_then(ApiVersion::from_name);
    let limit = query.number("limit").and_then(|limit| usize::try_from(limit).ok()).unwrap_or(usize::MAX);
    let matches = |request: &&RequestRecord| {
        (api_version.is_none() || Some(request.api_version) == api_version)
            && (mchid.is_none() || request.mchid.as_deref() == mchid)
            && (operation.is_none() || request.operation == operation)
            && status.is_none_or(|status| u64::from(request.status) == status)
    };
    let mut requests: Vec<_> = simulation.gateway.requests().filter(matches).collect();
    let latest = requests.split_off(requests.len().saturating_sub(limit));
    ControlResponse::json(latest)
}
