//! The `OpenAPI` 3.1 document of the interface, generated from the table of routes.

use super::{
    ControlResponse, MAX_BODY_BYTES, TABLE,
    records::problem::PROBLEM,
    route::{Route, RouteGroup},
};
use serde_json::{Value, json};
use wxpay_openapi::{CommonProblem, Document, Header, Schema};

pub(super) const GROUP: RouteGroup = RouteGroup {
    name: "document",
    description: "The OpenAPI document.",
    routes: &[Route::get(
        "openapi.json",
        "show_document",
        "Returns this OpenAPI document.",
        Schema::Object,
        |_, _| Ok(ControlResponse::ok(document())),
    )],
};

const DESCRIPTION: &str = "The control interface of a simulated WeChat Pay gateway: the payer, the clock, faults, and \
    the gateway's records. For tests only. A listener outside of loopback requires a token, as does one that was given a \
    token; otherwise there is no authentication. Requests of web pages of other sites are refused. Amounts are whole numbers of \
    fen; times are whole seconds since 1970 by the business clock. A request that breaks a rule changes nothing. 400: a \
    field breaks its schema. 409: the state does not allow the request. 422: the fields are valid one by one, but not \
    together or not under their signature. An unknown path returns 404; a method that the path does not support returns \
    405 with an Allow header.";

/// Builds the document.
pub(super) fn document() -> Value {
    let too_large = format!("413: the body has more than {MAX_BODY_BYTES} bytes.");
    let problem = |name, status, condition, headers| CommonProblem {
        name,
        status,
        needs_body: false,
        needs_security: false,
        condition,
        headers,
    };
    Document {
        title: "wxpay-sim",
        summary: "The control interface of the simulated gateway",
        description: DESCRIPTION,
        version: env!("CARGO_PKG_VERSION"),
        server: "The simulator itself.",
        security: json!([{}, { "token": [] }]),
        security_schemes: json!({ "token": { "type": "http", "scheme": "bearer" } }),
        problem: &PROBLEM,
        invalid: (400, "A field is invalid."),
        problems: &[
            problem("UnknownPath", None, "404: the interface has no such path.", &[]),
            problem("MethodNotAllowed", None, "405: the path does not support the method.", ALLOW),
            problem("Unauthorized", Some(401), "401: the control token is required.", AUTHENTICATE),
            problem("Forbidden", Some(403), FORBIDDEN, &[]),
            problem("BodyIncomplete", Some(408), "408: the body was not complete in time.", &[]),
            problem("BodyTooLarge", Some(413), &too_large, &[]),
        ],
        response_headers: &[],
    }
    .build(&TABLE)
}

const FORBIDDEN: &str = "403: Host is not localhost, an IP address or an allowed name; Origin is not the request's own \
    host; or Sec-Fetch-Site is cross-site. The problem names the header and its rule.";

const ALLOW: &[Header] =
    &[Header { name: "Allow", schema: Schema::Text, description: "The methods that the path supports." }];
const AUTHENTICATE: &[Header] =
    &[Header { name: "WWW-Authenticate", schema: Schema::Text, description: "The scheme, Bearer." }];
