//! A webhook over HTTP.

pub(crate) mod http_client;

use super::{
    BoxFuture,
    signature::WebhookHeaders,
    target::{Restricted, TargetUrl},
};
use bytes::Bytes;
use std::{error, fmt, io};

/// Sends webhooks. [`HttpTransport`](http_client::HttpTransport) is the real one; the deterministic tests replace it.
pub(crate) trait WebhookTransport: fmt::Debug + Send + Sync {
    /// Posts a body. Returns the response of any status; redirects are not followed.
    fn post<'a>(
        &'a self,
        target: &'a TargetUrl,
        headers: &'a WebhookHeaders,
        body: Bytes,
    ) -> BoxFuture<'a, Result<WebhookResponse, WebhookFailure>>;
}

/// The part of a response that decides about the delivery, and the beginning of its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WebhookResponse {
    pub(crate) status: u16,
    /// `Retry-After` as received, if it is short enough to be one.
    pub(crate) retry_after: Option<String>,
    /// The beginning of the body as text, for people. `None` if it is empty.
    pub(crate) excerpt: Option<String>,
}

/// The reason why there is no response. Its text contains nothing of the URL, the headers or the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WebhookFailure {
    /// A header contains a character that HTTP does not permit.
    Header,
    /// The host does not resolve to an address.
    UnknownHost,
    /// The host resolves to addresses that are not permitted.
    Restricted(Restricted),
    /// No address accepts a connection.
    Connect(io::ErrorKind),
    /// The certificate is not trusted, has expired, or is another host's.
    Certificate,
    /// The TLS handshake failed for another reason.
    Tls,
    /// There was no response within the deadline.
    Timeout,
    /// The response is not valid HTTP.
    NotHttp,
    /// The connection ended before the response was complete.
    Incomplete,
    /// The connection failed after it was established.
    Connection(io::ErrorKind),
}

impl fmt::Display for WebhookFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Header => f.write_str("a header contains a character that HTTP does not permit"),
            Self::UnknownHost => f.write_str("the host has no address: check its name in the DNS"),
            Self::Restricted(restricted) => write!(f, "the URL {restricted}"),
            Self::Connect(kind) => write!(f, "no connection to the host: {kind}"),
            Self::Certificate => {
                f.write_str("the host's TLS certificate is not trusted, has expired, or names another host")
            }
            Self::Tls => f.write_str("the TLS handshake failed"),
            Self::Timeout => f.write_str("no response within the deadline"),
            Self::NotHttp => f.write_str("the response is not valid HTTP"),
            Self::Incomplete => f.write_str("the connection was closed before the response was complete"),
            Self::Connection(kind) => write!(f, "the connection failed: {kind}"),
        }
    }
}

impl error::Error for WebhookFailure {}

#[cfg(test)]
mod tests;
