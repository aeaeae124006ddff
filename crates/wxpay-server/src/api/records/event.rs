//! Events, the same objects as in webhooks.

use super::list;
use crate::api::fields::event_types;
use wxpay_openapi::{Record, Schema, required_member};

const EVENT: Schema = Schema::Record(&Record {
    name: "Event",
    description: "An event. Webhooks and the stream contain the same object.",
    members: &[
        required_member("id", Schema::Text, "The id, which is also the header webhook-id."),
        required_member("type", Schema::Enum(event_types), "The type."),
        required_member("timestamp", Schema::Time, "The time of the event."),
        required_member("data", Schema::Record(&DATA), "The object and its number."),
    ],
});
list!(
    /// A page of events.
    EVENTS, "EventList", EVENT
);
const DATA: Record = Record {
    name: "EventData",
    description: "The object of an event.",
    members: &[
        required_member(
            "object",
            Schema::Object,
            "The order, the refund, the case or the endpoint, as of the event. Its member object names the type.",
        ),
        required_member("seq", Schema::Count, "The number of the event among those of the object."),
    ],
};

/// Server-sent events.
pub(crate) const EVENT_STREAM: Schema = Schema::Described(
    &Schema::Text,
    "Server-sent events: id is the cursor after the event, event its type, data its JSON.",
);
