//! Fault injection for APIv3 requests: finds the rule that applies to a request and produces its outcome.

use super::{
    authorization::{Authorization, target},
    call::percent_decoded,
    errors::{ErrorCode, RATELIMIT_EXCEEDED, SYSTEM_ERROR},
    execute, finish_reply,
    reply::{NegativeTest, Reply},
    route,
    validate::RequestContext,
};
use crate::{
    faults::{ApiVersion, Fault, FaultContext, MigrationStep, Operation},
    gateway::{Gateway, OrderRef, Outcome, Payer},
    merchant::MigrationError,
    warnings::Kind,
};
use serde_json::Value;
use std::time::Duration;
use wxpay_proto::{
    UnixTime,
    http::{Request, Response},
    id::{MchId, OutTradeNo},
};

/// Answers a request, with the fault of the first rule that applies.
pub(crate) fn answer(gateway: &mut Gateway, request: &Request, now: UnixTime) -> Outcome {
    let fault = gateway.faults.inject(|| fault_context(request), now);
    let mut call = FaultedCall { gateway, request, kind: fault.map(Fault::kind), now };
    match fault {
        None => Outcome::Reply(call.answer(None)),
        Some(fault) => call.outcome(fault),
    }
}

/// Describes a request for matching fault rules, as far as it can be read before the request is verified.
fn fault_context(request: &Request) -> FaultContext {
    let (path, query) = target(request).split_once('?').unwrap_or_else(|| (target(request), ""));
    // A request without a label is matched only by rules that name no operation.
    let (label, parameters) = route::find(request.method(), path).map_or_else(
        |_| (UNKNOWN_LABEL, Vec::new()),
        |(operation, parameters)| (operation.label, parameters),
    );
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let mut numbers = Vec::new();
    collect_numbers(&body, &mut numbers);
    numbers.extend(parameters.into_iter().map(|(_, value)| value));
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    numbers
        .extend(pairs.filter(|(name, _)| is_merchant_number(name)).map(|(_, value)| percent_decoded(value)));
    FaultContext {
        api_version: ApiVersion::V3,
        operation: Operation::V3(label),
        path: path.into(),
        mchid: claimed_mchid(request).map(|mchid| mchid.to_string()),
        numbers,
    }
}

/// The label of a request without an operation.
const UNKNOWN_LABEL: &str = "v3";

/// Returns `true` for the name of a merchant's own number: `out_trade_no`, `out_refund_no`, `combine_out_trade_no` and
/// similar.
fn is_merchant_number(name: &str) -> bool {
    name.contains("out_") && name.ends_with("_no")
}

/// Collects the merchant's numbers in an object and in the objects of its lists.
fn collect_numbers(value: &Value, numbers: &mut Vec<String>) {
    for (name, member) in value.as_object().into_iter().flatten() {
        match member {
            Value::String(text) if is_merchant_number(name) => numbers.push(text.clone()),
            Value::Array(items) => items.iter().for_each(|item| collect_numbers(item, numbers)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_) => {}
        }
    }
}

/// Returns the mchid in `Authorization`. The signature is not verified here.
fn claimed_mchid(request: &Request) -> Option<MchId> {
    request.header("authorization").and_then(Authorization::parse)?.mchid.parse().ok()
}

/// A request to which a fault rule may apply.
struct FaultedCall<'a> {
    gateway: &'a mut Gateway,
    request: &'a Request,
    kind: Option<&'static str>,
    now: UnixTime,
}

