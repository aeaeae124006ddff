//! The test's own interface, under `/_sim/v1`: the payer, the clock, trouble, and the gateway's own records.
//!
//! Pure: a request and the real time in, an answer out. Bad input changes nothing and is answered by a problem
//! (RFC 9457) that names the field and its rule.
//!
//! | call | does |
//! |---|---|
//! | `GET orders`, `GET orders/{out_trade_no}` | the record |
//! | `POST orders/{out_trade_no}/pay` | pays; optional `{"openid","discount","bank_type"}` |
//! | `POST orders/{out_trade_no}/cancel`, `…/fail` | the payer goes back; the payment fails |
//! | `POST phone/pay`, `phone/cancel`, `phone/fail` | the same by the app's seven parameters, signature checked |
//! | `POST clock` | `{"advance_seconds"}`; `GET clock` tells the time |
//! | `POST faults`, `GET faults`, `DELETE faults` | adds a rule, shows the rules, ends them |
//! | `POST tokens/expire`, `tokens/replace` | ends or replaces every token |
//! | `GET notices`, `GET warnings` | what was delivered; what was noticed |

use crate::{
    clock::Clock,
    faults::{Operation, Rule, Trouble},
    gateway::{CannotPay, Gateway, Payer, Tapped},
    phone::Bill,
};
use serde_json::{Map, Value, json};
use std::time::Duration;
use wxpay_proto::{Fen, UnixTime, id::OutTradeNo};

/// Where the interface lives.
pub const ROOT: &str = "/_sim/v1/";

/// A gateway and its clock: what the interface works on.
#[derive(Clone, Debug)]
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
}

impl Answer {
    /// The body's media type.
    #[must_use]
    pub fn content_type(&self) -> &'static str {
        if self.status < 400 { "application/json" } else { "application/problem+json" }
    }

    fn ok(body: Value) -> Self {
        Self { status: 200, body, notices_first: false }
    }

    fn shown(value: impl serde::Serialize) -> Self {
        // Records are plain structs and always serialise.
        Self::ok(serde_json::to_value(value).unwrap_or_default())
    }
}

impl Simulation {
    /// Carries out a call of the interface. `path` is the whole path of the URL; `real` the real time.
    pub fn control(&mut self, method: &str, path: &str, body: &[u8], real: UnixTime) -> Answer {
        self.carry_out(method, path, body, real).unwrap_or_else(Problem::answer)
    }

    fn carry_out(
        &mut self,
        method: &str,
        path: &str,
        body: &[u8],
        real: UnixTime,
    ) -> Result<Answer, Problem> {
        let now = self.clock.now(real);
        let rest = path.strip_prefix(ROOT).ok_or_else(Problem::no_such_path)?;
        let parts: Vec<&str> = rest.split('/').collect();
        let gateway = &mut self.gateway;
        match (method, parts.as_slice()) {
            ("GET", ["orders"]) => Ok(Answer::shown(gateway.orders(now))),
            ("GET", ["orders", number]) => {
                let record = gateway.order(&order_number(number)?, now);
                record.map(Answer::shown).ok_or_else(|| Problem::cannot(CannotPay::NoSuchOrder))
            }
            ("POST", ["orders", number, "pay"]) => {
                let payer = payer(&Fields::optional(body)?)?;
                let tapped = Tapped::OutTradeNo(order_number(number)?);
                let paid = gateway.pay(&tapped, &payer, now).map_err(Problem::cannot)?;
                Ok(Answer { notices_first: paid.notices_first, ..Answer::shown(paid.order) })
            }
            ("POST", ["orders", number, "cancel"]) => {
                let tapped = Tapped::OutTradeNo(order_number(number)?);
                gateway.cancel(&tapped, now).map(Answer::shown).map_err(Problem::cannot)
            }
            ("POST", ["orders", number, "fail"]) => {
                let tapped = Tapped::OutTradeNo(order_number(number)?);
                gateway.fail(&tapped, now).map(Answer::shown).map_err(Problem::cannot)
            }
            ("POST", ["phone", tap @ ("pay" | "cancel" | "fail")]) => phone(gateway, tap, body, now),
            ("GET", ["clock"]) => Ok(Answer::ok(json!({ "now": now.as_secs() }))),
            ("POST", ["clock"]) => {
                let fields = Fields::required(body)?;
                fields.refuse_all_but(&["advance_seconds"])?;
                let seconds = fields.number("advance_seconds", 0..=MOST_SECONDS)?;
                let seconds = seconds.ok_or(Problem::field("advance_seconds", "must be there"))?;
                self.clock.advance(Duration::from_secs(seconds));
                Ok(Answer::ok(json!({ "now": self.clock.now(real).as_secs() })))
            }
            ("GET", ["faults"]) => Ok(Answer::shown(gateway.troubles())),
            ("POST", ["faults"]) => {
                gateway.trouble(rule(&Fields::required(body)?)?);
                Ok(Answer { status: 201, ..Answer::shown(gateway.troubles()) })
            }
            ("DELETE", ["faults"]) => {
                gateway.calm();
                Ok(Answer::shown(gateway.troubles()))
            }
            ("POST", ["tokens", "expire"]) => {
                gateway.expire_tokens(now);
                Ok(Answer::ok(json!({ "now": now.as_secs() })))
            }
            ("POST", ["tokens", "replace"]) => {
                gateway.replace_tokens(now);
                Ok(Answer::ok(json!({ "now": now.as_secs() })))
            }
            ("GET", ["notices"]) => Ok(Answer::shown(gateway.notices())),
            ("GET", ["warnings"]) => Ok(Answer::shown(gateway.warnings().collect::<Vec<_>>())),
            _ => Err(Problem::no_such_path()),
        }
    }
}

