//! Conversion between the messages of hyper, of the gateway and of the control interface.

use super::body::{Body, ConnectionBroken};
use crate::control::ControlResponse;
use bytes::Bytes;
use hyper::{header, http::request::Parts};
use wxpay_proto::http::{self, Request, Response};

/// Converts a response of the control interface. It is not cacheable: it changes at any time and may contain secrets.
pub(super) fn control_response(
    response: &ControlResponse,
) -> Result<hyper::Response<Body>, ConnectionBroken> {
    let builder = hyper::Response::builder()
        .status(response.status)
        .header(header::CONTENT_TYPE, response.content_type())
        .header(header::CACHE_CONTROL, "no-store");
    let builder = match &response.allow {
        Some(methods) => builder.header(header::ALLOW, methods),
        None => builder,
    };
    let builder = match &response.link {
        Some(link) => builder.header(header::LINK, link),
        None => builder,
    };
    let builder = match response.authenticate {
        Some(challenge) => builder.header(header::WWW_AUTHENTICATE, challenge),
        None => builder,
    };
    builder.body(Body::whole(Bytes::from(response.body.to_string()))).map_err(|_| ConnectionBroken)
}

/// Returns a header for the access rules. One that is repeated or is no text is empty.
pub(super) fn header<'a>(head: &'a Parts, name: &str) -> Option<&'a str> {
    let mut values = head.headers.get_all(name).iter();
    let value = values.next()?.to_str().unwrap_or_default();
    Some(if values.next().is_none() { value } else { "" })
}

/// Request headers that the gateway reads.
const HEADERS: [&str; 8] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "authorization",
    "content-type",
    "user-agent",
    "wechatpay-negative-test",
    "wechatpay-serial",
];

/// Converts a request for the gateway: target and body as received, with the host of the `Host` header. Methods that no
/// operation uses become PUT, which no operation allows.
pub(super) fn to_request(head: &Parts, body: &[u8], is_tls: bool) -> Request {
    let method = match head.method.as_str() {
        "GET" => http::Method::Get,
        "POST" => http::Method::Post,
        "PATCH" => http::Method::Patch,
        "DELETE" => http::Method::Delete,
        _ => http::Method::Put,
    };
    let value = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let request = Request::new(method, url(head, is_tls), body.to_vec());
    HEADERS
        .into_iter()
        .filter_map(|name| value(name).map(|value| (name, String::from(value))))
        .fold(request, |request, (name, value)| request.with_header(name, value))
}

/// Returns the complete URL, with the host of the `Host` header.
pub(super) fn url(head: &Parts, is_tls: bool) -> String {
    let target = head.uri.path_and_query().map_or("/", |target| target.as_str());
    let host = head.headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let scheme = if is_tls { "https" } else { "http" };
    format!("{scheme}://{host}{target}")
}

pub(super) fn gateway_response(
    response: &Response,
    body: impl FnOnce(Bytes) -> Body,
) -> Result<hyper::Response<Body>, ConnectionBroken> {
    let body = body(Bytes::copy_from_slice(response.body()));
    let builder = response
        .headers()
        .fold(hyper::Response::builder().status(response.status()), |builder, (name, value)| {
            builder.header(name, value)
        });
    builder.body(body).map_err(|_| ConnectionBroken)
}

pub(super) fn plain_response(
    status: u16,
    kind: &str,
    body: Bytes,
) -> Result<hyper::Response<Body>, ConnectionBroken> {
    let builder = hyper::Response::builder().status(status).header(header::CONTENT_TYPE, kind);
    builder.body(Body::whole(body)).map_err(|_| ConnectionBroken)
}
