//! The control interface for tests, under `/_sim/v1`: the payer, the clock, faults, and the gateway's records.
//!
//! Pure: takes a request and the real time, and returns a response. Invalid input changes nothing; the response is
//! problem details (RFC 9457) that name the field and its rule.
//!
//! Every route is an entry of one table, which declares its parameters and its responses. Requests are validated
//! against the table, and [`DOCUMENT`] publishes it as OpenAPI 3.1.

mod access;
mod authorizations;
mod call;
mod clock;
mod combined;
mod fault_rules;
mod faults;
mod field;
mod keys;
mod merchants;
mod notifications;
mod openapi;
mod orders;
mod page;
mod payer;
mod problem;
mod profitsharing;
mod records;
mod refunds;
mod requests;
mod route;
mod schema;
mod settings;
mod snapshots;
mod state;
mod tokens;
mod transfers;
mod validate;

pub use access::{Access, InvalidToken};

use crate::{clock::Clock, gateway::Gateway, payer::ParameterCause};
use call::Target;
use problem::Problem;
use route::{Handler, PARAMETERS, RouteGroup};
use serde_json::Value;
use std::{any::Any, fmt, sync::Arc, time::Duration};
use wxpay_openapi::{NoRoute, Table};
use wxpay_proto::UnixTime;

/// Path prefix of the interface.
pub const ROOT: &str = "/_sim/v1/";

/// Path of the interface's OpenAPI 3.1 document.
pub const DOCUMENT: &str = "/_sim/v1/openapi.json";

/// Maximum length of a request body, in bytes.
pub const MAX_BODY_BYTES: usize = 1 << 20;

/// The table of all routes.
static TABLE: Table<Handler> = Table { root: ROOT, groups: GROUPS, parameters: PARAMETERS };

const GROUPS: &[RouteGroup] = &[
    orders::GROUP,
    payer::GROUP,
    clock::GROUP,
    faults::GROUP,
    refunds::GROUP,
    transfers::GROUP,
    authorizations::GROUP,
    profitsharing::GROUP,
    merchants::GROUP,
    keys::GROUP,
    tokens::GROUP,
    notifications::GROUP,
    requests::GROUP,
    notifications::WARNINGS,
    settings::GROUP,
    state::GROUP,
    snapshots::GROUP,
    openapi::GROUP,
];

/// A gateway and its business clock, which the interface reads and changes.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "a gateway and its clock, and nothing else by definition")]
pub struct Simulation {
    /// The gateway.
    pub gateway: Gateway,
    /// The gateway's clock.
    pub clock: Clock,
}

/// Response of the control interface.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ControlResponse {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// True if the notifications that are due must be sent before this response.
    pub notifications_first: bool,
    /// The `Allow` header, present with status 405.
    pub allow: Option<String>,
    /// The `WWW-Authenticate` header, present with status 401.
    pub authenticate: Option<&'static str>,
    /// The payment parameters that the payer's client refused, with the causes.
    pub(crate) refused: Option<Arc<Refusal>>,
    /// The cursor of the next page of a list.
    next: Option<String>,
    /// The records that a reset removed. It goes when the response goes, after the gateway is unlocked: that takes a while.
    removed: Removed,
    /// The `Link` header, present if a list has a next page: `<URL>; rel="next"`.
    pub link: Option<String>,
}

/// Payment parameters that the payer's client refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) reason: String,
    pub(crate) causes: Vec<ParameterCause>,
    pub(crate) parameters: Vec<u8>,
}

/// State that was removed. Responses are compared without it.
#[derive(Clone, Default)]
struct Removed(Option<Arc<dyn Any + Send + Sync>>);

impl PartialEq for Removed {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Removed {}

impl fmt::Debug for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Removed({})", self.0.is_some())
    }
}

impl ControlResponse {
    /// Returns the media type of the body.
    pub fn content_type(&self) -> &'static str {
        if self.status < 400 { "application/json" } else { "application/problem+json" }
    }

    /// Returns the 413 response for a request body longer than [`MAX_BODY_BYTES`].
    pub fn too_large() -> Self {
        Problem::too_large(MAX_BODY_BYTES).into_response()
    }

    /// Returns the 408 response for a request body that is incomplete after a timeout.
    pub(crate) fn too_slow(timeout: Duration) -> Self {
        Problem::too_slow(timeout).into_response()
    }

    fn ok(body: Value) -> Self {
        Self {
            status: 200,
            body,
            notifications_first: false,
            allow: None,
            authenticate: None,
            next: None,
            refused: None,
            link: None,
            removed: Removed::default(),
        }
    }

    fn json(value: impl serde::Serialize) -> Self {
        // Records are plain structs and always serialise.
        Self::ok(serde_json::to_value(value).unwrap_or_default())
    }
}

impl Simulation {
    /// Handles a request to the interface. `target` is the URL's path and query, or the whole URL; `real` is the real
    /// time.
    pub fn control(&mut self, method: &str, target: &str, body: &[u8], real: UnixTime) -> ControlResponse {
        self.dispatch(method, &Target::parse(target), body, real).unwrap_or_else(Problem::into_response)
    }

    fn dispatch(
        &mut self,
        method: &str,
        target: &Target<'_>,
        body: &[u8],
        real: UnixTime,
    ) -> Result<ControlResponse, Problem> {
        let route = TABLE.find(method, target.path).map_err(|error| match error {
            NoRoute::MethodNotAllowed(methods) => Problem::method_not_allowed(&methods),
            NoRoute::UnknownPath => Problem::unknown_path(),
        })?;
        if body.len() > MAX_BODY_BYTES {
            return Err(Problem::too_large(MAX_BODY_BYTES));
        }
        let now = self.clock.now(real);
        // Virtual time may have advanced since the last request: apply due changes first, so that all records are
        // current.
        self.gateway.run_due_tasks(now.business);
        let call = validate::validate(route, target, body, (now, real))?;
        let response = (route.handler)(self, &call)?;
        let link = response.next.as_deref().map(|next| target.next_page(next));
        Ok(ControlResponse { status: route.status, link, ..response })
    }
}

#[cfg(test)]
mod tests;
