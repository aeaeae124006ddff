//! Routes of webhook endpoints.

use super::{Group, NO_MERCHANT, read, write};
use crate::api::{
    fields::{MERCHANT, MERCHANT_FILTER, PAGE, TIMES, URL, event_types},
    keys::Scope,
    operation::Operation,
    records::{ATTEMPTS, ENDPOINT, ENDPOINTS, NEW_SECRET, REPLAY, TEST},
};
use wxpay_openapi::{Body, Field, Kind, optional, required};

const TOO_MANY: (u16, &str) = (409, "There are too many endpoints, or the signing secret cannot be sealed.");
const NO_ENDPOINT: (u16, &str) = (404, "There is no such endpoint.");

pub(super) const GROUP: Group = Group {
    name: "webhooks",
    description: "Endpoints of the shop that receive events, signed as in Standard Webhooks.",
    routes: &[
        write(
            "api/webhook-endpoints",
            "create_webhook_endpoint",
            "Creates an endpoint. The response contains its signing secret, once.",
            ENDPOINT,
            Scope::ConfigWrite,
            |input| input.create_endpoint().map(Operation::CreateEndpoint),
        )
        .created()
        .with_body(Body::Required(NEW))
        .with_problems(&[NO_MERCHANT, TOO_MANY]),
        read(
            "api/webhook-endpoints",
            "list_webhook_endpoints",
            "Lists the endpoints.",
            ENDPOINTS,
            Scope::ConfigWrite,
            |input| input.list_endpoints().map(Operation::ListEndpoints),
        )
        .with_query(&[MERCHANT_FILTER])
        .paged(PAGE)
        .with_problems(&[NO_MERCHANT]),
        read(
            "api/webhook-endpoints/{endpoint}",
            "get_webhook_endpoint",
            "Returns the endpoint.",
            ENDPOINT,
            Scope::ConfigWrite,
            |input| input.id("endpoint").map(Operation::GetEndpoint),
        )
        .with_problems(&[NO_ENDPOINT]),
        write(
            "api/webhook-endpoints/{endpoint}",
            "update_webhook_endpoint",
            "Changes the fields that are given. Enabling an endpoint sends what is deferred.",
            ENDPOINT,
            Scope::ConfigWrite,
            |input| input.update_endpoint().map(Operation::UpdateEndpoint),
        )
        .method("PATCH")
        .with_body(Body::Required(CHANGES))
        .with_problems(&[NO_ENDPOINT]),
        write(
            "api/webhook-endpoints/{endpoint}",
            "delete_webhook_endpoint",
            "Deletes the endpoint, with what is deferred for it.",
            ENDPOINT,
            Scope::ConfigWrite,
            |input| input.id("endpoint").map(Operation::DeleteEndpoint),
        )
        .method("DELETE")
        .no_content()
        .with_problems(&[NO_ENDPOINT]),
        write(
            "api/webhook-endpoints/{endpoint}/rotate",
            "rotate_webhook_secret",
            "Creates a new signing secret. The previous one signs too for a while.",
            NEW_SECRET,
            Scope::ConfigWrite,
            |input| input.id("endpoint").map(Operation::RotateEndpointSecret),
        )
        .with_problems(&[NO_ENDPOINT]),
        write(
            "api/webhook-endpoints/{endpoint}/test",
            "test_webhook_endpoint",
            "Sends a test event now, and returns the result.",
            TEST,
            Scope::ConfigWrite,
            |input| input.id("endpoint").map(Operation::TestEndpoint),
        )
        .with_problems(&[NO_ENDPOINT]),
        read(
            "api/webhook-endpoints/{endpoint}/attempts",
            "list_webhook_attempts",
            "Lists the deliveries of the last 30 days, newest first.",
            ATTEMPTS,
            Scope::ConfigWrite,
            |input| input.list_attempts().map(Operation::ListAttempts),
        )
        .paged(PAGE)
        .with_problems(&[NO_ENDPOINT]),
        write(
            "api/webhook-endpoints/{endpoint}/replay",
            "replay_webhook_events",
            "Delivers events again: one, or those of a time.",
            REPLAY,
            Scope::ConfigWrite,
            |input| input.replay().map(Operation::ReplayEvents),
        )
        .with_body(Body::Required(REPLAYED_EVENTS))
        .with_problems(&[NO_ENDPOINT]),
    ],
};

const TYPES: Kind = Kind::List(&Kind::Enum(event_types), 16);
const NEW: &[Field] = &[
    required(
        "url",
        Kind::Form(&URL),
        "The URL. It must be https, and not in a private network unless allowed.",
    ),
    optional("merchant", MERCHANT, "Only events of this merchant. Default: all merchants of the API key."),
    optional("types", TYPES, "Only events of these types. Default: all."),
];
const CHANGES: &[Field] = &[
    optional("url", Kind::Form(&URL), "The URL."),
    optional("types", TYPES, "Only events of these types; an empty list for all."),
    optional("status", Kind::Enum(|| vec!["enabled", "disabled"]), "The status."),
];
const REPLAYED_EVENTS: &[Field] = &[
    optional("event_id", Kind::Text(1, 64, "0-9A-Za-z_-"), "The event. Required unless from is given."),
    optional("from", TIMES, "Events at this time or later. Required unless event_id is given."),
    optional("until", TIMES, "Events before this time. Default: now."),
];
