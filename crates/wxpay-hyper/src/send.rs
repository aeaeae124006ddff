//! Sending one request, and the classification of a failure.

use crate::{ambient, client::Client, connect::HttpClient};
use bytes::Bytes;
use http::uri::Scheme;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_util::client::legacy::{self, connect::capture_connection};
use std::{error, fmt, io, time::Duration};
use wxpay_proto::{
    exchange::{Failure, Reply, Transmit},
    http::Response,
};

type BoxError = Box<dyn error::Error + Send + Sync>;

impl Client {
    /// Sends one request and reads its reply. Use it in a driver of your own if [`run`](Self::run) does not fit.
    ///
    /// Redirects are not followed and cookies are not kept. The reply's body is read to its end, within
    /// `transmit.timeout` and up to `transmit.max_reply` bytes.
    ///
    /// # Errors
    ///
    /// [`Failure::NotSent`] if no connection was established, [`Failure::Lost`] for every later failure and for the
    /// timeout of the request, at any stage. Neither contains the URL, the headers or the bodies.
    pub async fn send(&self, transmit: Transmit) -> Reply {
        let (label, began) = (transmit.label, ambient::monotonic_now());
        let reply = match self.transport() {
            Some(transport) => transport.send(transmit).await,
            None => self.send_inner(transmit).await,
        };
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &reply {
            Ok(reply) => {
                let request_id = request_id(reply).map(tracing::field::display);
                tracing::debug!(label, status = reply.status(), request_id, millis, "reply received");
            }
            Err(Failure::NotSent(cause)) => {
                let cause = tracing::field::display(Chain(&**cause));
                tracing::warn!(label, millis, cause, "request not sent");
            }
            Err(Failure::Lost(cause)) => tracing::warn!(label, millis, %cause, "reply lost"),
        }
        reply
    }

    async fn send_inner(&self, transmit: Transmit) -> Reply {
        let http_client = if transmit.client_certificate {
            self.mutual_tls_client().ok_or_else(|| Failure::NotSent(MissingIdentity.into()))?
        } else {
            self.http_client()
        };
        let request = self.http_request(transmit.request).map_err(Failure::NotSent)?;
        exchange(http_client, request, transmit.timeout, transmit.max_reply).await
    }

    /// Converts a request for hyper, and adds the proxy's credentials if the proxy receives the request itself.
    pub(crate) fn http_request(
        &self,
        request: wxpay_proto::http::Request,
    ) -> Result<http::Request<Full<Bytes>>, BoxError> {
        let mut request =
            http::Request::<Vec<u8>>::try_from(request)?.map(|body| Full::new(Bytes::from(body)));
        let uri = request.uri();
        let is_plain = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => true,
            Some(scheme) if *scheme == Scheme::HTTPS => false,
            _ => return Err(InvalidUrl.into()),
        };
        if uri.host().is_none_or(str::is_empty) {
            return Err(InvalidUrl.into());
        }
        // An `https` request goes through a tunnel, whose `CONNECT` has this header already. The gateway must not
        // receive it.
        if let (true, Some(value)) = (is_plain, self.proxy_authorization()) {
            request.headers_mut().insert(http::header::PROXY_AUTHORIZATION, value.clone());
        }
        Ok(request)
    }
}

/// Returns the `Request-ID` of APIv3, which WeChat Pay's support asks for. An implausible value is ignored.
fn request_id(reply: &Response) -> Option<&str> {
    let text = std::str::from_utf8(reply.header("request-id")?).ok()?;
    let is_plausible = text.len() <= 128 && text.bytes().all(|byte| byte.is_ascii_graphic());
    is_plausible.then_some(text)
}

