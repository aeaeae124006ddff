//! Server-sent events: the encoding of an event.
//!
//! The format is that of the HTML standard: <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

use std::{error, fmt, time::Duration};

/// The comment that keeps an idle stream open through proxies.
pub(crate) const KEEP_ALIVE: &str = ": keep-alive\n\n";

/// The maximum length of an event id, in bytes.
const MAX_ID_BYTES: usize = 256;

/// The maximum length of an event's type, in bytes.
const MAX_TYPE_BYTES: usize = 64;

/// The maximum length of an event's data, in bytes.
const MAX_DATA_BYTES: usize = 256 * 1024;

/// Encodes one event. The data may have several lines.
///
/// # Errors
///
/// If the id or the type is not printable ASCII without blanks, or a part is too long.
pub(crate) fn encode_event(id: &str, event_type: &str, data: &str) -> Result<String, StreamError> {
    if !is_token(id, MAX_ID_BYTES) {
        return Err(StreamError::Id);
    }
    if !is_token(event_type, MAX_TYPE_BYTES) {
        return Err(StreamError::Type);
    }
    if data.len() > MAX_DATA_BYTES {
        return Err(StreamError::Data);
    }
    let mut out = String::with_capacity(id.len().saturating_add(data.len()).saturating_add(64));
    for (field, value) in [("id: ", id), ("event: ", event_type)] {
        out.push_str(field);
        out.push_str(value);
        out.push('\n');
    }
    for line in lines(data) {
        out.push_str("data: ");
        out.push_str(line);
        out.push('\n');
    }
    out.push('\n');
    Ok(out)
}

/// Encodes the time after which a client reconnects.
pub(crate) fn encode_reconnection_time(delay: Duration) -> String {
    format!("retry: {}\n\n", delay.as_millis())
}

/// Returns whether the text is a field that cannot be mistaken for another: no line end, NUL or blank.
fn is_token(text: &str, max_bytes: usize) -> bool {
    (1..=max_bytes).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

/// Returns the lines as a client separates them: by CR LF, LF, or CR.
fn lines(data: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(data);
    std::iter::from_fn(move || {
        let text = rest?;
        let Some((line, after)) = text.split_once(['\r', '\n']) else {
            rest = None;
            return Some(text);
        };
        let is_pair = text.as_bytes().get(line.len()) == Some(&b'\r');
        rest = Some(if is_pair { after.strip_prefix('\n').unwrap_or(after) } else { after });
        Some(line)
    })
}

/// The error of an event that cannot be encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamError {
    Id,
    Type,
    Data,
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id => write!(
                f,
                "an event id must be 1 to {MAX_ID_BYTES} printable ASCII characters without blanks: pass the id as \
                 received"
            ),
            Self::Type => write!(f, "an event type must be 1 to {MAX_TYPE_BYTES} printable ASCII characters"),
            Self::Data => write!(f, "an event's data must not be longer than {MAX_DATA_BYTES} bytes"),
        }
    }
}

impl error::Error for StreamError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes a stream by the algorithm of the HTML standard: id, type and data of each event.
    fn decode(stream: &str) -> Vec<(String, String, String)> {
        let (mut events, mut id, mut event_type, mut data) =
            (Vec::new(), String::new(), String::new(), String::new());
        for line in stream.replace("\r\n", "\n").replace('\r', "\n").split_terminator('\n') {
            if line.is_empty() {
                if !data.is_empty() {
                    data.pop();
                    events.push((id.clone(), std::mem::take(&mut event_type), std::mem::take(&mut data)));
                }
                event_type.clear();
                continue;
            }
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "id" => value.clone_into(&mut id),
                "event" => value.clone_into(&mut event_type),
                "data" => {
                    data.push_str(value);
                    data.push('\n');
                }
                _ => {}
            }
        }
        events
    }

    #[test]
    fn event_has_id_type_and_data() {
        assert_eq!(
            encode_event("c2", "order.paid", r#"{"id":"evt_1"}"#).unwrap(),
            "id: c2\nevent: order.paid\ndata: {\"id\":\"evt_1\"}\n\n"
        );
    }

    #[test]
    fn every_line_end_in_the_data_is_decoded_as_a_new_line() {
        for data in ["a\nb", "a\rb", "a\r\nb", "\n", "\r\n\r\n", "a\n\rb", " a: b\n:c\n", "id: 7\n\ndata: x"]
        {
            let stream = encode_event("1", "t", data).unwrap();
            let expected = data.replace("\r\n", "\n").replace('\r', "\n");
            assert_eq!(decode(&stream), [("1".into(), "t".into(), expected)], "{data:?}");
        }
    }

    #[test]
    fn keep_alive_and_reconnection_time_are_no_events() {
        let event = encode_event("1", "t", "x").unwrap();
        let retry = encode_reconnection_time(Duration::from_secs(3));
        assert_eq!(retry, "retry: 3000\n\n");
        assert_eq!(decode(&format!("{KEEP_ALIVE}{retry}{event}{KEEP_ALIVE}")).len(), 1);
    }

    #[test]
    fn fields_that_could_inject_another_are_refused() {
        for bad in ["", "a\nb", "a\rb", "a b", "a\0", "é", &"x".repeat(257)] {
            assert_eq!(encode_event(bad, "t", "x"), Err(StreamError::Id), "{bad:?}");
            assert_eq!(encode_event("1", bad, "x"), Err(StreamError::Type), "{bad:?}");
        }
        assert!(encode_event(&"x".repeat(256), &"t".repeat(64), "x").is_ok());
        assert_eq!(encode_event("1", &"t".repeat(65), "x"), Err(StreamError::Type));
    }

    #[test]
    fn data_is_bounded() {
        assert!(encode_event("1", "t", &"x".repeat(MAX_DATA_BYTES)).is_ok());
        assert_eq!(encode_event("1", "t", &"x".repeat(MAX_DATA_BYTES + 1)), Err(StreamError::Data));
    }
}
