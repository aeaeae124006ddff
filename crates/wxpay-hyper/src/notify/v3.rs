//! Notifications of APIv3, for any server.
//!
//! | in a server | take | answers and deduplicates |
//! |---|---|---|
//! | of `tower` services: axum, hyper, tonic | [`WxPay::notifications`], a service for a route | by itself |
//! | of axum, as the argument of a handler | `VerifiedNotification`, with the feature `axum` | by itself, and by `acknowledge` |
//! | of any other kind | [`WxPay::verify_notification`] or [`Client::verify_notification`] | your handler, with [`Ack`] |
//!
//! All verify the same bytes: a server must not change, decode or parse the body before.

#[cfg(feature = "axum")]
mod extract;

#[cfg(feature = "axum")]
pub use extract::{AckResponse, VerifiedNotification};

use super::{Acknowledgement, handle_once, handler_failed, into_http_response};
use crate::{
    ambient,
    body_budget::{self, BoxError},
    client::{Client, propagate},
    wxpay::WxPay,
};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::Full;
use hyper::body::Body;
use std::{
    convert::Infallible,
    error::Error as _,
    fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;
use tower_service::Service;
use wxpay_proto::{
    Error,
    v3::{Ack, Merchant, Notification, RawNotification, notify::MAX_BODY_BYTES},
};

const LABEL: &str = "v3.notification";

/// The default response timeout. WeChat Pay waits five seconds; the rest is for the network.
const RESPONSE_TIMEOUT: Duration = Duration::from_millis(4500);

/// A service for the notifications of one merchant: a `tower` service for any path of any server.
///
/// [`WxPay::notifications`] creates it. In axum, use it as a route, at any depth of nested routers. With plain hyper, use
/// `hyper_util::service::TowerToHyperService`. The service does not depend on the path. The body must be unmodified,
/// because its bytes are signed.
///
/// ```
/// # use wxpay_hyper::WxPay;
/// # use wxpay_proto::v3::Event;
/// # fn routes(one: WxPay, other: WxPay) -> axum::Router {
/// let one = one.notifications(|notification| async move {
///     // Commit the payment first: after `Ok(())` WeChat Pay does not send this notification again.
///     if let Event::Transaction(transaction) = notification.event()? {
///         println!("{} is {:?}", transaction.out_trade_no, transaction.trade_state);
///     }
///     Ok::<(), wxpay_proto::Error>(())
/// });
/// let other = other.notifications(|_| async { Err::<(), _>("not open yet") });
/// let notifications =
///     axum::Router::new().route_service("/1900000109", one).route_service("/1900000110", other);
/// axum::Router::new().nest("/notify", notifications)
/// # }
/// ```
///
/// A request is processed in this order:
///
/// 1. A method other than `POST` returns 405, a body longer than [`MAX_BODY_BYTES`] 413, a truncated body 400, and a
///    late one 408. Headers without a signature or with an old timestamp return 401 before the body is read. A body for
///    which [`notification_buffer_limit`](crate::Builder::notification_buffer_limit) leaves no room returns 503.
/// 2. [`Merchant::verify_notification`] verifies the notification for the merchant, and fetches a key if needed. A
///    failure returns 401 (invalid signature), 400 (not readable) or 500 (key not available now), and the handler is not
///    called.
/// 3. The handler is called **in a task of its own**: it completes even if WeChat Pay closes the connection.
/// 4. `Ok(())` returns 204, and an [`Ack`] its own response. `Err`, a panic or the response timeout return 500, and
///    WeChat Pay retries.
///
/// Concurrent duplicates of a notification are handled once: the others wait for the first, and one of them takes over
/// if it fails. A duplicate of a notification acknowledged with 204 returns 204 at once. Both rely on
/// [`Client::memory`], a cache of this process alone, so **the handler must be idempotent**. WeChat Pay may report one
/// event in several notifications: deduplicate by the number of the order, not by the id of the notification.
///
/// Two services are never duplicates of one another: each calls its own handler. Clones are one service.
///
/// An [`Ack::Json`] is not cached: each query calls the handler again, because its response may have changed.
#[derive(Clone)]
#[must_use]
pub struct NotificationService {
    wxpay: WxPay,
    handler: Arc<Handler>,
    id: u64,
    response_timeout: Duration,
}

/// A type-erased handler.
type Handler = dyn Fn(Notification) -> Pin<Box<dyn Future<Output = Ack> + Send>> + Send + Sync;

impl WxPay {
    /// Returns a service for the merchant's notifications, to be mounted at the path of the notification URL. The handler
    /// receives verified notifications only; [`Notification::event`] returns the event. It returns `()`, acknowledged
    /// with 204, or an [`Ack`]. Its error is logged, and WeChat Pay sends the notification again.
    ///
    /// ```
    /// # use wxpay_hyper::WxPay;
    /// # fn routes(wxpay: &WxPay) -> axum::Router {
    /// let notifications = wxpay.notifications(|notification| async move {
    ///     println!("{:?}", notification.event()?);
    ///     Ok::<(), wxpay_proto::Error>(())
    /// });
    /// axum::Router::new().route_service("/notify/1900000109", notifications)
    /// # }
    /// ```
    pub fn notifications<H, Fut, A, E>(&self, handler: H) -> NotificationService
    where
        H: Fn(Notification) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A, E>> + Send + 'static,
        A: Into<Ack>,
        E: fmt::Display,
    {
        NotificationService::new(self.clone(), handler)
    }

    /// Verifies and decrypts a notification in a handler of any server, as [`Client::verify_notification`] does.
    ///
    /// # Errors
    ///
    /// In the cases of [`Client::verify_notification`]. Respond with [`Ack::for_error`].
    pub async fn verify_notification(
        &self,
        headers: &HeaderMap,
        body: impl Into<Vec<u8>>,
    ) -> Result<Notification, Error> {
        self.client().verify_notification(self.merchant(), headers, body).await
    }
}

impl NotificationService {
    /// The default response timeout. It includes reading the body and fetching a key. WeChat Pay waits five seconds;
    /// the rest is for the network.
    pub const RESPONSE_TIMEOUT: Duration = RESPONSE_TIMEOUT;

    fn new<H, Fut, A, E>(wxpay: WxPay, handler: H) -> Self
    where
        H: Fn(Notification) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A, E>> + Send + 'static,
        A: Into<Ack>,
        E: fmt::Display,
    {
        let handler = move |notification| -> Pin<Box<dyn Future<Output = Ack> + Send>> {
            let handling = handler(notification);
            Box::pin(
                async move { handling.await.map_or_else(|error| handler_failed(LABEL, &error), Into::into) },
            )
        };
        let id = wxpay.client().next_notification_service();
        Self { wxpay, handler: Arc::new(handler), id, response_timeout: Self::RESPONSE_TIMEOUT }
    }

    /// Sets the response timeout. The default is [`RESPONSE_TIMEOUT`](Self::RESPONSE_TIMEOUT). When it expires, the
    /// service returns 500, but the handler continues. If it succeeds, the next duplicate receives 204.
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
        let ack = match receive(&self.wxpay, request, deadline).await {
            Ok(notification) => {
                let key = format!("{} {}", self.id, notification.dedup_key());
                let handler = Arc::clone(&self.handler);
                let handling = async move { handler(notification).await };
                handle_once(self.wxpay.client(), LABEL, &key, deadline, handling).await
            }
            Err(ack) => ack,
        };
        let response = into_http_response(ack);
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let merchant = tracing::field::display(self.wxpay.merchant().mchid());
        tracing::info!(label = LABEL, merchant, status = response.status().as_u16(), millis, "response sent");
        response
    }
}

