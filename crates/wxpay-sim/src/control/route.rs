//! The route type: path, method, parameters and responses. [`GROUPS`](super::GROUPS) is the table of all routes.

use super::{
    ControlResponse, Simulation,
    call::Call,
    field::{APP_ID, DIGITS, Field, Kind, LETTERS, MAX_NUMBER, NUMBER, SERIAL_NO, required},
    problem::Problem,
    schema::{Record, Schema},
};

/// A group of routes about one resource, which becomes a tag of the document.
pub(super) struct RouteGroup {
    pub(super) name: &'static str,
    pub(super) description: &'static str,
    pub(super) routes: &'static [Route],
}

/// Handler of a route. It receives only requests that passed validation.
type Handler = fn(&mut Simulation, &Call<'_>) -> Result<ControlResponse, Problem>;

/// A route: one method of one path.
pub(super) struct Route {
    pub(super) method: &'static str,
    /// Path below the root, with parameters in braces.
    pub(super) path: &'static str,
    /// Operation id in the document; unique.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: &'static [Field],
    /// Query parameters of the pages; empty unless the response is a list that is returned page by page.
    pub(super) page: &'static [Field],
    pub(super) body: Body,
    /// Status of a successful response.
    pub(super) status: u16,
    pub(super) response: Schema,
    /// Error statuses besides 400, each with its condition.
    pub(super) problems: &'static [(u16, &'static str)],
    pub(super) handler: Handler,
}

/// Schema of a request body.
pub(super) enum Body {
    /// No body, or an empty object.
    None,
    /// An object with these members; an empty body counts as an empty object.
    Optional(&'static [Field]),
    /// An object with these members; the body is required.
    Required(&'static [Field]),
    /// An object with any of these members; an empty body counts as an empty object.
    Settings(fn() -> Vec<Field>),
    /// An object whose members depend on its member `kind`.
    ByKind(fn() -> Vec<Variant>),
    /// An object in one of these forms, which the route itself parses: its members are signed as received.
    Parameters(&'static [Record]),
}

/// Schema of a body for a set of values of `kind`.
pub(super) struct Variant {
    pub(super) name: String,
    pub(super) kinds: Vec<&'static str>,
    pub(super) fields: Vec<Field>,
    /// Members that allow only some of the values that their fields list.
    pub(super) choices: Vec<(&'static str, Vec<&'static str>)>,
    /// Two mutually exclusive members, which are strings.
    pub(super) exclusive: [&'static str; 2],
}

/// Every path parameter.
const PARAMETERS: &[Field] = &[
    required("out_trade_no", Kind::Text(1, 32, NUMBER), "The merchant's order number."),
    required("out_refund_no", Kind::Text(1, 64, NUMBER), "The merchant's refund number."),
    required("out_bill_no", Kind::Text(1, 32, LETTERS), "The merchant's transfer number."),
    required("out_authorization_no", Kind::Text(1, 32, LETTERS), "The merchant's authorization number."),
    required("out_order_no", Kind::Text(1, 64, NUMBER), "The merchant's profit-sharing number."),
    required("sub_mchid", Kind::Text(1, 32, DIGITS), "The sub-merchant's mchid."),
    required("appid", Kind::Form(&APP_ID), "The app's appid."),
    required("mchid", Kind::Text(1, 32, DIGITS), "The merchant's mchid."),
    required("serial_no", Kind::Form(&SERIAL_NO), "The serial number of the certificate."),
    required("notify_id", Kind::Text(1, 128, NUMBER), "The id of the notification."),
    required("id", Kind::Number(1, MAX_NUMBER), "The id of the fault rule."),
];

/// Returns the parameter that a path segment such as `{mchid}` stands for, or `None` for a literal segment.
pub(super) fn parameter(segment: &str) -> Option<&'static Field> {
    let name = segment.strip_prefix('{')?.strip_suffix('}')?;
    PARAMETERS.iter().find(|field| field.name == name)
}

impl Route {
    pub(super) const fn get(
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        response: Schema,
        handler: Handler,
    ) -> Self {
        let (query, body, problems): (&[Field], _, &[_]) = (&[], Body::None, &[]);
        Self {
            method: "GET",
            path,
            id,
            summary,
            query,
            page: &[],
            body,
            status: 200,
            response,
            problems,
            handler,
        }
    }

    pub(super) const fn post(
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        response: Schema,
        handler: Handler,
    ) -> Self {
        Self { method: "POST", ..Self::get(path, id, summary, response, handler) }
    }

    pub(super) const fn method(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    pub(super) const fn with_query(self, query: &'static [Field]) -> Self {
        Self { query, ..self }
    }

    pub(super) const fn with_body(self, body: Body) -> Self {
        Self { body, ..self }
    }

    pub(super) const fn created(self) -> Self {
        Self { status: 201, ..self }
    }

    pub(super) const fn with_problems(self, problems: &'static [(u16, &'static str)]) -> Self {
        Self { problems, ..self }
    }

    /// Declares a list that is returned page by page, with its parameters.
    pub(super) const fn paged(self, page: &'static [Field]) -> Self {
        Self { page, ..self }
    }

    /// Returns the query parameters, those of pages included.
    pub(super) fn query_fields(&self) -> impl Iterator<Item = &'static Field> + Clone + use<> {
        self.query.iter().chain(self.page)
    }

    /// Returns true if a path below the root matches this route's template.
    pub(super) fn matches_path(&self, path: &str) -> bool {
        let fits = |(template, segment)| template == segment || parameter(template).is_some();
        self.path.split('/').count() == path.split('/').count()
            && self.path.split('/').zip(path.split('/')).all(fits)
    }
}