/// Ten years at once are enough.
const MOST_SECONDS: u64 = 315_360_000;

fn order_number(text: &str) -> Result<OutTradeNo, Problem> {
    let text = percent_encoding::percent_decode_str(text).decode_utf8_lossy();
    text.parse().map_err(|error: wxpay_proto::id::Invalid| Problem::field(error.field(), error.rule()))
}

fn payer(fields: &Fields) -> Result<Payer, Problem> {
    fields.refuse_all_but(&["openid", "discount", "bank_type"])?;
    let mut payer = Payer::default();
    if let Some(openid) = fields.text("openid")? {
        let openid = openid.parse();
        payer =
            payer
                .with_openid(openid.map_err(|error: wxpay_proto::id::Invalid| {
                    Problem::field(error.field(), error.rule())
                })?);
    }
    if let Some(discount) = fields.number("discount", 0..=u64::MAX)? {
        payer = payer.with_discount(Fen::new(discount));
    }
    if let Some(bank_type) = fields.text("bank_type")? {
        payer = payer.with_bank_type(bank_type);
    }
    Ok(payer)
}

/// What the phone shows, what the app gets back, and the gateway's record afterwards.
fn phone(gateway: &mut Gateway, tap: &str, parameters: &[u8], now: UnixTime) -> Result<Answer, Problem> {
    let bill = Bill::read(gateway, parameters, now)
        .map_err(|refused| Problem::field(refused.field, refused.rule).with_resp(refused.resp()))?;
    let (resp, notices_first) = match tap {
        "cancel" => (bill.cancel(gateway, now), false),
        "fail" => (bill.fail(gateway, now), false),
        _ => match bill.pay(gateway, &Payer::default(), now) {
            Ok((resp, paid)) => (resp, paid.notices_first),
            Err(cannot) => return Err(Problem::cannot(cannot).with_resp(cannot.resp())),
        },
    };
    let order = gateway.order(&bill.out_trade_no, now);
    let shown = Answer::shown(json!({ "bill": bill, "resp": resp, "order": order }));
    Ok(Answer { notices_first, ..shown })
}

fn rule(fields: &Fields) -> Result<Rule, Problem> {
    fields.refuse_all_but(&[
        "kind",
        "operation",
        "out_trade_no",
        "per_mille",
        "count",
        "from",
        "until",
        "millis",
        "bytes",
        "effect",
    ])?;
    let kind = fields.text("kind")?.ok_or(Problem::field("kind", "must be there"))?;
    let trouble = trouble(kind, fields)?;
    let mut rule = Rule::new(trouble);
    if let Some(word) = fields.text("operation")? {
        let operation = Operation::named(word).ok_or(Problem::field(
            "operation",
            "must be token, genprepay, orderquery, delivernotify, notice or pay",
        ))?;
        if !trouble.befalls(operation) {
            return Err(Problem::field("operation", "must be one that this kind can befall"));
        }
        rule = rule.on(operation);
    }
    if let Some(number) = fields.text("out_trade_no")? {
        rule = rule.of_order(order_number(number)?);
    }
    if let Some(per_mille) = fields.number("per_mille", 0..=1000)? {
        rule = rule.per_mille(u32::try_from(per_mille).unwrap_or(1000));
    }
    if let Some(count) = fields.number("count", 0..=u64::from(u32::MAX))? {
        rule = rule.times(u32::try_from(count).unwrap_or(u32::MAX));
    }
    let moment = |name| fields.number(name, 0..=u64::MAX).map(|second| second.map(UnixTime::from_secs));
    Ok(rule.within(moment("from")?, moment("until")?))
}

