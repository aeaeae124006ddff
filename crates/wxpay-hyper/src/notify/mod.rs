//! Hearing notices: WeChat Pay calls, verified and handled once, answered as the protocol wants.
//!
//! [`v1`] and [`v3`] are `tower` services for any server. They differ in what is verified and in what is answered;
//! limits, deadlines, and that a notice is handled once are the same, and stand here.

/// Makes a generation's `NotificationService` a `tower` service, and its `Ack` what it answers. The two are written alike, and have
/// nothing else in common: what a generation verifies and how it hears is its own.
macro_rules! heard_by_tower {
    () => {
        impl Answer for Ack {
            const SUCCESS: Self = Self::Success;
            const FAIL: Self = Self::Fail;

            fn refuse(status: u16) -> Self {
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
                Box::pin(async move { Ok(this.answer(request).await) })
            }
        }
    };
}

pub mod v1;
pub mod v3;

use crate::client::Client;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Body;
use std::error;
use tokio::time::Instant;
use tracing::Instrument as _;
use wxpay_proto::memory::{Delivery, Processing};

type BoxError = Box<dyn error::Error + Send + Sync>;

/// A generation's answers, where the service itself must choose one.
trait Answer: Send + 'static {
    /// It is durably taken note of.
    const SUCCESS: Self;
    /// It could not be handled now.
    const FAIL: Self;

    /// It is not what it should be.
    fn refuse(status: u16) -> Self;

    /// What is sent.
    fn response(self) -> wxpay_proto::http::Response;

    /// Whether it is the answer that the next copy gets without work.
    fn is_success(&self) -> bool;
}

/// An answer in the server's types.
fn answered(answer: impl Answer) -> http::Response<Full<Bytes>> {
    let said = answer.response();
    let mut answer = http::Response::new(Full::new(Bytes::copy_from_slice(said.body())));
    *answer.status_mut() = StatusCode::from_u16(said.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in said.headers() {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
        {
            answer.headers_mut().insert(name, value);
        }
    }
    if answer.status() == StatusCode::METHOD_NOT_ALLOWED {
        answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    }
    answer
}

/// A body within a size and a time.
///
/// # Errors
///
/// With the status that says why to whoever looks.
async fn read<B>(body: B, most: usize, deadline: Instant) -> Result<Bytes, StatusCode>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    if usize::try_from(body.size_hint().lower()).map_or(true, |least| least > most) {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    match tokio::time::timeout_at(deadline, Limited::new(body, most).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(cause)) if cause.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Ok(Err(_)) => Err(StatusCode::BAD_REQUEST),
        Err(_) => Err(StatusCode::REQUEST_TIMEOUT),
    }
}

/// Handles a notice, or waits for whoever is handling the same. `key` tells everything it says.
///
/// `handling` runs in a task of its own: it comes to its end whatever becomes of this future.
async fn handle_once<A: Answer>(
    client: &Client,
    label: &'static str,
    key: String,
    deadline: Instant,
    handling: impl Future<Output = A> + Send + 'static,
) -> A {
    loop {
        let now = client.now();
        match client.memory(|memory| memory.deduplicator.begin(&key, now)) {
            Delivery::Duplicate => return A::SUCCESS,
            Delivery::InProgress(until) => {
                let glance = tokio::time::sleep(until.since(now));
                if tokio::time::timeout_at(deadline, glance).await.is_err() {
                    return A::FAIL;
                }
            }
            Delivery::New(processing) => {
                let underway = Underway { client: client.clone(), processing: Some(processing) };
                return handle(label, underway, deadline, handling).await;
            }
        }
    }
}

async fn handle<A: Answer>(
    label: &'static str,
    underway: Underway,
    deadline: Instant,
    handling: impl Future<Output = A> + Send + 'static,
) -> A {
    let handled = tokio::spawn(
        async move {
            let answer = handling.await;
            if answer.is_success() {
                underway.answered();
            }
            answer
        }
        .in_current_span(),
    );
    match tokio::time::timeout_at(deadline, handled).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) => {
            tracing::error!(label, "the handler panicked");
            A::FAIL
        }
        Err(_) => {
            tracing::warn!(label, "the handler is late");
            A::FAIL
        }
    }
}

/// A ticket that is given back as failed unless it was answered, whatever becomes of the handler.
struct Underway {
    client: Client,
    processing: Option<Processing>,
}

impl Underway {
    fn answered(mut self) {
        if let Some(processing) = self.processing.take() {
            self.client.memory(|memory| memory.deduplicator.complete(&processing));
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if let Some(processing) = self.processing.take() {
            self.client.memory(|memory| memory.deduplicator.fail(&processing));
        }
    }
}
