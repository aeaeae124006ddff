//! The test's own interface, under `/_sim/v1`: the payer, the clock, trouble, and the gateway's own records.
//!
//! Pure: a request and the real time in, an answer out. Bad input changes nothing and is answered by a problem
//! (RFC 9457) that names the field and its rule.
//!
//! Every call is a route of one table, which declares what it takes and what it answers. Requests are held to that, and
//! [`DOCUMENT`] shows it in OpenAPI 3.1.

mod authorizations;
mod call;
mod clock;
mod combined;
mod document;
mod door;
mod faults;
mod field;
mod keys;
mod merchants;
mod notices;
mod orders;
mod phone;
mod problem;
mod records;
mod refunds;
mod requests;
mod route;
mod rules;
mod settings;
mod shape;
mod sharings;
mod state;
mod tokens;
mod transfers;

use crate::{clock::Clock, gateway::Gateway};
use call::Target;
use problem::Problem;
use route::{Room, Route};
use serde_json::Value;
use wxpay_proto::UnixTime;

/// Where the interface lives.
pub const ROOT: &str = "/_sim/v1/";

/// Where the interface's document is, in OpenAPI 3.1.
pub const DOCUMENT: &str = "/_sim/v1/openapi.json";

/// A body of a call has at most so many bytes.
pub const MAX_BODY: usize = 1 << 20;

/// Every route there is. Of two whose paths both fit, the first is meant.
static ROOMS: &[Room] = &[
    orders::ROOM,
    phone::ROOM,
    clock::ROOM,
    faults::ROOM,
    refunds::ROOM,
    transfers::ROOM,
    authorizations::ROOM,
    sharings::ROOM,
    merchants::ROOM,
    keys::ROOM,
    tokens::ROOM,
    notices::ROOM,
    requests::ROOM,
    notices::WARNINGS,
    settings::ROOM,
    state::ROOM,
    document::ROOM,
];

/// A gateway and its clock: what the interface works on.
#[derive(Clone, Debug)]
#[allow(clippy::exhaustive_structs, reason = "a gateway and its clock, and nothing else by definition")]
pub struct Simulation {
    /// The gateway.
    pub gateway: Gateway,
    /// Its time.
    pub clock: Clock,
}

/// An answer of the interface.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// Whether the notices that are due go out before this answer.
    pub notices_first: bool,
    /// The header `Allow`, which comes with 405.
    pub allow: Option<String>,
}

impl Answer {
    /// The body's media type.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        if self.status < 400 { "application/json" } else { "application/problem+json" }
    }

    /// The answer to a call whose body is longer than [`MAX_BODY`].
    #[must_use]
    pub fn too_large() -> Self {
        Problem::too_large(MAX_BODY).into_answer()
    }

    fn ok(body: Value) -> Self {
        Self { status: 200, body, notices_first: false, allow: None }
    }

    fn shown(value: impl serde::Serialize) -> Self {
        // Records are plain structs and always serialise.
        Self::ok(serde_json::to_value(value).unwrap_or_default())
    }
}

impl Simulation {
    /// Carries out a call of the interface. `target` is the path of the URL with its query, or the whole URL; `real` the
    /// real time.
    pub fn control(&mut self, method: &str, target: &str, body: &[u8], real: UnixTime) -> Answer {
        self.carry_out(method, &Target::read(target), body, real).unwrap_or_else(Problem::into_answer)
    }

    fn carry_out(
        &mut self,
        method: &str,
        target: &Target<'_>,
        body: &[u8],
        real: UnixTime,
    ) -> Result<Answer, Problem> {
        let route = route(method, target.path)?;
        if body.len() > MAX_BODY {
            return Err(Problem::too_large(MAX_BODY));
        }
        let now = self.clock.now(real);
        // What was due by itself has happened before anybody looks.
        self.gateway.tick(now);
        let call = door::read(route, target, body, (now, real))?;
        let answer = (route.carry_out)(self, &call)?;
        Ok(Answer { status: route.status, ..answer })
    }
}

fn routes() -> impl Iterator<Item = &'static Route> {
    ROOMS.iter().flat_map(|room| room.routes)
}

/// A path without the root; nothing, if it is elsewhere.
fn below_root(path: &str) -> &str {
    path.strip_prefix(ROOT).unwrap_or_default()
}

fn route(method: &str, path: &str) -> Result<&'static Route, Problem> {
    let path = below_root(path);
    let template = routes().find(|route| route.is_at(path)).map(|route| route.path);
    let template = template.ok_or_else(Problem::no_such_call)?;
    let there = || routes().filter(|route| route.path == template);
    there().find(|route| route.method == method).ok_or_else(|| {
        let methods: Vec<&str> = there().map(|route| route.method).collect();
        Problem::wrong_method(&methods)
    })
}

#[cfg(test)]
mod tests;
