//! Lines for people.

use super::{Event, millis, rfc3339};
use std::fmt::Write as _;
use wxpay_sim::{
    notifications::{AttemptResult, NotificationState},
    serve::log::{ControlEntry, DeliveryEntry, Entry, RequestEntry},
};

/// Maximum number of characters of a path or a URL.
const MAX_CHARS: usize = 200;

/// Returns the line of an event, with its line break.
pub(super) fn line(event: &Event<'_>) -> String {
    let text = match event {
        Event::Entry(Entry::Request(entry)) => request(entry),
        Event::Entry(Entry::Control(entry)) => control(entry),
        Event::Entry(Entry::Delivery(entry)) => delivery(entry),
        Event::Entry(_) => String::from("an event of another version"),
        Event::Dropped(count) => format!("{count} lines dropped: standard error was read too slowly"),
    };
    let mut line = escaped(&text);
    line.push('\n');
    line
}

fn request(entry: &RequestEntry) -> String {
    let record = &entry.record;
    let mut text = format!("{} {} {}", rfc3339(entry.time), record.method, short(&record.target));
    if let Some(operation) = record.operation {
        write!(text, " {operation}").ok();
    }
    if let Some(mchid) = &record.mchid {
        write!(text, " mchid={mchid}").ok();
    }
    match record.status {
        0 => text.push_str(" no reply"),
        status => drop(write!(text, " {status}")),
    }
    if let Some(code) = &record.code {
        write!(text, " {code}").ok();
    }
    if let Some(fault) = record.fault {
        write!(text, " fault={fault}").ok();
    }
    end(text, entry.duration, record.reason.as_deref())
}

fn control(entry: &ControlEntry) -> String {
    let ControlEntry { time, duration, method, path, status, reason, .. } = entry;
    end(format!("{} {method} {} {status}", rfc3339(*time), short(path)), *duration, reason.as_deref())
}

fn delivery(entry: &DeliveryEntry) -> String {
    let attempt = &entry.attempt;
    let mut text = format!(
        "{} notification {} attempt {} of {} mchid={} to {}",
        rfc3339(entry.time),
        entry.event_type.unwrap_or("v1"),
        entry.number,
        entry.out_trade_no,
        entry.mchid,
        short(&entry.url)
    );
    if let Some(status) = attempt.status {
        write!(text, " {status}").ok();
    }
    text.push_str(if attempt.result == AttemptResult::Success { " accepted" } else { " failed" });
    if attempt.forged {
        text.push_str(" (tampered copy, must be rejected)");
    }
    let mut text = end(text, entry.duration, attempt.reason.as_deref());
    match (entry.next_in, entry.state) {
        (Some(next), _) => drop(write!(text, "; next attempt in {} s", next.as_secs())),
        (None, NotificationState::Stopped) => text.push_str("; no further attempt"),
        (None, _) => {}
    }
    text
}

/// Appends the duration and the reason.
fn end(mut text: String, duration: std::time::Duration, reason: Option<&str>) -> String {
    write!(text, " {} ms", millis(duration)).ok();
    if let Some(reason) = reason {
        write!(text, ": {reason}").ok();
    }
    text
}

/// Shortens a path or a URL, which a client can make very long.
fn short(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        None => String::from(text),
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
    }
}

/// Escapes control characters: a client chooses paths, and a terminal interprets them.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped_and_long_paths_are_shortened() {
        assert_eq!(escaped("/a\u{1b}[31m\n\u{85}é"), "/a\\u{1b}[31m\\n\\u{85}é");
        assert_eq!(short(&"é".repeat(MAX_CHARS)), "é".repeat(MAX_CHARS));
        assert_eq!(short(&"é".repeat(MAX_CHARS + 1)), format!("{}…", "é".repeat(MAX_CHARS)));
    }

    #[test]
    fn dropped_lines_are_reported() {
        assert_eq!(line(&Event::Dropped(3)), "3 lines dropped: standard error was read too slowly\n");
    }
}
