//! The shop file: how the certifier makes a shop sell.

mod file;
mod template;

pub(crate) use template::Values;

use http::{HeaderName, HeaderValue, Method};
use serde_json::Value;
use std::{cell::RefCell, fmt, time::Duration};
use template::Template;
use wxpay_proto::secret::Secret;

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
/// It is a TOML file. Only `[create]` and `[state]` are required; an absent table is a feature that the shop does not offer, and is not checked.
///
/// ```toml
/// notify_path = "/notify"                  # where it receives notifications; WXPAY_NOTIFY_URL has it
/// [headers]                                # sent with each request
/// authorization = "Bearer {env:SHOP_TOKEN}"
/// [create]                                 # places the order at WeChat Pay
/// request = "POST /orders"
/// body = '{"number":"{out_trade_no}","fen":{total},"openid":"{openid}","seconds":{expires_in}}'
/// client = "/params"                       # the parameters for the payer's client, or a code_url
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
    /// A pointer to the parameters or the code for the payer's client.
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
    /// The values of environment variables that requests contain. Evidence must not show them.
    pub(crate) masked: Vec<Secret<String>>,
}

/// The time limits of a shop that closes unpaid orders by itself.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timeout {
    /// The time to pay.
    pub(crate) after: Duration,
    /// The time that the shop needs, after the time to pay is over.
    pub(crate) within: Duration,
}

/// The time limit and the requests for a payment or a refund whose notification is lost.
pub(crate) struct Query {
    /// The time that the shop needs.
    pub(crate) within: Duration,
    /// The request that asks the shop to query an order; without it, the shop must query by itself.
    pub(crate) order: Option<Call>,
    /// The request that asks the shop to query a refund.
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
        let file: file::File = toml::from_str(text).map_err(|error| {
            InvalidShop::new(format!("the shop file is invalid: {}", error.to_string().trim_end()))
        })?;
        let values = RefCell::new(Vec::new());
        let recorded = |name: &str| {
            let value = variable(name)?;
            values.borrow_mut().push(Secret::new(value.clone()));
            Some(value)
        };
        let shop = file.checked(&recorded)?;
        Ok(Self { masked: values.into_inner(), ..shop })
    }

    /// Returns the URL for notifications of a shop at this base URL.
    pub fn notify_url(&self, target: &str) -> String {
        format!("{}{}", target.trim_end_matches('/'), self.notify_path)
    }

    /// Returns the parameters or the code for the payer's client, if the shop file names them.
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

#[cfg(test)]
mod tests;
