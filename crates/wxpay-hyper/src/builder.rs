//! The builder of a client.

use crate::{
    ambient,
    body_budget::BodyBudget,
    client::Client,
    connect::{self, Connector, HttpClient, Identity},
    limits::DownloadLimits,
    setup::{SetupError, SetupFault},
    transport::{Seams, Transport},
};
use http::{HeaderValue, Uri, uri::Scheme};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use std::{fmt, sync::Arc, time::Duration};
use wxpay_proto::{UnixTime, entropy::Entropy, secret::Secret};

/// The settings of a [`Client`]. All are optional, and [`build`](Self::build) validates them.
///
/// ```
/// use std::time::Duration;
///
/// let client = wxpay_hyper::Client::builder()
///     .proxy("http://10.0.0.1:3128")
///     .connect_timeout(Duration::from_secs(3))
///     .build()?;
/// # Ok::<(), wxpay_hyper::SetupError>(())
/// ```
#[must_use]
pub struct Builder {
    root_cas: Vec<Vec<u8>>,
    public_roots: bool,
    identity: Option<(Vec<u8>, Secret<Vec<u8>>)>,
    proxy: Option<String>,
    proxy_authorization: Option<HeaderValue>,
    connect_timeout: Duration,
    pool_idle_timeout: Duration,
    download_limits: DownloadLimits,
    notification_buffer_limit: usize,
    seams: Seams,
}

impl Client {
    /// Returns a builder with the defaults: public certificate authorities, no proxy, five seconds to connect.
    pub fn builder() -> Builder {
        Builder::default()
    }
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            root_cas: Vec::new(),
            public_roots: true,
            identity: None,
            proxy: None,
            proxy_authorization: None,
            connect_timeout: Duration::from_secs(5),
            pool_idle_timeout: Self::POOL_IDLE_TIMEOUT,
            download_limits: DownloadLimits::default(),
            notification_buffer_limit: Self::NOTIFICATION_BUFFER_LIMIT,
            seams: Seams::default(),
        }
    }
}

impl Builder {
    /// The default time after which an idle connection is closed: seven seconds. The gateway closes a connection that
    /// was idle for eight.
    ///
    /// A connection that the gateway closed looks open until its FIN arrives, and a NAT or a load balancer may drop the
    /// FIN. A payment sent on such a connection is lost: its fate is unknown, and it must not be sent again under
    /// another number.
    pub const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(7);
    /// The default of [`notification_buffer_limit`](Self::notification_buffer_limit): 16 MiB. A genuine notification has
    /// a few KiB.
    pub const NOTIFICATION_BUFFER_LIMIT: usize = 16 * 1024 * 1024;

    /// Trusts the certificate authorities in this PEM text, in addition to the public ones. May be called repeatedly.
    pub fn root_ca(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.root_cas.push(pem.into());
        self
    }

    /// Trusts only the certificate authorities of [`root_ca`](Self::root_ca): for a gateway in a private network.
    pub fn without_public_roots(mut self) -> Self {
        self.public_roots = false;
        self
    }

    /// Sets the merchant's client certificate chain and private key, both PEM. They are used only for requests that
    /// require mutual TLS. The chain begins with the merchant's certificate, followed by the intermediate certificates.
    pub fn identity(mut self, chain: impl Into<Vec<u8>>, key: impl Into<Vec<u8>>) -> Self {
        self.identity = Some((chain.into(), Secret::new(key.into())));
        self
    }

    /// Sets a forward proxy, `http://host:port`. Requests to `https` go through a tunnel (`CONNECT`); requests to plain
    /// `http` are sent to the proxy with the absolute URL. Environment variables are ignored.
    pub fn proxy(mut self, url: impl Into<String>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// Sets the `proxy-authorization` header, such as `Basic …`. It is never printed.
    pub fn proxy_authorization(mut self, mut value: HeaderValue) -> Self {
        value.set_sensitive(true);
        self.proxy_authorization = Some(value);
        self
    }

    /// Sets the timeout for connecting: name resolution, TCP, the proxy and TLS together. The default is five seconds.
    ///
    /// A request that exceeds this timeout was certainly not sent. A request that exceeds its own timeout may have been
    /// sent. Therefore keep this one well below the timeout of the merchant's retry policy.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = timeout;
        self
    }

    /// Sets the time after which an idle connection is closed. The default is
    /// [`POOL_IDLE_TIMEOUT`](Self::POOL_IDLE_TIMEOUT), with its reason. Set it below the idle timeout of every proxy and
    /// NAT on the way, too.
    pub fn pool_idle_timeout(mut self, timeout: Duration) -> Self {
        self.pool_idle_timeout = timeout;
        self
    }

    /// Sets the timeout of a whole [download](Client::download). The default is 30 minutes.
    pub fn download_timeout(mut self, timeout: Duration) -> Self {
        self.download_limits.timeout = timeout;
        self
    }

    /// Sets the maximum size of a [downloaded](Client::download) file, unzipped, in bytes. The default is 8 GiB.
    pub fn download_limit(mut self, max_bytes: u64) -> Self {
        self.download_limits.max_bytes = max_bytes;
        self
    }

    /// Sets the maximum number of bytes that the bodies of all notifications in flight may occupy together, until each is
    /// verified. The default is [`NOTIFICATION_BUFFER_LIMIT`](Self::NOTIFICATION_BUFFER_LIMIT). All services of the
    /// client share it, whatever the number of merchants.
    ///
    /// Requests beyond it return 503 with `Retry-After`, and WeChat Pay retries. The first 16 KiB of each body are not
    /// counted, so that forged long bodies cannot keep genuine notifications out: limit the number of connections in
    /// your server.
    pub fn notification_buffer_limit(mut self, max_bytes: usize) -> Self {
        self.notification_buffer_limit = max_bytes;
        self
    }