fn trouble(kind: &str, fields: &Fields) -> Result<Trouble, Problem> {
    let effect = fields.truth("effect")?;
    let millis = fields.number("millis", 0..=600_000)?;
    let bytes = fields.number("bytes", 0..=1_000_000)?;
    let trouble = match kind {
        "lost_after" => Trouble::LostAfter,
        "lost_before" => Trouble::LostBefore,
        "delayed" => Trouble::Delayed { millis: millis.ok_or(Problem::field("millis", "must be there"))? },
        "cut" => Trouble::Cut { bytes: usize::try_from(bytes.unwrap_or_default()).unwrap_or_default() },
        "server_error" => Trouble::ServerError { effect: effect.unwrap_or_default() },
        "garbage" => Trouble::Garbage { effect: effect.unwrap_or_default() },
        "system_error" => Trouble::SystemError { effect: effect.unwrap_or_default() },
        "token_replaced" => Trouble::TokenReplaced,
        "token_expired" => Trouble::TokenExpired,
        "quota_used_up" => Trouble::QuotaUsedUp,
        "early" => Trouble::Early,
        "second_payment" => Trouble::SecondPayment,
        "notice_lost" => Trouble::NoticeLost,
        "notice_doubled" => Trouble::NoticeDoubled,
        "notice_reordered" => Trouble::NoticeReordered,
        "notice_forged" => Trouble::NoticeForged,
        _ => return Err(Problem::field("kind", "must be a kind of trouble that the README lists")),
    };
    Ok(trouble)
}

/// The members of a JSON object.
struct Fields(Map<String, Value>);

impl Fields {
    fn required(body: &[u8]) -> Result<Self, Problem> {
        match serde_json::from_slice(body) {
            Ok(Value::Object(members)) => Ok(Self(members)),
            _ => Err(Problem::field("body", "must be a JSON object")),
        }
    }

    /// An empty body is an empty object.
    fn optional(body: &[u8]) -> Result<Self, Problem> {
        if body.trim_ascii().is_empty() { Ok(Self(Map::new())) } else { Self::required(body) }
    }

    fn refuse_all_but(&self, known: &[&str]) -> Result<(), Problem> {
        match self.0.keys().find(|name| !known.contains(&name.as_str())) {
            Some(name) => Err(Problem::field(name, "is not known here")),
            None => Ok(()),
        }
    }

    fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Problem::field(name, "must be a string")),
        }
    }

    fn truth(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Bool(truth)) => Ok(Some(*truth)),
            Some(_) => Err(Problem::field(name, "must be true or false")),
        }
    }

    fn number(&self, name: &str, range: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, Problem> {
        let value = match self.0.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value.as_u64().filter(|number| range.contains(number)),
        };
        let rule = || format!("must be a whole number from {} to {}", range.start(), range.end());
        value.map(Some).ok_or_else(|| Problem::field(name, &rule()))
    }
}

/// Why a call of the interface was refused.
struct Problem {
    status: u16,
    title: &'static str,
    detail: String,
    field: Option<String>,
    rule: Option<String>,
    resp: Option<crate::phone::PayResp>,
}

impl Problem {
    fn new(status: u16, title: &'static str, detail: String) -> Self {
        Self { status, title, detail, field: None, rule: None, resp: None }
    }

    fn field(field: &str, rule: &str) -> Self {
        Self {
            field: Some(String::from(field)),
            rule: Some(String::from(rule)),
            ..Self::new(400, "a field breaks its rule", format!("{field} {rule}"))
        }
    }

    fn cannot(cannot: CannotPay) -> Self {
        match cannot {
            CannotPay::NoSuchOrder => Self::new(404, "no such order", cannot.to_string()),
            CannotPay::AlreadyPaid | CannotPay::Expired => {
                Self::new(409, "the order cannot be paid", cannot.to_string())
            }
            CannotPay::DiscountTooLarge => Self::field("discount", "must leave at least 1 fen to pay"),
            CannotPay::BankType => Self::field("bank_type", "must be 1 to 16 of 0-9 A-Z a-z _"),
        }
    }

    fn no_such_path() -> Self {
        Self::new(
            404,
            "no such call",
            String::from("the control interface has no call of that method and path"),
        )
    }

    fn with_resp(self, resp: crate::phone::PayResp) -> Self {
        Self { resp: Some(resp), ..self }
    }

    fn answer(self) -> Answer {
        let mut body = json!({ "title": self.title, "status": self.status, "detail": self.detail });
        if let Value::Object(members) = &mut body {
            if let (Some(field), Some(rule)) = (self.field, self.rule) {
                members.insert(String::from("field"), Value::from(field));
                members.insert(String::from("rule"), Value::from(rule));
            }
            if let Some(resp) = self.resp {
                members.insert(String::from("resp"), serde_json::to_value(resp).unwrap_or_default());
            }
        }
        Answer { status: self.status, body, notices_first: false }
    }
}
