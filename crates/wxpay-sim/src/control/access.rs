//! Access to the interface: an optional token, and rules that keep web pages of other sites out.
//!
//! A browser on the developer's machine reaches loopback too. Without these rules, any page that it shows could pay
//! orders: by a form that is sent to the simulator, or by a name of its own that resolves to 127.0.0.1 (DNS rebinding).

use super::{ControlResponse, problem::Problem};
use aws_lc_rs::hmac;
use std::{fmt, net::IpAddr, sync::Arc};
use subtle::ConstantTimeEq as _;
use wxpay_proto::secret::Secret;

/// Access rules of the interface.
///
/// In every case, a request is refused with 403 if its `Host` is neither `localhost`, nor an IP address, nor one of the
/// [added names](Self::with_host); if its `Origin` is another one than its `Host`; or if `Sec-Fetch-Site` is
/// `cross-site`. With a [token](Self::with_token), a request without it is refused with 401.
#[derive(Clone, Debug, Default)]
#[must_use = "access rules have no effect until a server is started with them"]
pub struct Access {
    token: Option<Arc<Secret<String>>>,
    hosts: Vec<String>,
}

impl Access {
    /// Creates rules without a token.
    #[cfg(test)]
    pub(crate) const fn open() -> Self {
        Self { token: None, hosts: Vec::new() }
    }

    /// Requires `Authorization: Bearer TOKEN`.
    ///
    /// # Errors
    ///
    /// [`InvalidToken`] unless the token has 16 to 256 visible ASCII characters.
    pub fn with_token(self, token: Secret<String>) -> Result<Self, InvalidToken> {
        let is_visible = token.expose().bytes().all(|byte| byte.is_ascii_graphic());
        if !is_visible || !(16..=256).contains(&token.expose().len()) {
            return Err(InvalidToken);
        }
        Ok(Self { token: Some(Arc::new(token)), ..self })
    }

    /// Allows one more host name in `Host`, such as that of a container.
    pub fn with_host(mut self, name: &str) -> Self {
        self.hosts.push(name.to_ascii_lowercase());
        self
    }

    /// Returns whether a token is required.
    pub const fn requires_token(&self) -> bool {
        self.token.is_some()
    }

