//! Notifications of APIv3.

use super::{
    Acknowledgement, BoxError,
    body::{self, BodyBudget},
    handle_once, into_http_response,
};
use crate::{
    ambient,
    client::Client,
    setup::{SetupError, SetupFault},
};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use http_body_util::Full;
use hyper::body::Body;
use std::{
    collections::BTreeMap,
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

/// A service for the notifications of APIv3, for one or more merchants: a `tower` service with a route for each.
///
/// In axum, use it as the fallback, `Router::new().fallback_service(notifications)`, or as the service of each of its
/// routes. With plain hyper, use `hyper_util::service::TowerToHyperService`. The service needs the request unchanged.
/// Do not *nest* it in axum, which removes a prefix of the path. The body must be unmodified, because its bytes are
/// signed.
///
/// ```
/// # use wxpay_hyper::{Client, notify::v3::NotificationService};
/// # use wxpay_proto::v3::{Event, Merchant};
/// # fn routes(one: Merchant, other: Merchant, client: Client) -> Result<axum::Router, wxpay_hyper::SetupError> {
/// let notifications = NotificationService::new(client)
///     .route("/notify/1900000109", one, |notification| async move {
///         // Commit the payment first: after `Ok(())` WeChat Pay does not send this notification again.
///         if let Event::Transaction(transaction) = notification.event()? {
///             println!("{} is {:?}", transaction.out_trade_no, transaction.trade_state);
///         }
///         Ok::<(), wxpay_proto::Error>(())
///     })?
///     .route("/notify/1900000110", other, |_| async { Err::<(), _>("not open yet") })?;
/// Ok(axum::Router::new().fallback_service(notifications))
/// # }
/// ```
///
/// A request is processed in this order:
///
/// 1. A path without a [route](Self::route) returns 404, and paths match exactly. A method other than `POST` returns
///    405, a body longer than [`MAX_BODY_BYTES`] 413, a truncated body 400, and a late one 408. Headers without a
///    signature or with an old timestamp return 401 before the body is read. A body for which
///    [`max_buffered_bytes`](Self::max_buffered_bytes) leaves no room returns 503.
/// 2. [`Merchant::verify_notification`] verifies the notification for the merchant of the route, and fetches a key if
///    needed. A failure returns 401 (invalid signature), 400 (not readable) or 500 (key not available now), and the
///    handler is not called.
/// 3. The handler is called **in a task of its own**: it completes even if WeChat Pay closes the connection.
/// 4. `Ok(())` returns 204, and an [`Ack`] its own response. `Err`, a panic or the response timeout return 500, and
///    WeChat Pay retries.
///
/// Concurrent duplicates of a notification are handled once: the others wait for the first, and one of them takes over
/// if it fails. A duplicate of a notification acknowledged with 204 returns 204 at once. Both rely on
/// [`Client::memory`], a cache of this process alone, so **the handler must be idempotent**. WeChat Pay may report one
/// event in several notifications: deduplicate by the number of the order, not by the id of the notification.
///
/// An [`Ack::Json`] is not cached: each query calls the handler again, because its response may have changed.
#[derive(Clone)]
#[must_use]
pub struct NotificationService {
    client: Client,
    routes: Arc<BTreeMap<String, Route>>,
    response_timeout: Duration,
    body_budget: BodyBudget,
}

/// The merchant and the handler of a path.
#[derive(Clone)]
struct Route {
    merchant: Merchant,
    handler: Arc<Handler>,
}

/// A type-erased handler.
type Handler = dyn Fn(Notification) -> Pin<Box<dyn Future<Output = Ack> + Send>> + Send + Sync;

impl NotificationService {
    /// The default response timeout. It includes reading the body and fetching a key. WeChat Pay waits five seconds;
    /// the rest is for the network.
    pub const RESPONSE_TIMEOUT: Duration = Duration::from_millis(4500);
    /// The default of [`max_buffered_bytes`](Self::max_buffered_bytes): 16 MiB. A genuine body has a few KiB.
    pub const MAX_BUFFERED_BYTES: usize = body::MAX_BUFFERED_BYTES;

    /// Returns a service without routes; add them with [`route`](Self::route).
    pub fn new(client: Client) -> Self {
        Self {
            client,
            routes: Arc::default(),
            response_timeout: Self::RESPONSE_TIMEOUT,
            body_budget: BodyBudget::new(Self::MAX_BUFFERED_BYTES),
        }
    }

    /// Adds a route: the path of the `notify_url` of the merchant's orders, and the handler of its notifications. The
    /// handler receives verified notifications only; [`Notification::event`] returns the event.
    ///
    /// The handler returns `()`, acknowledged with 204, or an [`Ack`].
    ///
    /// # Errors
    ///
    /// If the path does not begin with a slash, has a query, a fragment or characters outside visible ASCII, or has a
    /// route already.
    pub fn route<H, Fut, A, E>(
        mut self,
        path: &str,
        merchant: Merchant,
        handler: H,
    ) -> Result<Self, SetupError>
    where
        H: Fn(Notification) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<A, E>> + Send + 'static,
        A: Into<Ack>,
    {
        let is_path = path.starts_with('/')
            && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte));
        if !is_path {
            return Err(SetupFault::new(
                "path",
                "must begin with a slash and be visible ASCII without query or fragment",
            )
            .into());
        }
        if self.routes.contains_key(path) {
            return Err(SetupFault::new("path", "must not be used by another route").into());
        }
        let handler = move |notification| -> Pin<Box<dyn Future<Output = Ack> + Send>> {
            let handling = handler(notification);
            Box::pin(async move { handling.await.map_or(Ack::Fail, Into::into) })
        };
        let route = Route { merchant, handler: Arc::new(handler) };
        Arc::make_mut(&mut self.routes).insert(path.to_owned(), route);
        Ok(self)
    }

    /// Sets the response timeout. The default is [`RESPONSE_TIMEOUT`](Self::RESPONSE_TIMEOUT). When it expires, the
    /// service returns 500, but the handler continues. If it succeeds, the next duplicate receives 204.
    pub fn response_timeout(self, timeout: Duration) -> Self {
        Self { response_timeout: timeout, ..self }
    }

    /// Sets the maximum number of bytes that the bodies of all requests in flight may occupy together, until each is
    /// verified. The default is [`MAX_BUFFERED_BYTES`](Self::MAX_BUFFERED_BYTES). Clones of the service share it.
    ///
    /// Requests beyond it return 503 with `Retry-After`, and WeChat Pay retries. The first 16 KiB of each body are not
    /// counted, so that forged long bodies cannot keep genuine notifications out: limit the number of connections in
    /// your server.
    pub fn max_buffered_bytes(self, max_bytes: usize) -> Self {
        Self { body_budget: BodyBudget::new(max_bytes), ..self }
    }

    /// Handles one request and returns the response.
    pub async fn handle<B>(&self, request: http::Request<B>) -> http::Response<Full<Bytes>>
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        let began = ambient::monotonic_now();
        let deadline = began.checked_add(self.response_timeout).unwrap_or(began);
        let route = self.routes.get_key_value(request.uri().path());
        let (merchant, ack) = match route {
            Some((path, route)) => {
                (Some(route.merchant.mchid()), self.handle_route(path, route, request, deadline).await)
            }
            None => (None, Ack::Reject(StatusCode::NOT_FOUND.as_u16())),
        };
        let response = into_http_response(ack);
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let merchant = merchant.map(tracing::field::display);
        tracing::info!(label = LABEL, merchant, status = response.status().as_u16(), millis, "response sent");
        response
    }

    async fn handle_route<B>(
        &self,
        path: &str,
        route: &Route,
        request: http::Request<B>,
        deadline: Instant,
    ) -> Ack
    where
        B: Body,
        B::Error: Into<BoxError>,
    {
        match self.verify_notification(route, request, deadline).await {
            Ok(notification) => {
                // Each route has its own handler, so the same notification at another path is not a duplicate.
                let key = format!("{path} {}", notification.dedup_key());
                let handler = Arc::clone(&route.handler);
                let handling = async move { handler(notification).await };
                handle_once(&self.client, LABEL, key, deadline, handling).await
            }
            Err(ack) => ack,
        }
    }

    /// Reads the body within the limits and verifies the notification. Nothing unverified leaves this function.
    async fn verify_notification<B>(
        &self,
        route: &Route,
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
        body::announced_length(&body, MAX_BODY_BYTES).map_err(reject)?;
        let rejected = |error: &Error| {
            log_rejected(&route.merchant, error);
            Ack::for_error(error)
        };
        let raw = raw_notification(&head.headers);
        raw.check_headers(self.client.now()).map_err(|error| rejected(&error))?;
        let reading = self.body_budget.read(body, MAX_BODY_BYTES, deadline);
        let (body, reservation) = reading.await.map_err(reject)?;
        let verification = route.merchant.verify_notification(raw.body(body));
        let verifying = self.client.run_to_completion(verification, reservation);
        match tokio::time::timeout_at(deadline, verifying).await {
            Ok(Some(Ok(notification))) => Ok(notification),
            Ok(Some(Err(error))) => Err(rejected(&error)),
            // At shutdown or after the deadline. The notification may be genuine: WeChat Pay must retry.
            Ok(None) | Err(_) => Err(Ack::Fail),
        }
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
        let merchants = self.routes.iter().map(|(path, route)| (path, route.merchant.mchid()));
        f.debug_map().entries(merchants).finish()
    }
}
