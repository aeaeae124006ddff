//! The shop file: how the certifier makes a shop sell.

mod template;

pub(crate) use template::Values;

use http::{HeaderName, HeaderValue, Method};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, fmt, time::Duration};
use template::Template;

/// The longest shop file, in bytes.
const MAX_BYTES: usize = 64 << 10;

/// The profile of the example shop of `wxpay-hyper`.
const EXAMPLE: &str = include_str!("profiles/example.toml");
/// The profile of the payment server, `wxpay serve`.
const WXPAY_SERVER: &str = include_str!("profiles/wxpay-server.toml");

/// The time for which an order can be paid, unless a check needs a shorter one.
pub(crate) const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// The error for a shop file that cannot be used. It names the field and its rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidShop(String);

impl InvalidShop {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for InvalidShop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidShop {}

/// The interface of a shop: the requests that place, read, refund and close an order, and the words of its answers.
///
/// It is a TOML file. Only `[create]` and `[state]` are required; what a shop does not offer is left out, and not checked.
///
/// ```toml
/// notify_path = "/notify"                  # where it receives notifications; WXPAY_NOTIFY_URL has it
/// [headers]                                # sent with each request
/// authorization = "Bearer {env:SHOP_TOKEN}"
/// [create]                                 # places the order at WeChat Pay
/// request = "POST /orders"
/// body = '{"number":"{out_trade_no}","fen":{total},"openid":"{openid}","seconds":{expires_in}}'
/// client = "/params"                       # what the payer's client receives: parameters, or a code_url
/// #out_trade_no = "/number"                # if the shop chooses the number
/// [state]
/// request = "GET /orders/{out_trade_no}"
/// value = "/status"                        # a JSON pointer; without it, the whole body is the word
/// paid = ["paid"]                          # the words for paid, refunded or not
/// closed = ["closed"]
/// [effects]                                # how often an order was fulfilled
/// request = "GET /deliveries"
/// list = "/data"                           # a number, or a list whose entries are counted
/// order = "/number"                        # the entries with this number only
/// [refund]
/// request = "POST /orders/{out_trade_no}/refunds"
/// body = '{"number":"{out_refund_no}","fen":{refund}}'
/// [refund_state]
/// request = "GET /orders/{out_trade_no}/refunds/{out_refund_no}"
/// value = "/status"
/// succeeded = ["success"]
/// [close]                                  # the shop closes the order
/// request = "POST /orders/{out_trade_no}/close"
/// [timeout]                                # the shop closes unpaid orders by itself after these seconds
/// seconds = 3
/// within = 30                              # and needs at most these seconds for it
/// [query]                                  # the shop finds a lost payment or refund within these seconds
/// within = 30
/// #order = "POST /orders/{out_trade_no}/query"    # if something must ask it to query
/// #refund = "POST /orders/{out_trade_no}/refunds/{out_refund_no}/query"
/// ```
///
/// Placeholders: `{out_trade_no}`, `{total}` and `{refund}` in fen, `{out_refund_no}`, `{openid}`, `{time_expire}` by RFC
/// 3339, `{expires_in}` in seconds, and `{env:NAME}`.
pub struct Shop {
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    notify_path: String,
    pub(crate) create: Call,
    /// A pointer to what the payer's client receives.
    client: Option<String>,
    /// A pointer to the number that the shop chose.
    number: Option<String>,
    pub(crate) state: StateCall,
    pub(crate) effects: Option<Effects>,
    pub(crate) refund: Option<Call>,
    pub(crate) refund_state: Option<RefundStateCall>,
    pub(crate) close: Option<Call>,
    pub(crate) timeout: Option<Timeout>,
    pub(crate) query: Query,
}

/// How the shop closes unpaid orders by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeout {
    /// The time to pay.
    pub(crate) after: Duration,
    /// The time that the shop needs, after the time to pay is over.
    pub(crate) within: Duration,
}

/// How the shop finds a payment or a refund whose notification is lost.
pub(crate) struct Query {
    /// The time that the shop needs.
    pub(crate) within: Duration,
    /// The request that asks the shop to query an order; without it, the shop must query by itself.
    pub(crate) order: Option<Call>,
    /// The same for a refund.
    pub(crate) refund: Option<Call>,
}

/// Shows no request: headers and bodies may contain secrets.
impl fmt::Debug for Shop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shop").field("notify_path", &self.notify_path).finish_non_exhaustive()
    }
}

/// A request to the shop.
pub(crate) struct Call {
    pub(crate) method: Method,
    path: Template,
    body: Option<Template>,
}

impl Call {
    pub(crate) fn path(&self, values: &Values) -> String {
        // Of the characters of an order number, only this one is not allowed in a path.
        self.path.render(values).replace('|', "%7C")
    }