async fn exchange(
    http_client: &HttpClient,
    mut request: http::Request<Full<Bytes>>,
    timeout: Duration,
    max_bytes: usize,
) -> Reply {
    let connection = capture_connection(&mut request);
    let failure = match tokio::time::timeout(timeout, request_and_read(http_client, request, max_bytes)).await
    {
        Ok(Ok(reply)) => return Ok(reply),
        Ok(Err(failure)) => failure,
        Err(_) => Failure::Lost(LostCause::Timeout { timeout }.into()),
    };
    // A connection that failed is not used again. After a timeout the peer may be gone for good, and HTTP/2 would send
    // the next request on the same connection.
    if let Some(connected) = connection.connection_metadata().as_ref() {
        connected.poison();
    }
    Err(failure)
}

async fn request_and_read(
    http_client: &HttpClient,
    request: http::Request<Full<Bytes>>,
    max_bytes: usize,
) -> Reply {
    let reply = http_client.request(request).await.map_err(classify)?;
    let (head, body) = reply.into_parts();
    let body = match Limited::new(body, max_bytes).collect().await {
        Ok(body) => body.to_bytes(),
        Err(cause) if cause.is::<LengthLimitError>() => {
            return Err(Failure::Lost(LostCause::TooLong { max_bytes }.into()));
        }
        Err(cause) => return Err(Failure::Lost(LostCause::from_error(&*cause).into())),
    };
    Ok(Response::from(http::Response::from_parts(head, body.into())))
}

/// Classifies a failure of hyper's client. Without a connection nothing was sent, and the error contains at most a
/// host. With a connection the request may have been received. Then a text of this crate replaces the cause, because
/// the original could quote the request.
pub(crate) fn classify(error: legacy::Error) -> Failure {
    if error.is_connect() {
        Failure::NotSent(error.into())
    } else {
        Failure::Lost(LostCause::from_error(&error).into())
    }
}

/// An error with its sources, for the log: hyper's own text says only that the connection failed.
struct Chain<'a>(&'a (dyn error::Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut next = self.0.source();
        while let Some(error) = next {
            write!(f, ": {error}")?;
            next = error.source();
        }
        Ok(())
    }
}

/// The cause of a lost reply.
#[derive(Debug)]
pub(crate) enum LostCause {
    Timeout { timeout: Duration },
    TooLong { max_bytes: usize },
    NotHttp,
    Incomplete,
    ConnectionFailed { kind: Option<io::ErrorKind> },
}

impl LostCause {
    pub(crate) fn from_error(error: &(dyn error::Error + 'static)) -> Self {
        let mut kind = None;
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<hyper::Error>() {
                if error.is_parse() {
                    return Self::NotHttp;
                }
                if error.is_incomplete_message() {
                    return Self::Incomplete;
                }
            }
            if let Some(error) = error.downcast_ref::<io::Error>() {
                kind = Some(error.kind());
            }
            next = error.source();
        }
        Self::ConnectionFailed { kind }
    }
}

impl fmt::Display for LostCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout { timeout } => write!(f, "no reply within {} ms", timeout.as_millis()),
            Self::TooLong { max_bytes } => write!(f, "the reply is longer than {max_bytes} bytes"),
            Self::NotHttp => f.write_str("the reply is not valid HTTP"),
            Self::Incomplete => f.write_str("the connection was closed before the reply was complete"),
            Self::ConnectionFailed { kind: Some(kind) } => write!(f, "the connection failed: {kind}"),
            Self::ConnectionFailed { kind: None } => f.write_str("the connection failed"),
        }
    }
}

impl error::Error for LostCause {}

/// The error of a request that requires mutual TLS, on a client without an identity.
#[derive(Debug)]
struct MissingIdentity;

impl fmt::Display for MissingIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the merchant's client certificate is required: set identity in the client's builder")
    }
}

impl error::Error for MissingIdentity {}

/// The error of a URL that is not absolute.
#[derive(Debug)]
struct InvalidUrl;

impl fmt::Display for InvalidUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the URL must begin with http:// or https:// and name a host")
    }
}

impl error::Error for InvalidUrl {}
