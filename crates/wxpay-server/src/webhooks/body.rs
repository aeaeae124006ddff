//! The body of a webhook, which is also the event of `GET /api/events` and of the stream.

use crate::ledger::rows::event::EventRow;
use serde_json::{Value, json};
use wxpay_proto::{UnixTime, wire::time::format_rfc3339};

/// The type of the message that a test of an endpoint sends. No event has it.
pub(crate) const TEST_TYPE: &str = "endpoint.test";

/// Returns an event as JSON: the same bytes in every try.
pub(crate) fn event_json(event: &EventRow) -> String {
    render(&event.id, event.event_type.as_str(), event.at, &event.data, event.seq)
}

/// Returns the message of a test.
pub(super) fn test_json(id: &str, endpoint: &str, now: UnixTime) -> String {
    let object = json!({ "object": "endpoint", "endpoint": endpoint });
    render(id, TEST_TYPE, now, &object.to_string(), 0)
}

/// Renders a message. The object is inserted as it was stored, so that nothing of it changes.
fn render(id: &str, event_type: &str, at: UnixTime, object: &str, seq: u64) -> String {
    let text = |text: &str| Value::from(text).to_string();
    format!(
        r#"{{"id":{},"type":{},"timestamp":{},"data":{{"object":{object},"seq":{seq}}}}}"#,
        text(id),
        text(event_type),
        text(&format_rfc3339(at)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::testing::event;

    #[test]
    fn body_has_the_object_as_stored() {
        let mut row = event("A1", 3, 2);
        row.data = r#"{"object":"order","attach":"支\"付","z":1,"a":2}"#.into();
        let body = event_json(&row);
        assert!(body.contains(&row.data), "{body}");
        let value: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(
            (value["id"].as_str(), value["type"].as_str(), value["data"]["seq"].as_u64()),
            (Some(row.id.as_str()), Some("order.paid"), Some(2))
        );
        assert_eq!(value["timestamp"], format_rfc3339(row.at));
        assert_eq!(value["data"]["object"]["attach"], "支\"付");
    }
}
