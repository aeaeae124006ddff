//! The kinds of settings: the parsing of a text, its rule, and its form in TOML.

use crate::{
    api::keys::Token, engine::PostgresUrl, upstream::tokens::redis::RedisUrl, webhooks::target::Network,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use std::{fmt, marker::PhantomData, net::SocketAddr, path::PathBuf, time::Duration};
use wxpay_proto::{secret::Secret, v3};
use zeroize::Zeroizing;

/// A kind of settings.
pub(crate) trait Kind {
    /// The parsed value.
    type Value;

    /// Returns the rule, as the end of a sentence that begins with the setting.
    fn rule() -> String;

    /// Parses a text that is not empty, or the default.
    fn parse(text: &str) -> Option<Self::Value>;

    /// Renders a text as a value in TOML: by default as a string.
    fn toml(text: &str) -> String {
        format!("\"{text}\"")
    }
}

/// A setting without a default.
pub(crate) struct Maybe<K>(PhantomData<K>);

impl<K: Kind> Kind for Maybe<K> {
    type Value = Option<K::Value>;

    fn rule() -> String {
        K::rule()
    }

    fn parse(text: &str) -> Option<Self::Value> {
        if text.is_empty() { Some(None) } else { K::parse(text).map(Some) }
    }

    fn toml(text: &str) -> String {
        K::toml(text)
    }
}

/// An address and a port.
pub(crate) struct Address;

impl Kind for Address {
    type Value = SocketAddr;

    fn rule() -> String {
        "must be an IP address and a port, such as 127.0.0.1:8080".to_owned()
    }

    fn parse(text: &str) -> Option<SocketAddr> {
        text.parse().ok()
    }
}

/// The database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Database {
    /// An SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL database.
    Postgres(Box<PostgresUrl>),
}

/// Prints the path, or the URL without user and password.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => path.display().fmt(f),
            Self::Postgres(url) => url.fmt(f),
        }
    }
}

/// The setting of the database.
pub(crate) struct DatabaseKind;

impl Kind for DatabaseKind {
    type Value = Database;

    fn rule() -> String {
        format!("must be sqlite:PATH, a path, or {}", PostgresUrl::RULE)
    }

    fn parse(text: &str) -> Option<Database> {
        if PostgresUrl::is_meant(text) {
            return PostgresUrl::parse(text).map(|url| Database::Postgres(Box::new(url)));
        }
        let path = text.strip_prefix("sqlite:").unwrap_or(text);
        let is_path = !path.is_empty() && !path.contains("://") && !path.contains('\0');
        is_path.then(|| Database::Sqlite(PathBuf::from(path)))
    }
}

/// The URL of Redis.
pub(crate) struct RedisKind;

impl Kind for RedisKind {
    type Value = RedisUrl;

    fn rule() -> String {
        RedisUrl::RULE.to_owned()
    }

    fn parse(text: &str) -> Option<RedisUrl> {
        RedisUrl::parse(text)
    }
}

/// An absolute URL that paths are appended to; without `/` at its end.
pub(crate) struct BaseUrl;

impl Kind for BaseUrl {
    type Value = String;

    fn rule() -> String {
        "must be an absolute http or https URL without user, query or fragment".to_owned()
    }

    fn parse(text: &str) -> Option<String> {
        v3::Builder::check_base_url(text).ok()?;
        Some(text.trim_end_matches('/').to_owned())
    }
}

/// The path of a file.
pub(crate) struct Path;

impl Kind for Path {
    type Value = String;

    fn rule() -> String {
        "must be the path of a file".to_owned()
    }

    fn parse(text: &str) -> Option<String> {
        Some(text.to_owned())
    }
}

/// A text that is validated elsewhere.
pub(crate) struct Text;

impl Kind for Text {
    type Value = String;

    fn rule() -> String {
        "must be a text".to_owned()
    }

    fn parse(text: &str) -> Option<String> {
        Some(text.to_owned())
    }
}

/// A key of 32 bytes.
pub(crate) struct Key32;

impl Kind for Key32 {
    type Value = Secret<[u8; 32]>;

    fn rule() -> String {
        "must be 32 bytes, in 64 hexadecimal digits or in base64".to_owned()
    }

    fn parse(text: &str) -> Option<Self::Value> {
        let bytes = Zeroizing::new(if text.len() == 64 {
            hex::decode(text).ok()?
        } else {
            STANDARD.decode(text).ok()?
        });
        bytes.as_slice().try_into().ok().map(Secret::new)
    }
}

/// An API key.
pub(crate) struct SecretText;

impl Kind for SecretText {
    type Value = Secret<String>;

    fn rule() -> String {
        "must be wxk_ and the 43 characters of 32 random bytes in base64url".to_owned()
    }

    fn parse(text: &str) -> Option<Self::Value> {
        Token::parse(text)?;
        Some(Secret::new(text.to_owned()))
    }
}

/// A password.
pub(crate) struct Password;

impl Kind for Password {
    type Value = Secret<String>;

    fn rule() -> String {
        "must be a text".to_owned()
    }