impl Client {
    /// Verifies and decrypts a notification to this merchant, in a handler of any server. Sends a request only if the
    /// signing key must be fetched, for at most [`KEY_FETCH_TIMEOUT`](wxpay_proto::v3::notify::KEY_FETCH_TIMEOUT).
    ///
    /// `headers` are all headers of the request, and `body` is its body byte for byte, limited to [`MAX_BODY_BYTES`] by
    /// your server. Respond to an error with [`Ack::for_error`]. Respond with [`Ack::Success`] after the event was
    /// committed: WeChat Pay does not send the notification again then.
    ///
    /// This does not deduplicate: **the handler must be idempotent**.
    ///
    /// ```
    /// # use wxpay_hyper::Client;
    /// # use wxpay_proto::{http::Response, v3::{Ack, Merchant, Notification}};
    /// # fn record(_: &Notification) -> Result<(), std::io::Error> { Ok(()) }
    /// async fn notify(client: &Client, merchant: &Merchant, headers: &http::HeaderMap, body: Vec<u8>) -> Response {
    ///     let ack = match client.verify_notification(merchant, headers, body).await {
    ///         Ok(notification) => record(&notification).map_or(Ack::Fail, Ack::from),
    ///         Err(error) => Ack::for_error(&error),
    ///     };
    ///     ack.response() // status, headers and body, to be sent as they are
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// If anything in the notification is invalid, or its key is unavailable. Do not trust any of it then.
    pub async fn verify_notification(
        &self,
        merchant: &Merchant,
        headers: &HeaderMap,
        body: impl Into<Vec<u8>>,
    ) -> Result<Notification, Error> {
        let verification = merchant.verify_notification(raw_notification(headers).body(body.into()));
        match self.run_to_completion(verification, ()).await {
            Ok(result) => result.inspect_err(|error| log_rejected(merchant, error)),
            Err(failed) => propagate(failed).await,
        }
    }
}

