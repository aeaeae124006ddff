//! Webhook endpoints and deliveries.

use super::list;
use wxpay_openapi::{Record, Schema, optional_member, required_member};

pub(crate) const ENDPOINT: Schema = Schema::Record(&Record {
    name: "WebhookEndpoint",
    description: "A webhook endpoint.",
    members: &[
        required_member("object", Schema::Enum(|| vec!["endpoint"]), "The type of the object."),
        required_member("endpoint", Schema::Text, "The id."),
        required_member("merchant", Schema::Nullable(&Schema::Text), "The merchant; null for all merchants."),
        required_member("url", Schema::Text, "The URL."),
        required_member("types", Schema::List(&Schema::Text), "The types of events; empty for all."),
        required_member("status", Schema::Enum(|| vec!["enabled", "disabled"]), "The status."),
        required_member(
            "failing_since",
            Schema::Nullable(&Schema::Time),
            "The time of the first failure since the last success.",
        ),
        required_member("deferred", Schema::Count, "The number of events whose delivery waits."),
        required_member("created_at", Schema::Time, "The time of creation."),
        optional_member("secret", Schema::Text, "The signing secret, in the response that created it only."),
    ],
});
list!(
    /// A page of endpoints.
    ENDPOINTS, "WebhookEndpointList", ENDPOINT
);

/// The secret after a rotation.
pub(crate) const NEW_SECRET: Schema = Schema::Record(&Record {
    name: "WebhookSecret",
    description: "The new signing secret of an endpoint.",
    members: &[
        required_member("secret", Schema::Text, "The new secret. It is shown once."),
        required_member(
            "previous_secret_until",
            Schema::Time,
            "The time until which the previous secret signs too.",
        ),
    ],
});

const ATTEMPT: Schema = Schema::Record(&Record {
    name: "Attempt",
    description: "One delivery of an event to an endpoint.",
    members: &[
        required_member("event_id", Schema::Text, "The id of the event."),
        required_member("type", Schema::Text, "The type of the event."),
        required_member("at", Schema::Time, "The time of the delivery."),
        required_member(
            "http_status",
            Schema::Nullable(&Schema::Count),
            "The status of the response; null without one.",
        ),
        required_member("duration_ms", Schema::Count, "The duration in milliseconds."),
        required_member(
            "response",
            Schema::Nullable(&Schema::Text),
            "The beginning of the response, or the error.",
        ),
    ],
});
list!(
    /// A page of deliveries.
    ATTEMPTS, "AttemptList", ATTEMPT
);

/// The result of a test delivery.
pub(crate) const TEST: Schema = Schema::Record(&Record {
    name: "WebhookTest",
    description: "The result of a test delivery.",
    members: &[
        required_member("success", Schema::Boolean, "True for a status of 200 to 299."),
        required_member(
            "http_status",
            Schema::Nullable(&Schema::Count),
            "The status of the response; null without one.",
        ),
        required_member("duration_ms", Schema::Count, "The duration in milliseconds."),
        required_member(
            "response",
            Schema::Nullable(&Schema::Text),
            "The beginning of the response, or the error.",
        ),
    ],
});

/// The extent of a replay.
pub(crate) const REPLAY: Schema = Schema::Record(&Record {
    name: "WebhookReplay",
    description: "The events that are delivered again.",
    members: &[required_member("events", Schema::Count, "The number of events.")],
});
