//! A request on its way through this front end: read and verified, executed, and drafted as a reply.

use super::{
    authorization::Authorization,
    call::percent_decoded,
    catalogue,
    errors::{ErrorCode, RATELIMIT_EXCEEDED, Refusal, SYSTEM_ERROR},
    reply::{NegativeTest, Reply},
    route::{self, PathParameters},
    signature::PendingSignature,
    validate::{self, RequestContext, Validated},
};
use crate::{
    clock::Now,
    faults::{ApiVersion, Fault, FaultContext, Operation, Substitute},
    front_end::{Directory, Draft, Exchange},
    gateway::{Gateway, target},
    requests::RequestRecord,
    rng::UPPER_HEX,
    warnings::Kind,
};
use serde_json::Value;
use std::borrow::Cow;
use wxpay_catalogue::Found;
use wxpay_proto::{http::Request, id::MchId};

/// The label of a request without an operation.
const UNKNOWN_LABEL: &str = "v3";

/// A request as parsed, before anything of it is verified.
pub(super) struct Parsed<'a> {
    pub(super) request: &'a Request,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) authorization: Option<Authorization<'a>>,
    pub(super) route: Result<(&'static super::operation::Operation, PathParameters), Refusal>,
    /// The operation of the catalogue, if the gateway implements none.
    pub(super) catalogued: Option<Found>,
    /// The body, if it is JSON. Validation takes it.
    pub(super) json: Option<Value>,
    /// The merchant's own numbers in the request, and the numbers in its path.
    numbers: Vec<String>,
    /// The number of the order, transfer or other object that the request is about.
    number: Option<String>,
}

impl<'a> Parsed<'a> {
    fn new(request: &'a Request, directory: &Directory) -> Self {
        let target = target(request);
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let route = route::find(request.method(), path);
        let catalogue = directory.catalogue.as_ref().filter(|_| route.is_err());
        let catalogued = catalogue.and_then(|catalogue| catalogue.find(request.method().as_str(), path));
        let json: Option<Value> = serde_json::from_slice(request.body()).ok();
        let mut numbers = Vec::new();
        if let Some(json) = &json {
            collect_numbers(json, &mut numbers);
        }
        let parameters = route.as_ref().map(|(_, parameters)| parameters.as_slice()).unwrap_or_default();
        let parameters = parameters.iter().map(|(name, value)| (*name, value));
        let of_catalogue = catalogued.iter().flat_map(|found| &found.parameters);
        let parameters = parameters.chain(of_catalogue.map(|(name, value)| (name.as_str(), value)));
        let parameters: Vec<(&str, &String)> = parameters.collect();
        let mut own_parameters = parameters.iter().filter(|(name, _)| is_merchant_number(name));
        let number = numbers.first().or_else(|| own_parameters.next().map(|(_, value)| *value)).cloned();
        numbers.extend(parameters.iter().map(|(_, value)| (*value).clone()));
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let pairs = pairs.filter(|(name, _)| is_merchant_number(name));
        numbers.extend(pairs.map(|(_, value)| percent_decoded(value)));
        let authorization = request.header("authorization").and_then(Authorization::parse);
        Self { request, path, query, authorization, route, catalogued, json, numbers, number }
    }

    fn label(&self) -> Option<&'static str> {
        let of_catalogue = self.catalogued.as_ref().map(|_| catalogue::LABEL);
        of_catalogue.or_else(|| self.route.as_ref().ok().map(|(operation, _)| operation.label))
    }

    /// Returns the mchid in `Authorization`. The signature is not verified here.
    fn claimed_mchid(&self) -> Option<MchId> {
        self.authorization.as_ref()?.mchid.parse().ok()
    }
}

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

/// A request that was read: its parts, and what validation says of it.
pub(super) struct ReadRequest<'a> {
    parsed: Parsed<'a>,
    context: RequestContext,
    /// Taken when the request is executed.
    validated: Option<Result<Validated, Refusal>>,
    now: Now,
}

