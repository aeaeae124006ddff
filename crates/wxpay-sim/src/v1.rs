//! The four APIv1 operations. Checks are made in this order: method, TLS, token, body, JSON, permission, appid,
//! signature, package.

mod apps;
mod codes;
mod delivernotify;
mod exchange;
mod form;
mod genprepay;
pub(crate) mod message;
mod notification;
mod orderquery;
mod package;
mod route;
pub(crate) mod sign;
mod token;
#[cfg(test)]
mod vectors;

use crate::{
    clock::Now,
    credentials::{App, Permission},
    faults::Operation,
    front_end::{self, Directory, Exchange},
    gateway::Gateway,
    settings::LeakedKey,
    warnings::Kind,
};
use apps::{Apps, TokenStatus};
use codes::{Errcode, Refusal};
use exchange::ReadRequest;
use message::JsonMembers;
use package::Package;
use route::Target;
use wxpay_proto::{
    UnixTime,
    http::{Method, Request},
    id::{MchId, OutTradeNo},
};

/// The front end of APIv1.
#[derive(Debug)]
pub(crate) struct FrontEnd;

impl front_end::FrontEnd for FrontEnd {
    fn serves(&self, path: &str) -> bool {
        route::operation(path).is_some()
    }

    fn read<'a>(&self, request: &'a Request, _directory: &Directory, now: Now) -> Box<dyn Exchange + 'a> {
        Box::new(ReadRequest::read(request, now))
    }
}

/// The state of this front end besides the ledger.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) apps: Apps,
}

/// Adds a warning for every secret in a request that must not contain it.
pub(super) fn warn_of_leaked_secrets(
    gateway: &mut Gateway,
    request: &Request,
    operation: Operation,
    number: Option<&str>,
    now: UnixTime,
) {
    let mut leaks = Vec::new();
    for app in gateway.v1.apps.iter() {
        let credentials = app.credentials();
        let mut check = |name: &str, secret: &str, check_url: bool| {
            let in_url = check_url && request.url().contains(secret);
            if in_url || contains(request.body(), secret.as_bytes()) {
                leaks.push(format!("{} carries the {name} of {}", operation.as_str(), credentials.appid()));
            }
        };
        check("paySignKey", credentials.pay_sign_key().expose(), true);
        check("partnerKey", credentials.partner_key().expose(), true);
        check("appsecret", credentials.app_secret().expose(), operation != Operation::Token);
    }
    for leak in leaks {
        gateway.warn(now, Kind::LeakedSecret, number, leak);
    }
}

fn contains(body: &[u8], secret: &[u8]) -> bool {
    !secret.is_empty() && body.windows(secret.len()).any(|window| window == secret)
}

/// A request whose token and form are valid. Its signature is not verified yet.
struct Call {
    app: App,
    message: JsonMembers,
}

/// Makes the checks that the three signed operations share, up to the appid of the body.
fn authenticate(gateway: &mut Gateway, read: &ReadRequest<'_>, now: UnixTime) -> Result<Call, Refusal> {
    let target = &read.target;
    if target.method != Method::Post {
        return Err(codes::REQUIRE_POST.with_reason("the method is not POST"));
    }
    require_https(gateway, target)?;
    let token = target.parameter("access_token");
    let token =
        token.ok_or_else(|| codes::TOKEN_MISSING.with_reason("access_token is required in the query"))?;
    let app = match gateway.v1.apps.token(&token, now) {
        (Some(app), TokenStatus::Valid) => app.clone(),
        (_, TokenStatus::Replaced) => {
            return Err(gateway
                .settings()
                .v1
                .replaced_token()
                .with_reason("the token was replaced by a newer one"));
        }
        (_, TokenStatus::Expired) => {
            return Err(gateway.settings().v1.expired_token().with_reason("the token has expired"));
        }
        (_, TokenStatus::Unknown | TokenStatus::Valid) => {
            return Err(codes::INVALID_TOKEN.with_reason("no such token was ever issued"));
        }
    };
    if target.body.is_empty() {
        return Err(codes::EMPTY_POST.with_reason("the body is empty"));
    }
    let message = read.message.clone()?;
    match app.permission() {
        Permission::Granted => {}
        Permission::NotApproved => return Err(codes::UNAUTHORIZED.with_reason("the app is not approved")),
        Permission::NoPayment => {
            return Err(codes::REQUIRE_PAY_AUTH.with_reason("the app has no payment permission"));
        }
    }
    if message.text("appid") != Some(app.credentials().appid().as_str()) {
        return Err(codes::OTHER_APPID.with_reason("appid is not the token's"));
    }
    warn_of_doubtful_forms(gateway, read, &message, now)?;
    Ok(Call { app, message })
}

