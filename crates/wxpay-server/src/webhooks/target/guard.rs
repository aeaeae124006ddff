//! The guard: resolves a host, checks the addresses, and connects to one of those that were checked.

use super::Policy;
use crate::webhooks::{BoxFuture, send::WebhookFailure};
use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpStream, time::timeout};

/// The maximum number of addresses tried for one connection.
const MAX_ADDRESSES: usize = 4;

/// The timeout of the connection to one address. It is short, so that an address without a route does not use up the
/// deadline of the request.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(4);

/// The resolution of host names. Tests replace it, to change an address between two calls.
pub(crate) trait Resolve: fmt::Debug + Send + Sync {
    /// Returns the addresses of a host.
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The resolver of the operating system.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SystemResolver;

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, host: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((host, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Opens connections to permitted addresses only.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    policy: Arc<Policy>,
    resolver: Arc<dyn Resolve>,
}

impl Guard {
    pub(crate) fn new(policy: Arc<Policy>, resolver: Arc<dyn Resolve>) -> Self {
        Self { policy, resolver }
    }

    /// Resolves a host and returns its permitted addresses. An IPv6 host is in brackets, as in a URL.
    ///
    /// # Errors
    ///
    /// If the host has no address, or none that is permitted.
    pub(crate) async fn permitted(&self, host: &str) -> Result<Vec<IpAddr>, WebhookFailure> {
        let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
        let found = match bare.parse::<IpAddr>() {
            Ok(address) => vec![address],
            Err(_) => self.resolver.resolve(bare).await.map_err(|_| WebhookFailure::UnknownHost)?,
        };
        let (mut permitted, mut refused) = (Vec::new(), None);
        for address in found {
            match self.policy.check(address) {
                Ok(()) if permitted.len() < MAX_ADDRESSES => permitted.push(address),
                Ok(()) => break,
                Err(restricted) => refused = refused.or(Some(restricted)),
            }
        }
        match (permitted.is_empty(), refused) {
            (false, _) => Ok(permitted),
            (true, Some(restricted)) => Err(WebhookFailure::Restricted(restricted)),
            (true, None) => Err(WebhookFailure::UnknownHost),
        }
    }

    /// Connects to the first permitted address that accepts. The addresses connected to are those checked: the name is
    /// not resolved a second time.
    ///
    /// # Errors
    ///
    /// If no address is permitted, or none accepts a connection.
    pub(crate) async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, WebhookFailure> {
        let mut failure = WebhookFailure::UnknownHost;
        for address in self.permitted(host).await? {
            match timeout(ADDRESS_TIMEOUT, TcpStream::connect(SocketAddr::new(address, port))).await {
                Ok(Ok(stream)) => {
                    // Without it, a failure costs some latency only.
                    drop(stream.set_nodelay(true));
                    return Ok(stream);
                }
                Ok(Err(error)) => failure = WebhookFailure::Connect(error.kind()),
                Err(_) => failure = WebhookFailure::Connect(io::ErrorKind::TimedOut),
            }
        }
        Err(failure)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::target::Restricted;

    #[derive(Debug)]
    struct Fixed(io::Result<Vec<IpAddr>>);

    impl Resolve for Fixed {
        fn resolve<'a>(&'a self, _: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
            let found = match &self.0 {
                Ok(found) => Ok(found.clone()),
                Err(error) => Err(error.kind().into()),
            };
            Box::pin(async move { found })
        }
    }

    fn guard(allowed: &[&str], addresses: &[&str]) -> Guard {
        let policy = Policy {
            allow_http: false,
            allowed_networks: allowed.iter().map(|network| network.parse().unwrap()).collect(),
        };
        let found = addresses.iter().map(|address| address.parse().unwrap()).collect();
        Guard::new(Arc::new(policy), Arc::new(Fixed(Ok(found))))
    }

    fn addresses(texts: &[&str]) -> Vec<IpAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[tokio::test]
    async fn restricted_addresses_are_left_out() {
        let guard = guard(&[], &["10.0.0.1", "8.8.8.8", "::1", "2001:4860:4860::8888"]);
        let permitted = guard.permitted("shop.example.com").await.unwrap();
        assert_eq!(permitted, addresses(&["8.8.8.8", "2001:4860:4860::8888"]));
    }

    #[tokio::test]
    async fn host_with_restricted_addresses_only_is_refused() {
        let guard = guard(&["10.0.0.0/8"], &["127.0.0.1", "169.254.169.254"]);
        assert_eq!(
            guard.permitted("shop.example.com").await,
            Err(WebhookFailure::Restricted(Restricted::Loopback))
        );
        assert_eq!(
            guard.permitted("10.0.0.1").await,
            Ok(addresses(&["10.0.0.1"])),
            "a literal is not resolved"
        );
        assert_eq!(guard.permitted("[::1]").await, Err(WebhookFailure::Restricted(Restricted::Loopback)));
        assert_eq!(guard.permitted("[2001:4860::1]").await, Ok(addresses(&["2001:4860::1"])));
    }

    #[tokio::test]
    async fn number_of_addresses_is_bounded() {
        let many: Vec<_> = (1..100).map(|last| format!("8.8.8.{last}")).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(guard(&[], &many).permitted("a").await.unwrap().len(), MAX_ADDRESSES);
    }

    #[tokio::test]
    async fn host_without_an_address_is_unknown() {
        assert_eq!(guard(&[], &[]).permitted("a").await, Err(WebhookFailure::UnknownHost));
        let failing =
            Guard::new(Arc::new(Policy::default()), Arc::new(Fixed(Err(io::ErrorKind::NotFound.into()))));
        assert_eq!(failing.connect("a", 443).await.err(), Some(WebhookFailure::UnknownHost));
    }

    #[tokio::test]
    async fn system_resolver_resolves_localhost_to_loopback() {
        let guard = Guard::new(Arc::new(Policy::default()), Arc::new(SystemResolver));
        assert_eq!(
            guard.connect("localhost", 1).await.err(),
            Some(WebhookFailure::Restricted(Restricted::Loopback))
        );
        // Notations that the system takes for an address are checked all the same.
        assert_eq!(
            guard.connect("2130706433", 1).await.err(),
            Some(WebhookFailure::Restricted(Restricted::Loopback))
        );
    }

    #[tokio::test]
    async fn next_address_is_tried_if_one_refuses() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let guard = guard(&["127.0.0.0/8"], &["127.0.0.2", "127.0.0.1"]);
        let stream = guard.connect("shop.example.com", port).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap().ip(), addresses(&["127.0.0.1"])[0]);
        drop(listener);
        assert_eq!(
            guard.connect("shop.example.com", port).await.err(),
            Some(WebhookFailure::Connect(io::ErrorKind::ConnectionRefused))
        );
    }
}
