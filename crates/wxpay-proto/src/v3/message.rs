//! The strings to sign of APIv3.
//!
//! Each string consists of lines that end in a line feed, including the last one. The signed bytes are the bytes on the
//! wire: nothing is decoded, sorted or re-encoded. Source: [the rules](crate::manual::protocol#request-signature).

use crate::{http::Method, prelude::*};
use core::fmt::Write as _;

/// Returns the string to sign of a request.
///
/// `target` is path and query exactly as sent. `body` is the body exactly as sent, only the `meta` part for an upload,
/// or empty.
///
/// ```
/// use wxpay_proto::{http::Method, v3::message};
///
/// let string = message::request(Method::Get, "/v3/certificates", 1_554_208_460, "593BEC0C930BF1AF", b"");
/// assert_eq!(string, b"GET\n/v3/certificates\n1554208460\n593BEC0C930BF1AF\n\n");
/// ```
pub fn request(method: Method, target: &str, timestamp: u64, nonce: &str, body: &[u8]) -> Vec<u8> {
    // Method, timestamp and line feeds take at most 32 bytes.
    let length = [32, target.len(), nonce.len(), body.len()].into_iter().fold(0, usize::saturating_add);
    let mut string = String::with_capacity(length);
    // Writing to a text cannot fail.
    let _written = write!(string, "{method}\n{target}\n{timestamp}\n{nonce}\n");
    let mut string = string.into_bytes();
    string.extend_from_slice(body);
    string.push(b'\n');
    string
}

/// Returns the string to sign of a reply or a notification. `timestamp` is the header's value as received.
///
/// ```
/// use wxpay_proto::v3::message;
///
/// assert_eq!(message::reply("1554209980", "c5ac7061fccab6bf", b""), b"1554209980\nc5ac7061fccab6bf\n\n");
/// ```
pub fn reply(timestamp: &str, nonce: &str, body: &[u8]) -> Vec<u8> {
    reply_parts(timestamp, nonce, body).concat()
}

/// Returns the parts of [`reply`], so that the body need not be copied.
pub(super) fn reply_parts<'a>(timestamp: &'a str, nonce: &'a str, body: &'a [u8]) -> [&'a [u8]; 6] {
    [timestamp.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body, b"\n"]
}

/// Returns the string to sign of `paySign`, for JSAPI and mini programs; `package` is `prepay_id=…`.
pub fn jsapi(appid: &str, timestamp: &str, nonce: &str, package: &str) -> Vec<u8> {
    texts(&[appid, timestamp, nonce, package])
}

/// Returns the string to sign of `sign`, for apps; `prepayid` is the bare `prepay_id`.
pub fn app(appid: &str, timestamp: &str, nonce: &str, prepayid: &str) -> Vec<u8> {
    texts(&[appid, timestamp, nonce, prepayid])
}

fn texts(lines_of_text: &[&str; 4]) -> Vec<u8> {
    lines(&lines_of_text.map(str::as_bytes))
}

fn lines(lines: &[&[u8]]) -> Vec<u8> {
    let length = lines.iter().map(|line| line.len().saturating_add(1)).fold(0, usize::saturating_add);
    let mut string = Vec::with_capacity(length);
    for line in lines {
        string.extend_from_slice(line);
        string.push(b'\n');
    }
    string
}

/// Formats a string to sign for display: each line feed is preceded by a visible `\n`, invalid UTF-8 is replaced.
pub fn printable(string: &[u8]) -> String {
    String::from_utf8_lossy(string).replace('\n', "\\n\n")
}
