//! The transport over TCP and TLS.

use super::{WebhookFailure, WebhookResponse, WebhookTransport};
use crate::webhooks::{
    BoxFuture,
    signature::WebhookHeaders,
    target::{
        Policy, TargetUrl,
        guard::{Guard, Resolve},
    },
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body as _, Incoming};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::{
    client::legacy,
    rt::{TokioExecutor, TokioIo, TokioTimer},
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, pem::PemObject as _};
use std::{
    error, fmt, io,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout, timeout_at},
};
use tower_service::Service;

type BoxError = Box<dyn error::Error + Send + Sync>;

/// The deadline of one try, from the resolution of the host to the end of the response.
const DEADLINE: Duration = Duration::from_secs(15);

/// The timeout of a new connection: resolution, TCP and TLS.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The time for the response's body, after the status has decided about the delivery.
const BODY_TIMEOUT: Duration = Duration::from_secs(1);

/// The part of the body that is read, so that the connection can be used again.
const MAX_BODY_BYTES: usize = 4 * 1024;

/// The part of the body that is kept for people.
const MAX_EXCERPT_BYTES: usize = 512;

/// The maximum length of the response's head, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// The maximum length of `Retry-After`, in bytes: an HTTP date has at most 33.
const MAX_RETRY_AFTER_BYTES: usize = 64;

/// The time after which an idle connection is closed. It is short, because addresses are checked per connection.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

const MAX_IDLE_PER_HOST: usize = 2;

const USER_AGENT: &str = concat!("wxpay-server/", env!("CARGO_PKG_VERSION"));

const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// The settings of [`HttpTransport`].
#[derive(Debug)]
pub(crate) struct TransportSettings<'a> {
    pub(crate) policy: Policy,
    pub(crate) resolver: Arc<dyn Resolve>,
    /// PEM certificates of authorities trusted in addition to the public ones.
    pub(crate) extra_ca: Option<&'a str>,
    /// The deadline of one try.
    pub(crate) deadline: Duration,
}

impl TransportSettings<'_> {
    /// Creates settings with a deadline of 15 s, which trust the public authorities.
    pub(crate) fn new(policy: Policy, resolver: Arc<dyn Resolve>) -> Self {
        Self { policy, resolver, extra_ca: None, deadline: DEADLINE }
    }
}

/// Sends webhooks over HTTP/1.1, through the guard. Connections are pooled; each new one is checked.
#[derive(Debug)]
pub(crate) struct HttpTransport {
    client: legacy::Client<ClassifyingConnector, Full<Bytes>>,
    deadline: Duration,
}

impl HttpTransport {
    /// Creates a transport.
    ///
    /// # Errors
    ///
    /// If the extra authority is not a PEM certificate.
    pub(crate) fn new(settings: TransportSettings<'_>) -> Result<Self, SetupError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(pem) = settings.extra_ca {
            let mut count = 0_usize;
            for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
                let certificate = certificate.map_err(|_| SetupError::ExtraCa)?;
                roots.add(certificate).map_err(|_| SetupError::ExtraCa)?;
                count = count.saturating_add(1);
            }
            if count == 0 {
                return Err(SetupError::ExtraCa);
            }
        }
        // The provider is named, so that the default provider of the process has no effect.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| SetupError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
        let builder = if settings.policy.allow_http { builder.https_or_http() } else { builder.https_only() };
        let guard = Guard::new(Arc::new(settings.policy), settings.resolver);
        let tls = builder.enable_http1().wrap_connector(GuardedConnector { guard });
        let client = legacy::Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
            .http1_max_buf_size(MAX_HEAD_BYTES)
            .build(ClassifyingConnector { tls });
        Ok(Self { client, deadline: settings.deadline })
    }

    async fn exchange(
        &self,
        target: &TargetUrl,
        headers: &WebhookHeaders,
        body: Bytes,
    ) -> Result<WebhookResponse, WebhookFailure> {
        let now = Instant::now();
        let deadline = now.checked_add(self.deadline).unwrap_or(now);
        let request = request(target, headers, body)?;
        let response = match timeout_at(deadline, self.client.request(request)).await {
            Ok(response) => response.map_err(|error| classify(&error))?,
            Err(_) => return Err(WebhookFailure::Timeout),
        };
        let (head, body) = response.into_parts();
        let retry_after = head
            .headers
            .get(header::RETRY_AFTER)
            .and_then(|value| value.to_str().ok())
            .filter(|value| value.len() <= MAX_RETRY_AFTER_BYTES)
            .map(ToOwned::to_owned);
        // The status has decided. A body that is slow or broken only costs the connection.
        let mut beginning = Vec::new();
        let drained = timeout(BODY_TIMEOUT, drain(body, &mut beginning));
        let _: Result<(), _> = timeout_at(deadline, drained).await.map(drop);
        Ok(WebhookResponse { status: head.status.as_u16(), retry_after, excerpt: excerpt(&beginning) })
    }
}