    pub(crate) fn body(&self, values: &Values) -> Option<String> {
        self.body.as_ref().map(|body| body.render(values))
    }

    /// Returns whether the request states the time until which the order can be paid.
    pub(crate) fn has_lifetime(&self) -> bool {
        self.path.has_lifetime() || self.body.as_ref().is_some_and(Template::has_lifetime)
    }
}

/// The request that reads an order, and the words of its answer.
pub(crate) struct StateCall {
    pub(crate) call: Call,
    pub(crate) value: Option<String>,
    pub(crate) paid: Vec<String>,
    pub(crate) closed: Vec<String>,
}

/// The request that reads a refund, and the words of its answer.
pub(crate) struct RefundStateCall {
    pub(crate) call: Call,
    pub(crate) value: Option<String>,
    pub(crate) succeeded: Vec<String>,
}

/// The request that shows how often an order was fulfilled.
pub(crate) struct Effects {
    pub(crate) call: Call,
    list: String,
    order: Option<String>,
}

impl Effects {
    /// Returns the number of effects that an answer shows; `None` if it shows none at the pointer.
    pub(crate) fn count(&self, answer: &Value, out_trade_no: &str) -> Option<u64> {
        let found = answer.pointer(&self.list)?;
        if let Some(entries) = found.as_array() {
            let is_of_order = |entry: &&Value| match &self.order {
                Some(order) => entry.pointer(order).and_then(Value::as_str) == Some(out_trade_no),
                None => true,
            };
            return u64::try_from(entries.iter().filter(is_of_order).count()).ok();
        }
        found.as_u64()
    }
}

impl Shop {
    /// The names of the profiles.
    pub const PROFILES: [&'static str; 2] = ["wxpay-server", "example"];

    /// Returns the profile with this name; `None` if there is none.
    ///
    /// # Errors
    ///
    /// If a variable that the profile needs is not set: `wxpay-server` needs `WXPAY_API_KEY`, a key of its API.
    pub fn profile(
        name: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Option<Result<Self, InvalidShop>> {
        let text = match name {
            "wxpay-server" => WXPAY_SERVER,
            "example" => EXAMPLE,
            _ => return None,
        };
        Some(Self::parse(text.as_bytes(), variable))
    }

    /// Parses a shop file. `variable` returns the value of an environment variable.
    ///
    /// # Errors
    ///
    /// If it is not UTF-8 or not TOML, or if a field is unknown, missing or invalid.
    pub fn parse(file: &[u8], variable: impl Fn(&str) -> Option<String>) -> Result<Self, InvalidShop> {
        if file.len() > MAX_BYTES {
            return Err(InvalidShop::new(format!(
                "the shop file is over {MAX_BYTES} bytes: is it the right file?"
            )));
        }
        let text = std::str::from_utf8(file).map_err(|error| {
            InvalidShop::new(format!(
                "the shop file is not UTF-8 from byte {} on: save it as UTF-8",
                error.valid_up_to()
            ))
        })?;
        let file: File = toml::from_str(text).map_err(|error| {
            InvalidShop::new(format!("the shop file is invalid: {}", error.to_string().trim_end()))
        })?;
        file.checked(&variable)
    }

    /// Returns the URL for notifications of a shop at this base URL.
    pub fn notify_url(&self, target: &str) -> String {
        format!("{}{}", target.trim_end_matches('/'), self.notify_path)
    }

    /// Returns what the payer's client receives, if the shop file names it.
    pub(crate) fn client_parameters<'a>(&self, answer: &'a Value) -> Option<&'a Value> {
        answer.pointer(self.client.as_deref()?)
    }

    pub(crate) fn names_client_parameters(&self) -> bool {
        self.client.is_some()
    }

    /// Returns the number that the shop chose: a text at the pointer. `None` if it uses the certifier's.
    pub(crate) fn chosen_number<'a>(&self, answer: &'a Value) -> Option<&'a str> {
        answer.pointer(self.number.as_deref()?)?.as_str()
    }

    pub(crate) fn chooses_number(&self) -> bool {
        self.number.is_some()
    }
}

/// The shop file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
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
    fn checked(self, variable: Lookup<'_>) -> Result<Shop, InvalidShop> {
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
        now: wxpay_proto::UnixTime::EPOCH,
        lifetime: Duration::ZERO,
    };
    let value = Template::parse(&field, value, variable)?.render(&no_values);
    let invalid = |_| InvalidShop::new(format!("{field} must be the name and the value of an HTTP header"));
    let parsed = HeaderName::try_from(name).map_err(|_| invalid(()))?;
    let mut value = HeaderValue::try_from(value).map_err(|_| invalid(()))?;
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

#[cfg(test)]
mod tests;