impl<'a> ReadRequest<'a> {
    pub(super) fn read(request: &'a Request, directory: &Directory, now: Now) -> Self {
        let mut parsed = Parsed::new(request, directory);
        let mut context = RequestContext::default();
        let validated = validate::validate(&mut parsed, directory, &mut context, now);
        Self { parsed, context, validated: Some(validated), now }
    }

    /// Executes the request.
    fn run(&mut self, gateway: &mut Gateway) -> Reply {
        let result = self
            .validated
            .take()
            .unwrap_or_else(|| Err(SYSTEM_ERROR.with_reason("the request was executed before")));
        let result = self.within_rate_limit(gateway).and(result).and_then(|validated| {
            let (operation, call) = match validated {
                Validated::Implemented { operation, call } => (operation, call),
                Validated::Catalogued(call) => return catalogue::answer(gateway, &call),
            };
            let result = (operation.handler)(gateway, &call);
            if let Err(refusal) = &result {
                gateway.v3.rates.count_failure(&call, refusal);
            }
            result
        });
        result.unwrap_or_else(|refusal| self.refusal_reply(gateway, &refusal))
    }

    /// Counts the request, if it came as far as its operation. The limits follow the wall clock: business time may
    /// stand still.
    fn within_rate_limit(&self, gateway: &mut Gateway) -> Result<(), Refusal> {
        let (Some(operation), Some(mchid)) = (self.context.operation, &self.context.mchid) else {
            return Ok(());
        };
        if !gateway.settings().v3.rate_limits {
            return Ok(());
        }
        gateway.v3.rates.count(operation, mchid, self.now.wall)
    }

    fn refusal_reply(&self, gateway: &mut Gateway, refusal: &Refusal) -> Reply {
        let label = self.context.operation.map(|operation| operation.label);
        let label = label.or_else(|| self.parsed.label()).unwrap_or(UNKNOWN_LABEL);
        let detail = format!("{label} {} {}: {}", refusal.status, refusal.code, refusal.reason);
        gateway.warn(self.now.business, Kind::Refused, self.parsed.number.as_deref(), detail);
        gateway.requests.refuse(refusal.code, &refusal.reason);
        let sign_unauthorized = gateway.settings().v3.sign_unauthorized;
        let is_signed = refusal.is_signed && (refusal.status != 401 || sign_unauthorized);
        let reply = Reply::of(refusal.status, &refusal.body(), refusal.result_code);
        Reply { code: Some(refusal.code), is_signed, ..reply }
    }

    /// Drafts a reply: records the request, and prepares the signature unless the reply is exempt from signing.
    fn draft(&mut self, gateway: &mut Gateway, reply: Reply) -> Draft {
        let id = gateway.rng.text(UPPER_HEX, 32);
        let request_id = format!("08{id}-{}", reply.result_code);
        self.record(gateway, Some(&reply), &request_id);
        let probes = u64::from(gateway.settings().v3.probes_per_mille);
        if self.context.negative.is_none() && probes > 0 && gateway.rng.below(1000) < probes {
            self.context.negative = Some(NegativeTest::SigntestProbe);
        }
        let signature = reply.is_signed.then(|| self.signature(gateway));
        let accept_encoding = self.parsed.request.header("accept-encoding");
        let accept_encoding = accept_encoding.filter(|_| gateway.settings().v3.compression);
        let mut draft = reply.into_draft(&request_id, signature, accept_encoding);
        if self.parsed.catalogued.is_some() {
            let (name, value) = catalogue::MARK;
            draft.headers.push((name, value.into()));
        }
        draft
    }

    /// Records the request. A fault that prevented its processing left no reply.
    fn record(&self, gateway: &mut Gateway, reply: Option<&Reply>, request_id: &str) {
        let request = self.parsed.request;
        let new = RequestRecord::new(ApiVersion::V3, request, target(request).into(), self.now.business);
        gateway.requests.add(RequestRecord {
            mchid: self.context.mchid.as_ref().map(ToString::to_string),
            operation: self.parsed.label(),
            status: reply.map_or(0, |reply| reply.status),
            code: reply.and_then(|reply| reply.code).map(Cow::Borrowed),
            request_id: request_id.into(),
            fault: self.context.fault,
            ..new
        });
    }

