//! A request on its way through this front end. Failures have HTTP status 200, like successes.

use super::{
    authenticate,
    codes::{self, Refusal},
    delivernotify, genprepay,
    message::JsonMembers,
    orderquery,
    package::Package,
    route::Target,
    token, warn_of_leaked_secrets,
};
use crate::{
    clock::Now,
    faults::{ApiVersion, Fault, FaultContext, Operation, Substitute},
    front_end::{Draft, Exchange},
    gateway::Gateway,
    requests::RequestRecord,
    settings::PlusSign,
    warnings::Kind,
};
use serde::Serialize;
use wxpay_proto::{http::Request, id::OutTradeNo};

/// A request that was read. Its token and its signature are checked when it is executed: both are cheap.
pub(super) struct ReadRequest<'a> {
    request: &'a Request,
    pub(super) target: Target<'a>,
    /// The body, parsed once.
    pub(super) message: Result<JsonMembers, Refusal>,
    now: Now,
    /// The `partner`, as far as it can be read before the request is verified.
    claimed_partner: Option<String>,
}

impl<'a> ReadRequest<'a> {
    pub(super) fn read(request: &'a Request, now: Now) -> Self {
        let target = Target::of(request);
        let message = JsonMembers::parse(target.body);
        let mut read = Self { request, target, message, now, claimed_partner: None };
        let package = read.text("package").map(|package| Package::parse(package, PlusSign::Literal));
        read.claimed_partner = package.as_ref().and_then(Package::partner).map(String::from);
        read
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.message.as_ref().ok().and_then(|message| message.text(name))
    }

    /// Returns the order number, as far as it can be read before the request is verified.
    pub(super) fn claimed_number(&self) -> Option<String> {
        let number = self.text("out_trade_no").and_then(|number| number.parse::<OutTradeNo>().ok());
        let number = number.or_else(|| {
            let package = Package::parse(self.text("package")?, PlusSign::Literal);
            package.out_trade_no().ok()
        })?;
        Some(String::from(number.as_str()))
    }

    fn operation(&self) -> Operation {
        // The front end serves the paths of its operations only.
        self.target.operation().unwrap_or(Operation::Token)
    }

    /// Records the request. The status is 0 if a fault prevented its processing.
    fn record(&self, gateway: &mut Gateway, status: u16, fault: Option<Fault>) {
        let target = self.target.without_secrets();
        let new = RequestRecord::new(ApiVersion::V1, self.request, target, self.now.business);
        gateway.requests.add(RequestRecord {
            mchid: self.partner(gateway),
            operation: Some(self.operation().as_str()),
            status,
            fault: fault.map(Fault::kind),
            ..new
        });
    }

    /// Returns the `partner` that the request names, or that of the app that it names. Nothing of it is verified.
    fn partner(&self, gateway: &Gateway) -> Option<String> {
        self.claimed_partner.clone().or_else(|| {
            let appid = self.target.parameter("appid");
            let app = gateway.v1.apps.app(self.text("appid").or(appid.as_deref())?)?;
            Some(app.credentials().partner().to_string())
        })
    }

    fn run(&self, gateway: &mut Gateway) -> Draft {
        let (operation, now) = (self.operation(), self.now.business);
        let number = self.claimed_number();
        warn_of_leaked_secrets(gateway, self.request, operation, number.as_deref(), now);
        let result =
            match operation {
                Operation::Token => token::answer(gateway, &self.target, now),
                Operation::Genprepay => authenticate(gateway, self, now)
                    .and_then(|call| genprepay::answer(gateway, &call, self.now)),
                Operation::Orderquery => authenticate(gateway, self, now)
                    .and_then(|call| orderquery::answer(gateway, &call, self.now)),
                Operation::Delivernotify => authenticate(gateway, self, now)
                    .and_then(|call| delivernotify::answer(gateway, &call, now)),
                Operation::V3(_) | Operation::Notification | Operation::Pay => {
                    Err(codes::SYSTEM_ERROR.with_reason("the operation is not an APIv1 request"))
                }
            };
        result.unwrap_or_else(|refusal| {
            let detail = format!("{} {}: {}", operation.as_str(), refusal.code.number(), refusal.reason);
            gateway.warn(now, Kind::Refused, number.as_deref(), detail);
            gateway.requests.refuse(refusal.code.number().to_string(), &refusal.reason);
            Draft { is_success: false, ..json(&refusal.code) }
        })
    }
}

impl Exchange for ReadRequest<'_> {
    fn claims(&self) -> FaultContext {
        FaultContext {
            api_version: ApiVersion::V1,
            operation: self.operation(),
            path: self.target.path().into(),
            mchid: self.claimed_partner.clone(),
            numbers: self.claimed_number().into_iter().collect(),
        }
    }

    fn execute(&mut self, gateway: &mut Gateway, fault: Option<Fault>) -> Draft {
        let now = self.now.business;
        match fault {
            Some(Fault::TokenReplaced) => gateway.replace_tokens(now),
            Some(Fault::TokenExpired) => gateway.expire_tokens(now),
            Some(Fault::QuotaUsedUp) => {
                for account in gateway.v1.apps.accounts() {
                    account.exhaust_quota(now);
                }
            }
            _ => {}
        }
        let draft = self.run(gateway);
        self.record(gateway, draft.status, fault);
        draft
    }

    fn substitute(&mut self, gateway: &mut Gateway, fault: Fault) -> Draft {
        let draft = match fault.substitute() {
            Some(Substitute::Page(status)) => page(status),
            Some(Substitute::Garbage) => plain(200, b"<html>\xff\xfe{\"errcode\":".to_vec()),
            // APIv1 has neither 202 nor a rate limit of its own.
            Some(Substitute::SystemError | Substitute::Accepted | Substitute::RateLimited) | None => {
                json(&codes::SYSTEM_ERROR)
            }
        };
        if fault.commits() {
            self.run(gateway);
        }
        self.record(gateway, draft.status, Some(fault));
        Draft { is_success: false, ..draft }
    }

    fn discard(&mut self, gateway: &mut Gateway, fault: Fault) {
        self.record(gateway, 0, Some(fault));
    }
}

/// Builds a JSON reply. Members are in the order of their declaration.
pub(super) fn json(value: &impl Serialize) -> Draft {
    // Plain structs of numbers and strings always serialise.
    let body = serde_json::to_vec(value).unwrap_or_default();
    Draft { headers: vec![("content-type", String::from("application/json"))], ..plain(200, body) }
}

fn page(status: u16) -> Draft {
    let body = format!("<html><body>{status}</body></html>").into_bytes();
    Draft { headers: vec![("content-type", String::from("text/html"))], ..plain(status, body) }
}

fn plain(status: u16, body: Vec<u8>) -> Draft {
    Draft { status, headers: Vec::new(), body, is_success: true, signature: None, accept_encoding: None }
}