    /// Checks a request by its headers. Returns the response to it if it is refused. A header that is repeated or is no
    /// text must be given as empty, not as absent.
    pub fn refusal<'a>(&self, header: impl Fn(&str) -> Option<&'a str>) -> Option<ControlResponse> {
        self.check(header).err().map(Problem::into_response)
    }

    fn check<'a>(&self, header: impl Fn(&str) -> Option<&'a str>) -> Result<(), Problem> {
        let host = self.check_host(&header)?;
        Self::check_site(&host, &header)?;
        self.check_token(header("authorization"))
    }

    fn check_host<'a>(&self, header: impl Fn(&str) -> Option<&'a str>) -> Result<Authority<'a>, Problem> {
        let host = header("host").and_then(Authority::parse);
        let Some(host) = host.filter(|host| self.allows_host(host)) else {
            return Err(Problem::forbidden(
                "Host",
                "must be localhost, an IP address, or a name that --control-host allows",
            ));
        };
        Ok(host)
    }

    /// Refuses requests that a page of another site makes.
    fn check_site<'a>(host: &Authority<'_>, header: impl Fn(&str) -> Option<&'a str>) -> Result<(), Problem> {
        if header("origin").is_some_and(|origin| !is_origin_of(origin, host)) {
            return Err(Problem::forbidden("Origin", "must be absent or have the host and port of Host"));
        }
        if header("sec-fetch-site").is_some_and(|site| site.eq_ignore_ascii_case("cross-site")) {
            return Err(Problem::forbidden("Sec-Fetch-Site", "must not be cross-site"));
        }
        Ok(())
    }

    /// Checks a request to the page by its headers. A page may be opened by a link of another site, which learns nothing
    /// by it; every act must come from the page itself. Returns the response to a refused request.
    pub(crate) fn page_refusal<'a>(
        &self,
        is_act: bool,
        header: impl Fn(&str) -> Option<&'a str>,
    ) -> Option<ControlResponse> {
        let checked = self
            .check_host(&header)
            .and_then(|host| if is_act { Self::check_site(&host, &header) } else { Ok(()) });
        checked.err().map(Problem::into_response)
    }

    /// Returns whether a visitor of the page has signed in, by the value of the cookie. Without a token, everybody has.
    pub(crate) fn is_signed_in(&self, session: Option<&str>) -> bool {
        let Some(expected) = self.session() else { return true };
        session.is_some_and(|session| bool::from(session.as_bytes().ct_eq(expected.as_bytes())))
    }

    /// Returns the value of the cookie for a visitor with the token. `None` for another token, or if none is required.
    pub(crate) fn sign_in(&self, token: &str) -> Option<String> {
        let expected = self.token.as_ref()?;
        bool::from(token.as_bytes().ct_eq(expected.expose().as_bytes())).then(|| self.session())?
    }

    /// Returns the value of the cookie. It is derived, so that it does not reveal the token.
    fn session(&self) -> Option<String> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.token.as_ref()?.expose().as_bytes());
        Some(hex::encode(hmac::sign(&key, b"wxpay-sim page")))
    }

    /// Returns the key by which a payer acts on one order without the token. `None` if no token is required.
    pub(crate) fn payer_key(&self, mchid: &str, out_trade_no: &str) -> Option<String> {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.token.as_ref()?.expose().as_bytes());
        let order = format!("wxpay-sim payer\n{mchid}\n{out_trade_no}");
        Some(hex::encode(hmac::sign(&key, order.as_bytes())))
    }

    /// Returns whether a key is [that of an order](Self::payer_key).
    pub(crate) fn is_payer(&self, key: &str, mchid: &str, out_trade_no: &str) -> bool {
        let expected = self.payer_key(mchid, out_trade_no);
        expected.is_some_and(|expected| bool::from(key.as_bytes().ct_eq(expected.as_bytes())))
    }

    fn check_token(&self, given: Option<&str>) -> Result<(), Problem> {
        let Some(token) = &self.token else { return Ok(()) };
        let is_equal = |given: &str| bool::from(given.as_bytes().ct_eq(token.expose().as_bytes()));
        if given.and_then(bearer).is_some_and(is_equal) {
            Ok(())
        } else {
            Err(Problem::unauthorized(given.is_some()))
        }
    }

    fn allows_host(&self, host: &Authority<'_>) -> bool {
        let name = host.name.to_ascii_lowercase();
        name == "localhost" || host.is_address() || self.hosts.contains(&name)
    }
}

/// Returns the token of a header `Authorization`. The scheme is case-insensitive.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim_matches(' '))
}

/// Returns whether an origin has this host and port.
fn is_origin_of(origin: &str, host: &Authority<'_>) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let default_port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return false,
    };
    Authority::parse(authority).is_some_and(|origin| {
        origin.name.eq_ignore_ascii_case(host.name)
            && origin.port.unwrap_or(default_port) == host.port.unwrap_or(default_port)
    })
}

/// Host and optional port.
struct Authority<'a> {
    /// A name or an address, with brackets around one of IPv6.
    name: &'a str,
    port: Option<u16>,
}

impl<'a> Authority<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let end_of_address = text.starts_with('[').then(|| text.find(']')).flatten();
        let port_at = match end_of_address {
            Some(end) => text.get(end..)?.find(':').map(|at| at.saturating_add(end)),
            None => text.find(':'),
        };
        let (name, port) = match port_at.and_then(|at| text.split_at_checked(at)) {
            None => (text, None),
            Some((name, port)) => (name, Some(port.strip_prefix(':')?.parse().ok()?)),
        };
        let is_name = !name.is_empty() && !name.contains(['/', '@', '?', '#', ' ']);
        is_name.then_some(Self { name, port })
    }

    fn is_address(&self) -> bool {
        let inner = self.name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let address = inner.unwrap_or(self.name).parse::<IpAddr>();
        address.is_ok_and(|address| address.is_ipv6() == inner.is_some())
    }
}

/// The error for a token that is too short, too long, or not visible ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InvalidToken;

impl fmt::Display for InvalidToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the control token must have 16 to 256 visible ASCII characters")
    }
}

