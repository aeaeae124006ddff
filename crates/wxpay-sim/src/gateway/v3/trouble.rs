//! Fault injection for APIv3 requests: finds the rule that applies to a request and produces its outcome.

use super::{
    authorization::{Authorization, target},
    call::decoded,
    carried_out,
    door::Door,
    errors::{Code, RATELIMIT_EXCEEDED, SYSTEM_ERROR},
    reply::{Negative, Reply},
    route, sent,
};
use crate::{
    faults::{Generation, Operation, Scene, Step, Trouble},
    gateway::{Gateway, Named, Outcome, Payer},
    merchant::Misstep,
    warnings::Kind,
};
use serde_json::{Map, Value};
use std::time::Duration;
use wxpay_proto::{
    UnixTime,
    http::{Request, Response},
    id::{MchId, OutTradeNo},
};

/// Answers a request, with the fault of the first rule that applies.
pub(in crate::gateway) fn answer(gateway: &mut Gateway, request: &Request, now: UnixTime) -> Outcome {
    let trouble = gateway.faults.strike(|| scene(request), now);
    let mut struck = Struck { gateway, request, kind: trouble.map(Trouble::kind), now };
    match trouble {
        None => Outcome::Reply(struck.answer(None)),
        Some(trouble) => struck.outcome(trouble),
    }
}

/// Describes a request for matching fault rules, as far as it can be read before the request is verified.
fn scene(request: &Request) -> Scene {
    let (path, query) = target(request).split_once('?').unwrap_or_else(|| (target(request), ""));
    // A request without a label is matched only by rules that name no operation.
    let (label, parameters) = route::find(request.method(), path)
        .map_or_else(|_| (UNKNOWN, Map::new()), |(operation, parameters)| (operation.label, parameters));
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let mut numbers = Vec::new();
    gather(&body, &mut numbers);
    numbers.extend(parameters.values().filter_map(Value::as_str).map(String::from));
    let asked = query.split('&').filter_map(|pair| pair.split_once('='));
    numbers.extend(asked.filter(|(name, _)| is_number(name)).map(|(_, value)| decoded(value)));
    Scene {
        generation: Generation::V3,
        operation: Operation::V3(label),
        path: path.into(),
        mchid: claimed(request).map(|mchid| mchid.to_string()),
        numbers,
    }
}

/// The label of a request without an operation.
const UNKNOWN: &str = "v3";

/// Returns `true` for the name of a merchant's own number: `out_trade_no`, `out_refund_no`, `combine_out_trade_no` and
/// similar.
fn is_number(name: &str) -> bool {
    name.contains("out_") && name.ends_with("_no")
}

/// Collects the merchant's numbers of an object and of the objects in its lists.
fn gather(value: &Value, numbers: &mut Vec<String>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        match member {
            Value::String(text) if is_number(name) => numbers.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| gather(item, numbers)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {}
        }
    }
}

/// Returns the merchant's number in `Authorization`. The signature is not verified here.
fn claimed(request: &Request) -> Option<MchId> {
    request.header("authorization").and_then(Authorization::parse)?.mchid.parse().ok()
}

/// A request to which a fault rule may apply.
struct Struck<'a> {
    gateway: &'a mut Gateway,
    request: &'a Request,
    kind: Option<&'static str>,
    now: UnixTime,
}

