//! The URL of an endpoint, and the guard against server-side request forgery.
//!
//! The configuration of an endpoint decides where this server sends requests. [`TargetUrl`] checks the URL when it is
//! configured. The [`Guard`](guard::Guard) checks each address to which a connection is opened, because a name may resolve to another
//! address at any time.

mod address;
pub(crate) mod guard;

pub(crate) use address::{Network, Restricted, restriction};

use http::Uri;
use std::{error, fmt, net::IpAddr};

/// The maximum length of a URL, in bytes.
const MAX_URL_BYTES: usize = 2048;

/// The maximum length of a host name, in bytes, set by the DNS.
const MAX_HOST_BYTES: usize = 253;

/// The rules for targets.
#[derive(Clone, Debug, Default)]
pub(crate) struct Policy {
    /// Whether `http` URLs are accepted. For development only: the events could be read and changed on the way.
    pub(crate) allow_http: bool,
    /// Networks to which connections are opened although they are not public.
    pub(crate) allowed_networks: Vec<Network>,
}

impl Policy {
    /// Checks an address.
    ///
    /// # Errors
    ///
    /// If the address is not public and in no allowed network.
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), Restricted> {
        match restriction(address) {
            Some(_) if self.allowed_networks.iter().any(|network| network.contains(address)) => Ok(()),
            Some(restricted) => Err(restricted),
            None => Ok(()),
        }
    }
}

/// A checked URL. Neither `Debug` nor `Display` shows the path and the query, which may contain a secret.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TargetUrl(Uri);

impl TargetUrl {
    /// Parses and checks a URL. A host that is an address is checked now; a name is checked when it is resolved.
    ///
    /// # Errors
    ///
    /// If the URL violates one of the rules named by [`TargetError`].
    pub(crate) fn parse(text: &str, policy: &Policy) -> Result<Self, TargetError> {
        if text.len() > MAX_URL_BYTES {
            return Err(TargetError::Length);
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'\\' | b'"' | b'<' | b'>')) {
            return Err(TargetError::Characters);
        }
        let is_plain = text.starts_with("http://");
        if !(text.starts_with("https://") || (is_plain && policy.allow_http)) {
            return Err(if is_plain { TargetError::Insecure } else { TargetError::Scheme });
        }
        // `Uri` would drop it silently.
        if text.contains('#') {
            return Err(TargetError::Fragment);
        }
        let uri: Uri = text.parse().map_err(|_| TargetError::Syntax)?;
        let authority = uri.authority().ok_or(TargetError::Host)?;
        if authority.as_str().contains('@') {
            return Err(TargetError::UserInfo);
        }
        let host = authority.host();
        match literal(host)? {
            Some(address) => policy.check(address).map_err(TargetError::Restricted)?,
            None => check_name(host)?,
        }
        let port = authority.as_str().strip_prefix(host).unwrap_or_default();
        if !port.is_empty() && authority.port_u16().is_none_or(|port| port == 0) {
            return Err(TargetError::Port);
        }
        Ok(Self(uri))
    }

    pub(crate) fn uri(&self) -> &Uri {
        &self.0
    }
}

/// Returns the address if the host is one.
fn literal(host: &str) -> Result<Option<IpAddr>, TargetError> {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => v6.parse().map(|v6| Some(IpAddr::V6(v6))).map_err(|_| TargetError::Host),
        None => Ok(host.parse().ok().map(IpAddr::V4)),
    }
}

fn check_name(host: &str) -> Result<(), TargetError> {
    let is_name = (1..=MAX_HOST_BYTES).contains(&host.len())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
        && host.strip_suffix('.').unwrap_or(host).split('.').all(|label| (1..=63).contains(&label.len()));
    // `127.1`, `0x7f.1` and `2130706433` are addresses to the system's resolver. The last label of a name is no number.
    let last = host.strip_suffix('.').unwrap_or(host).rsplit('.').next().unwrap_or_default();
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit())
        || last
            .strip_prefix("0x")
            .or_else(|| last.strip_prefix("0X"))
            .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if is_name && !is_number { Ok(()) } else { Err(TargetError::Host) }
}

impl fmt::Display for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.scheme_str().unwrap_or_default();
        let authority = self.0.authority().map(http::uri::Authority::as_str).unwrap_or_default();
        write!(f, "{scheme}://{authority}")
    }
}

impl fmt::Debug for TargetUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TargetUrl({self}/…)")
    }
}

/// The rule that a URL violates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TargetError {
    Length,
    Characters,
    Scheme,
    Insecure,
    Fragment,
    Syntax,
    UserInfo,
    Host,
    Port,
    Restricted(Restricted),
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length => write!(f, "must not be longer than {MAX_URL_BYTES} bytes"),
            Self::Characters => f.write_str(
                "must be printable ASCII without blanks, backslashes, quotation marks and angle brackets: encode \
                 other characters as %XX, and a name as punycode",
            ),
            Self::Scheme => f.write_str("must begin with https://"),
            Self::Insecure => {
                f.write_str("must begin with https://: http:// is accepted in development mode only")
            }
            Self::Fragment => f.write_str("must not contain a fragment (#…): it is never sent"),
            Self::Syntax => f.write_str("must be a valid URL: https://host/path"),
            Self::UserInfo => {
                f.write_str("must not contain a user name or password: verify the webhook's signature instead")
            }
            Self::Host => {
                f.write_str("must name a host: a DNS name, an IPv4 address in dotted decimal, or [IPv6 address]")
            }
            Self::Port => f.write_str("must name a port from 1 to 65535, or none"),
            Self::Restricted(restricted) => restricted.fmt(f),
        }
    }
}