    fn parse(text: &str) -> Option<Self::Value> {
        Some(Secret::new(text.to_owned()))
    }
}

/// A duration.
pub(crate) struct Interval;

impl Kind for Interval {
    type Value = Duration;

    fn rule() -> String {
        "must be a duration from 1ms to 3660d: a whole number of seconds, or with ms, s, m, h or d".to_owned()
    }

    fn parse(text: &str) -> Option<Duration> {
        const MAX: Duration = Duration::from_hours(3660 * 24);
        let digits = text.trim_end_matches(|unit: char| unit.is_ascii_alphabetic());
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let millis: u64 = match text.strip_prefix(digits)? {
            "ms" => 1,
            "" | "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return None,
        };
        let duration = Duration::from_millis(digits.parse::<u64>().ok()?.checked_mul(millis)?);
        (!duration.is_zero() && duration <= MAX).then_some(duration)
    }
}

/// A list of durations.
pub(crate) struct Intervals;

impl Kind for Intervals {
    type Value = Vec<Duration>;

    fn rule() -> String {
        format!("must be 1 to 64 durations; each {}", Interval::rule())
    }

    fn parse(text: &str) -> Option<Vec<Duration>> {
        let intervals: Option<Vec<_>> = text.split(',').map(|part| Interval::parse(part.trim())).collect();
        intervals.filter(|intervals| intervals.len() <= 64)
    }

    fn toml(text: &str) -> String {
        list(text)
    }
}

/// A whole number.
pub(crate) struct Count<const MIN: u32, const MAX: u32>;

impl<const MIN: u32, const MAX: u32> Kind for Count<MIN, MAX> {
    type Value = u32;

    fn rule() -> String {
        format!("must be a whole number from {MIN} to {MAX}")
    }

    fn parse(text: &str) -> Option<u32> {
        let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|count| is_number && (MIN..=MAX).contains(count))
    }

    fn toml(text: &str) -> String {
        text.to_owned()
    }
}

/// `true` or `false`.
pub(crate) struct Flag;

impl Kind for Flag {
    type Value = bool;

    fn rule() -> String {
        "must be true or false".to_owned()
    }

    fn parse(text: &str) -> Option<bool> {
        text.parse().ok()
    }

    fn toml(text: &str) -> String {
        text.to_owned()
    }
}

/// A list of networks.
pub(crate) struct Networks;

impl Kind for Networks {
    type Value = Vec<Network>;

    fn rule() -> String {
        "must be networks in CIDR notation, such as 10.1.0.0/16".to_owned()
    }

    fn parse(text: &str) -> Option<Vec<Network>> {
        if text.is_empty() {
            return Some(Vec::new());
        }
        text.split(',').map(|part| part.trim().parse().ok()).collect()
    }

    fn toml(text: &str) -> String {
        list(text)
    }
}

/// The format of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// An object per line.
    Json,
}

/// The setting of the log's format.
pub(crate) struct LogFormatKind;

impl Kind for LogFormatKind {
    type Value = LogFormat;

    fn rule() -> String {
        "must be text or json".to_owned()
    }

    fn parse(text: &str) -> Option<LogFormat> {
        match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        }
    }
}

fn list(text: &str) -> String {
    let parts: Vec<_> = text.split(',').map(|part| format!("\"{}\"", part.trim())).collect();
    format!("[{}]", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_whole_seconds_or_have_a_unit() {
        for (text, millis) in [
            ("15", 15_000),
            ("500ms", 500),
            ("15s", 15_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("1d", 86_400_000),
        ] {
            assert_eq!(Interval::parse(text), Some(Duration::from_millis(millis)), "{text}");
        }
        for text in ["", "0", "s", "-1", "+1", "1.5", "1w", "1 s", "ms1", "99999999999999999999", "3661d"] {
            assert_eq!(Interval::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_sealing_key_is_32_bytes_in_hex_or_base64() {
        let expected = [0xab_u8; 32];
        for text in [hex::encode(expected), hex::encode_upper(expected), STANDARD.encode(expected)] {
            assert_eq!(Key32::parse(&text).unwrap().expose(), &expected);
        }
        for text in [hex::encode([0xab_u8; 31]), STANDARD.encode([0xab_u8; 33]), "x".repeat(64)] {
            assert!(Key32::parse(&text).is_none(), "{text}");
        }
    }

    #[test]
    fn a_database_is_a_path_or_a_url() {
        let file = Database::Sqlite(PathBuf::from("a/b.db"));
        assert_eq!(DatabaseKind::parse("sqlite:a/b.db"), Some(file.clone()));
        assert_eq!(DatabaseKind::parse("a/b.db"), Some(file));
        let postgres = DatabaseKind::parse("postgresql://me:planted@host/db").unwrap();
        assert_eq!(postgres.to_string(), "postgres://host:5432/db");
        assert!(!format!("{postgres:?}").contains("planted"));
        for text in ["postgres://host", "sqlite:", "mysql://x"] {
            assert_eq!(DatabaseKind::parse(text), None, "{text}");
        }
    }
}