fn require_https(gateway: &Gateway, target: &Target<'_>) -> Result<(), Refusal> {
    if gateway.settings().v1.require_https && !target.is_https {
        return Err(codes::REQUIRE_HTTPS.with_reason("the scheme is not https"));
    }
    Ok(())
}

/// Adds a warning for each form that this gateway accepts and others may reject.
fn warn_of_doubtful_forms(
    gateway: &mut Gateway,
    read: &ReadRequest<'_>,
    message: &JsonMembers,
    now: UnixTime,
) -> Result<(), Refusal> {
    let number = read.claimed_number();
    if message.has("appkey") {
        gateway.warn(now, Kind::LeakedSecret, number.as_deref(), "the body has a member appkey");
        if gateway.settings().v1.leaked_key == LeakedKey::Refused {
            return Err(codes::INVALID_ARGS.with_reason("the body has a member appkey"));
        }
    }
    if contains(read.target.body, b"\\u") {
        let detail = "the body has \\u escapes, which some interfaces reject: write UTF-8";
        gateway.warn(now, Kind::Nonportable, number.as_deref(), detail);
    }
    Ok(())
}

impl Call {
    /// Returns the merchant in the form of the ledger. Every `partner` has that form.
    fn mchid(&self) -> Result<MchId, Refusal> {
        let mchid = self.app.credentials().partner().as_str().parse();
        mchid.map_err(|_| codes::SYSTEM_ERROR.with_reason("the partner is not a merchant number"))
    }

    /// Verifies `app_signature` over the named members that are present.
    fn check_app_signature(&self, names: &[&'static str], error: Errcode) -> Result<(), Refusal> {
        let pairs: Vec<(&str, &str)> =
            names.iter().filter_map(|name| self.message.text(name).map(|value| (*name, value))).collect();
        let expected = sign::sha1(&pairs, self.app.credentials().pay_sign_key().expose());
        match self.message.text("app_signature") {
            None => Err(error.with_reason("app_signature is required")),
            Some(actual) if sign::constant_time_eq(actual, &expected) => Ok(()),
            Some(_) => Err(error.with_reason("app_signature does not match")),
        }
    }

    /// Checks that `sign_method` is `sha1`, ignoring case.
    fn check_sign_method(&self) -> Result<(), Refusal> {
        match self.message.text("sign_method") {
            Some(method) if method.eq_ignore_ascii_case("sha1") => Ok(()),
            _ => Err(codes::INVALID_ARGS.with_reason("sign_method must be sha1")),
        }
    }

    /// Returns a required member of 1 to `max_bytes` bytes.
    fn required_member(&self, name: &str, max_bytes: usize) -> Result<&str, Refusal> {
        self.message
            .text(name)
            .filter(|value| !value.is_empty() && value.len() <= max_bytes)
            .ok_or_else(|| codes::INVALID_ARGS.with_reason(format!("{name} must be 1 to {max_bytes} bytes")))
    }

    /// Checks that `timestamp` is a number of seconds. With the setting `timestamp_tolerance` it must also be near the
    /// wall clock.
    fn check_timestamp(&self, gateway: &Gateway, wall: UnixTime) -> Result<(), Refusal> {
        let text = self.required_member("timestamp", 32)?;
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        let seconds = digits.then(|| text.parse::<u64>().ok()).flatten();
        let seconds =
            seconds.ok_or_else(|| codes::INVALID_ARGS.with_reason("timestamp must be seconds in digits"))?;
        match gateway.settings().v1.timestamp_tolerance {
            Some(tolerance) if wall.as_secs().abs_diff(seconds) > tolerance.as_secs() => {
                Err(codes::INVALID_ARGS.with_reason("timestamp is too far from the gateway's clock"))
            }
            _ => Ok(()),
        }
    }

    /// Parses the package, verifies its MD5 signature and checks its `partner`.
    fn verified_package(
        &self,
        gateway: &mut Gateway,
        error: Errcode,
        now: UnixTime,
    ) -> Result<Package, Refusal> {
        let text = self.message.text("package").unwrap_or_default();
        if text.is_empty() {
            return Err(codes::INVALID_ARGS.with_reason("package is required"));
        }
        let package = Package::parse(text, gateway.settings().v1.plus);
        if package.has_plus() {
            let number = package.out_trade_no().ok();
            let detail = "the package has a bare +: write %20 for a space and %2B for a plus";
            gateway.warn(now, Kind::PlusInPackage, number.as_ref().map(OutTradeNo::as_str), detail);
        }
        let credentials = self.app.credentials();
        if !package.is_signed_by(credentials.partner_key().expose()) {
            return Err(error.with_reason("the package's sign does not match"));
        }
        if package.partner() != Some(credentials.partner().as_str()) {
            return Err(codes::INVALID_PARTNER.with_reason("the package names another partner"));
        }
        Ok(package)
    }
}