impl error::Error for TargetError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<TargetUrl, TargetError> {
        TargetUrl::parse(text, &Policy::default())
    }

    fn allowing(network: &str) -> Policy {
        Policy { allow_http: false, allowed_networks: vec![network.parse().unwrap()] }
    }

    #[test]
    fn https_urls_are_accepted() {
        for url in [
            "https://shop.example.com",
            "https://shop.example.com/hooks?token=a%20b",
            "https://shop.example.com:8443/",
            "https://shop.example.com./",
            "https://xn--fiqs8s.example/",
            "https://my_service.example.com/",
            "https://8.8.8.8/",
            "https://[2001:4860:4860::8888]:443/",
            "https://1.2.3.4.example/",
            "https://a.0x7fz/",
        ] {
            assert!(parse(url).is_ok(), "{url}: {:?}", parse(url));
        }
    }

    #[test]
    fn urls_that_violate_a_rule_are_refused() {
        for (url, error) in [
            ("", TargetError::Scheme),
            ("shop.example.com", TargetError::Scheme),
            ("HTTPS://shop.example.com", TargetError::Scheme),
            ("ftp://shop.example.com", TargetError::Scheme),
            ("file:///etc/passwd", TargetError::Scheme),
            ("http://shop.example.com", TargetError::Insecure),
            ("https://", TargetError::Syntax),
            ("https:///path", TargetError::Syntax),
            ("https://:443/", TargetError::Host),
            ("https://user@shop.example.com/", TargetError::UserInfo),
            ("https://user:pass@shop.example.com/", TargetError::UserInfo),
            ("https://shop.example.com@127.0.0.1/", TargetError::UserInfo),
            ("https://shop.example.com/#part", TargetError::Fragment),
            ("https://shop.example.com:0/", TargetError::Port),
            ("https://shop.example.com:65536/", TargetError::Port),
            ("https://shop.example.com:/", TargetError::Port),
            ("https://shop..example.com/", TargetError::Host),
            ("https://.example.com/", TargetError::Host),
            ("https://a,b/", TargetError::Host),
            ("https://[fe80::1%25eth0]/", TargetError::Host),
            ("https://[::1/", TargetError::Syntax),
            ("https://shop.example.com\\@evil/", TargetError::Characters),
            ("https://shop.example.com/a b", TargetError::Characters),
            ("https://shop.example.com/\r\nx: y", TargetError::Characters),
            ("https://支付.example/", TargetError::Characters),
        ] {
            assert_eq!(parse(url), Err(error), "{url}");
        }
    }

    #[test]
    fn unusual_notations_of_an_ipv4_address_are_refused() {
        for host in
            ["127.1", "0x7f.1", "0x7f000001", "2130706433", "017700000001", "127.0.0.1.", "1.2.3.0x4", "a.0x"]
        {
            assert_eq!(parse(&format!("https://{host}/")), Err(TargetError::Host), "{host}");
        }
    }

    #[test]
    fn length_is_bounded() {
        let url = format!("https://shop.example.com/{}", "a".repeat(MAX_URL_BYTES - 25));
        assert_eq!(url.len(), MAX_URL_BYTES);
        assert!(parse(&url).is_ok());
        assert_eq!(parse(&format!("{url}a")), Err(TargetError::Length));
        let label = "a".repeat(63);
        assert!(parse(&format!("https://{label}.example/")).is_ok());
        assert_eq!(parse(&format!("https://{label}a.example/")), Err(TargetError::Host));
        let name = [label.as_str(); 4].join(".");
        assert_eq!(parse(&format!("https://{name}/")), Err(TargetError::Host), "{} bytes", name.len());
    }

    #[test]
    fn addresses_that_are_not_public_are_refused_unless_allowed() {
        for (url, restricted, network) in [
            ("https://127.0.0.1/", Restricted::Loopback, "127.0.0.1"),
            ("https://10.1.2.3:8443/", Restricted::Private, "10.0.0.0/8"),
            ("https://[::1]/", Restricted::Loopback, "::1/128"),
            ("https://[::ffff:10.1.2.3]/", Restricted::Private, "10.0.0.0/8"),
            ("https://169.254.169.254/latest/meta-data/", Restricted::LinkLocal, "169.254.0.0/16"),
        ] {
            assert_eq!(parse(url), Err(TargetError::Restricted(restricted)), "{url}");
            assert!(TargetUrl::parse(url, &allowing(network)).is_ok(), "{url}");
            assert!(TargetUrl::parse(url, &allowing("192.168.0.0/16")).is_err(), "{url}");
        }
    }

    #[test]
    fn http_is_accepted_in_development_mode() {
        let policy = Policy { allow_http: true, ..Policy::default() };
        assert!(TargetUrl::parse("http://shop.example.com/", &policy).is_ok());
        assert_eq!(
            TargetUrl::parse("http://127.0.0.1/", &policy),
            Err(TargetError::Restricted(Restricted::Loopback)),
            "the addresses are checked in development mode too"
        );
    }

    #[test]
    fn path_and_query_are_not_printed() {
        let url = parse("https://shop.example.com:8443/PLANTED?token=PLANTED").unwrap();
        assert_eq!(url.to_string(), "https://shop.example.com:8443");
        assert_eq!(format!("{url:?}"), "TargetUrl(https://shop.example.com:8443/…)");
        assert_eq!(url.uri().query(), Some("token=PLANTED"));
    }
}
