//! A message as raw HTTP/1.1.

use super::{InvalidMessage, Kind, Message, encoding};

const RULE: &str = "the input must be a JSON object, a raw HTTP request or response, or a curl command";

/// Parses a request or a response. The body is everything after the empty line, cut to `Content-Length`, which removes
/// the line feed that an editor adds.
pub(super) fn parse(text: &[u8]) -> Result<Message, InvalidMessage> {
    let mut lines = Lines(text);
    let first = lines.next_text()?.ok_or_else(|| InvalidMessage::new(RULE))?;
    let mut headers: Vec<(String, String)> = Vec::new();
    // A head that was copied with an indent is not folded.
    let is_indented = lines.0.first().is_some_and(|byte| b" \t".contains(byte));
    while let Some(line) = lines.next_text()?.filter(|line| !line.is_empty()) {
        if let Some((_, value)) = headers.last_mut().filter(|_| !is_indented && line.starts_with(BLANKS)) {
            let more = line.trim();
            if !value.is_empty() && !more.is_empty() {
                value.push(' ');
            }
            value.push_str(more);
            continue;
        }
        let (name, value) = line.split_once(':').ok_or_else(|| {
            InvalidMessage::new(format!("the header line {} has no colon", headers.len().saturating_add(1)))
        })?;
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let mut words = first.split(' ').filter(|word| !word.is_empty());
    let (method, url) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let (kind, method, url) = if method.starts_with("HTTP/") {
        (Kind::Reply, String::new(), String::new())
    } else if words.next().map_or_else(|| is_request(method, url), |version| version.starts_with("HTTP/")) {
        (Message::kind_of_request(&headers), method.to_owned(), url.to_owned())
    } else {
        return Err(InvalidMessage::new(RULE));
    };
    let mut message = Message { kind, method, url, headers, body: lines.0.to_vec() };
    let is_chunked = |value: &str| value.to_ascii_lowercase().contains("chunked");
    if message.header("transfer-encoding").is_some_and(is_chunked) {
        // A text that was copied from a tool has its chunks joined already.
        message.body = joined(&message.body).unwrap_or(message.body);
    } else if !encoding::is_decoded(&message)
        && let Some(length) = message.header("content-length").and_then(|text| text.parse().ok())
    {
        message.body.truncate(length);
    }
    Ok(message)
}

/// The blanks at the beginning of a line that continues the one before it.
const BLANKS: [char; 2] = [' ', '\t'];

/// Returns whether the words are a request line without its version, as some tools print it.
fn is_request(method: &str, url: &str) -> bool {
    let methods = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
    let is_method = methods.iter().any(|known| known.eq_ignore_ascii_case(method));
    is_method && (url.starts_with('/') || url.contains("://"))
}

/// The lines that are left. A line ends with LF or CR LF, or with the text.
struct Lines<'a>(&'a [u8]);

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = self.0.iter().position(|byte| *byte == b'\n').unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at_checked(end)?;
        self.0 = rest.get(1..).unwrap_or_default();
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }

    fn next_text(&mut self) -> Result<Option<&'a str>, InvalidMessage> {
        let line = self.next().map(std::str::from_utf8).transpose();
        line.map_err(|_| InvalidMessage::new("the first lines, up to the empty one, must be UTF-8"))
    }
}

/// Joins the chunks of a body. `None` if it is not made of chunks.
fn joined(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let mut lines = Lines(body);
        let size = std::str::from_utf8(lines.next()?).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        if size == 0 {
            return Some(all);
        }
        let (chunk, rest) = lines.0.split_at_checked(size)?;
        all.extend_from_slice(chunk);
        body = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n"))?;
    }
}