/// Reads a request within the limits and verifies the notification. Nothing unverified leaves this function.
async fn receive<B>(wxpay: &WxPay, request: http::Request<B>, deadline: Instant) -> Result<Notification, Ack>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let (client, merchant) = (wxpay.client(), wxpay.merchant());
    let (head, body) = request.into_parts();
    let reject = |status: StatusCode| Ack::reject(status.as_u16());
    if head.method != Method::POST {
        return Err(reject(StatusCode::METHOD_NOT_ALLOWED));
    }
    body_budget::announced_length(&body, MAX_BODY_BYTES).map_err(reject)?;
    let rejected = |error: &Error| {
        log_rejected(merchant, error);
        Ack::for_error(error)
    };
    let raw = raw_notification(&head.headers);
    raw.check_headers(client.now()).map_err(|error| rejected(&error))?;
    let reading = client.body_budget().read(body, MAX_BODY_BYTES, deadline);
    let (body, reservation) = reading.await.map_err(reject)?;
    let verification = merchant.verify_notification(raw.body(body));
    let verifying = client.run_to_completion(verification, reservation);
    match tokio::time::timeout_at(deadline, verifying).await {
        Ok(Ok(Ok(notification))) => Ok(notification),
        Ok(Ok(Err(error))) => Err(rejected(&error)),
        // At shutdown or after the deadline. The notification may be genuine: WeChat Pay must retry.
        Ok(Err(_)) | Err(_) => Err(Ack::Fail),
    }
}

/// Returns the notification as received, without its body, with all headers, duplicates included.
fn raw_notification(headers: &HeaderMap) -> RawNotification {
    headers.iter().fold(RawNotification::new(Vec::new()), |raw, (name, value)| {
        raw.header(name.as_str(), value.as_bytes())
    })
}

/// Logs a rejected notification. The reason names a header, a rule or a key, and quotes nothing that was sent.
fn log_rejected(merchant: &Merchant, error: &Error) {
    let cause = error.source().map(tracing::field::display);
    tracing::warn!(label = LABEL, merchant = %merchant.mchid(), reason = %error, cause, "notification rejected");
}

impl_tower_service!();

impl fmt::Debug for NotificationService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotificationService")
            .field("merchant", self.wxpay.merchant().mchid())
            .finish_non_exhaustive()
    }
}
