//! The URL of a PostgreSQL ledger.

use std::{fmt, path::PathBuf, str::FromStr as _};
use tokio_postgres::config::{Config, Host};
use wxpay_proto::secret::Secret;

/// The port of a host whose URL names none.
const DEFAULT_PORT: u16 = 5432;

/// A parsed URL: `postgres://USER:PASSWORD@HOST:PORT,HOST:PORT/NAME`, with the parameters `sslmode`, `sslrootcert` and
/// `isolation`.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PostgresUrl {
    /// Of the library's configuration, hosts, user, password and name are used.
    config: Config,
    pub(super) tls: TlsMode,
    /// A file with the authorities to trust in place of the public ones.
    pub(super) root_certificates: Option<PathBuf>,
    pub(super) isolation: Isolation,
}

/// The encryption of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TlsMode {
    /// Verified, except to this machine, where there is none.
    Default,
    /// None.
    Disable,
    /// Encrypted, with any certificate: against those who listen, not against those who intercept.
    Require,
    /// Encrypted, with a certificate that a trusted authority issued for the host.
    VerifyFull,
}

/// The isolation of transactions. The ledger is correct with both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Isolation {
    /// Rows that a decision depends on are locked when they are read.
    ReadCommitted,
    /// Transactions that conflict fail, and run again.
    Serializable,
}

/// A host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Tcp(String, u16),
    #[cfg(unix)]
    Unix(PathBuf),
}

impl PostgresUrl {
    /// The rule of the URL, as the end of a sentence.
    pub(crate) const RULE: &'static str = "postgres://USER:PASSWORD@HOST,HOST:PORT/NAME with no other parameters than \
         sslmode (disable, require or verify-full), sslrootcert (the path of a file) and isolation (read-committed \
         or serializable)";

    /// Returns whether a text is meant to be such a URL.
    pub(crate) fn is_meant(text: &str) -> bool {
        text.starts_with("postgres://") || text.starts_with("postgresql://")
    }

    /// Parses a URL. `None` if it breaks the [rule](Self::RULE).
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if !Self::is_meant(text) {
            return None;
        }
        let (base, parameters) = text.split_once('?').unwrap_or((text, ""));
        let config = Config::from_str(base).ok()?;
        if config.get_hosts().is_empty() || config.get_dbname().is_none_or(str::is_empty) {
            return None;
        }
        let mut url = Self {
            config,
            tls: TlsMode::Default,
            root_certificates: None,
            isolation: Isolation::ReadCommitted,
        };
        for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
            match parameter.split_once('=')? {
                ("sslmode", "disable") => url.tls = TlsMode::Disable,
                ("sslmode", "require") => url.tls = TlsMode::Require,
                ("sslmode", "verify-full") => url.tls = TlsMode::VerifyFull,
                ("sslrootcert", path) if !path.is_empty() && !path.contains('%') => {
                    url.root_certificates = Some(PathBuf::from(path));
                }
                ("isolation", "read-committed") => url.isolation = Isolation::ReadCommitted,
                ("isolation", "serializable") => url.isolation = Isolation::Serializable,
                _ => return None,
            }
        }
        Some(url)
    }

    /// Sets the password, if the URL has none.
    pub(crate) fn or_password(mut self, password: Option<&Secret<String>>) -> Self {
        if let (Some(password), None) = (password, self.config.get_password()) {
            self.config.password(password.expose());
        }
        self
    }

    /// Returns the configuration of a connection.
    pub(super) fn config(&self) -> Config {
        let mut config = self.config.clone();
        config.application_name("wxpay");
        config
    }

    /// Returns the hosts, in their order.
    pub(super) fn addresses(&self) -> Vec<Address> {
        let ports = self.config.get_ports();
        let port = |number: usize| {
            // One port is that of all hosts.
            let port = if ports.len() == 1 { ports.first() } else { ports.get(number) };
            port.copied().unwrap_or(DEFAULT_PORT)
        };
        let address = |(number, host): (usize, &Host)| match host {
            Host::Tcp(name) => Address::Tcp(name.clone(), port(number)),
            #[cfg(unix)]
            Host::Unix(folder) => Address::Unix(folder.join(format!(".s.PGSQL.{}", port(number)))),
        };
        self.config.get_hosts().iter().enumerate().map(address).collect()
    }
}

/// Prints hosts and name, without user and password.
impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts: Vec<String> = self.addresses().iter().map(ToString::to_string).collect();
        write!(f, "postgres://{}/{}", hosts.join(","), self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PostgresUrl({self})")
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(name, port) if name.contains(':') => write!(f, "[{name}]:{port}"),
            Self::Tcp(name, port) => write!(f, "{name}:{port}"),
            #[cfg(unix)]
            Self::Unix(socket) => socket.display().fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Option<String> {
        PostgresUrl::parse(text).map(|url| url.to_string())
    }

    #[test]
    fn a_url_names_hosts_and_database_and_its_password_is_never_printed() {
        let url = PostgresUrl::parse("postgres://pay:s%2Fcret@h1,h2/wxpay").unwrap();
        assert_eq!(url.config.get_password(), Some(&b"s/cret"[..]));
        assert_eq!(url.to_string(), "postgres://h1:5432,h2:5432/wxpay");
        assert_eq!(format!("{url:?}"), "PostgresUrl(postgres://h1:5432,h2:5432/wxpay)");
        assert_eq!(shown("postgresql://h1:1,h2:2/a").unwrap(), "postgres://h1:1,h2:2/a");
        assert_eq!(shown("postgres://[::1]:1/a").unwrap(), "postgres://[::1]:1/a");
        if cfg!(unix) {
            assert_eq!(shown("postgres://u@%2Ftmp:7/a").unwrap(), "postgres:///tmp/.s.PGSQL.7/a");
        }
    }

    #[test]
    fn parameters_are_the_three_that_are_known() {
        let url =
            PostgresUrl::parse("postgres://h/a?sslmode=require&isolation=serializable&sslrootcert=ca.pem");
        let url = url.unwrap();
        assert_eq!((url.tls, url.isolation), (TlsMode::Require, Isolation::Serializable));
        assert_eq!(url.root_certificates, Some(PathBuf::from("ca.pem")));
        for text in [
            "postgres://h",
            "postgres:///a",
            "postgres://h/",
            "postgres://h:x/a",
            "postgres://h/a?sslmode=prefer",
            "postgres://h/a?sslmode",
            "postgres://h/a?isolation=snapshot",
            "postgres://h/a?options=-c",
            "mysql://h/a",
        ] {
            assert_eq!(shown(text), None, "{text}");
        }
    }

    #[test]
    fn a_password_of_the_url_goes_before_that_of_the_settings() {
        let given = Secret::new("other".to_owned());
        for (text, expected) in [("postgres://u:own@h/a", "own"), ("postgres://u@h/a", "other")] {
            let url = PostgresUrl::parse(text).unwrap().or_password(Some(&given));
            assert_eq!(url.config().get_password(), Some(expected.as_bytes()));
        }
    }
}
