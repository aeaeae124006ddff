//! The table of the interface's routes: paths, fields, responses, scopes and problems.

mod cases;
mod config;
mod events;
mod meta;
mod orders;
mod refunds;
mod webhooks;

use super::{fields::PARAMETERS, input::Input, keys::Scope, operation::Operation, problem::Problem};
use wxpay_openapi::{RouteGroup, Table};

/// The server's part of a route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handler {
    /// The scope that an API key must have; `None` for a public route.
    pub(crate) scope: Option<Scope>,
    /// Converts a validated request to its operation.
    pub(crate) make: fn(&mut Input) -> Result<Operation, Problem>,
}

/// A route.
pub(crate) type Route = wxpay_openapi::Route<Handler>;
type Group = RouteGroup<Handler>;
type Make = fn(&mut Input) -> Result<Operation, Problem>;

/// Name of the security scheme in the document.
pub(crate) const SCHEME: &str = "api_key";

/// The table of all routes.
pub(crate) static TABLE: Table<Handler> = Table {
    root: "/",
    groups: &[
        orders::GROUP,
        refunds::GROUP,
        events::GROUP,
        webhooks::GROUP,
        cases::GROUP,
        config::MERCHANTS,
        config::API_KEYS,
        config::AUDIT_LOG,
        meta::DOCUMENT,
        meta::NOTIFICATIONS,
        meta::OPERATION,
    ],
    parameters: PARAMETERS,
};

/// Declares a route that reads.
const fn read(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    response: wxpay_openapi::Schema,
    scope: Scope,
    make: Make,
) -> Route {
    Route::get(path, id, summary, response, Handler { scope: Some(scope), make })
        .with_headers(super::fields::READ_HEADERS)
        .with_security(wxpay_openapi::Security::Scopes(SCHEME, scope.names()))
}

/// Declares a route that writes.
const fn write(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    response: wxpay_openapi::Schema,
    scope: Scope,
    make: Make,
) -> Route {
    read(path, id, summary, response, scope, make)
        .method("POST")
        .with_headers(super::fields::WRITE_HEADERS)
        .with_response_headers(REPLAYED)
}

/// Declares a route that anybody may use.
const fn public(
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    response: wxpay_openapi::Schema,
    make: Make,
) -> Route {
    Route::get(path, id, summary, response, Handler { scope: None, make })
        .with_headers(super::fields::READ_HEADERS)
        .with_security(wxpay_openapi::Security::Public)
}

const REPLAYED: &[wxpay_openapi::Header] = &[wxpay_openapi::Header {
    name: super::idempotency::REPLAYED,
    schema: wxpay_openapi::Schema::Text,
    description: "true if the response repeats that of an earlier request with the same Idempotency-Key.",
}];

const NO_MERCHANT: (u16, &str) = (404, "There is no such merchant.");
const NO_ORDER: (u16, &str) = (404, "There is no such order, or the merchant is not configured.");
const NOT_SENT: (u16, &str) =
    (503, "The request was not sent to WeChat Pay, or the ledger is not available. Nothing was changed.");
const UNKNOWN: (u16, &str) =
    (504, "The outcome at WeChat Pay is unknown. Send the same request again, never another number.");

#[cfg(test)]
mod tests;
