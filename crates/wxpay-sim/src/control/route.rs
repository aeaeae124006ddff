//! The route type: path, method, parameters and responses. [`ROOMS`](super::ROOMS) is the table of all routes.

use super::{
    Answer, Simulation,
    call::Call,
    field::{DIGITS, Field, Kind, LETTERS, NUMBER, PRINTABLE, must},
    problem::Problem,
    shape::Shape,
};

/// A group of routes about one resource, which becomes a tag of the document.
pub(super) struct Room {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) routes: &'static [Route],
}

/// Handler of a route. It receives only requests that passed validation.
type CarryOut = fn(&mut Simulation, &Call<'_>) -> Result<Answer, Problem>;

/// A route: one method of one path.
pub(super) struct Route {
    pub(super) method: &'static str,
    /// Path below the root, with parameters in braces.
    pub(super) path: &'static str,
    /// Operation id in the document; unique.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: &'static [Field],
    pub(super) body: Body,
    /// Status of a successful response.
    pub(super) status: u16,
    pub(super) answers: Shape,
    /// Error statuses besides 400, each with its condition.
    pub(super) problems: &'static [(u16, &'static str)],
    pub(super) carry_out: CarryOut,
}

/// Schema of a request body.
pub(super) enum Body {
    /// No body, or an empty object.
    Nothing,
    /// An object with these members; an empty body counts as an empty object.
    Optional(&'static [Field]),
    /// An object with these members; the body is required.
    Required(&'static [Field]),
    /// An object with any of these members; an empty body counts as an empty object.
    Switches(fn() -> Vec<Field>),
    /// An object whose members depend on its member `kind`.
    ByKind(fn() -> Vec<Variant>),
    /// A JSON object that the route itself parses.
    Parameters(&'static str),
}

/// Schema of a body for a set of values of `kind`.
pub(super) struct Variant {
    pub(super) name: &'static str,
    pub(super) words: Vec<&'static str>,
    pub(super) fields: Vec<Field>,
    /// Two mutually exclusive members.
    pub(super) never_both: [&'static str; 2],
}

/// Every path parameter.
const PARAMETERS: &[Field] = &[
    must("out_trade_no", Kind::Text(1, 32, NUMBER), "The merchant's order number."),
    must("out_refund_no", Kind::Text(1, 64, NUMBER), "The merchant's refund number."),
    must("out_bill_no", Kind::Text(1, 32, LETTERS), "The merchant's transfer number."),
    must("out_authorization_no", Kind::Text(1, 32, LETTERS), "The merchant's authorization number."),
    must("out_order_no", Kind::Text(1, 64, NUMBER), "The merchant's profit-sharing number."),
    must("sub_mchid", Kind::Text(1, 32, DIGITS), "The sub-merchant's mchid."),
    must("appid", Kind::AppId, "The app's appid."),
    must("mchid", Kind::Text(1, 32, DIGITS), "The merchant's mchid."),
    must("serial_no", Kind::Text(2, 64, "0-9A-Fa-f"), "The serial number of the certificate."),
    must("notify_id", Kind::Text(1, 128, PRINTABLE), "The id of the notification."),
    must("id", Kind::Number(1, u64::MAX), "The id of the fault rule."),
];

/// Returns the parameter that a path segment such as `{mchid}` stands for, or `None` for a literal segment.
pub(super) fn parameter(part: &str) -> Option<&'static Field> {
    let name = part.strip_prefix('{')?.strip_suffix('}')?;
    PARAMETERS.iter().find(|field| field.name == name)
}

impl Route {
    pub(super) const fn get(
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        answers: Shape,
        carry_out: CarryOut,
    ) -> Self {
        let (query, body, problems): (&[Field], _, &[_]) = (&[], Body::Nothing, &[]);
        Self { method: "GET", path, id, summary, query, body, status: 200, answers, problems, carry_out }
    }

    pub(super) const fn post(
        path: &'static str,
        id: &'static str,
        summary: &'static str,
        answers: Shape,
        carry_out: CarryOut,
    ) -> Self {
        Self { method: "POST", ..Self::get(path, id, summary, answers, carry_out) }
    }

    pub(super) const fn by(self, method: &'static str) -> Self {
        Self { method, ..self }
    }

    pub(super) const fn asking(self, query: &'static [Field]) -> Self {
        Self { query, ..self }
    }

    pub(super) const fn taking(self, body: Body) -> Self {
        Self { body, ..self }
    }

    pub(super) const fn created(self) -> Self {
        Self { status: 201, ..self }
    }

    pub(super) const fn or(self, problems: &'static [(u16, &'static str)]) -> Self {
        Self { problems, ..self }
    }

    /// Returns true if a path below the root matches this route's template.
    pub(super) fn is_at(&self, path: &str) -> bool {
        let fits = |(template, part)| template == part || parameter(template).is_some();
        self.path.split('/').count() == path.split('/').count()
            && self.path.split('/').zip(path.split('/')).all(fits)
    }
}