impl std::error::Error for InvalidToken {}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "s3cr3t-s3cr3t-s3cr3t";

    fn access() -> Access {
        Access::default().with_token(Secret::new(TOKEN.into())).unwrap()
    }

    /// Returns the status of the refusal, or `None`, and the refused field.
    fn refusal(access: &Access, headers: &[(&str, &'static str)]) -> Option<(u16, String)> {
        let find = |name: &str| headers.iter().find(|(known, _)| *known == name).map(|(_, value)| *value);
        let response = access.refusal(find)?;
        let field = response.body["field"].as_str().unwrap_or_default().to_owned();
        Some((response.status, field))
    }

    #[test]
    fn host_is_localhost_an_address_or_an_allowed_name() {
        let access = Access::default().with_host("Sim.Internal");
        for host in
            ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "[::1]:8080", "192.0.2.7", "sim.internal:81"]
        {
            assert_eq!(refusal(&access, &[("host", host)]), None, "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "::1",
            "[127.0.0.1]",
            "localhost:",
            "localhost:x",
            "user@localhost",
            "sim.internal.evil.example",
        ] {
            assert_eq!(refusal(&access, &[("host", host)]), Some((403, "Host".into())), "{host}");
        }
        assert_eq!(refusal(&access, &[]), Some((403, "Host".into())));
    }

    #[test]
    fn origin_has_the_host_and_port_of_the_request() {
        let access = Access::default();
        for (host, origin, is_allowed) in [
            ("localhost:8080", "http://localhost:8080", true),
            ("localhost", "http://LOCALHOST:80", true),
            ("localhost:443", "https://localhost", true),
            ("localhost:8080", "http://localhost:3000", false),
            ("localhost:8080", "http://127.0.0.1:8080", false),
            ("localhost", "https://localhost:80", false),
            ("localhost", "http://evil.example", false),
            ("localhost", "null", false),
            ("localhost", "", false),
            ("localhost", "file://localhost", false),
        ] {
            let refused = refusal(&access, &[("host", host), ("origin", origin)]);
            assert_eq!(refused, (!is_allowed).then(|| (403, "Origin".into())), "{host} {origin}");
        }
    }

    #[test]
    fn cross_site_fetches_are_refused() {
        for (site, is_allowed) in
            [("same-origin", true), ("none", true), ("same-site", true), ("Cross-Site", false)]
        {
            let refused = refusal(&Access::default(), &[("host", "localhost"), ("sec-fetch-site", site)]);
            assert_eq!(refused, (!is_allowed).then(|| (403, "Sec-Fetch-Site".into())), "{site}");
        }
    }

    #[test]
    fn token_is_required_in_full() {
        let right = "Bearer s3cr3t-s3cr3t-s3cr3t";
        assert_eq!(refusal(&access(), &[("host", "localhost"), ("authorization", right)]), None);
        let lower = "bearer  s3cr3t-s3cr3t-s3cr3t";
        assert_eq!(refusal(&access(), &[("host", "localhost"), ("authorization", lower)]), None);
        for wrong in
            ["", "Bearer", "Bearer ", "Bearer s3cr3t-s3cr3t-s3cr3", "Basic s3cr3t-s3cr3t-s3cr3t", TOKEN]
        {
            let refused = refusal(&access(), &[("host", "localhost"), ("authorization", wrong)]);
            assert_eq!(refused, Some((401, "Authorization".into())), "{wrong}");
        }
        let response = access().refusal(|name| (name == "host").then_some("localhost")).unwrap();
        assert_eq!(
            (response.status, response.authenticate),
            (401, Some("Bearer realm=\"wxpay-sim control\""))
        );
        // A page of another site learns nothing about the token.
        let headers = [("host", "evil.example"), ("authorization", right)];
        assert_eq!(refusal(&access(), &headers), Some((403, "Host".into())));
    }

    #[test]
    fn token_is_not_shown() {
        assert!(!format!("{:?}", access()).contains("s3cr3t"));
        for token in ["", "short", "with spaces in the middle", &"x".repeat(257), "zeichen-äöü-zeichen"] {
            assert_eq!(Access::default().with_token(Secret::new(token.into())).err(), Some(InvalidToken));
        }
    }
}
