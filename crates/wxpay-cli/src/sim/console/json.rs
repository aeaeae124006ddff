//! Lines for programs: one JSON object each. The README documents the members, which are always present.

use super::{Event, rfc3339};
use serde_json::{Value, json};
use std::time::Duration;
use wxpay_sim::serve::log::{ControlEntry, DeliveryEntry, Entry, RequestEntry};

/// Returns the line of an event, with its line break.
pub(super) fn line(event: &Event<'_>) -> String {
    let value = match event {
        Event::Entry(Entry::Request(entry)) => request(entry),
        Event::Entry(Entry::Control(entry)) => control(entry),
        Event::Entry(Entry::Delivery(entry)) => delivery(entry),
        Event::Entry(_) => json!({ "event": "unknown" }),
        Event::Dropped(count) => json!({ "event": "dropped", "count": count }),
    };
    format!("{value}\n")
}

fn request(entry: &RequestEntry) -> Value {
    let record = &entry.record;
    json!({
        "event": "request",
        "time": rfc3339(entry.time),
        "business_time": record.at,
        "api_version": record.api_version,
        "method": record.method,
        "path": record.target,
        "operation": record.operation,
        "mchid": record.mchid,
        "status": record.status,
        "code": record.code,
        "reason": record.reason,
        "request_id": record.request_id,
        "body_bytes": record.body_bytes,
        "fault": record.fault,
        "duration_us": micros(entry.duration),
    })
}

fn control(entry: &ControlEntry) -> Value {
    json!({
        "event": "control",
        "time": rfc3339(entry.time),
        "method": entry.method,
        "path": entry.path,
        "status": entry.status,
        "reason": entry.reason,
        "duration_us": micros(entry.duration),
    })
}

fn delivery(entry: &DeliveryEntry) -> Value {
    json!({
        "event": "notification",
        "time": rfc3339(entry.time),
        "business_time": entry.attempt.at,
        "mchid": entry.mchid,
        "out_trade_no": entry.out_trade_no,
        "event_type": entry.event_type,
        "attempt": entry.number,
        "url": entry.url,
        "status": entry.attempt.status,
        "result": entry.attempt.result,
        "reason": entry.attempt.reason,
        "forged": entry.attempt.forged,
        "state": entry.state,
        "next_in_s": entry.next_in.map(|next| next.as_secs()),
        "duration_us": micros(entry.duration),
    })
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropped_lines_are_reported() {
        assert_eq!(line(&Event::Dropped(3)), "{\"count\":3,\"event\":\"dropped\"}\n");
    }
}
