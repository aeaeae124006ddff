//! The API's records of endpoints, attempts and tests.

use crate::{
    ledger::rows::{
        event::EventRow,
        webhook::{AttemptRow, EndpointRow},
    },
    webhooks::{attempt::Try, filter::types_of, retry::Outcome},
};
use serde_json::{Value, json};
use wxpay_proto::wire::time::format_rfc3339;

/// The deferred events that a record counts at most: the count reads them.
pub(super) const MAX_COUNTED: usize = 1000;

pub(super) fn endpoint(row: &EndpointRow, deferred: usize) -> Value {
    json!({
        "object": "endpoint",
        "endpoint": row.endpoint,
        "merchant": row.merchant,
        "url": row.url,
        "types": types_of(row).collect::<Vec<_>>(),
        "status": row.status,
        "failing_since": row.failing_since.map(format_rfc3339),
        "deferred": deferred,
        "created_at": format_rfc3339(row.created_at),
    })
}

/// `event` is `None` if it is older than the time for which events are kept.
pub(super) fn attempt(row: &AttemptRow, event: Option<&EventRow>) -> Value {
    json!({
        "event_id": event.map_or("deleted", |event| &event.id),
        "type": event.map_or("deleted", |event| event.event_type.as_str()),
        "at": format_rfc3339(row.at),
        "http_status": row.http_status,
        "duration_ms": row.duration_ms,
        "response": row.response,
    })
}

pub(super) fn test(tried: &Try) -> Value {
    json!({
        "success": tried.outcome == Outcome::Delivered,
        "http_status": tried.http_status,
        "duration_ms": tried.duration_ms(),
        "response": tried.response,
    })
}
