//! The notices of the first generation.

use super::{Answer, BoxError, answered, handle_once, read};
use crate::{ambient, client::Client};
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

/// Hears the notices of the first generation: a `tower` service for any path of any server.
///
/// In axum it is a route, `Router::new().route_service("/notify", service)`; bare hyper takes it through
/// `hyper_util::service::TowerToHyperService`. It must get the request as it came: the query in the URL and
/// the body byte for byte are what was signed.
///
/// ```
/// # use wxpay_hyper::{Client, notify::v1::NotificationService};
/// # fn routes(merchant: wxpay_proto::v1::Merchant, client: Client) -> axum::Router {
/// let notifications = NotificationService::new(merchant, client, |notification| async move {
///     // Commit the payment before answering: `Ok` tells WeChat Pay never to send this again.
///     if let Some(evidence) = notification.evidence() {
///         println!("{} is paid", evidence.out_trade_no());
///     }
///     Ok::<(), std::io::Error>(())
/// });
/// axum::Router::new().route_service("/notify", notifications)
/// # }
/// ```
///
/// What happens to a request, in this order:
///
/// 1. Anything but `POST`, or beyond [`MAX_QUERY`](notification::MAX_QUERY) or [`MAX_BODY`](notification::MAX_BODY), is
///    refused unread.
/// 2. [`Merchant::verify_notification`] verifies both signatures. What fails is answered `fail`, and nobody else sees it.
/// 3. The handler is called, **in a task of its own**: it runs to its end even if WeChat Pay hangs up.
/// 4. `Ok` is answered with the seven letters `success`; `Err`, a panic, or an answer that is not there in time
///    with `fail`, after which WeChat Pay tries again.
///
/// Copies of one notice that arrive at the same time are handled once: the others wait for the first, and take
/// over if it fails. A copy of a notice that was answered is answered at once. Both rest on [`Client::memory`],
/// which other processes do not share and which forgets, so **the handler must be idempotent all the same**.
#[derive(Clone)]
pub struct NotificationService {
    merchant: Merchant,
    client: Client,
    on_notification: Arc<OnNotification>,
    response_timeout: Duration,
}

/// The handler, its types forgotten.
type OnNotification = dyn Fn(Notification) -> Pin<Box<dyn Future<Output = Ack> + Send>> + Send + Sync;

impl NotificationService {
    /// How long a notice may take in all, reading its body included. WeChat Pay does not document how long it
    /// waits; its own clients of that time gave up after five seconds or more.
    pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(4);

    /// Hears for this merchant. `on_notification` gets verified notices only, whatever their `trade_state`:
    /// [`Notification::evidence`] says whether money moved.
    #[must_use]
    pub fn new<H, Handled, E>(merchant: Merchant, client: Client, on_notification: H) -> Self
    where
        H: Fn(Notification) -> Handled + Send + Sync + 'static,
        Handled: Future<Output = Result<(), E>> + Send + 'static,
    {
        let on_notification = move |notification| -> Pin<Box<dyn Future<Output = Ack> + Send>> {
            let handled = on_notification(notification);
            Box::pin(async move { handled.await.map_or(Ack::Fail, |()| Ack::Success) })
        };
        Self {
            merchant,
            client,
            on_notification: Arc::new(on_notification),
            response_timeout: Self::RESPONSE_TIMEOUT,
        }
    }

    /// Answers within another time than [`RESPONSE_TIMEOUT`](Self::RESPONSE_TIMEOUT). Who is slower answers `fail`,
    /// goes on handling, and answers the next copy with `success`.
    #[must_use]
    pub fn response_timeout(self, most: Duration) -> Self {
        Self { response_timeout: most, ..self }
    }

    /// Answers one request.
    pub async fn answer<B>(&self, request: http::Request<B>) -> http::Response<Full<Bytes>>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let began = ambient::stopwatch();
        let deadline = began.checked_add(self.response_timeout).unwrap_or(began);
        let ack = match self.verify_notification(request, deadline).await {
            Ok(notification) => {
                let (key, on_notification) =
                    (notification.key().to_owned(), Arc::clone(&self.on_notification));
                let handling = async move { on_notification(notification).await };
                handle_once(&self.client, LABEL, key, deadline, handling).await
            }
            Err(refusal) => refusal,
        };
        let answer = answered(ack);
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(label = LABEL, status = answer.status().as_u16(), millis, "answered");
        answer
    }

    /// Reads, within limits, and verifies. Nothing unverified leaves this function.
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
        let refuse = |status: StatusCode| Ack::refuse(status.as_u16());
        if head.method != Method::POST {
            return Err(refuse(StatusCode::METHOD_NOT_ALLOWED));
        }
        let query = head.uri.query().unwrap_or_default().as_bytes();
        if query.len() > notification::MAX_QUERY {
            return Err(refuse(StatusCode::URI_TOO_LONG));
        }
        let body = read(body, notification::MAX_BODY, deadline).await.map_err(refuse)?;
        self.merchant.verify_notification(&RawNotification::new(head.method.as_str(), query, &body)).map_err(
            |rejected| {
                tracing::warn!(label = LABEL, reason = %rejected, "rejected");
                rejected.ack()
            },
        )
    }
}

heard_by_tower!();

impl fmt::Debug for NotificationService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotificationService").field("merchant", &self.merchant).finish_non_exhaustive()
    }
}