impl WebhookTransport for HttpTransport {
    fn post<'a>(
        &'a self,
        target: &'a TargetUrl,
        headers: &'a WebhookHeaders,
        body: Bytes,
    ) -> BoxFuture<'a, Result<WebhookResponse, WebhookFailure>> {
        Box::pin(self.exchange(target, headers, body))
    }
}

fn request(
    target: &TargetUrl,
    headers: &WebhookHeaders,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, WebhookFailure> {
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| WebhookFailure::Header);
    Request::post(target.uri().clone())
        .header(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))
        .header(header::USER_AGENT, HeaderValue::from_static(USER_AGENT))
        .header(WEBHOOK_ID, value(&headers.id)?)
        .header(WEBHOOK_TIMESTAMP, HeaderValue::from(headers.timestamp.as_secs()))
        .header(WEBHOOK_SIGNATURE, value(&headers.signature)?)
        .body(Full::new(body))
        .map_err(|_| WebhookFailure::Header)
}

/// Returns the beginning of a body as text: control characters would break a line of a terminal or a log.
fn excerpt(beginning: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(beginning);
    let text: String = text.chars().map(|char| if char.is_control() { ' ' } else { char }).collect();
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// Reads a body to its end and keeps its beginning. A longer one ends the connection.
async fn drain(mut body: Incoming, beginning: &mut Vec<u8>) {
    let mut left = MAX_BODY_BYTES;
    while !body.is_end_stream() {
        let Some(Ok(frame)) = body.frame().await else { return };
        let data = frame.data_ref().map_or(&[][..], |data| data);
        let free = MAX_EXCERPT_BYTES.saturating_sub(beginning.len());
        beginning.extend_from_slice(data.get(..free).unwrap_or(data));
        let len = data.len();
        match left.checked_sub(len) {
            Some(rest) => left = rest,
            None => return,
        }
    }
}

/// Classifies a failure of hyper's client, whose own text could quote the request.
fn classify(error: &legacy::Error) -> WebhookFailure {
    let mut kind = io::ErrorKind::Other;
    let mut next: Option<&(dyn error::Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(failure) = error.downcast_ref::<WebhookFailure>() {
            return *failure;
        }
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            if error.is_parse() {
                return WebhookFailure::NotHttp;
            }
            if error.is_incomplete_message() {
                return WebhookFailure::Incomplete;
            }
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            kind = error.kind();
        }
        next = error.source();
    }
    WebhookFailure::Connection(kind)
}

/// The TCP connector: connects through the guard.
#[derive(Clone, Debug)]
struct GuardedConnector {
    guard: Guard,
}

impl Service<Uri> for GuardedConnector {
    type Response = TokioIo<TcpStream>;
    type Error = WebhookFailure;
    type Future = BoxFuture<'static, Result<Self::Response, WebhookFailure>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), WebhookFailure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let guard = self.guard.clone();
        Box::pin(async move {
            let host = to.host().ok_or(WebhookFailure::UnknownHost)?;
            let default_port = if to.scheme_str() == Some("http") { 80 } else { 443 };
            let stream = guard.connect(host, to.port_u16().unwrap_or(default_port)).await?;
            Ok(TokioIo::new(stream))
        })
    }
}

/// The connector with TLS and a timeout. Its errors are classified.
#[derive(Clone, Debug)]
struct ClassifyingConnector {
    tls: HttpsConnector<GuardedConnector>,
}

impl Service<Uri> for ClassifyingConnector {
    type Response = MaybeHttpsStream<TokioIo<TcpStream>>;
    type Error = WebhookFailure;
    type Future = BoxFuture<'static, Result<Self::Response, WebhookFailure>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), WebhookFailure>> {
        self.tls.poll_ready(cx).map_err(|error| classify_connect(&error))
    }

    fn call(&mut self, to: Uri) -> Self::Future {
        let connecting = self.tls.call(to);
        Box::pin(async move {
            match timeout(CONNECT_TIMEOUT, connecting).await {
                Ok(connected) => connected.map_err(|error| classify_connect(&error)),
                Err(_) => Err(WebhookFailure::Connect(io::ErrorKind::TimedOut)),
            }
        })
    }
}

/// Classifies an error of the connector with TLS. What is not the guard's is a failure of the handshake: an I/O error,
/// which contains that of rustls in one more.
fn classify_connect(error: &BoxError) -> WebhookFailure {
    if let Some(failure) = error.downcast_ref::<WebhookFailure>() {
        return *failure;
    }
    let mut inner = error.downcast_ref::<io::Error>();
    while let Some(wrapped) = inner.and_then(io::Error::get_ref) {
        if let Some(rustls::Error::InvalidCertificate(_)) = wrapped.downcast_ref::<rustls::Error>() {
            return WebhookFailure::Certificate;
        }
        inner = wrapped.downcast_ref::<io::Error>();
    }
    WebhookFailure::Tls
}

/// The error of settings that give no transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetupError {
    ExtraCa,
    Tls,
}

impl fmt::Display for SetupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ExtraCa => "the extra authority must be one or more PEM certificates",
            Self::Tls => "the TLS library supports no protocol version",
        })
    }
}

impl error::Error for SetupError {}
