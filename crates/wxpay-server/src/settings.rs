//! Settings: from a TOML file, the environment and flags; a later source overrides an earlier one.
//!
//! The table below declares each setting once: name, kind, default, documentation. Parsing, validation and the annotated
//! [`sample()`] are made from it. [`Sources::check`] reports all faults at once, each with setting, rule and remedy.
//!
//! In the environment a setting is `WXPAY_` and its name in capitals, except `gateway_base_url` (`WXPAY_BASE_URL`) and
//! `ca_file` (`WXPAY_TLS_CA_FILE`). A secret may be the content of a file: its name with `_file`, or `_FILE`. The
//! variables that `wxpay sim` exports, `WXPAY_MCHID` and so on, define the merchant `default`. Unknown variables cause a
//! [warning](Settings::warnings), unknown settings in the file or in flags an error.

mod check;
mod environment;
mod error;
mod files;
mod kinds;
mod merchants;
mod probe;
mod sample;
mod sources;
mod summary;

pub use error::{SettingError, SettingsError};
pub use probe::Probe;
pub use sample::sample;
pub use sources::Sources;
pub use summary::{MerchantSummary, Summary};

pub(crate) use kinds::{Database, LogFormat};

use crate::{
    api::rate_limit::Rate,
    engine::{PostgresSettings, PostgresUrl},
    merchants::{Merchant, MerchantName, Upstream, seal::SealingKeys},
    upstream::tokens::redis::RedisSettings,
};
use kinds::{
    Address, BaseUrl, Count, DatabaseKind, Flag, Interval, Intervals, Key32, Kind, LogFormatKind, Maybe,
    Networks, Password, Path, RedisKind, SecretText, Text,
};
use std::{fmt, num::NonZeroU32};
use wxpay_proto::id::{InvalidField, NotifyUrl};

/// A setting of the table.
pub(crate) struct Setting {
    pub(crate) name: &'static str,
    /// The default, as text; empty if there is none.
    pub(crate) default: &'static str,
    /// The documentation, line by line.
    doc: &'static [&'static str],
    /// Returns the rule of its kind.
    rule: fn() -> String,
    /// Renders a text as a value in TOML.
    toml: fn(&str) -> String,
    tags: &'static [(&'static str, &'static str)],
}

impl Setting {
    fn tag(&self, name: &str) -> Option<&'static str> {
        self.tags.iter().find(|(tag, _)| *tag == name).map(|(_, value)| *value)
    }

    /// Returns the variable of the environment.
    fn variable(&self) -> String {
        let variable = self.tag("env").map(str::to_owned);
        variable.unwrap_or_else(|| format!("WXPAY_{}", self.name.to_ascii_uppercase()))
    }

    /// Returns whether it is a secret: it has a twin `_file`, and is refused as a flag.
    fn is_secret(&self) -> bool {
        self.tag("secret").is_some()
    }
}

