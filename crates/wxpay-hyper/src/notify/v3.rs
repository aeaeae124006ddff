//! The notices of the third generation.

use super::{Answer, BoxError, answered, handle_once, read};
use crate::{ambient, builder::SetupError, client::Client};
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
    v3::{Ack, Merchant, Notification, RawNotification, notify::MAX_BODY},
};

const LABEL: &str = "v3.notification";

/// Hears the notices of the third generation, for one merchant or many: a `tower` service that knows its paths.
///
/// In axum it is the fallback, `Router::new().fallback_service(notifications)`, or the service of each of its routes; bare
/// hyper takes it through `hyper_util::service::TowerToHyperService`. It must get the request as it came: the path
/// whole (so it cannot be *nested* in axum, which cuts the path), and the body byte for byte, which is what was
/// signed.
///
/// ```
/// # use wxpay_hyper::{Client, notify::v3::NotificationService};
/// # use wxpay_proto::v3::{Event, Merchant};
/// # fn routes(one: Merchant, other: Merchant, client: Client) -> Result<axum::Router, wxpay_hyper::SetupError> {
/// let notifications = NotificationService::new(client)
///     .route("/notify/1900000109", one, |notification| async move {
///         // Commit the payment before answering: `Ok(())` tells WeChat Pay never to send this again.
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
/// What happens to a request, in this order:
///
/// 1. A path that is not one of those [named](Self::route), letter for letter, is answered 404; anything but `POST` 405;
///    a body beyond [`MAX_BODY`] 413.
/// 2. [`Merchant::verify_notification`] verifies it for the merchant of that path, fetching a key if need be. What fails is answered
///    401 (not to be believed), 400 (not readable) or 500 (its key cannot be had now), and nobody else sees it.
/// 3. The handler is called, **in a task of its own**: it runs to its end even if WeChat Pay hangs up.
/// 4. `Ok(())` is answered 204, and an [`Ack`] by what it says; `Err`, a panic, or an answer that is not there in time
///    500, after which WeChat Pay tries again.
///
/// Copies of one notice that arrive at the same time are handled once: the others wait for the first, and take over
/// if it fails. A copy of a notice that was answered 204 is answered at once. Both rest on [`Client::memory`], which
/// other processes do not share and which forgets, so **the handler must be idempotent all the same**. WeChat Pay may
/// tell one thing in several notices: go by the number of the order, not by that of the notice.
///
/// An [`Ack::Answer`] is not kept: who asks again, asks the handler again, for the answer may be another one by then.
#[derive(Clone)]
pub struct NotificationService {
    client: Client,
    routes: Arc<BTreeMap<String, Route>>,
    response_timeout: Duration,
}

/// Who hears at a path, and what is done then.
#[derive(Clone)]
struct Route {
    merchant: Merchant,
    on_notification: Arc<OnNotification>,
}

/// The handler, its types forgotten.
type OnNotification = dyn Fn(Notification) -> Pin<Box<dyn Future<Output = Ack> + Send>> + Send + Sync;

impl NotificationService {
    /// How long a notice may take in all, reading its body and fetching a key included. WeChat Pay waits for five
    /// seconds; the rest is for the way.
    pub const RESPONSE_TIMEOUT: Duration = Duration::from_millis(4500);

    /// Hears nothing yet: see [`at`](Self::route).
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, routes: Arc::default(), response_timeout: Self::RESPONSE_TIMEOUT }
    }

    /// Hears for this merchant at this path: that of the `notify_url` of its orders. `on_notification` gets verified notices
    /// only; [`Notification::event`] says what they tell.
    ///
    /// It comes to `()`, which is answered 204, or to an [`Ack`] of its own.
    ///
    /// # Errors
    ///
    /// When the path does not begin with a slash, has a query, or is taken.
    pub fn route<H, Handled, A, E>(
        mut self,
        path: &str,
        merchant: Merchant,
        on_notification: H,
    ) -> Result<Self, SetupError>
    where
        H: Fn(Notification) -> Handled + Send + Sync + 'static,
        Handled: Future<Output = Result<A, E>> + Send + 'static,
        A: Into<Ack>,
    {
        let is_path = path.starts_with('/')
            && path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#".contains(&byte));
        if !is_path {
            return Err(SetupError::new("path", "must begin with a slash, without query, in visible ASCII"));
        }
        if self.routes.contains_key(path) {
            return Err(SetupError::new("path", "must be another one for each merchant and handler"));
        }
        let on_notification = move |notification| -> Pin<Box<dyn Future<Output = Ack> + Send>> {
            let handled = on_notification(notification);
            Box::pin(async move { handled.await.map_or(Ack::Fail, Into::into) })
        };
        let route = Route { merchant, on_notification: Arc::new(on_notification) };
        Arc::make_mut(&mut self.routes).insert(path.to_owned(), route);
        Ok(self)
    }

    /// Answers within another time than [`RESPONSE_TIMEOUT`](Self::RESPONSE_TIMEOUT). Who is slower answers 500, goes on
    /// handling, and answers the next copy with what came of it.
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
        let route = self.routes.get_key_value(request.uri().path());
        let (merchant, ack) = match route {
            Some((path, route)) => {
                (Some(route.merchant.mchid()), self.answer_at(path, route, request, deadline).await)
            }
            None => (None, Ack::Reject(StatusCode::NOT_FOUND.as_u16())),
        };
        let answer = answered(ack);
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let merchant = merchant.map(tracing::field::display);
        tracing::info!(label = LABEL, merchant, status = answer.status().as_u16(), millis, "answered");
        answer
    }

    async fn answer_at<B>(
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
                // What another path was told was another handler's to handle.
                let key = format!("{path} {}", notification.key());
                let on_notification = Arc::clone(&route.on_notification);
                let handling = async move { on_notification(notification).await };
                handle_once(&self.client, LABEL, key, deadline, handling).await
            }
            Err(refusal) => refusal,
        }
    }

    /// Reads, within limits, and verifies. Nothing unverified leaves this function.
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
        let refuse = |status: StatusCode| Ack::refuse(status.as_u16());
        if head.method != Method::POST {
            return Err(refuse(StatusCode::METHOD_NOT_ALLOWED));
        }
        let body = read(body, MAX_BODY, deadline).await.map_err(refuse)?;
        let hearing =
            self.client.run_for_all(route.merchant.verify_notification(received(&head.headers, &body)));
        match tokio::time::timeout_at(deadline, hearing).await {
            Ok(Some(Ok(notification))) => Ok(notification),
            Ok(Some(Err(error))) => {
                log_unheard(&route.merchant, &error);
                Err(Ack::for_error(&error))
            }
            // The runtime ends, or the time is over: it may be genuine, so let it come again.
            Ok(None) | Err(_) => Err(Ack::Fail),
        }
    }
}

/// A notice as it came, every header of every name included.
fn received(headers: &HeaderMap, body: &[u8]) -> RawNotification {
    headers.iter().fold(RawNotification::new(body.to_vec()), |received, (name, value)| {
        received.with(name.as_str(), value.as_bytes())
    })
}

/// The reason names a header, a rule or a key, and nothing else of what was sent.
fn log_unheard(merchant: &Merchant, error: &Error) {
    let cause = error.source().map(tracing::field::display);
    tracing::warn!(label = LABEL, merchant = %merchant.mchid(), reason = %error, cause, "rejected");
}

heard_by_tower!();

impl fmt::Debug for NotificationService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let merchants = self.routes.iter().map(|(path, route)| (path, route.merchant.mchid()));
        f.debug_map().entries(merchants).finish()
    }
}
