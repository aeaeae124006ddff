//! Settings from a file, the environment and the command line; a later source overrides an earlier one.
//!
//! | setting | meaning | default |
//! |---|---|---|
//! | `listen` | the address and port to listen on | `127.0.0.1:8080` |
//! | `database` | the ledger file | `wxpay-ledger.db` |
//! | `public_base_url` | the URL under which WeChat Pay reaches this server, such as `https://pay.shop.example` | required, unless this server and the gateway both have loopback addresses |
//! | `notify_path` | the path of notifications; appended to `public_base_url` it is the `notify_url` | `/notify/v1` |
//! | `gateway_base_url` | the base URL of WeChat Pay | `https://api.weixin.qq.com` |
//! | `appid`, `partner` | the app and the merchant number (APIv1) | required |
//! | `app_secret`, `pay_sign_key`, `partner_key` | the three keys; with `_file` appended, the path of a file with the key | required |
//! | `api_token` or `api_token_file` | the token that `/api` requires as `authorization: Bearer …`; at least 16 characters | none |
//! | `ca_file` | a PEM file of CA certificates to trust in addition to the public ones | none |
//! | `proxy` | a forward proxy, `http://host:port` | none |
//! | `call_timeout`, `call_attempts` | the timeout of one request to WeChat Pay, and the limit of attempts | `10s`, `4` |
//! | `poll_intervals` | the intervals between queries of an open order; the last one repeats | `15s, 30s, 1m, 2m, 5m, 10m, 30m` |
//! | `poll_concurrency` | the number of orders queried at once | `8` |
//! | `prepay_lifetime` | the time for which an order can be paid after it was placed; its `time_expire` may end this earlier | `2h` |
//! | `poll_margin` | the time between the end of that period and the last query | `5m` |
//!
//! Durations are whole numbers of seconds, or have a unit: `500ms`, `15s`, `2m`, `1h`. The file is TOML; a list there
//! may be an array.
//!
//! In the environment a setting is `WXPAY_` and its name in capitals, except those that `wxpay sim` exports: `appid`,
//! `partner` and the three keys are `WXPAY_V1_APPID`, `WXPAY_V1_PARTNER` and so on (also with `_FILE`),
//! `gateway_base_url` is `WXPAY_BASE_URL` and `ca_file` is `WXPAY_TLS_CA_FILE`. The variables of APIv3 that it exports
//! are ignored.
//!
//! By default the server listens on the loopback interface: it speaks plain HTTP, and any client that reaches `/api`
//! can place orders in the shop's name. Put a TLS proxy in front, and expose only the notification path to the
//! internet. To listen on any other address, `api_token` is required.

mod sources;
mod values;

pub use sources::Sources;
pub(crate) use values::shown;

use crate::ledger::Schedule;
use std::{error, fmt, net::SocketAddr, path::PathBuf};
use wxpay_proto::{
    id::NotifyUrl,
    retry::Policy,
    secret::Secret,
    v1::{AppSecret, Merchant, PartnerKey, PaySignKey},
};

/// Validated settings. Its `Debug` output hides the keys.
#[derive(Debug)]
pub struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) database: PathBuf,
    /// The URL for notifications. `None`: derived from the address that the server binds.
    pub(crate) notify_url: Option<NotifyUrl>,
    pub(crate) notify_path: String,
    pub(crate) merchant: Merchant,
    pub(crate) api_token: Option<Secret<String>>,
    pub(crate) ca: Option<Vec<u8>>,
    pub(crate) proxy: Option<String>,
    pub(crate) schedule: Schedule,
    pub(crate) poll_concurrency: usize,
}

/// An invalid setting: its name and the rule it breaks. A value is shown only if it is the path of a file.
#[derive(Debug)]
pub struct ConfigError {
    name: String,
    rule: String,
    cause: Option<Box<dyn error::Error + Send + Sync>>,
}

impl ConfigError {
    pub(crate) fn new(name: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { name: name.into(), rule: rule.into(), cause: None }
    }

    pub(crate) fn with_source(mut self, cause: impl error::Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// Returns the name of the setting, as in the settings file.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.rule)
    }
}

impl error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.cause.as_deref().map(|cause| -> &(dyn error::Error + 'static) { cause })
    }
}

impl Config {
    /// Returns the address to listen on.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Returns the merchant.
    pub fn merchant(&self) -> &Merchant {
        &self.merchant
    }

