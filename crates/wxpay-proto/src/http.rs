//! Requests and responses: small types of this crate, so that the core builds for bare metal.
//!
//! With the feature `http` (on by default) they convert to and from the types of the `http` crate.

use crate::prelude::*;
use core::{fmt, ops::Range};

/// A request method. The protocol uses no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Method {
    /// `GET`
    Get,
    /// `POST`
    Post,
    /// `PUT`
    Put,
    /// `PATCH`
    Patch,
    /// `DELETE`
    Delete,
}

impl Method {
    /// Returns the method name as sent.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A complete request. `Debug` shows neither URL nor headers nor body content: a URL may carry an access token or a
/// secret, a body a signature.
#[derive(Clone)]
pub struct Request {
    method: Method,
    url: String,
    headers: Vec<(&'static str, Cow<'static, str>)>,
    body: Vec<u8>,
}

/// The number of headers of a request of APIv3.
const HEADERS: usize = 5;

impl Request {
    /// Creates a request to an absolute URL, without headers.
    pub fn new(method: Method, url: String, body: Vec<u8>) -> Self {
        Self { method, url, headers: Vec::new(), body }
    }

    /// Creates a GET request to an absolute URL, without body.
    pub fn get(url: String) -> Self {
        Self::new(Method::Get, url, Vec::new())
    }

    /// Creates a POST request with a body to an absolute URL.
    pub fn post(url: String, content_type: &str, body: Vec<u8>) -> Self {
        Self::new(Method::Post, url, body).with_header("content-type", String::from(content_type))
    }

    /// Adds a header. The name must be in lower case.
    #[must_use]
    pub fn with_header(mut self, name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        if self.headers.is_empty() {
            self.headers.reserve_exact(HEADERS);
        }
        self.headers.push((name, value.into()));
        self
    }

    /// Returns the method.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Returns the absolute URL. **It may contain an access token or the app secret: keep it out of logs and errors.**
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the headers: names in lower case, with their values.
    pub fn headers(&self) -> &[(&'static str, Cow<'static, str>)] {
        &self.headers
    }

    /// Returns the value of the header with this lower-case name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| *key == name).map(|(_, value)| &**value)
    }

    /// Returns the body, byte for byte as signed.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Returns the body by value.
    pub fn into_body(self) -> Vec<u8> {
        self.body
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// A complete response. `Debug` shows only the status and the body length.
#[derive(Clone)]
pub struct Response {
    status: u16,
    headers: Vec<HeaderRange>,
    /// The names of all headers, in lower case.
    names: String,
    /// The values of all headers.
    values: Vec<u8>,
    body: Vec<u8>,
}

/// The place of a header's name and value.
#[derive(Clone)]
struct HeaderRange {
    name: Range<usize>,
    value: Range<usize>,
}

impl Response {
    /// Creates a response without headers.
    pub fn new(status: u16, body: Vec<u8>) -> Self {
        Self { status, headers: Vec::new(), names: String::new(), values: Vec::new(), body }
    }

    /// Adds a header. The name is stored in lower case.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &[u8]) -> Self {
        if self.headers.is_empty() {
            // A reply of the gateway has about 13 headers, one of which is a signature of 344 characters.
            self.headers.reserve(16);
            self.names.reserve(256);
            self.values.reserve(768);
        }
        let start = (self.names.len(), self.values.len());
        self.names.extend(name.chars().map(|letter| letter.to_ascii_lowercase()));
        self.values.extend_from_slice(value);
        self.headers.push(HeaderRange { name: start.0..self.names.len(), value: start.1..self.values.len() });
        self
    }

    /// Returns the status code.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Returns the headers: names in lower case, with their values as bytes.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.headers.iter().map(|HeaderRange { name, value }| {
            let name = self.names.get(name.clone()).unwrap_or_default();
            (name, self.values.get(value.clone()).unwrap_or_default())
        })
    }

    /// Returns the value of the first header with this name, case-insensitively.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        self.headers().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Returns the body, byte for byte as received.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("body_len", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(feature = "http")]
mod convert {
    use super::{Method, Request, Response};
    use alloc::vec::Vec;

    impl From<Method> for http::Method {
        fn from(method: Method) -> Self {
            match method {
                Method::Get => Self::GET,
                Method::Post => Self::POST,
                Method::Put => Self::PUT,
                Method::Patch => Self::PATCH,
                Method::Delete => Self::DELETE,
            }
        }
    }

    /// Fails only if the URL or a header is invalid for the `http` crate. The error names the rule, never the text.
    impl TryFrom<Request> for http::Request<Vec<u8>> {
        type Error = http::Error;

        fn try_from(request: Request) -> Result<Self, http::Error> {
            let mut builder =
                http::Request::builder().method(http::Method::from(request.method)).uri(request.url.as_str());
            for (name, value) in &request.headers {
                let mut value = http::HeaderValue::try_from(&**value)?;
                // Keeps the signature out of the `Debug` output of the `http` crate.
                value.set_sensitive(*name == "authorization");
                builder = builder.header(*name, value);
            }
            builder.body(request.body)
        }
    }

    impl From<http::Response<Vec<u8>>> for Response {
        fn from(reply: http::Response<Vec<u8>>) -> Self {
            let (head, body) = reply.into_parts();
            head.headers.iter().fold(Self::new(head.status.as_u16(), body), |reply, (name, value)| {
                reply.with_header(name.as_str(), value.as_bytes())
            })
        }
    }
}
