//! The conversion of a request to an operation.

use super::{
    MAX_BODY_BYTES, idempotency,
    input::{Input, Values},
    keys::Scope,
    operation::Operation,
    problem::Problem,
    routes::{Route, TABLE},
};
use hyper::{
    HeaderMap,
    header::{self, HeaderValue},
    http::request::Parts,
};
use serde_json::Map;
use wxpay_openapi::{Body, NoRoute, check_members, parse_object};

/// Maximum depth of a body: an object in a list in an object in an object, and room for one more.
const MAX_DEPTH: usize = 6;

/// The facts about a request besides its operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RouteInfo {
    /// The operation's id in the document, for logs, metrics and the audit log.
    pub(crate) id: &'static str,
    /// The scope that the API key must have; `None` for a public route.
    pub(crate) scope: Option<Scope>,
    /// The status of a successful response.
    pub(crate) status: u16,
    /// The idempotency key, if the request has one.
    pub(crate) idempotency: Option<IdempotentRequest>,
}

/// The idempotency key of a request, and the digest of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IdempotentRequest {
    /// The key as the client chose it.
    pub(crate) key: String,
    /// The digest of method, path, query and body.
    pub(crate) request_digest: String,
}

/// Finds the route of a request.
///
/// # Errors
///
/// 404 or 405.
pub(crate) fn find_route(parts: &Parts) -> Result<&'static Route, Problem> {
    TABLE.find(parts.method.as_str(), parts.uri.path()).map_err(|error| match error {
        NoRoute::MethodNotAllowed(methods) => Problem::method_not_allowed(&methods),
        NoRoute::UnknownPath => Problem::unknown_path(),
    })
}

/// Converts a request to its operation: finds its route, and validates it.
///
/// # Errors
///
/// 400, 404, 405, 413, 415 or 422.
pub(crate) fn parse(parts: &Parts, body: &[u8]) -> Result<(Operation, RouteInfo), Problem> {
    parse_on(find_route(parts)?, parts, body)
}

/// Converts a request on a route to its operation. Nothing is looked up yet.
///
/// # Errors
///
/// 400, 413, 415 or 422.
pub(crate) fn parse_on(
    route: &'static Route,
    parts: &Parts,
    body: &[u8],
) -> Result<(Operation, RouteInfo), Problem> {
    let (path, query) = (parts.uri.path(), parts.uri.query().unwrap_or_default());
    if body.len() > MAX_BODY_BYTES {
        return Err(Problem::body_too_large(MAX_BODY_BYTES));
    }
    let info =
        RouteInfo { id: route.id, scope: route.handler.scope, status: route.status, idempotency: None };
    let mut input = Input { path: Values::new(TABLE.path_values(route, path)?), ..Input::default() };
    if matches!(route.body, Body::Raw(_)) {
        // The query of an APIv1 notification is signed, and belongs to WeChat Pay.
        return (route.handler.make)(&mut input).map(|operation| (operation, info));
    }
    input.query = Values::new(route.query_values(query)?);
    let headers = route.header_values(|name| single(&parts.headers, name))?;
    let members = match &route.body {
        Body::None | Body::Optional(_) | Body::Settings(_) if body.trim_ascii().is_empty() => Map::new(),
        Body::None
        | Body::Optional(_)
        | Body::Settings(_)
        | Body::Required(_)
        | Body::ByKind(_)
        | Body::Parameters(_)
        | Body::Raw(_) => {
            check_media_type(&parts.headers)?;
            parse_object(body, MAX_DEPTH).map_err(|error| Problem::unreadable(&error))?
        }
    };
    match &route.body {
        Body::Optional(fields) | Body::Required(fields) => check_members(fields, &members)?,
        Body::Settings(fields) => check_members(&fields(), &members)?,
        Body::None | Body::ByKind(_) | Body::Parameters(_) | Body::Raw(_) => check_members(&[], &members)?,
    }
    let idempotency_key = headers.get(idempotency::HEADER).and_then(|key| key.as_str());
    let idempotency = idempotency_key.map(|key| IdempotentRequest {
        key: key.into(),
        request_digest: idempotency::request_digest(route.method, path, query, &members),
    });
    input.headers = Values::new(headers);
    input.body = Values::new(members);
    let operation = (route.handler.make)(&mut input)?;
    Ok((operation, RouteInfo { idempotency, ..info }))
}

/// Returns the value of a header as text. A header that is sent twice, or is not ASCII, has no valid value: the text
/// returned for it breaks the rule of every field but that of `Request-Id`, which is replaced anyway.
fn single<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    const INVALID: &str = "\u{0}";
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    if values.next().is_some() { Some(INVALID) } else { Some(first.to_str().unwrap_or(INVALID)) }
}

/// Checks that the body is declared as JSON. A charset parameter must be UTF-8, which JSON always is.
fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE).map_or(&b""[..], HeaderValue::as_bytes);
    let mut parts = value.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let is_json = parts.next().is_some_and(|media_type| media_type.eq_ignore_ascii_case(b"application/json"));
    let is_utf8 = parts.filter(|parameter| !parameter.is_empty()).all(|parameter| {
        parameter.eq_ignore_ascii_case(b"charset=utf-8")
            || parameter.eq_ignore_ascii_case(b"charset=\"utf-8\"")
    });
    if is_json && is_utf8 { Ok(()) } else { Err(Problem::unsupported_media_type()) }
}

#[cfg(test)]
mod tests;