    fn from_sources(mut sources: Sources) -> Result<Self, ConfigError> {
        let listen: SocketAddr = sources
            .parsed("listen", "must be an address and a port, such as 127.0.0.1:8080")?
            .unwrap_or_else(loopback);
        let api_token = sources.secret("api_token")?;
        if api_token
            .as_ref()
            .is_some_and(|token| token.len() < 16 || !token.bytes().all(|byte| byte.is_ascii_graphic()))
        {
            return Err(ConfigError::new("api_token", "must be 16 or more visible ASCII characters"));
        }
        if !listen.ip().is_loopback() && api_token.is_none() {
            let rule =
                "is required if listen is not a loopback address: anyone who reaches /api can place orders";
            return Err(ConfigError::new("api_token", rule));
        }
        let notify_path = sources.text("notify_path").unwrap_or_else(|| "/notify/v1".to_owned());
        let config = Self {
            listen,
            database: sources.text("database").unwrap_or_else(|| "wxpay-ledger.db".to_owned()).into(),
            notify_url: notify_url(&mut sources, &listen, &notify_path)?,
            notify_path,
            merchant: merchant(&mut sources)?,
            api_token: api_token.map(|token| Secret::new(token.to_string())),
            ca: sources.bytes("ca_file")?,
            proxy: sources.text("proxy"),
            schedule: schedule(&mut sources)?,
            poll_concurrency: sources.count("poll_concurrency", 1..=64)?.unwrap_or(8),
        };
        sources.finish()?;
        Ok(config)
    }
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

/// Builds the `notify_url`. The server's own paths are reserved, and a brace would be a pattern to the router.
fn notify_url(
    sources: &mut Sources,
    listen: &SocketAddr,
    path: &str,
) -> Result<Option<NotifyUrl>, ConfigError> {
    let is_valid = path.starts_with('/')
        && path.len() > 1
        && !["/api", "/health"]
            .iter()
            .any(|reserved| path == *reserved || path.starts_with(&format!("{reserved}/")))
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte));
    if !is_valid {
        let rule =
            "must begin with /, consist of letters, digits and /-._~, and not be under /api or /health";
        return Err(ConfigError::new("notify_path", rule));
    }
    let Some(base) = sources.text("public_base_url") else {
        let is_local = listen.ip().is_loopback() && sources.peek("gateway_base_url").is_some_and(is_loopback);
        let rule = "is required: WeChat Pay sends notifications to it";
        return if is_local { Ok(None) } else { Err(ConfigError::new("public_base_url", rule)) };
    };
    let rule = "must be an absolute http or https URL without user, query or fragment";
    let url = format!("{}{path}", base.trim_end_matches('/'));
    let bad =
        |cause: wxpay_proto::id::InvalidField| ConfigError::new("public_base_url", rule).with_source(cause);
    url.parse().map(Some).map_err(bad)
}

/// Returns whether a URL has a loopback IP address and a port. Names, such as `localhost`, do not count.
fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    authority.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}

fn merchant(sources: &mut Sources) -> Result<Merchant, ConfigError> {
    let builder = Merchant::builder(
        sources.required("appid")?,
        sources.key("app_secret", AppSecret::new)?,
        sources.key("pay_sign_key", PaySignKey::new)?,
        sources.required("partner")?,
        sources.key("partner_key", PartnerKey::new)?,
    );
    let mut policy = Policy::default();
    if let Some(timeout) = sources.duration("call_timeout")? {
        policy.timeout = timeout;
    }
    if let Some(attempts) = sources.count("call_attempts", 1..=10)? {
        policy.max_attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
    }
    let builder = builder.retry(policy);
    let builder = match sources.text("gateway_base_url") {
        Some(url) => {
            builder.base_url(&url).map_err(|cause| ConfigError::new("gateway_base_url", cause.rule()))?
        }
        None => builder,
    };
    Ok(builder.build())
}

fn schedule(sources: &mut Sources) -> Result<Schedule, ConfigError> {
    let default = Schedule::default();
    Ok(Schedule {
        intervals: sources.durations("poll_intervals")?.map_or(default.intervals, Into::into),
        prepay_lifetime: sources.duration("prepay_lifetime")?.unwrap_or(default.prepay_lifetime),
        margin: sources.duration("poll_margin")?.unwrap_or(default.margin),
    })
}

#[cfg(test)]
mod tests;
