//! HTTP client for notifications: one connection for each delivery, over TCP or TLS.
//!
//! Every failure becomes a [`DeliveryResult::Failed`] whose reason names the step that failed. A reason contains no part
//! of the URL: the query of an APIv1 notification is signed data.

mod trust;

pub(super) use trust::{Trust, certificates};

use crate::notifications::{Delivery, DeliveryResult};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{Request, Uri, client::conn::http1, header, http::uri::Authority};
use hyper_util::rt::TokioIo;
use std::{error::Error, io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::rustls::pki_types::ServerName;

/// Maximum length of the body of a notification response, in bytes. A longer response counts as no response.
const MAX_RESPONSE_BYTES: usize = 64 << 10;

/// Sends one delivery.
pub(super) async fn post(trust: &Trust, delivery: &Delivery) -> DeliveryResult {
    match timeout(delivery.timeout(), send(trust, delivery)).await {
        Ok(Ok(response)) => response,
        Ok(Err(failed)) => failed,
        Err(_) => {
            let limit = shown(delivery.timeout());
            DeliveryResult::no_response(format!("no response within {limit}"))
        }
    }
}

/// Renders a timeout in seconds, or in milliseconds if it is not a whole number of seconds.
fn shown(timeout: Duration) -> String {
    if timeout.subsec_millis() == 0 {
        format!("{} s", timeout.as_secs())
    } else {
        format!("{} ms", timeout.as_millis())
    }
}

async fn send(trust: &Trust, delivery: &Delivery) -> Result<DeliveryResult, DeliveryResult> {
    let target = Target::parse(delivery.url()).map_err(DeliveryResult::no_response)?;
    let stream = connect(&target).await?;
    if !target.is_tls {
        return exchange(stream, &target, delivery).await;
    }
    let name = ServerName::try_from(target.host.clone())
        .map_err(|_| DeliveryResult::no_response("TLS: the host of the URL is not a valid server name"))?;
    let connector = trust.connector().map_err(DeliveryResult::no_response)?;
    let stream = connector.connect(name, stream).await;
    let stream = stream.map_err(|error| DeliveryResult::no_response(trust::handshake_failure(&error)))?;
    exchange(stream, &target, delivery).await
}

/// The parts of a notification's URL.
struct Target {
    is_tls: bool,
    /// A host name or an address, without brackets.
    host: String,
    port: u16,
    /// The `Host` header.
    authority: String,
    path_and_query: String,
}

impl Target {
    /// Parses a URL.
    ///
    /// # Errors
    ///
    /// Returns the rule that the URL breaks.
    fn parse(url: &str) -> Result<Self, &'static str> {
        let uri: Uri = url.parse().map_err(|_| "URL cannot be parsed")?;
        let is_tls = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            Some(_) | None => return Err("URL scheme must be http or https"),
        };
        let authority = uri.authority().filter(|authority| !authority.host().is_empty());
        let authority = authority.ok_or("URL has no host")?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        Ok(Self {
            is_tls,
            host: host.into(),
            port: authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 }),
            authority: without_credentials(authority).into(),
            path_and_query: uri.path_and_query().map_or("/", |target| target.as_str()).into(),
        })
    }
}

/// Returns the `Host` header and the request target of a notification. `None` if its URL cannot be used.
pub(super) fn host_and_target(url: &str) -> Option<(String, String)> {
    let target = Target::parse(url).ok()?;
    Some((target.authority, target.path_and_query))
}

fn without_credentials(authority: &Authority) -> &str {
    let text = authority.as_str();
    text.rsplit_once('@').map_or(text, |(_, host)| host)
}

async fn connect(target: &Target) -> Result<TcpStream, DeliveryResult> {
    let addresses = tokio::net::lookup_host((target.host.as_str(), target.port)).await;
    let addresses: Vec<_> = addresses
        .map_err(|error| DeliveryResult::no_response(format!("the host name cannot be resolved: {error}")))?
        .collect();
    let stream = TcpStream::connect(addresses.as_slice()).await.map_err(|error| {
        DeliveryResult::no_response(if error.kind() == io::ErrorKind::ConnectionRefused {
            String::from("connection refused")
        } else {
            format!("cannot connect: {error}")
        })
    })?;
    stream.set_nodelay(true).ok();
    Ok(stream)
}

