//! The shop file as written, and its validation.

use super::{
    Call, Effects, InvalidShop, Query, RefundStateCall, Shop, StateCall, Timeout, Values, template::Template,
};
use http::{HeaderName, HeaderValue, Method};
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};
use wxpay_proto::UnixTime;

/// The shop file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    #[serde(default = "notify_path")]
    notify_path: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    create: Create,
    state: State,
    effects: Option<EffectsFile>,
    refund: Option<Request>,
    refund_state: Option<RefundState>,
    close: Option<Request>,
    timeout: Option<TimeoutFile>,
    #[serde(default)]
    query: QueryFile,
}

fn notify_path() -> String {
    String::from("/notify")
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    request: String,
    body: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Create {
    request: String,
    body: Option<String>,
    client: Option<String>,
    out_trade_no: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    request: String,
    value: Option<String>,
    paid: Vec<String>,
    #[serde(default)]
    closed: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RefundState {
    request: String,
    value: Option<String>,
    succeeded: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EffectsFile {
    request: String,
    list: String,
    order: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TimeoutFile {
    seconds: u64,
    #[serde(default = "within")]
    within: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct QueryFile {
    #[serde(default = "within")]
    within: u64,
    order: Option<String>,
    refund: Option<String>,
}

impl Default for QueryFile {
    fn default() -> Self {
        Self { within: within(), order: None, refund: None }
    }
}

fn within() -> u64 {
    30
}

type Lookup<'a> = &'a dyn Fn(&str) -> Option<String>;

impl File {
    pub(super) fn checked(self, variable: Lookup<'_>) -> Result<Shop, InvalidShop> {
        let Self { create, state, effects, refund, refund_state, close, timeout, query, .. } = self;
        let notify_path = self.notify_path;
        if !notify_path.starts_with('/') || notify_path.contains(['?', '#', ' ']) {
            return Err(InvalidShop::new(
                "notify_path must begin with / and have no query: WeChat Pay allows none",
            ));
        }
        let headers = self.headers.iter().map(|(name, value)| header(name, value, variable));
        let client = create.client.map(|text| pointer("create.client", text)).transpose()?;
        let number = create.out_trade_no.map(|text| pointer("create.out_trade_no", text)).transpose()?;
        let paid = words("state.paid", state.paid)?;
        let value = state.value.map(|text| pointer("state.value", text)).transpose()?;
        let state_call = call("state.request", &state.request, None, variable)?;
        let effects = effects.map(|effects| effects.checked(variable)).transpose()?;
        let refund =
            refund.map(|refund| call("refund.request", &refund.request, refund.body.as_deref(), variable));
        let close = close.map(|close| call("close.request", &close.request, close.body.as_deref(), variable));
        Ok(Shop {
            headers: headers.collect::<Result<_, _>>()?,
            notify_path,
            create: call("create.request", &create.request, create.body.as_deref(), variable)?,
            client,
            number,
            state: StateCall { call: state_call, value, paid, closed: state.closed },
            effects,
            refund: refund.transpose()?,
            refund_state: refund_state.map(|state| state.checked(variable)).transpose()?,
            close: close.transpose()?,
            timeout: timeout.map(TimeoutFile::checked).transpose()?,
            query: query.checked(variable)?,
            masked: Vec::new(),
        })
    }
}

impl TimeoutFile {
    fn checked(self) -> Result<Timeout, InvalidShop> {
        Ok(Timeout {
            after: seconds("timeout.seconds", self.seconds)?,
            within: seconds("timeout.within", self.within)?,
        })
    }
}

impl QueryFile {
    fn checked(self, variable: Lookup<'_>) -> Result<Query, InvalidShop> {
        let order = self.order.map(|request| call("query.order", &request, None, variable));
        let refund = self.refund.map(|request| call("query.refund", &request, None, variable));
        Ok(Query {
            within: seconds("query.within", self.within)?,
            order: order.transpose()?,
            refund: refund.transpose()?,
        })
    }
}

impl EffectsFile {
    fn checked(self, variable: Lookup<'_>) -> Result<Effects, InvalidShop> {
        Ok(Effects {
            call: call("effects.request", &self.request, None, variable)?,
            list: pointer("effects.list", self.list)?,
            order: self.order.map(|text| pointer("effects.order", text)).transpose()?,
        })
    }
}

impl RefundState {
    fn checked(self, variable: Lookup<'_>) -> Result<RefundStateCall, InvalidShop> {
        Ok(RefundStateCall {
            call: call("refund_state.request", &self.request, None, variable)?,
            value: self.value.map(|text| pointer("refund_state.value", text)).transpose()?,
            succeeded: words("refund_state.succeeded", self.succeeded)?,
        })
    }
}

fn call(field: &str, request: &str, body: Option<&str>, variable: Lookup<'_>) -> Result<Call, InvalidShop> {
    let rule = || InvalidShop::new(format!("{field} must be a method and a path, such as \"POST /orders\""));
    let (method, path) = request.split_once(' ').ok_or_else(rule)?;
    let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
    let is_path =
        path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()) && !path.contains('#');
    if !is_method || !is_path {
        return Err(rule());
    }
    let method = Method::from_bytes(method.as_bytes()).map_err(|_| rule())?;
    let body_field = field.replace(".request", ".body");
    Ok(Call {
        method,
        path: Template::parse(field, path, variable)?,
        body: body.map(|body| Template::parse(&body_field, body, variable)).transpose()?,
    })
}

fn header(name: &str, value: &str, variable: Lookup<'_>) -> Result<(HeaderName, HeaderValue), InvalidShop> {
    let field = format!("headers.{name}");
    let no_values = Values {
        out_trade_no: String::new(),
        total: 0,
        out_refund_no: String::new(),
        refund: 0,
        openid: String::new(),
        now: UnixTime::EPOCH,
        lifetime: Duration::ZERO,
    };
    let value = Template::parse(&field, value, variable)?.render(&no_values);
    let invalid = || InvalidShop::new(format!("{field} must be the name and the value of an HTTP header"));
    let parsed = HeaderName::try_from(name).map_err(|_| invalid())?;
    let mut value = HeaderValue::try_from(value).map_err(|_| invalid())?;
    value.set_sensitive(true);
    Ok((parsed, value))
}

fn pointer(field: &str, text: String) -> Result<String, InvalidShop> {
    if text.is_empty() || text.starts_with('/') {
        return Ok(text);
    }
    Err(InvalidShop::new(format!("{field} must be a JSON pointer, such as /order/status")))
}

fn words(field: &str, words: Vec<String>) -> Result<Vec<String>, InvalidShop> {
    if words.is_empty() {
        return Err(InvalidShop::new(format!("{field} must have at least one word")));
    }
    Ok(words)
}

fn seconds(field: &str, seconds: u64) -> Result<Duration, InvalidShop> {
    if (1..=600).contains(&seconds) {
        return Ok(Duration::from_secs(seconds));
    }
    Err(InvalidShop::new(format!("{field} must be 1 to 600 seconds: the check waits for it")))
}