/// Declares the settings: the table, the struct of their values, and the reading of it.
macro_rules! settings {
    ($($(#[doc = $doc:literal])* $name:ident: $kind:ty = $default:literal $([$tag:ident $($value:literal)?])*;)*) => {
        /// The table of settings.
        pub(crate) const TABLE: &[Setting] = &[$(Setting {
            name: stringify!($name),
            default: $default,
            doc: &[$($doc),*],
            rule: <$kind as Kind>::rule,
            toml: <$kind as Kind>::toml,
            tags: &[$((stringify!($tag), concat!("" $(, $value)?))),*],
        }),*];

        /// The values of the settings.
        #[derive(Debug)]
        pub(crate) struct Values {
            $($(#[doc = $doc])* pub(crate) $name: <$kind as Kind>::Value,)*
        }

        impl Values {
            /// Takes every setting, and collects all faults.
            fn read(sources: &mut Sources) -> Option<Self> {
                $(let $name = sources.value::<$kind>(stringify!($name), $default);)*
                Some(Self { $($name: $name?,)* })
            }
        }
    };
}

settings! {
    /// The address and port to listen on. The server speaks plain HTTP: put a TLS proxy in front.
    listen: Address = "127.0.0.1:8080";
    /// A separate address and port for `/metrics`. Without it, metrics are served on `listen`.
    metrics_listen: Maybe<Address> = "" [example "127.0.0.1:9090"];
    /// The database. `sqlite:PATH`, or the path alone: a file, for one process; its folder must exist. Or an empty
    /// database of PostgreSQL 13 or later, for any number of processes: `postgres://USER:PASSWORD@HOST,HOST:PORT/NAME`.
    /// The first host that accepts writes is used. Connections to other machines are encrypted and verified, unless
    /// `?sslmode=disable` (no TLS) or `?sslmode=require` (any certificate) says otherwise; `&sslrootcert=FILE` trusts the
    /// authorities of the file in place of the public ones; `&isolation=serializable` replaces `read-committed`.
    database: DatabaseKind = "./wxpay.db";
    /// The password for PostgreSQL, if the URL has none.
    database_password: Maybe<Password> = "" [secret] [example "database.password"];
    /// The maximum number of connections of this process to PostgreSQL.
    database_connections: Count<1, 1000> = "16";
    /// Redis or Valkey, in which the processes of several machines share the access token of APIv1:
    /// `redis://USER:PASSWORD@HOST:PORT/NUMBER`, or `rediss://…` for TLS. The token is sealed, so that `sealing_key` is
    /// required. Without it, or while it is away, they share the token in the database. Nothing else is stored there.
    redis: Maybe<RedisKind> = "" [example "redis://127.0.0.1:6379"];
    /// The password for Redis, if the URL has none.
    redis_password: Maybe<Password> = "" [secret] [example "redis.password"];
    /// The URL under which WeChat Pay reaches this server. Notifications arrive under it, at `/notify/MERCHANT/KIND`.
    /// Required, and `https`, unless this server and the gateway both have loopback addresses.
    public_base_url: Maybe<BaseUrl> = "" [example "https://pay.shop.example"];
    /// The gateway to call in place of WeChat Pay's, such as the simulator's.
    gateway_base_url: Maybe<BaseUrl> = "" [env "WXPAY_BASE_URL"] [example "http://127.0.0.1:8888"];
    /// A file with CA certificates in PEM, trusted in addition to the public ones.
    ca_file: Maybe<Path> = "" [env "WXPAY_TLS_CA_FILE"] [example "ca.pem"];
    /// A forward proxy for calls to WeChat Pay: `http://host:port`.
    proxy: Maybe<Text> = "" [example "http://10.0.0.1:3128"];
    /// The timeout of one request to WeChat Pay.
    call_timeout: Interval = "10s";
    /// The maximum number of attempts of one call to WeChat Pay.
    call_attempts: Count<1, 10> = "4";
    /// The key that seals secrets in the database: 32 random bytes, in hex or base64, such as from
    /// `openssl rand -hex 32`. Required to add merchants and webhook endpoints by the API, and to share access tokens of
    /// APIv1 among processes. All processes need the same.
    sealing_key: Maybe<Key32> = "" [secret] [example "sealing.key"];
    /// The sealing key before the last change, until `wxpay reseal` has sealed what it sealed anew.
    previous_sealing_key: Maybe<Key32> = "" [secret] [example "previous-sealing.key"];
    /// An API key with all scopes that is created at the start: `wxk_` and 32 random bytes in base64url, such as from
    /// `openssl rand 32 | basenc --base64url | tr -d =`.
    /// Without it, create one by `wxpay api-key create`.
    bootstrap_api_key: Maybe<SecretText> = "" [secret] [example "api.key"];
    /// The intervals between queries of an open order; the last one repeats.
    poll_intervals: Intervals = "15s, 30s, 1m, 2m, 5m, 10m, 30m";
    /// The time for which an order without `time_expire` can be paid.
    order_lifetime: Interval = "2h";
    /// The maximum number of orders queried at once.
    poll_concurrency_max: Count<1, 1024> = "256";
    /// Private networks that webhooks may be sent to, such as 10.1.0.0/16. Others are refused.
    webhook_allow: Networks = "" [example "10.1.0.0/16"];
    /// Webhooks may be sent by plain `http`.
    webhook_insecure: Flag = "false";
    /// The maximum number of requests per second of one API key. 0: no limit.
    rate_limit: Count<0, 1_000_000> = "500";
    /// The time for which events are kept.
    retain_events: Interval = "400d";
    /// The time for which notifications, calls and rows of bills are kept. Payments and refunds are never deleted.
    retain_records: Interval = "180d";
    /// The time for which attempts to deliver webhooks are kept.
    retain_attempts: Interval = "30d";
    /// The format of the log: `text` or `json`.
    log_format: LogFormatKind = "text";
    /// The time in which requests in progress may end after SIGTERM.
    shutdown_timeout: Interval = "8s";
}

/// Validated settings. Their `Debug` output has no secret.
pub struct Settings {
    pub(crate) values: Values,
    /// The content of `ca_file`.
    pub(crate) ca: Option<Vec<u8>>,
    /// The settings of calls to WeChat Pay.
    pub(crate) upstream: Upstream,
    /// The merchants of the file and the environment.
    pub(crate) merchants: Vec<Merchant>,
    warnings: Vec<String>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("values", &self.values)
            .field("merchants", &self.merchants)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Returns the ignored settings, a sentence each: to be logged once at the start. No sentence has a value.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Returns the builder of a client with the proxy and the CA certificates.
    pub(crate) fn client(&self) -> wxpay_hyper::Builder {
        check::client(self.values.proxy.as_deref(), self.ca.as_deref())
    }

    /// Returns the settings of the connections to a PostgreSQL database.
    pub(crate) fn postgres(&self, url: &PostgresUrl) -> PostgresSettings {
        PostgresSettings {
            url: url.clone().or_password(self.values.database_password.as_ref()),
            ca: self.ca.clone(),
            connections: self.values.database_connections,
        }
    }

    /// Returns the settings of the connection to Redis. `None` if it is not used.
    pub(crate) fn redis(&self) -> Option<RedisSettings> {
        let url = self.values.redis.clone()?.or_password(self.values.redis_password.as_ref());
        Some(RedisSettings { url, ca: self.ca.clone() })
    }

    /// Returns the rate limit of one API key. `None`: no limit.
    pub(crate) fn rate(&self) -> Option<Rate> {
        let per_second = NonZeroU32::new(self.values.rate_limit)?;
        Some(Rate { per_second, burst: per_second })
    }

    /// Returns the sealing keys, the current one first.
    pub(crate) fn sealing_keys(&self) -> SealingKeys {
        let keys = [&self.values.sealing_key, &self.values.previous_sealing_key];
        let keys: Vec<_> = keys.into_iter().filter_map(Option::as_ref).collect();
        SealingKeys::new(&*self.upstream.provider, &keys)
    }
}

/// Returns the URL for notifications of one kind to a merchant.
///
/// # Errors
///
/// Returns [`InvalidField`] if the base URL does not fit; that of [`Settings`] does.
pub(crate) fn notify_url(base: &str, merchant: &MerchantName, kind: &str) -> Result<NotifyUrl, InvalidField> {
    format!("{}/notify/{merchant}/{kind}", base.trim_end_matches('/')).parse()
}

#[cfg(test)]
mod tests;
