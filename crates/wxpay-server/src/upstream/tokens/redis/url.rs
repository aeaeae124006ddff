//! The URL of Redis.

use redis::{ConnectionAddr, ConnectionInfo, RedisConnectionInfo};
use std::fmt;
use wxpay_proto::secret::Secret;

/// A parsed URL: `redis://USER:PASSWORD@HOST:PORT/NUMBER`, or `rediss://…` for TLS.
#[derive(Clone)]
pub(crate) struct RedisUrl {
    pub(super) host: String,
    pub(super) port: u16,
    /// Whether connections are encrypted.
    pub(super) is_encrypted: bool,
    /// User, password and number of the database.
    pub(super) login: RedisConnectionInfo,
}

impl RedisUrl {
    /// The rule of the URL, as the end of a sentence.
    pub(crate) const RULE: &'static str =
        "must be redis://USER:PASSWORD@HOST:PORT/NUMBER, or rediss://… for TLS, with no parameters";

    /// Parses a URL. `None` if it breaks the [rule](Self::RULE).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (is_encrypted, rest) = match text.split_once("://")? {
            ("redis", rest) => (false, rest),
            ("rediss", rest) => (true, rest),
            _ => return None,
        };
        if rest.contains(['?', '#']) {
            return None;
        }
        let parsed: ConnectionInfo = format!("redis://{rest}").parse().ok()?;
        let ConnectionAddr::Tcp(host, port) = parsed.addr().clone() else { return None };
        let login = parsed.redis_settings().clone();
        (login.db() >= 0).then_some(Self { host, port, is_encrypted, login })
    }

    /// Sets the password, if the URL has none.
    pub(crate) fn or_password(mut self, password: Option<&Secret<String>>) -> Self {
        if let (Some(password), None) = (password, self.login.password()) {
            self.login = self.login.set_password(password.expose());
        }
        self
    }
}

/// Prints the URL without user and password.
impl fmt::Display for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, is_encrypted, login } = self;
        let scheme = if *is_encrypted { "rediss" } else { "redis" };
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}/{}", login.db())
        } else {
            write!(f, "{scheme}://{host}:{port}/{}", login.db())
        }
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RedisUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        RedisUrl::parse(text).map(|url| url.to_string())
    }

    #[test]
    fn a_url_is_printed_without_user_and_password() {
        let url = RedisUrl::parse("redis://planted:plan%2Fted@h/2").unwrap();
        assert_eq!((url.login.username(), url.login.password()), (Some("planted"), Some("plan/ted")));
        assert_eq!(format!("{url} {url:?}"), "redis://h:6379/2 RedisUrl(redis://h:6379/2)");
        assert_eq!(shown("rediss://h:1").unwrap(), "rediss://h:1/0");
        assert_eq!(shown("redis://[::1]:1").unwrap(), "redis://[::1]:1/0");
        for text in [
            "h:6379",
            "redis://",
            "redis:///1",
            "http://h",
            "redis://h:x",
            "redis://h/x",
            "redis://h/-1",
            "redis://h?protocol=resp3",
            "rediss://h/#insecure",
            "redis://0.0.0.0",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn a_password_of_the_url_goes_before_that_of_the_settings() {
        let given = Secret::new("other".to_owned());
        for (text, expected) in [("redis://:own@h", "own"), ("redis://h", "other")] {
            let url = RedisUrl::parse(text).unwrap().or_password(Some(&given));
            assert_eq!(url.login.password(), Some(expected));
        }
    }
}