    /// Sends requests through this transport instead of the network. The settings of connections and TLS then apply to
    /// [downloads](Client#method.download) only.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.seams.transport = Some(transport);
        self
    }

    /// Reads the time from this clock instead of the system's. Waits are measured by tokio's clock in any case.
    pub fn clock(mut self, clock: impl Fn() -> UnixTime + Send + Sync + 'static) -> Self {
        self.seams.clock = Arc::new(clock);
        self
    }

    /// Draws randomness from here instead of the operating system. The values must be unpredictable and never the same,
    /// except in a test that repeats itself.
    pub fn entropy(mut self, entropy: impl Fn() -> Entropy + Send + Sync + 'static) -> Self {
        self.seams.entropy = Arc::new(entropy);
        self
    }

    /// Validates the settings and returns the client.
    ///
    /// # Errors
    ///
    /// If a certificate, a key or the proxy's URL is invalid, if no certificate authority is trusted, or if the
    /// operating system returns no random bytes.
    pub fn build(self) -> Result<Client, SetupError> {
        // Detected here, because the first call would panic.
        drop(ambient::try_entropy().map_err(|cause| {
            SetupFault::new("random bytes", "are required, and the operating system returned none")
                .with_source(cause)
        })?);
        let roots = self.roots()?;
        let identity = self.parsed_identity()?;
        let proxy = self.proxy.as_deref().map(proxy_uri).transpose()?;
        let connector = Connector::new(proxy.as_ref(), self.proxy_authorization.as_ref());
        let new_http_client = |identity: Option<Identity>| -> Result<HttpClient, SetupFault> {
            let tls = connect::tls_config(roots.clone(), identity).map_err(|cause| {
                SetupFault::new(
                    "identity",
                    "must be a certificate chain and the private key of its first certificate",
                )
                .with_source(cause)
            })?;
            Ok(connect::http_client(tls, connector.clone(), self.connect_timeout, self.pool_idle_timeout))
        };
        let http_client = new_http_client(None)?;
        let mutual_tls_client = identity.map(|identity| new_http_client(Some(identity))).transpose()?;
        Ok(Client::new(
            http_client,
            mutual_tls_client,
            proxy.and(self.proxy_authorization),
            self.download_limits,
            BodyBudget::new(self.notification_buffer_limit),
            self.seams,
        ))
    }

    fn roots(&self) -> Result<rustls::RootCertStore, SetupFault> {
        const INVALID: SetupFault =
            SetupFault::new("root_ca", "must be PEM text with at least one certificate");
        let mut roots = rustls::RootCertStore::empty();
        if self.public_roots {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        for pem in &self.root_cas {
            for certificate in certificates(pem, INVALID)? {
                roots.add(certificate).map_err(|cause| INVALID.with_source(cause))?;
            }
        }
        if roots.is_empty() {
            return Err(SetupFault::new(
                "root_ca",
                "is required if the public certificate authorities are not trusted",
            ));
        }
        Ok(roots)
    }

    fn parsed_identity(&self) -> Result<Option<Identity>, SetupFault> {
        const CHAIN: SetupFault = SetupFault::new("identity", "must contain a PEM certificate chain");
        const KEY: SetupFault = SetupFault::new("identity", "must contain a PEM private key");
        let Some((chain, key)) = &self.identity else { return Ok(None) };
        let chain = certificates(chain, CHAIN)?;
        // The cause is omitted: it may quote the text of the key.
        let key = PrivateKeyDer::from_pem_slice(key.expose()).map_err(|_| KEY)?;
        Ok(Some(Identity { chain, key }))
    }
}

/// Omits the private key and the proxy's URL, which may contain a password.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("root_cas", &self.root_cas.len())
            .field("public_roots", &self.public_roots)
            .field("identity", &self.identity.is_some())
            .field("proxy", &self.proxy.is_some())
            .field("connect_timeout", &self.connect_timeout)
            .field("pool_idle_timeout", &self.pool_idle_timeout)
            .field("download_limits", &self.download_limits)
            .field("notification_buffer_limit", &self.notification_buffer_limit)
            .field("transport", &self.seams.transport)
            .finish_non_exhaustive()
    }
}

/// Parses the certificates of a PEM text. At least one is required.
fn certificates(pem: &[u8], fault: SetupFault) -> Result<Vec<CertificateDer<'static>>, SetupFault> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if found.is_empty() => Err(fault),
        Ok(found) => Ok(found),
        Err(cause) => Err(fault.with_source(cause)),
    }
}

fn proxy_uri(url: &str) -> Result<Uri, SetupFault> {
    const INVALID: SetupFault = SetupFault::new(
        "proxy",
        "must be http://host:port; put credentials in proxy_authorization, not in the URL",
    );
    let uri: Uri = url.parse().map_err(|_| INVALID)?;
    let is_valid = uri.scheme() == Some(&Scheme::HTTP)
        && uri.authority().is_some_and(|authority| !authority.as_str().contains('@'))
        && uri.host().is_some_and(|host| !host.is_empty())
        && matches!(uri.path_and_query().map(http::uri::PathAndQuery::as_str), None | Some("" | "/"));
    if is_valid { Ok(uri) } else { Err(INVALID) }
}
