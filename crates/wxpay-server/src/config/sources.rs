//! Sources of settings.

use super::{Config, ConfigError, InvalidSetting};
use std::collections::BTreeMap;
use zeroize::Zeroizing;

/// The names of all settings, sorted.
const NAMES: [&str; 23] = [
    "api_token",
    "api_token_file",
    "app_secret",
    "app_secret_file",
    "appid",
    "ca_file",
    "call_attempts",
    "call_timeout",
    "database",
    "gateway_base_url",
    "listen",
    "notify_path",
    "partner",
    "partner_key",
    "partner_key_file",
    "pay_sign_key",
    "pay_sign_key_file",
    "poll_concurrency",
    "poll_intervals",
    "poll_margin",
    "prepay_lifetime",
    "proxy",
    "public_base_url",
];

/// Variables of the environment that `wxpay sim` exports, each with its setting. Every other setting is `WXPAY_` and
/// its name in capitals.
const EXPORTED: [(&str, &str); 10] = [
    ("WXPAY_BASE_URL", "gateway_base_url"),
    ("WXPAY_TLS_CA_FILE", "ca_file"),
    ("WXPAY_V1_APPID", "appid"),
    ("WXPAY_V1_APP_SECRET", "app_secret"),
    ("WXPAY_V1_APP_SECRET_FILE", "app_secret_file"),
    ("WXPAY_V1_PAY_SIGN_KEY", "pay_sign_key"),
    ("WXPAY_V1_PAY_SIGN_KEY_FILE", "pay_sign_key_file"),
    ("WXPAY_V1_PARTNER", "partner"),
    ("WXPAY_V1_PARTNER_KEY", "partner_key"),
    ("WXPAY_V1_PARTNER_KEY_FILE", "partner_key_file"),
];

/// Ignored variables with the prefix `WXPAY_`: those of the `wxpay` command, and those of programs that speak APIv3 or
/// APIv2.
const IGNORED: [&str; 16] = [
    "WXPAY_API_V2_KEY",
    "WXPAY_API_V3_KEY",
    "WXPAY_APPID",
    "WXPAY_CERTIFICATE_FILE",
    "WXPAY_CERTIFICATE_P12_FILE",
    "WXPAY_CONFIG",
    "WXPAY_LOG",
    "WXPAY_MCHID",
    "WXPAY_NOTIFY_URL",
    "WXPAY_PLATFORM_CERTIFICATE_FILE",
    "WXPAY_PLATFORM_PUBLIC_KEY_FILE",
    "WXPAY_PLATFORM_SERIAL_NO",
    "WXPAY_PRIVATE_KEY_FILE",
    "WXPAY_PUBLIC_KEY_FILE",
    "WXPAY_PUBLIC_KEY_ID",
    "WXPAY_SERIAL_NO",
];

/// Settings gathered from several sources. A later source overrides an earlier one.
///
/// Faults are collected and reported together by [`check`](Self::check).
///
/// ```
/// use wxpay_server::config::Sources;
///
/// let config = Sources::default()
///     .file("public_base_url = 'https://pay.shop.example'\npoll_intervals = [15, 30, 60]")?
///     .environment([("WXPAY_V1_APPID".to_owned(), "wxd930ea5d5a258f4f".to_owned())])
///     .setting("partner", "1900000109")
///     .setting("app_secret", "0123456789abcdef".repeat(2))
///     .setting("pay_sign_key", "0123456789abcdef".repeat(8))
///     .setting("partner_key", "fedcba9876543210".repeat(2))
///     .check()?;
/// assert_eq!(config.listen().to_string(), "127.0.0.1:8080");
/// assert!(!format!("{config:?}").contains("0123456789abcdef"));
/// # Ok::<(), wxpay_server::config::ConfigError>(())
/// ```
#[derive(Default)]
pub struct Sources {
    values: BTreeMap<&'static str, Value>,
    faults: Vec<InvalidSetting>,
    /// The number of sources read so far: the rank of the next value.
    rank: u32,
}

struct Value {
    value: Zeroizing<String>,
    rank: u32,
}