impl Struck<'_> {
    fn outcome(&mut self, trouble: Trouble) -> Outcome {
        let reply = match trouble {
            Trouble::ConnectionRefused { millis } => {
                return self.vanished(Outcome::Refused(Duration::from_millis(millis)));
            }
            Trouble::DropBeforeCommit => return self.vanished(Outcome::Lost { effect: false }),
            Trouble::ResetBeforeCommit => return self.vanished(Outcome::Reset { effect: false }),
            Trouble::CommitThenDropResponse => {
                self.answer(None);
                return Outcome::Lost { effect: true };
            }
            Trouble::CommitThenReset => {
                self.answer(None);
                return Outcome::Reset { effect: true };
            }
            Trouble::Delayed { millis } | Trouble::AnswerAfterClientTimeout { millis } => {
                return Outcome::Delayed(self.answer(None), Duration::from_millis(millis));
            }
            Trouble::Cut { bytes } => return Outcome::cut(self.answer(None), bytes),
            Trouble::Slow { bytes_per_second } => return Outcome::Slow(self.answer(None), bytes_per_second),
            Trouble::Early => return self.overtaken(),
            Trouble::ServerError { effect } => self.instead(effect, Reply::page(500)),
            Trouble::BadGateway { effect } => self.instead(effect, Reply::page(502)),
            Trouble::Unavailable { effect } => self.instead(effect, Reply::page(503)),
            Trouble::Garbage { effect } => self.instead(effect, Reply::garbage()),
            Trouble::SystemError { effect } => self.instead(effect, refused(SYSTEM_ERROR)),
            Trouble::Accepted { effect } => self.instead(effect, Reply::accepted()),
            Trouble::RateLimited => self.instead(false, refused(RATELIMIT_EXCEEDED)),
            Trouble::UnsignedReply => self.changed(|reply, _| reply.is_signed = false),
            Trouble::WrongSignature => self.answer(Some(Negative::BadSignature)),
            Trouble::SigntestProbe => self.answer(Some(Negative::SigntestProbe)),
            Trouble::UnknownSerial => self.answer(Some(Negative::UnknownSerial)),
            Trouble::StaleTimestamp => self.answer(Some(Negative::ExpiredTimestamp)),
            Trouble::MissingHeader => self.answer(Some(Negative::MissingHeader)),
            Trouble::TamperedBody => self.answer(Some(Negative::TamperedBody)),
            Trouble::PaidDuringClose => {
                self.pay(self.now.after(self.gateway.settings.notify_delay));
                self.answer(None)
            }
            Trouble::CertificateRotated | Trouble::MigrationStep { .. } => self.turned(trouble),
            Trouble::TokenReplaced
            | Trouble::TokenExpired
            | Trouble::QuotaUsedUp
            | Trouble::SecondPayment
            | Trouble::NotificationLost
            | Trouble::NotificationDelayed { .. }
            | Trouble::NotificationDoubled
            | Trouble::NotificationReordered
            | Trouble::NotificationForged
            | Trouble::NotificationUnknownSerial
            | Trouble::NotificationProbe
            | Trouble::NotificationStale => self.answer(None),
        };
        Outcome::Reply(reply)
    }

    /// Executes the request and returns its reply, with an invalid signature if requested.
    fn answer(&mut self, negative: Option<Negative>) -> Response {
        self.changed(|_, door| door.negative = negative.or(door.negative))
    }

    fn changed(&mut self, change: impl FnOnce(&mut Reply, &mut Door)) -> Response {
        let mut door = self.door();
        let mut reply = carried_out(self.gateway, self.request, &mut door, self.now);
        change(&mut reply, &mut door);
        sent(self.gateway, self.request, door, reply, self.now)
    }

    /// Returns another reply in place of the request's own.
    fn instead(&mut self, effect: bool, reply: Reply) -> Response {
        let mut door = self.door();
        if effect {
            carried_out(self.gateway, self.request, &mut door, self.now);
        } else {
            self.read(&mut door);
        }
        sent(self.gateway, self.request, door, reply, self.now)
    }

    /// Changes the platform's keys after the request is executed and before its reply is signed.
    fn turned(&mut self, trouble: Trouble) -> Response {
        let mut door = self.door();
        let reply = carried_out(self.gateway, self.request, &mut door, self.now);
        if let Some(mchid) = &door.mchid {
            self.gateway.turn_keys(trouble, mchid, self.now);
        }
        sent(self.gateway, self.request, door, reply, self.now)
    }

    /// Lets the payer pay before the order is answered.
    fn overtaken(&mut self) -> Outcome {
        let response = self.answer(None);
        if response.status() == 200 && self.pay(self.now) {
            Outcome::AfterNotifications(response)
        } else {
            Outcome::Reply(response)
        }
    }

    /// Pays the orders that the request names, as far as they can be paid.
    fn pay(&mut self, due: UnixTime) -> bool {
        let Some(mchid) = claimed(self.request) else { return false };
        let numbers = scene(self.request).numbers;
        let numbers = numbers.iter().filter_map(|number| number.parse::<OutTradeNo>().ok());
        let mut is_paid = false;
        for number in numbers {
            let named = Named::Of(mchid.clone(), number);
            is_paid |= self.gateway.charge_whole(&named, &Payer::default(), false, due, self.now).is_ok();
        }
        is_paid
    }

    /// Records a request that is not processed.
    fn vanished(&mut self, outcome: Outcome) -> Outcome {
        let mut door = self.door();
        self.read(&mut door);
        self.gateway.v3.requests.add(self.request, &door, None, "", self.now);
        outcome
    }

    fn door(&self) -> Door {
        Door { fault: self.kind, ..Door::default() }
    }

    /// Reads merchant and operation without verification, if there is such a merchant: the reply is signed towards it.
    fn read(&self, door: &mut Door) {
        door.mchid = claimed(self.request).filter(|mchid| self.gateway.v3.merchants.get(mchid).is_some());
        let path = target(self.request).split('?').next().unwrap_or_default();
        let found = route::find(self.request.method(), path);
        door.label = found.ok().map(|(operation, _)| operation.label);
    }
}

fn refused(code: Code) -> Reply {
    let refusal = code.because("injected by a fault rule");
    Reply { code: Some(refusal.code), ..Reply::of(refusal.status, &refusal.body(), refusal.number) }
}

impl Gateway {
    /// Changes the platform's keys towards a merchant, as a fault requires. Adds a warning if that is not possible.
    pub(super) fn turn_keys(&mut self, trouble: Trouble, mchid: &MchId, now: UnixTime) {
        let turned = if trouble == Trouble::CertificateRotated {
            // A certificate signs one day after it is listed: listed a day ago, it signs from now on.
            self.rotate_certificate(mchid, now.before(DAY))
        } else if let Trouble::MigrationStep { step } = trouble {
            self.take_step(mchid, step, now)
        } else {
            return;
        };
        if turned.is_err() {
            let detail =
                format!("{} has no effect: the current keys of {mchid} do not allow it", trouble.kind());
            self.remark(now, Kind::Doubtful, None, detail);
        }
    }

    /// Applies a step of a merchant's migration to the WeChat Pay public key.
    ///
    /// # Errors
    ///
    /// [`Misstep`] for an unknown merchant, and if the step is not possible now.
    pub fn take_step(&mut self, mchid: &MchId, step: Step, now: UnixTime) -> Result<(), Misstep> {
        let platform = self.merchant_mut(mchid).ok_or(Misstep)?.platform_mut();
        match step {
            Step::Obtain => platform.obtain(),
            Step::Switch => platform.switch(now),
            Step::RollBack => platform.roll_back(),
            Step::Void => platform.void(now),
        }
    }
}

const DAY: Duration = Duration::from_secs(86_400);
