//! Settings from a file, the environment and the command line; a later source overrides an earlier one.
//!
//! | setting | meaning | default |
//! |---|---|---|
//! | `listen` | the address and port to listen on | `127.0.0.1:8080` |
//! | `database` | the ledger file; its folder must exist | `wxpay-ledger.db` |
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
    id::{InvalidField, NotifyUrl},
    retry::Policy,
    secret::Secret,
    v1::{AppSecret, Builder, Merchant, PartnerKey, PaySignKey},
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
pub struct InvalidSetting {
    name: String,
    rule: String,
    cause: Option<Box<dyn error::Error + Send + Sync>>,
}

impl InvalidSetting {
    pub(crate) fn new(name: impl Into<String>, rule: impl Into<String>) -> Self {
        Self { name: name.into(), rule: rule.into(), cause: None }
    }

    pub(crate) fn with_source(mut self, cause: impl error::Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Box::new(cause));
        self
    }

    /// Returns the name of the setting, as in its source.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl fmt::Display for InvalidSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.rule)
    }
}

impl error::Error for InvalidSetting {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.cause.as_deref().map(|cause| -> &(dyn error::Error + 'static) { cause })
    }
}

/// All invalid settings.
#[derive(Debug)]
pub struct ConfigError(Vec<InvalidSetting>);

impl ConfigError {
    /// Returns the invalid settings: first those that no source may have, then the others.
    pub fn settings(&self) -> &[InvalidSetting] {
        &self.0
    }
}

/// Prints the invalid settings with their causes on one line.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, setting) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{setting}")?;
            if let Some(cause) = &setting.cause {
                write!(f, ": {cause}")?;
            }
        }
        Ok(())
    }
}

impl error::Error for ConfigError {}

impl Config {
    /// Returns the address to listen on.
    pub fn listen(&self) -> SocketAddr {
        self.listen
    }

    /// Returns the merchant.
    pub fn merchant(&self) -> &Merchant {
        &self.merchant
    }

    /// Checks every setting before it fails, so that one run shows all faults.
    fn from_sources(mut sources: Sources) -> Result<Self, ConfigError> {
        let listen: SocketAddr = sources
            .parsed("listen", "must be an address and a port, such as 127.0.0.1:8080")
            .unwrap_or_else(loopback);
        let notify_path = sources.text("notify_path").unwrap_or_else(|| "/notify/v1".to_owned());
        let api_token = api_token(&mut sources, &listen);
        let database = database(&mut sources);
        let notify_url = notify_url(&mut sources, &listen, &notify_path);
        let merchant = merchant(&mut sources);
        let ca = sources.bytes("ca_file");
        let proxy = sources.text("proxy");
        let schedule = schedule(&mut sources);
        let poll_concurrency = sources.count("poll_concurrency", 1..=64).unwrap_or(8);
        let faults = sources.finish();
        match merchant {
            Some(merchant) if faults.is_empty() => Ok(Self {
                listen,
                database,
                notify_url,
                notify_path,
                merchant,
                api_token,
                ca,
                proxy,
                schedule,
                poll_concurrency,
            }),
            Some(_) | None => Err(ConfigError(faults)),
        }
    }
}

fn api_token(sources: &mut Sources, listen: &SocketAddr) -> Option<Secret<String>> {
    let required =
        "is required if listen is not a loopback address: anyone who reaches /api can place orders";
    let token = sources.secret("api_token").and_then(|token| match token {
        None if listen.ip().is_loopback() => Ok(None),
        None => Err(InvalidSetting::new("api_token", required)),
        Some(token) if token.len() < 16 || !token.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Err(InvalidSetting::new("api_token", "must be 16 or more visible ASCII characters"))
        }
        Some(token) => Ok(Some(Secret::new(token.to_string()))),
    });
    sources.accept(token).flatten()
}

/// Takes the path of the ledger. Its folder is not created: a typo would go unnoticed, and the ledger be empty.
fn database(sources: &mut Sources) -> PathBuf {
    let path = PathBuf::from(sources.text("database").unwrap_or_else(|| "wxpay-ledger.db".to_owned()));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir());
    if let Some(folder) = folder {
        let rule = format!("must be in a folder that exists: {}", shown(&folder.to_string_lossy()));
        sources.reject(InvalidSetting::new("database", rule));
    }
    path
}

fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080))
}

/// Builds the `notify_url`. The server's own paths are reserved, and a brace would be a pattern to the router.
fn notify_url(sources: &mut Sources, listen: &SocketAddr, path: &str) -> Option<NotifyUrl> {
    let is_valid = path.starts_with('/')
        && path.len() > 1
        && !["/api", "/health"]
            .iter()
            .any(|reserved| path == *reserved || path.starts_with(&format!("{reserved}/")))
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte));
    if !is_valid {
        let rule =
            "must begin with /, consist of letters, digits and /-._~, and not be under /api or /health";
        sources.reject(InvalidSetting::new("notify_path", rule));
    }
    let Some(base) = sources.text("public_base_url") else {
        let is_local = listen.ip().is_loopback() && sources.peek("gateway_base_url").is_some_and(is_loopback);
        if !is_local {
            let rule = "is required: WeChat Pay sends notifications to it";
            sources.reject(InvalidSetting::new("public_base_url", rule));
        }
        return None;
    };
    // An invalid path must not be reported as a fault of the base URL too.
    let url = format!("{}{}", base.trim_end_matches('/'), if is_valid { path } else { "/" });
    let rule = "must be an absolute http or https URL without user, query or fragment";
    let url = url
        .parse()
        .map_err(|cause: InvalidField| InvalidSetting::new("public_base_url", rule).with_source(cause));
    sources.accept(url)
}

/// Returns whether a URL has a loopback IP address and a port. Names, such as `localhost`, do not count.
fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or_default();
    authority.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_loopback())
}

fn merchant(sources: &mut Sources) -> Option<Merchant> {
    let appid = sources.required("appid");
    let app_secret = sources.key("app_secret", AppSecret::new);
    let pay_sign_key = sources.key("pay_sign_key", PaySignKey::new);
    let partner = sources.required("partner");
    let partner_key = sources.key("partner_key", PartnerKey::new);
    let mut policy = Policy::default();
    if let Some(timeout) = sources.duration("call_timeout") {
        policy.timeout = timeout;
    }
    if let Some(attempts) = sources.count("call_attempts", 1..=10) {
        policy.max_attempts = u32::try_from(attempts).unwrap_or(u32::MAX);
    }
    let base_url = sources.text("gateway_base_url");
    let builder = Merchant::builder(appid?, app_secret?, pay_sign_key?, partner?, partner_key?).retry(policy);
    let Some(base_url) = base_url else { return Some(builder.build()) };
    let builder =
        builder.base_url(&base_url).map_err(|cause| InvalidSetting::new("gateway_base_url", cause.rule()));
    sources.accept(builder).map(Builder::build)
}

fn schedule(sources: &mut Sources) -> Schedule {
    let default = Schedule::default();
    Schedule {
        intervals: sources.durations("poll_intervals").map_or(default.intervals, Into::into),
        prepay_lifetime: sources.duration("prepay_lifetime").unwrap_or(default.prepay_lifetime),
        margin: sources.duration("poll_margin").unwrap_or(default.margin),
    }
}

#[cfg(test)]
mod tests;
