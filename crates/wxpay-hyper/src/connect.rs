//! Connections: TCP directly or through a proxy, TLS if the URL requires it, within a timeout.

use bytes::Bytes;
use http::{HeaderValue, Uri, uri::Scheme};
use http_body_util::Full;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{
    client::legacy::{
        self,
        connect::{Connected, Connection, HttpConnector, proxy::Tunnel},
    },
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::{
    error, fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::net::TcpStream;
use tower_service::Service;

type BoxError = Box<dyn error::Error + Send + Sync>;
type Connecting<T> = Pin<Box<dyn Future<Output = Result<T, BoxError>> + Send>>;

/// A pool of connections, all with the merchant's client certificate or all without.
pub(crate) type HttpClient = legacy::Client<TimeoutConnector, Full<Bytes>>;

/// The client certificate chain and its private key, for mutual TLS.
pub(crate) struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: PrivateKeyDer<'static>,
}

/// Returns the TLS configuration. It names the crypto provider, so that the default provider of the process has no
/// effect.
///
/// Early data stays off. A request must not leave before the handshake is complete, or a failed handshake could no
/// longer be classified as *not sent*.
pub(crate) fn tls_config(
    roots: RootCertStore,
    identity: Option<Identity>,
) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let settings = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    match identity {
        Some(Identity { chain, key }) => settings.with_client_auth_cert(chain, key),
        None => Ok(settings.with_no_client_auth()),
    }
}

/// Returns a pool of connections.
///
/// hyper returns a request unsent if its pooled connection was closed before a byte of it was written. The pool then
/// sends it on another connection. This is not a retry, because the request certainly did not leave. Without it, every
/// connection that the server closed while idle could leave a payment of unknown fate.
///
/// hyper cannot detect a peer that is gone without a FIN, so `idle_timeout` must be shorter than that of the server. It
/// applies to HTTP/2 as well, where pings are off: while a request is in flight they would end it no sooner than its
/// timeout, and an idle connection is closed.
pub(crate) fn http_client(
    tls: ClientConfig,
    connector: Connector,
    connect_timeout: Duration,
    idle_timeout: Duration,
) -> HttpClient {
    let tls = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .enable_http2()
        .wrap_connector(connector);
    legacy::Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(idle_timeout)
        .retry_canceled_requests(true)
        .build(TimeoutConnector { timeout: connect_timeout, tls })
}

/// A connector with one timeout for all stages. When it expires, hyper reports a failure *to connect*, so the request
/// is classified as *not sent*.
#[derive(Clone, Debug)]
pub(crate) struct TimeoutConnector {
    timeout: Duration,
    tls: HttpsConnector<Connector>,
}

impl Service<Uri> for TimeoutConnector {
    type Response = MaybeHttpsStream<MaybeProxiedStream>;
    type Error = BoxError;
    type Future = Connecting<Self::Response>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tls.poll_ready(cx)
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let (timeout, connecting) = (self.timeout, self.tls.call(to));
        Box::pin(async move {
            match tokio::time::timeout(timeout, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(ConnectTimeout { timeout }.into()),
            }
        })
    }
}

/// The error of a connect timeout.
#[derive(Debug)]
struct ConnectTimeout {
    timeout: Duration,
}

impl fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no connection within {} ms", self.timeout.as_millis())
    }
}

impl error::Error for ConnectTimeout {}

/// The TCP connector below TLS.
#[derive(Clone, Debug)]
pub(crate) enum Connector {
    /// Connects directly to the host.
    Direct(HttpConnector),
    /// Connects to the proxy: through a tunnel for `https`, without one for `http`.
    Proxied(Box<Proxied>),
}

#[derive(Clone, Debug)]
pub(crate) struct Proxied {
    proxy: Uri,
    tcp: HttpConnector,
    tunnel: Tunnel<HttpConnector>,
}

impl Connector {
    pub(crate) fn new(proxy: Option<&Uri>, authorization: Option<&HeaderValue>) -> Self {
        let mut tcp = HttpConnector::new();
        // The TLS layer above passes `https` URLs to this connector.
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(Duration::from_secs(60)));
        let Some(proxy) = proxy else { return Self::Direct(tcp) };
        let tunnel = Tunnel::new(proxy.clone(), tcp.clone());
        let tunnel = match authorization {
            Some(value) => tunnel.with_auth(value.clone()),
            None => tunnel,
        };
        Self::Proxied(Box::new(Proxied { proxy: proxy.clone(), tcp, tunnel }))
    }
}

impl Service<Uri> for Connector {
    type Response = MaybeProxiedStream;
    type Error = BoxError;
    type Future = Connecting<MaybeProxiedStream>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Direct(tcp) => tcp.poll_ready(cx).map_err(Into::into),
            Self::Proxied(proxied) => proxied.tcp.poll_ready(cx).map_err(Into::into),
        }
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        match self {
            Self::Direct(tcp) => maybe_proxied(tcp.call(to), false, Into::into),
            Self::Proxied(proxied) if to.scheme() == Some(&Scheme::HTTPS) => {
                maybe_proxied(proxied.tunnel.call(to), false, ProxyError::boxed)
            }
            Self::Proxied(proxied) => {
                maybe_proxied(proxied.tcp.call(proxied.proxy.clone()), true, ProxyError::boxed)
            }
        }
    }
}

/// The error of a proxy that cannot be reached or opens no tunnel. WeChat Pay has received nothing.
#[derive(Debug)]
struct ProxyError {
    cause: BoxError,
}

impl ProxyError {
    fn boxed(cause: impl Into<BoxError>) -> BoxError {
        Self { cause: cause.into() }.into()
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "the proxy, not WeChat Pay, refused the connection or cannot be reached: check proxy and \
             proxy_authorization in the client's builder",
        )
    }
}

impl error::Error for ProxyError {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        Some(&*self.cause)
    }
}

/// Records in the connection whether requests on it need the absolute URL.
fn maybe_proxied<E: 'static>(
    connecting: impl Future<Output = Result<TokioIo<TcpStream>, E>> + Send + 'static,
    absolute_form: bool,
    into_error: fn(E) -> BoxError,
) -> Connecting<MaybeProxiedStream> {
    Box::pin(async move {
        let io = connecting.await.map_err(into_error)?;
        Ok(MaybeProxiedStream { io, absolute_form })
    })
}

/// A TCP connection to the host or to a proxy. Requests that the proxy itself receives need the absolute URL.
#[derive(Debug)]
pub(crate) struct MaybeProxiedStream {
    io: TokioIo<TcpStream>,
    absolute_form: bool,
}

impl Connection for MaybeProxiedStream {
    fn connected(&self) -> Connected {
        self.io.connected().proxy(self.absolute_form)
    }
}

impl Read for MaybeProxiedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for MaybeProxiedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, buffers)
    }
}
