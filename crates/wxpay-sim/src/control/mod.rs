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
//! | `POST phone/pay`, `phone/cancel`, `phone/fail` | the same by the parameters that the program on the phone got, signature checked |
//! | `POST clock` | `{"advance_seconds"}`; `GET clock` tells the time |
//! | `POST faults`, `GET faults`, `DELETE faults` | adds a rule, shows the rules, ends them |
//! | `POST tokens/expire`, `tokens/replace` | ends or replaces every token |
//! | `GET notices`, `GET warnings` | what was delivered; what was noticed |

mod input;
mod problem;
mod rules;

use crate::{
    clock::Clock,
    gateway::{CannotPay, Gateway, Named, Payer, Tapped},
    phone::{self, Bill, PayResp},
};
use input::Fields;
use problem::Problem;
use serde_json::{Value, json};
use std::time::Duration;
use wxpay_proto::{UnixTime, id::OutTradeNo};

/// Where the interface lives.
pub const ROOT: &str = "/_sim/v1/";

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
        self.carry_out(method, path, body, real).unwrap_or_else(Problem::into_answer)
    }

    fn carry_out(
        &mut self,
        method: &str,
        path: &str,
        body: &[u8],
        real: UnixTime,
    ) -> Result<Answer, Problem> {
        let now = self.clock.now(real);
        let rest = path.strip_prefix(ROOT).ok_or_else(Problem::no_such_call)?;
        let parts: Vec<&str> = rest.split('/').collect();
        let gateway = &mut self.gateway;
        match (method, parts.as_slice()) {
            ("GET", ["orders"]) => Ok(orders(gateway, now)),
            ("GET", ["orders", number]) => order(gateway, input::order_number(number)?, now),
            ("POST", ["orders", number, "pay"]) => {
                let payer = input::payer(&Fields::optional(body)?)?;
                pay(gateway, input::order_number(number)?, &payer, now)
            }
            ("POST", ["orders", number, "cancel"]) => {
                let tapped = Tapped::OutTradeNo(input::order_number(number)?);
                gateway.cancel(&tapped, now).map(Answer::shown).map_err(Problem::cannot)
            }
            ("POST", ["orders", number, "fail"]) => {
                let tapped = Tapped::OutTradeNo(input::order_number(number)?);
                gateway.fail(&tapped, now).map(Answer::shown).map_err(Problem::cannot)
            }
            ("POST", ["phone", tap @ ("pay" | "cancel" | "fail")]) => phone(gateway, tap, body, now),
            ("GET", ["clock"]) => Ok(Answer::ok(json!({ "now": now.as_secs() }))),
            ("POST", ["clock"]) => {
                let fields = Fields::required(body)?;
                fields.refuse_all_but(&["advance_seconds"])?;
                let seconds = fields.number("advance_seconds", 0..=MOST_SECONDS)?;
                let seconds = seconds.ok_or_else(|| Problem::field("advance_seconds", "must be there"))?;
                self.clock.advance(Duration::from_secs(seconds));
                Ok(Answer::ok(json!({ "now": self.clock.now(real).as_secs() })))
            }
            ("GET", ["faults"]) => Ok(Answer::shown(gateway.troubles())),
            ("POST", ["faults"]) => {
                gateway.trouble(rules::rule(&Fields::required(body)?)?);
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
            _ => Err(Problem::no_such_call()),
        }
    }
}

/// The orders of both generations, the first one's before.
fn orders(gateway: &Gateway, now: UnixTime) -> Answer {
    let shown = |record: Result<Value, _>| record.unwrap_or_default();
    let first = gateway.orders(now).into_iter().map(|order| shown(serde_json::to_value(order)));
    let third = gateway.transactions(now).into_iter().map(|order| shown(serde_json::to_value(order)));
    Answer::ok(first.chain(third).collect())
}

/// The order of that number, of whichever generation.
fn order(gateway: &Gateway, number: OutTradeNo, now: UnixTime) -> Result<Answer, Problem> {
    if let Some(order) = gateway.order(&number, now) {
        return Ok(Answer::shown(order));
    }
    let transaction = gateway.transaction(&Named::OutTradeNo(number), now);
    transaction.map(Answer::shown).ok_or_else(|| Problem::cannot(CannotPay::NoSuchOrder))
}

fn pay(gateway: &mut Gateway, number: OutTradeNo, payer: &Payer, now: UnixTime) -> Result<Answer, Problem> {
    if gateway.order(&number, now).is_some() {
        let paid = gateway.pay(&Tapped::OutTradeNo(number), payer, now).map_err(Problem::cannot)?;
        return Ok(Answer { notices_first: paid.notices_first, ..Answer::shown(paid.order) });
    }
    let paid = gateway.pay_transaction(&Named::OutTradeNo(number), payer, now).map_err(Problem::cannot)?;
    Ok(Answer { notices_first: paid.notices_first, ..Answer::shown(paid.transaction) })
}

/// Ten years at once are enough.
const MOST_SECONDS: u64 = 315_360_000;

/// The same of the third generation. Going back and failing leave the order as it is.
fn phone_v3(gateway: &mut Gateway, tap: &str, parameters: &[u8], now: UnixTime) -> Result<Answer, Problem> {
    let bill = phone::v3::Bill::read(gateway, parameters, now)
        .map_err(|refused| Problem::field(refused.field, refused.rule).with_resp(&refused.resp()))?;
    let (resp, notices_first) = match tap {
        "cancel" => (PayResp::cancelled(), false),
        "fail" => (PayResp::failed(), false),
        _ => match bill.pay(gateway, &Payer::default(), now) {
            Ok((resp, paid)) => (resp, paid.notices_first),
            Err(cannot) => return Err(Problem::cannot(cannot).with_resp(&cannot.resp())),
        },
    };
    let order = gateway.transaction(&Named::Handle(bill.prepay_id.clone()), now);
    let shown = Answer::shown(json!({ "bill": bill, "resp": resp, "order": order }));
    Ok(Answer { notices_first, ..shown })
}

/// What the phone shows, what the app gets back, and the gateway's record afterwards.
fn phone(gateway: &mut Gateway, tap: &str, parameters: &[u8], now: UnixTime) -> Result<Answer, Problem> {
    if phone::v3::Bill::is_meant(gateway, parameters, now) {
        return phone_v3(gateway, tap, parameters, now);
    }
    let bill = Bill::read(gateway, parameters, now)
        .map_err(|refused| Problem::field(refused.field, refused.rule).with_resp(&refused.resp()))?;
    let (resp, notices_first) = match tap {
        "cancel" => (bill.cancel(gateway, now), false),
        "fail" => (bill.fail(gateway, now), false),
        _ => match bill.pay(gateway, &Payer::default(), now) {
            Ok((resp, paid)) => (resp, paid.notices_first),
            Err(cannot) => return Err(Problem::cannot(cannot).with_resp(&cannot.resp())),
        },
    };
    let order = gateway.order(&bill.out_trade_no, now);
    let shown = Answer::shown(json!({ "bill": bill, "resp": resp, "order": order }));
    Ok(Answer { notices_first, ..shown })
}