impl FaultedCall<'_> {
    fn outcome(&mut self, fault: Fault) -> Outcome {
        let reply = match fault {
            Fault::ConnectionRefused { millis } => {
                return self.drop_unprocessed(Outcome::ConnectionRefused(Duration::from_millis(millis)));
            }
            Fault::DropBeforeCommit => {
                return self.drop_unprocessed(Outcome::ConnectionClosed { committed: false });
            }
            Fault::ResetBeforeCommit => {
                return self.drop_unprocessed(Outcome::ConnectionReset { committed: false });
            }
            Fault::CommitThenDropResponse => {
                self.answer(None);
                return Outcome::ConnectionClosed { committed: true };
            }
            Fault::CommitThenReset => {
                self.answer(None);
                return Outcome::ConnectionReset { committed: true };
            }
            Fault::Delayed { millis } | Fault::AnswerAfterClientTimeout { millis } => {
                return Outcome::Delayed(self.answer(None), Duration::from_millis(millis));
            }
            Fault::Cut { bytes } => return Outcome::truncated(self.answer(None), bytes),
            Fault::Slow { bytes_per_second } => return Outcome::Slow(self.answer(None), bytes_per_second),
            Fault::Early => return self.notify_before_reply(),
            Fault::ServerError { commits } => self.replace_reply(commits, Reply::proxy_page(500)),
            Fault::BadGateway { commits } => self.replace_reply(commits, Reply::proxy_page(502)),
            Fault::Unavailable { commits } => self.replace_reply(commits, Reply::proxy_page(503)),
            Fault::Garbage { commits } => self.replace_reply(commits, Reply::garbage()),
            Fault::SystemError { commits } => self.replace_reply(commits, error_reply(SYSTEM_ERROR)),
            Fault::Accepted { commits } => self.replace_reply(commits, Reply::accepted()),
            Fault::RateLimited => self.replace_reply(false, error_reply(RATELIMIT_EXCEEDED)),
            Fault::UnsignedReply => self.answer_with(|reply, _| reply.is_signed = false),
            Fault::WrongSignature => self.answer(Some(NegativeTest::BadSignature)),
            Fault::SigntestProbe => self.answer(Some(NegativeTest::SigntestProbe)),
            Fault::UnknownSerial => self.answer(Some(NegativeTest::UnknownSerial)),
            Fault::StaleTimestamp => self.answer(Some(NegativeTest::ExpiredTimestamp)),
            Fault::MissingHeader => self.answer(Some(NegativeTest::MissingHeader)),
            Fault::TamperedBody => self.answer(Some(NegativeTest::TamperedBody)),
            Fault::PaidDuringClose => {
                self.pay(self.now.after(self.gateway.settings.notify_delay));
                self.answer(None)
            }
            Fault::CertificateRotated | Fault::MigrationStep { .. } => self.change_keys(fault),
            Fault::TokenReplaced
            | Fault::TokenExpired
            | Fault::QuotaUsedUp
            | Fault::SecondPayment
            | Fault::NotificationLost
            | Fault::NotificationDelayed { .. }
            | Fault::NotificationDuplicated
            | Fault::NotificationReordered
            | Fault::NotificationForged
            | Fault::NotificationUnknownSerial
            | Fault::NotificationProbe
            | Fault::NotificationStale => self.answer(None),
        };
        Outcome::Reply(reply)
    }

    /// Executes the request and returns its reply, with an invalid signature if requested.
    fn answer(&mut self, negative: Option<NegativeTest>) -> Response {
        self.answer_with(|_, context| context.negative = negative.or(context.negative))
    }

    fn answer_with(&mut self, change: impl FnOnce(&mut Reply, &mut RequestContext)) -> Response {
        let mut context = self.context();
        let mut reply = execute(self.gateway, self.request, &mut context, self.now);
        change(&mut reply, &mut context);
        finish_reply(self.gateway, self.request, context, reply, self.now)
    }

    /// Returns the given reply instead of the operation's reply.
    fn replace_reply(&mut self, commits: bool, reply: Reply) -> Response {
        let mut context = self.context();
        if commits {
            execute(self.gateway, self.request, &mut context, self.now);
        } else {
            self.read_claims(&mut context);
        }
        finish_reply(self.gateway, self.request, context, reply, self.now)
    }

    /// Changes the platform's keys after the request is executed and before its reply is signed.
    fn change_keys(&mut self, fault: Fault) -> Response {
        let mut context = self.context();
        let reply = execute(self.gateway, self.request, &mut context, self.now);
        if let Some(mchid) = &context.mchid {
            self.gateway.change_platform_keys(fault, mchid, self.now);
        }
        finish_reply(self.gateway, self.request, context, reply, self.now)
    }

    /// Executes the request and lets the payer pay, so that the notification arrives before the reply.
    fn notify_before_reply(&mut self) -> Outcome {
        let response = self.answer(None);
        if response.status() == 200 && self.pay(self.now) {
            Outcome::AfterNotifications(response)
        } else {
            Outcome::Reply(response)
        }
    }

    /// Pays the orders named in the request, as far as they can be paid. Returns `true` if one is paid.
    fn pay(&mut self, due: UnixTime) -> bool {
        let Some(mchid) = claimed_mchid(self.request) else { return false };
        let numbers = fault_context(self.request).numbers;
        let numbers = numbers.iter().filter_map(|number| number.parse::<OutTradeNo>().ok());
        let mut is_paid = false;
        for number in numbers {
            let order_ref = OrderRef::OfMerchant(mchid.clone(), number);
            is_paid |= self
                .gateway
                .charge_with_combined(&order_ref, &Payer::default(), false, due, self.now)
                .is_ok();
        }
        is_paid
    }

    /// Records a request that is not processed.
    fn drop_unprocessed(&mut self, outcome: Outcome) -> Outcome {
        let mut context = self.context();
        self.read_claims(&mut context);
        self.gateway.v3.requests.add(self.request, &context, None, "", self.now);
        outcome
    }

    fn context(&self) -> RequestContext {
        RequestContext { fault: self.kind, ..RequestContext::default() }
    }

    /// Reads the merchant and the operation of an unverified request. The reply is signed for this merchant, so an
    /// unknown one is ignored.
    fn read_claims(&self, context: &mut RequestContext) {
        context.mchid =
            claimed_mchid(self.request).filter(|mchid| self.gateway.v3.merchants.get(mchid).is_some());
        let path = target(self.request).split('?').next().unwrap_or_default();
        let found = route::find(self.request.method(), path);
        context.label = found.ok().map(|(operation, _)| operation.label);
    }
}

