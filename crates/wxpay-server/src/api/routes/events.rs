//! Routes of events.

use super::{Group, NO_MERCHANT, read};
use crate::api::{
    cursor::CURSOR,
    fields::{EVENT_TYPES, MERCHANT_FILTER, PAGE, REQUEST_ID},
    keys::Scope,
    operation::Operation,
    records::{EVENT_STREAM, EVENTS},
};
use wxpay_openapi::{Field, Kind, optional};

pub(super) const GROUP: Group = Group {
    name: "events",
    description: "Events, the same objects as in webhooks, in the order of the event log.",
    routes: &[
        read(
            "api/events",
            "list_events",
            "Lists events, oldest first.",
            EVENTS,
            Scope::EventsRead,
            |input| input.list_events().map(Operation::ListEvents),
        )
        .with_query(FILTERS)
        .paged(PAGE)
        .with_problems(&[NO_MERCHANT]),
        read(
            "api/events/stream",
            "stream_events",
            "Streams events as they occur, until the client or the server closes the connection.",
            EVENT_STREAM,
            Scope::EventsRead,
            |input| input.stream_events().map(Operation::StreamEvents),
        )
        .with_media_type("text/event-stream")
        .with_headers(&[
            REQUEST_ID,
            optional(
                "Last-Event-ID",
                Kind::Form(&CURSOR),
                "The id of the last event that was received. Default: only new events.",
            ),
        ])
        .with_query(STREAM)
        .with_problems(&[NO_MERCHANT]),
    ],
};

const TYPES: Field = optional("types", Kind::Form(&EVENT_TYPES), "Only events of these types. Default: all.");
const FILTERS: &[Field] = &[MERCHANT_FILTER, TYPES];
const STREAM: &[Field] = &[
    MERCHANT_FILTER,
    TYPES,
    optional("cursor", Kind::Form(&CURSOR), "The cursor to begin after; Last-Event-ID takes precedence."),
];