    fn signature(&self, gateway: &mut Gateway) -> PendingSignature {
        let requested = self.parsed.request.header("wechatpay-serial");
        let (serial, key) = {
            // The reply to an unknown merchant is signed too, with the platform key of the default merchant.
            let merchant = self.context.mchid.as_ref().and_then(|mchid| gateway.registry().get(mchid));
            let merchant = merchant.unwrap_or_else(|| gateway.merchant());
            let (serial, key) = merchant.platform().reply_signer(requested, self.now.business);
            (String::from(serial), key.clone())
        };
        let mut signature = PendingSignature::new((&serial, &key), &mut gateway.rng, self.now.wall);
        if let Some(negative) = self.context.negative {
            negative.apply(&mut signature, &mut gateway.rng);
        }
        signature
    }

    /// Takes merchant and operation from an unverified request. The reply is signed for this merchant, so an unknown
    /// one is ignored.
    fn trust_claims(&mut self, gateway: &Gateway) {
        let claimed = self.parsed.claimed_mchid();
        self.context.mchid = claimed.filter(|mchid| gateway.registry().get(mchid).is_some());
        self.context.operation = self.parsed.route.as_ref().ok().map(|(operation, _)| *operation);
    }
}

impl Exchange for ReadRequest<'_> {
    fn claims(&self) -> FaultContext {
        FaultContext {
            api_version: ApiVersion::V3,
            // A request without a label is matched only by rules that name no operation.
            operation: Operation::V3(self.parsed.label().unwrap_or(UNKNOWN_LABEL)),
            path: self.parsed.path.into(),
            mchid: self.parsed.claimed_mchid().map(|mchid| mchid.to_string()),
            numbers: self.parsed.numbers.clone(),
        }
    }

    fn execute(&mut self, gateway: &mut Gateway, fault: Option<Fault>) -> Draft {
        self.context.fault = fault.map(Fault::kind);
        let mut reply = self.run(gateway);
        let negative = match fault {
            Some(Fault::UnsignedReply) => {
                reply.is_signed = false;
                None
            }
            Some(Fault::WrongSignature) => Some(NegativeTest::BadSignature),
            Some(Fault::SigntestProbe) => Some(NegativeTest::SigntestProbe),
            Some(Fault::UnknownSerial) => Some(NegativeTest::UnknownSerial),
            Some(Fault::StaleTimestamp) => Some(NegativeTest::ExpiredTimestamp),
            Some(Fault::MissingHeader) => Some(NegativeTest::MissingHeader),
            Some(Fault::TamperedBody) => Some(NegativeTest::TamperedBody),
            Some(fault @ (Fault::CertificateRotated | Fault::MigrationStep { .. })) => {
                // The keys change after the request is executed and before its reply is signed.
                if let Some(mchid) = &self.context.mchid {
                    gateway.change_platform_keys(fault, mchid, self.now);
                }
                None
            }
            _ => None,
        };
        self.context.negative = negative.or(self.context.negative);
        self.draft(gateway, reply)
    }

    fn substitute(&mut self, gateway: &mut Gateway, fault: Fault) -> Draft {
        self.context.fault = Some(fault.kind());
        let reply = match fault.substitute() {
            Some(Substitute::Page(status)) => Reply::proxy_page(status),
            Some(Substitute::Garbage) => Reply::garbage(),
            Some(Substitute::Accepted) => Reply::accepted(),
            Some(Substitute::RateLimited) => error_reply(RATELIMIT_EXCEEDED),
            Some(Substitute::SystemError) | None => error_reply(SYSTEM_ERROR),
        };
        if fault.commits() {
            self.run(gateway);
        } else {
            self.trust_claims(gateway);
        }
        self.draft(gateway, reply)
    }

    fn discard(&mut self, gateway: &mut Gateway, fault: Fault) {
        self.context.fault = Some(fault.kind());
        self.trust_claims(gateway);
        self.record(gateway, None, "");
    }
}

fn error_reply(code: ErrorCode) -> Reply {
    let refusal = code.with_reason("injected by a fault rule");
    Reply { code: Some(refusal.code), ..Reply::of(refusal.status, &refusal.body(), refusal.result_code) }
}
