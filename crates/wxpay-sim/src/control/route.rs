//! What a route is: where it is, what it takes, what it answers. The table of them is [`ROOMS`](super::ROOMS).

use super::{
    Answer, Simulation,
    call::Call,
    field::{DIGITS, Field, Kind, LETTERS, NUMBER, PRINTABLE, must},
    problem::Problem,
    shape::Shape,
};

/// Routes about one thing.
pub(super) struct Room {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) routes: &'static [Route],
}

/// What a route does with a call that keeps to its declarations.
type CarryOut = fn(&mut Simulation, &Call<'_>) -> Result<Answer, Problem>;

/// One method of one path.
pub(super) struct Route {
    pub(super) method: &'static str,
    /// Below the root, with parameters in braces.
    pub(super) path: &'static str,
    /// Its name in the document; no two are the same.
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) query: &'static [Field],
    pub(super) body: Body,
    /// The status of success.
    pub(super) status: u16,
    pub(super) answers: Shape,
    /// Statuses of refusals besides 400, and when they are given.
    pub(super) problems: &'static [(u16, &'static str)],
    pub(super) carry_out: CarryOut,
}

/// What a body may hold.
pub(super) enum Body {
    /// Nothing, or an empty object.
    Nothing,
    /// These members; an empty body is an empty object.
    Optional(&'static [Field]),
    /// These members.
    Required(&'static [Field]),
    /// Any of these members; an empty body is an empty object.
    Switches(fn() -> Vec<Field>),
    /// Members that follow from one called `kind`.
    ByKind(fn() -> Vec<Variant>),
    /// A JSON object that the route reads by rules of its own.
    Parameters(&'static str),
}

/// What a body may hold if its `kind` is one of these.
pub(super) struct Variant {
    pub(super) name: &'static str,
    pub(super) words: Vec<&'static str>,
    pub(super) fields: Vec<Field>,
    /// Two members that must not be there together.
    pub(super) never_both: [&'static str; 2],
}

/// Every parameter that a path may have.
const PARAMETERS: &[Field] = &[
    must("out_trade_no", Kind::Text(1, 32, NUMBER), "The merchant's number of the order."),
    must("out_refund_no", Kind::Text(1, 64, NUMBER), "The merchant's number of the refund."),
    must("out_bill_no", Kind::Text(1, 32, LETTERS), "The merchant's number of the transfer."),
    must("out_authorization_no", Kind::Text(1, 32, LETTERS), "The merchant's number of the authorization."),
    must("out_order_no", Kind::Text(1, 64, NUMBER), "The merchant's number of the sharing."),
    must("sub_mchid", Kind::Text(1, 32, DIGITS), "The sub-merchant's number."),
    must("appid", Kind::AppId, "The app."),
    must("mchid", Kind::Text(1, 32, DIGITS), "The merchant's number."),
    must("serial_no", Kind::Text(2, 64, "0-9A-Fa-f"), "The serial number of the certificate."),
    must("notify_id", Kind::Text(1, 128, PRINTABLE), "The number of the notice."),
    must("id", Kind::Number(1, u64::MAX), "The number of the rule."),
];

/// What a part of a path stands for, if it is a parameter.
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

    /// Whether a path below the root is of this route's form.
    pub(super) fn is_at(&self, path: &str) -> bool {
        let fits = |(template, part)| template == part || parameter(template).is_some();
        self.path.split('/').count() == path.split('/').count()
            && self.path.split('/').zip(path.split('/')).all(fits)
    }
}
