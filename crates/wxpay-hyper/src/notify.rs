//! Services that verify, deduplicate and acknowledge the notifications of WeChat Pay.
//!
//! [`v3`] is for APIv3 and [`v1`] for APIv1. Both have `tower` services for any path of any server. They differ in what
//! they verify and in how they acknowledge; limits, timeouts and deduplication are shared.

/// Implements the `tower` service and the acknowledgement for one API version. Both versions need the same code, but
/// their types have nothing else in common.
macro_rules! impl_tower_service {
    () => {
        impl Acknowledgement for Ack {
            const SUCCESS: Self = Self::Success;
            const FAIL: Self = Self::Fail;

            fn reject(status: u16) -> Self {
                Self::Reject(status)
            }

            fn response(self) -> wxpay_proto::http::Response {
                self.response()
            }

            fn is_success(&self) -> bool {
                *self == Self::Success
            }
        }

        impl<B> Service<http::Request<B>> for NotificationService
        where
            B: Body + Send + 'static,
            B::Data: Send,
            B::Error: Into<BoxError>,
        {
            type Response = http::Response<Full<Bytes>>;
            type Error = Infallible;
            type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, request: http::Request<B>) -> Self::Future {
                let this = self.clone();
                Box::pin(async move { Ok(this.handle(request).await) })
            }
        }
    };
}

pub mod v1;
pub mod v3;

use crate::client::Client;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::Full;
use std::fmt;
use tokio::time::Instant;
use tracing::Instrument as _;
use wxpay_proto::memory::{Delivery, Processing};

/// The acknowledgements of one API version that the service itself sends.
trait Acknowledgement: Send + 'static {
    /// The notification was handled.
    const SUCCESS: Self;
    /// The notification could not be handled now: WeChat Pay retries.
    const FAIL: Self;

    /// Rejects the request with this HTTP status.
    fn reject(status: u16) -> Self;

    /// Returns the response to send.
    fn response(self) -> wxpay_proto::http::Response;

    /// Returns true if duplicates may receive this acknowledgement without a call of the handler.
    fn is_success(&self) -> bool;
}

/// Converts an acknowledgement to a response of the server's types.
fn into_http_response(ack: impl Acknowledgement) -> http::Response<Full<Bytes>> {
    let response = ack.response();
    let mut converted = http::Response::new(Full::new(Bytes::copy_from_slice(response.body())));
    // A handler may return `Ack::Reject` with a number that is not an HTTP status.
    *converted.status_mut() =
        StatusCode::from_u16(response.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in response.headers() {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
        {
            converted.headers_mut().insert(name, value);
        }
    }
    let explanation = match converted.status() {
        StatusCode::METHOD_NOT_ALLOWED => Some((header::ALLOW, HeaderValue::from_static("POST"))),
        // By then each request that is in flight now has exceeded its response timeout.
        StatusCode::SERVICE_UNAVAILABLE => Some((header::RETRY_AFTER, HeaderValue::from_static("5"))),
        _ => None,
    };
    converted.headers_mut().extend(explanation);
    converted
}

/// Logs the error of a handler and returns the failure.
fn handler_failed<A: Acknowledgement>(label: &'static str, error: &impl fmt::Display) -> A {
    tracing::warn!(label, %error, "the notification handler failed");
    A::FAIL
}

/// Handles a notification once. `key` identifies the handler and the content.
///
/// `handling` runs in a task of its own, so that it completes even if this future is dropped.
async fn handle_once<A: Acknowledgement>(
    client: &Client,
    label: &'static str,
    key: &str,
    deadline: Instant,
    handling: impl Future<Output = A> + Send + 'static,
) -> A {
    let guard = match begin(client, key, deadline).await {
        Ok(guard) => guard,
        Err(ack) => return ack,
    };
    let handler_task = tokio::spawn(
        async move {
            let ack = handling.await;
            if ack.is_success() {
                guard.complete();
            }
            ack
        }
        .in_current_span(),
    );
    match tokio::time::timeout_at(deadline, handler_task).await {
        Ok(Ok(ack)) => ack,
        Ok(Err(_)) => {
            tracing::error!(label, "the notification handler panicked");
            A::FAIL
        }
        Err(_) => {
            tracing::warn!(label, "the notification handler exceeded the response timeout and continues");
            A::FAIL
        }
    }
}

/// Begins the processing of a notification. A duplicate waits while the first is in progress.
///
/// # Errors
///
/// The acknowledgement of a duplicate: success if the first was handled, failure if it is in progress until the deadline.
async fn begin<A: Acknowledgement>(
    client: &Client,
    key: &str,
    deadline: Instant,
) -> Result<ProcessingGuard, A> {
    loop {
        let now = client.now();
        match client.memory(|memory| memory.deduplicator.begin(key, now)) {
            Delivery::Duplicate => return Err(A::SUCCESS),
            Delivery::InProgress(until) => {
                // The memory is plain state without wakers, so a duplicate polls.
                let poll_interval = tokio::time::sleep(until.since(now));
                if tokio::time::timeout_at(deadline, poll_interval).await.is_err() {
                    return Err(A::FAIL);
                }
            }
            Delivery::New(processing) => {
                return Ok(ProcessingGuard { client: client.clone(), processing: Some(processing) });
            }
        }
    }
}

/// Releases the notification for the next delivery when dropped, unless the handler succeeded.
#[derive(Debug)]
struct ProcessingGuard {
    client: Client,
    processing: Option<Processing>,
}

impl ProcessingGuard {
    /// Marks the notification as handled: its duplicates are acknowledged without the handler.
    fn complete(mut self) {
        if let Some(processing) = self.processing.take() {
            self.client.memory(|memory| memory.deduplicator.complete(&processing));
        }
    }
}

impl Drop for ProcessingGuard {
    fn drop(&mut self) {
        if let Some(processing) = self.processing.take() {
            self.client.memory(|memory| memory.deduplicator.fail(&processing));
        }
    }
}
