//! The strings under the signatures of the third generation.
//!
//! Lines, each ended by a line feed, the last included. What is signed is what is on the wire, byte for byte:
//! nothing is decoded, sorted or written anew. `protocol/v3`: requests section 2, replies section 4.

use crate::http::Method;
use alloc::{string::String, vec::Vec};

/// The string under a request's signature.
///
/// `target` is path and query exactly as sent; `body` is the body exactly as sent, the `meta` part alone of an
/// upload, or nothing.
///
/// ```
/// use wxpay_proto::{http::Method, v3::message};
///
/// let string = message::request(Method::Get, "/v3/certificates", 1_554_208_460, "593BEC0C930BF1AF", b"");
/// assert_eq!(string, b"GET\n/v3/certificates\n1554208460\n593BEC0C930BF1AF\n\n");
/// ```
#[must_use]
pub fn request(method: Method, target: &str, timestamp: u64, nonce: &str, body: &[u8]) -> Vec<u8> {
    let timestamp = alloc::format!("{timestamp}");
    lines(&[method.as_str().as_bytes(), target.as_bytes(), timestamp.as_bytes(), nonce.as_bytes(), body])
}

/// The string under the signature of a reply or a notice. `timestamp` is the header's text as it came.
///
/// ```
/// use wxpay_proto::v3::message;
///
/// assert_eq!(message::reply("1554209980", "c5ac7061fccab6bf", b""), b"1554209980\nc5ac7061fccab6bf\n\n");
/// ```
#[must_use]
pub fn reply(timestamp: &str, nonce: &str, body: &[u8]) -> Vec<u8> {
    reply_parts(timestamp, nonce, body).concat()
}

/// The same in parts, so that the body need not be copied.
pub(super) fn reply_parts<'a>(timestamp: &'a str, nonce: &'a str, body: &'a [u8]) -> [&'a [u8]; 6] {
    [timestamp.as_bytes(), b"\n", nonce.as_bytes(), b"\n", body, b"\n"]
}

/// The string under `paySign`, for JSAPI and mini programs; `package` is `prepay_id=…`.
#[must_use]
pub fn jsapi(appid: &str, timestamp: &str, nonce: &str, package: &str) -> Vec<u8> {
    texts(&[appid, timestamp, nonce, package])
}

/// The string under `sign`, for apps; `prepayid` is the bare number.
#[must_use]
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

/// For people: line feeds as `\n`, what is not UTF-8 replaced.
#[must_use]
pub fn shown(string: &[u8]) -> String {
    String::from_utf8_lossy(string).replace('\n', "\\n\n")
}