impl std::fmt::Debug for Sources {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl Sources {
    /// Adds the settings of a TOML file. A value must be a string, a whole number or a list of these.
    ///
    /// # Errors
    ///
    /// If the text is not TOML: none of its settings is known then.
    pub fn file(mut self, text: &str) -> Result<Self, ConfigError> {
        let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            // The parser's message quotes the line, which may contain a secret: report only its number.
            let line = error
                .span()
                .and_then(|span| text.get(..span.start))
                .map_or(0, |before| before.bytes().filter(|byte| *byte == b'\n').count());
            let rule = format!("must be TOML (error in line {})", line.saturating_add(1));
            ConfigError(vec![InvalidSetting::new("the file", rule)])
        })?;
        for (name, value) in table {
            match known(&name) {
                None => self.reject(InvalidSetting::new(name, "is an unknown setting in the file")),
                Some(known) => {
                    let rule = "must be a string, a whole number, or a list of these";
                    let value = flat(value).ok_or_else(|| InvalidSetting::new(known, rule));
                    if let Some(value) = self.accept(value) {
                        self.put(known, value);
                    }
                }
            }
        }
        Ok(self.next())
    }

    /// Adds the settings of the environment; variables without the prefix `WXPAY_` are ignored.
    #[must_use]
    pub fn environment(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        for (variable, value) in variables {
            let Some(suffix) = variable.strip_prefix("WXPAY_") else { continue };
            if IGNORED.contains(&&*variable) {
                continue;
            }
            let name = EXPORTED
                .into_iter()
                .find_map(|(exported, name)| (exported == variable).then_some(name))
                .or_else(|| known(&suffix.to_ascii_lowercase()).filter(|name| !is_exported(name)));
            match name {
                None => self.reject(InvalidSetting::new(variable, "is an unknown setting")),
                Some(name) => self.put(name, value),
            }
        }
        self.next()
    }

    /// Adds one setting, such as a flag of the command line.
    #[must_use]
    pub fn setting(mut self, name: &str, value: impl Into<String>) -> Self {
        match known(name) {
            None => self.reject(InvalidSetting::new(name, "is an unknown setting")),
            Some(known) => self.put(known, value.into()),
        }
        self.next()
    }

    /// Validates the settings.
    ///
    /// # Errors
    ///
    /// If settings are unknown, missing or invalid, or a file they name cannot be read. The error has all of them; only
    /// `gateway_base_url` is checked after the merchant's numbers and keys are valid.
    pub fn check(self) -> Result<Config, ConfigError> {
        Config::from_sources(self)
    }

    /// Records a fault.
    pub(super) fn reject(&mut self, fault: InvalidSetting) {
        self.faults.push(fault);
    }

    /// Returns the value, or records the fault.
    pub(super) fn accept<T>(&mut self, result: Result<T, InvalidSetting>) -> Option<T> {
        result.map_err(|fault| self.reject(fault)).ok()
    }

    fn put(&mut self, name: &'static str, value: String) {
        self.values.insert(name, Value { value: Zeroizing::new(value), rank: self.rank });
    }

    fn next(mut self) -> Self {
        self.rank = self.rank.saturating_add(1);
        self
    }

    /// Returns a value without taking it.
    pub(super) fn peek(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(|stored| stored.value.as_str())
    }

    /// Takes a value with the rank of its source.
    pub(super) fn take(&mut self, name: &str) -> Option<(Zeroizing<String>, u32)> {
        self.values.remove(name).map(|stored| (stored.value, stored.rank))
    }

    /// Returns all faults. A setting that was not taken is one: a known name that no code reads would otherwise be
    /// silently ignored.
    pub(super) fn finish(self) -> Vec<InvalidSetting> {
        let unread =
            self.values.into_keys().map(|name| InvalidSetting::new(name, "is not read by this server"));
        self.faults.into_iter().chain(unread).collect()
    }
}

fn is_exported(name: &str) -> bool {
    EXPORTED.into_iter().any(|(_, exported)| exported == name)
}

fn known(name: &str) -> Option<&'static str> {
    NAMES.into_iter().find(|known| *known == name)
}

fn flat(value: toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Array(values) => {
            let values: Option<Vec<_>> = values.into_iter().map(flat).collect();
            Some(values?.join(","))
        }
        toml::Value::Float(_)
        | toml::Value::Boolean(_)
        | toml::Value::Datetime(_)
        | toml::Value::Table(_) => None,
    }
}
