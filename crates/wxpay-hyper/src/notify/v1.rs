//! Notifications of APIv1.

use super::{Acknowledgement, handle_once, handler_failed, into_http_response};
use crate::{ambient, body_budget::BoxError, client::Client};
use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::Full;
use hyper::body::Body;
use std::{
    convert::Infallible,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;
use tower_service::Service;
use wxpay_proto::v1::{Ack, Merchant, Notification, RawNotification, notification};

const LABEL: &str = "v1.notification";

/// A service for the notifications of APIv1 to one merchant: a `tower` service for any path of any server.
///
/// In axum, use it as a route, `Router::new().route_service("/notify", service)`. With plain hyper, use
/// `hyper_util::service::TowerToHyperService`. The service needs the request unchanged: the query of the URL and the
/// bytes of the body are signed.
///
/// ```
/// # use wxpay_hyper::{Client, notify::v1::NotificationService};
/// # fn routes(merchant: wxpay_proto::v1::Merchant, client: Client) -> axum::Router {
/// let notifications = NotificationService::new(merchant, client, |notification| async move {
///     // Commit the payment first: after `Ok` WeChat Pay does not send this notification again.
///     if let Some(evidence) = notification.evidence() {
///         println!("{} is paid", evidence.out_trade_no());
///     }
///     Ok::<(), std::io::Error>(())
/// });
/// axum::Router::new().route_service("/notify", notifications)
/// # }
/// ```
///
/// A request is processed in this order:
///
/// 1. A method other than `POST`, a query longer than [`MAX_QUERY_BYTES`](notification::MAX_QUERY_BYTES) or a body
///    longer than [`MAX_BODY_BYTES`](notification::MAX_BODY_BYTES) is rejected unread. So is a body for which
///    [`notification_buffer_limit`](crate::Builder::notification_buffer_limit) leaves no room: 503.
/// 2. [`Merchant::verify_notification`] verifies both signatures. A failure returns `fail`, and the handler is not
///    called.
/// 3. The handler is called **in a task of its own**: it completes even if WeChat Pay closes the connection.
/// 4. `Ok` returns `success`, exactly these seven letters. `Err`, a panic or the response timeout return `fail`, and
///    WeChat Pay retries.
///
/// Concurrent duplicates of a notification are handled once: the others wait for the first, and one of them takes over
/// if it fails. A duplicate of a notification acknowledged with `success` returns `success` at once. Both rely on
/// [`Client::memory`], a cache of this process alone, so **the handler must be idempotent**.
#[derive(Clone)]
#[must_use]
pub struct NotificationService {
    merchant: Merchant,
    client: Client,
    handler: Arc<Handler>,
    id: u64,
    response_timeout: Duration,
}

/// A type-erased handler.
type Handler = dyn Fn(Notification) -> Pin<Box<dyn Future<Output = Ack> + Send>> + Send + Sync;

impl NotificationService {
    /// The default response timeout. It includes reading the body. WeChat Pay does not document how long it waits; its
    /// own clients of that time waited five seconds or more.
    pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(4);

    /// Returns a service for this merchant. The handler receives verified notifications only, with any `trade_state`:
    /// [`Notification::evidence`] returns evidence only if the order was paid. The handler's error is logged.
    pub fn new<H, Fut, E>(merchant: Merchant, client: Client, handler: H) -> Self
    where
        H: Fn(Notification) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display,
    {
        let handler = move |notification| -> Pin<Box<dyn Future<Output = Ack> + Send>> {
            let handling = handler(notification);
            Box::pin(async move {
                handling.await.map_or_else(|error| handler_failed(LABEL, &error), |()| Ack::Success)
            })
        };
        let id = client.next_notification_service();
        let response_timeout = Self::RESPONSE_TIMEOUT;
        Self { merchant, client, handler: Arc::new(handler), id, response_timeout }
    }

    /// Sets the response timeout. The default is [`RESPONSE_TIMEOUT`](Self::RESPONSE_TIMEOUT). When it expires, the
    /// service returns `fail`, but the handler continues. If it succeeds, the next duplicate receives `success`.
    pub fn response_timeout(self, timeout: Duration) -> Self {
        Self { response_timeout: timeout, ..self }
    }

    /// Handles one request and returns the response.
    pub async fn handle<B>(&self, request: http::Request<B>) -> http::Response<Full<Bytes>>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let began = ambient::monotonic_now();
        let deadline = began.checked_add(self.response_timeout).unwrap_or(began);
        let ack = match self.verify_notification(request, deadline).await {
            Ok(notification) => {
                let key = format!("{} {}", self.id, notification.dedup_key());
                let handler = Arc::clone(&self.handler);
                let handling = async move { handler(notification).await };
                handle_once(&self.client, LABEL, &key, deadline, handling).await
            }
            Err(ack) => ack,
        };
        let response = into_http_response(ack);
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(label = LABEL, status = response.status().as_u16(), millis, "response sent");
        response
    }

    /// Reads the body within the limits and verifies the notification. Nothing unverified leaves this function.
    async fn verify_notification<B>(
        &self,
        request: http::Request<B>,
        deadline: Instant,
    ) -> Result<Notification, Ack>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        let reject = |status: StatusCode| Ack::reject(status.as_u16());
        if head.method != Method::POST {
            return Err(reject(StatusCode::METHOD_NOT_ALLOWED));
        }
        let query = head.uri.query().unwrap_or_default().as_bytes();
        if query.len() > notification::MAX_QUERY_BYTES {
            return Err(reject(StatusCode::URI_TOO_LONG));
        }
        let reading = self.client.body_budget().read(body, notification::MAX_BODY_BYTES, deadline);
        let (body, _reservation) = reading.await.map_err(reject)?;
        self.merchant.verify_notification(&RawNotification::new(head.method.as_str(), query, &body)).map_err(
            |error| {
                tracing::warn!(label = LABEL, reason = %error, "notification rejected");
                error.ack()
            },
        )
    }
}

impl_tower_service!();

impl fmt::Debug for NotificationService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotificationService").field("merchant", &self.merchant).finish_non_exhaustive()
    }
}