fn error_reply(code: ErrorCode) -> Reply {
    let refusal = code.with_reason("injected by a fault rule");
    Reply { code: Some(refusal.code), ..Reply::of(refusal.status, &refusal.body(), refusal.result_code) }
}

impl Gateway {
    /// Changes the platform keys of a merchant, as a fault requires. Adds a warning if that is not possible.
    pub(super) fn change_platform_keys(&mut self, fault: Fault, mchid: &MchId, now: UnixTime) {
        let result = if fault == Fault::CertificateRotated {
            // A certificate signs one day after it is listed: listed a day ago, it signs from now on.
            self.rotate_certificate(mchid, now.before(DAY))
        } else if let Fault::MigrationStep { step } = fault {
            self.apply_migration_step(mchid, step, now)
        } else {
            return;
        };
        if result.is_err() {
            let detail =
                format!("{} has no effect: the current keys of {mchid} do not allow it", fault.kind());
            self.warn(now, Kind::Nonportable, None, detail);
        }
    }

    /// Applies a step of a merchant's migration to the WeChat Pay public key.
    ///
    /// # Errors
    ///
    /// [`MigrationError`] for an unknown merchant, and if the step is not possible now.
    pub fn apply_migration_step(
        &mut self,
        mchid: &MchId,
        step: MigrationStep,
        now: UnixTime,
    ) -> Result<(), MigrationError> {
        let platform = self.merchant_mut(mchid).ok_or(MigrationError)?.platform_mut();
        match step {
            MigrationStep::Obtain => platform.obtain_public_key(),
            MigrationStep::Switch => platform.start_switch(now),
            MigrationStep::RollBack => platform.roll_back(),
            MigrationStep::Void => platform.void_certificates(now),
        }
    }
}

const DAY: Duration = Duration::from_secs(86_400);