/// Sends the request and reads the response.
async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    target: &Target,
    delivery: &Delivery,
) -> Result<DeliveryResult, DeliveryResult> {
    let failed = |error: hyper::Error| DeliveryResult::no_response(exchange_failure(&error));
    let builder = Request::post(&target.path_and_query).header(header::HOST, &target.authority);
    let builder =
        delivery.headers().iter().fold(builder, |builder, (name, value)| builder.header(*name, value));
    let request = builder
        .body(Full::new(Bytes::copy_from_slice(delivery.body())))
        .map_err(|_| DeliveryResult::no_response("URL cannot be sent as a request target"))?;
    let mut builder = http1::Builder::new();
    builder.title_case_headers(true);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let respond = async move {
        let (head, body) = sender.send_request(request).await.map_err(failed)?.into_parts();
        let status = head.status.as_u16();
        match Limited::new(body, MAX_RESPONSE_BYTES).collect().await {
            Ok(body) => Ok(DeliveryResult::Response { status, body: body.to_bytes().to_vec() }),
            Err(error) => {
                Err(DeliveryResult::Failed { status: Some(status), reason: body_failure(error.as_ref()) })
            }
        }
    };
    // The connection ends with the response: it is not used again.
    tokio::pin!(respond, connection);
    tokio::select! {
        biased;
        response = &mut respond => response,
        // Its error reaches the response as well.
        _ = &mut connection => respond.await,
    }
}

fn exchange_failure(error: &hyper::Error) -> String {
    if error.is_incomplete_message() {
        String::from("response incomplete: the connection was closed before the end of the head")
    } else if error.is_parse() || error.is_parse_status() {
        String::from("the response is not HTTP/1.1")
    } else if is_reset(error) {
        String::from("connection reset")
    } else {
        format!("cannot exchange messages: {error}")
    }
}

fn body_failure(error: &(dyn Error + Send + Sync + 'static)) -> String {
    if error.is::<LengthLimitError>() {
        format!("response body over {MAX_RESPONSE_BYTES} bytes")
    } else {
        String::from("response incomplete: the connection was closed before the end of the body")
    }
}

/// Returns whether an error was caused by a reset of the connection.
fn is_reset(error: &hyper::Error) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe)) {
            return true;
        }
        cause = error.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_split_into_its_parts() {
        for (url, is_tls, host, port, authority, path) in [
            ("http://shop.example/n?a=1", false, "shop.example", 80, "shop.example", "/n?a=1"),
            ("https://[::1]:8443", true, "::1", 8443, "[::1]:8443", "/"),
            ("https://user:secret@shop.example:444/n#x", true, "shop.example", 444, "shop.example:444", "/n"),
        ] {
            let target = Target::parse(url).unwrap();
            assert_eq!((target.is_tls, target.host.as_str(), target.port), (is_tls, host, port), "{url}");
            assert_eq!(
                (target.authority.as_str(), target.path_and_query.as_str()),
                (authority, path),
                "{url}"
            );
        }
    }

    #[test]
    fn url_that_cannot_be_used_breaks_a_rule() {
        for (url, rule) in [
            ("ftp://shop.example/n", "URL scheme must be http or https"),
            ("/n", "URL scheme must be http or https"),
            ("http://:80/n", "URL has no host"),
            ("http://shop example/n", "URL cannot be parsed"),
            ("https://", "URL cannot be parsed"),
        ] {
            assert_eq!(Target::parse(url).err(), Some(rule), "{url}");
        }
    }

    #[test]
    fn timeout_is_shown_in_its_unit() {
        assert_eq!(shown(Duration::from_secs(5)), "5 s");
        assert_eq!(shown(Duration::from_millis(250)), "250 ms");
    }
}
