//! The message to explain, and its three written forms: JSON, raw HTTP, and a `curl` command.

mod curl;
mod encoding;
mod http;
mod json;

use std::{fmt, str};

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// A merchant's request to WeChat Pay.
    Request,
    /// WeChat Pay's reply.
    Reply,
    /// A notification of WeChat Pay.
    Notification,
    /// The parameters with which a client starts a payment: JSAPI, mini program or app.
    ClientParams,
}

/// A signed message as received, before anything of it is verified.
#[derive(Clone)]
#[allow(clippy::exhaustive_structs, reason = "a message has these parts")]
pub struct Message {
    /// The kind.
    pub kind: Kind,
    /// The method of a request. Empty for replies and client parameters.
    pub method: String,
    /// The URL of a request: absolute, or path and query. Empty for replies and client parameters.
    pub url: String,
    /// The headers. Case of the names is ignored.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte, without transfer and content encoding. Of client parameters, their JSON.
    pub body: Vec<u8>,
}

/// The text is not a message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidMessage {
    rule: String,
}

impl InvalidMessage {
    pub(crate) fn new(rule: impl Into<String>) -> Self {
        Self { rule: rule.into() }
    }
}

impl fmt::Display for InvalidMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.rule)
    }
}

impl std::error::Error for InvalidMessage {}

impl Message {
    /// Parses a message in any of its written forms.
    ///
    /// * JSON: `{"kind":"request","method":"GET","url":"/v3/certificates","headers":{},"body":""}`. The kind is
    ///   `request`, `reply`, `notification` or `client_params`. A body that is not UTF-8 is given as `body_base64`.
    ///   An object without `kind` that has `paySign` or `sign` is client parameters.
    /// * A raw HTTP request or response, as `curl -i` or a proxy shows it. The lines of the head may end with LF alone, and
    ///   be folded; the version of a request may be missing. The body is taken byte for byte.
    /// * A `curl` command, with shell quoting.
    ///
    /// A body that is compressed with gzip or deflate is decoded, as its `Content-Encoding` says, to at most 1 MiB.
    ///
    /// # Errors
    ///
    /// [`InvalidMessage`] names the part that could not be read.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidMessage> {
        let start = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text).trim_ascii_start();
        // Other JSON than an object gets an error that says so.
        if start.starts_with(b"{") || start.starts_with(b"[") || start.starts_with(b"\"") {
            return encoding::decode(json::parse(start)?);
        }
        let is_word = |rest: &[u8]| rest.first().is_some_and(u8::is_ascii_whitespace);
        if start.strip_prefix(b"$ ").unwrap_or(start).strip_prefix(b"curl").is_some_and(is_word) {
            let text = str::from_utf8(start);
            return curl::parse(text.map_err(|_| InvalidMessage::new("a curl command must be UTF-8"))?);
        }
        encoding::decode(http::parse(start)?)
    }

    /// Returns a header. Case of the name is ignored.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Determines the kind of an HTTP request from its headers.
    fn kind_of_request(headers: &[(String, String)]) -> Kind {
        let has = |name: &str| headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name));
        if has("wechatpay-signature") && !has("authorization") { Kind::Notification } else { Kind::Request }
    }
}

/// Prints the kind and sizes. Headers and bodies may hold secrets.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (headers, body) = (self.headers.len(), self.body.len());
        write!(f, "[{:?} with {headers} headers and a body of {body} bytes]", self.kind)
    }
}

#[cfg(test)]
mod tests;
