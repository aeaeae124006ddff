//! Notices: WeChat Pay calls, verified and heard once, answered as the protocol wants.

use crate::{ambient, client::Client};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::body::Body;
use std::{
    convert::Infallible,
    error, fmt,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};
use tokio::time::Instant;
use tower_service::Service;
use tracing::Instrument as _;
use wxpay_proto::{
    memory::{Sight, Ticket},
    v1::{Ack, Merchant, Notice, Received, notice},
};

const LABEL: &str = "v1.notice";

/// Hears the notices of the first generation: a `tower` service for any path of any server.
///
/// In axum it is a route, `Router::new().route_service("/notify", service)`; bare hyper takes it through
/// `hyper_util::service::TowerToHyperService`. It must get the request as it came: the query in the URL and
/// the body byte for byte are what was signed.
///
/// ```
/// # use wxpay_hyper::{Client, Notices};
/// # fn routes(merchant: wxpay_proto::v1::Merchant, client: Client) -> axum::Router {
/// let notices = Notices::new(merchant, client, |notice| async move {
///     // Commit the payment before answering: `Ok` tells WeChat Pay never to send this again.
///     if let Some(evidence) = notice.evidence() {
///         println!("{} is paid", evidence.out_trade_no());
///     }
///     Ok::<(), std::io::Error>(())
/// });
/// axum::Router::new().route_service("/notify", notices)
/// # }
/// ```
///
/// What happens to a request, in this order:
///
/// 1. Anything but `POST`, or beyond [`MAX_QUERY`](notice::MAX_QUERY) or [`MAX_BODY`](notice::MAX_BODY), is
///    refused unread.
/// 2. [`Merchant::hear`] verifies both signatures. What fails is answered `fail`, and nobody else sees it.
/// 3. The handler is called, **in a task of its own**: it runs to its end even if WeChat Pay hangs up.
/// 4. `Ok` is answered with the seven letters `success`; `Err`, a panic, or an answer that is not there in time
///    with `fail`, after which WeChat Pay tries again.
///
/// Copies of one notice that arrive at the same time are handled once: the others wait for the first, and take
/// over if it fails. A copy of a notice that was answered is answered at once. Both rest on [`Client::memory`],
/// which other processes do not share and which forgets, so **the handler must be idempotent all the same**.
#[derive(Clone)]
pub struct Notices {
    merchant: Merchant,
    client: Client,
    on_notice: Arc<OnNotice>,
    answer_within: Duration,
}

/// The handler, its types forgotten: it comes to whether the notice was handled.
type OnNotice = dyn Fn(Notice) -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync;

impl Notices {
    /// How long a notice may take in all, reading its body included. WeChat Pay does not document how long it
    /// waits; its own clients of that time gave up after five seconds or more.
    pub const ANSWER_WITHIN: Duration = Duration::from_secs(4);

    /// Hears for this merchant. `on_notice` gets verified notices only, whatever their `trade_state`:
    /// [`Notice::evidence`] says whether money moved.
    #[must_use]
    pub fn new<H, Handled, E>(merchant: Merchant, client: Client, on_notice: H) -> Self
    where
        H: Fn(Notice) -> Handled + Send + Sync + 'static,
        Handled: Future<Output = Result<(), E>> + Send + 'static,
    {
        let on_notice = move |notice| -> Pin<Box<dyn Future<Output = bool> + Send>> {
            let handled = on_notice(notice);
            Box::pin(async move { handled.await.is_ok() })
        };
        Self { merchant, client, on_notice: Arc::new(on_notice), answer_within: Self::ANSWER_WITHIN }
    }

    /// Answers within another time than [`ANSWER_WITHIN`](Self::ANSWER_WITHIN). Who is slower answers `fail`,
    /// goes on handling, and answers the next copy with `success`.
    #[must_use]
    pub fn answer_within(self, most: Duration) -> Self {
        Self { answer_within: most, ..self }
    }

    /// Answers one request.
    pub async fn answer<B>(&self, request: http::Request<B>) -> http::Response<Full<Bytes>>
    where
        B: Body,
        B::Error: Into<Box<dyn error::Error + Send + Sync>>,
    {
        let began = ambient::stopwatch();
        let deadline = began.checked_add(self.answer_within).unwrap_or(began);
        let answer = match self.hear(request, deadline).await {
            Ok(notice) => answered(self.handle_once(notice, deadline).await),
            Err(refusal) => refusal,
        };
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        tracing::info!(label = LABEL, status = answer.status().as_u16(), millis, "answered");
        answer
    }

    /// Reads, within limits, and verifies. Nothing unverified leaves this function.
    async fn hear<B>(
        &self,
        request: http::Request<B>,
        deadline: Instant,
    ) -> Result<Notice, http::Response<Full<Bytes>>>
    where
        B: Body,
        B::Error: Into<Box<dyn error::Error + Send + Sync>>,
    {
        let (head, body) = request.into_parts();
        if head.method != Method::POST {
            let mut answer = refused(StatusCode::METHOD_NOT_ALLOWED);
            answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
            return Err(answer);
        }
        let query = head.uri.query().unwrap_or_default().as_bytes();
        if query.len() > notice::MAX_QUERY {
            return Err(refused(StatusCode::URI_TOO_LONG));
        }
        if usize::try_from(body.size_hint().lower()).map_or(true, |least| least > notice::MAX_BODY) {
            return Err(refused(StatusCode::PAYLOAD_TOO_LARGE));
        }
        let body = Limited::new(body, notice::MAX_BODY).collect();
        let body = match tokio::time::timeout_at(deadline, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(cause)) if cause.is::<LengthLimitError>() => {
                return Err(refused(StatusCode::PAYLOAD_TOO_LARGE));
            }
            Ok(Err(_)) => return Err(refused(StatusCode::BAD_REQUEST)),
            Err(_) => return Err(refused(StatusCode::REQUEST_TIMEOUT)),
        };
        self.merchant.hear(&Received::new(head.method.as_str(), query, &body)).map_err(|rejected| {
            tracing::warn!(label = LABEL, reason = %rejected, "rejected");
            answered(rejected.ack())
        })
    }

    /// Handles a notice, or waits for whoever is handling the same.
    async fn handle_once(&self, notice: Notice, deadline: Instant) -> Ack {
        loop {
            let now = self.client.now();
            match self.client.memory(|memory| memory.seen.meet(notice.key(), now)) {
                Sight::Answered => return Ack::Success,
                Sight::Underway(until) => {
                    let glance = tokio::time::sleep(until.since(now));
                    if tokio::time::timeout_at(deadline, glance).await.is_err() {
                        return Ack::Fail;
                    }
                }
                Sight::First(ticket) => return self.handle(notice, ticket, deadline).await,
            }
        }
    }

    async fn handle(&self, notice: Notice, ticket: Ticket, deadline: Instant) -> Ack {
        let underway = Underway { client: self.client.clone(), ticket: Some(ticket) };
        let on_notice = Arc::clone(&self.on_notice);
        let handled = tokio::spawn(
            async move {
                let handled = on_notice(notice).await;
                if handled {
                    underway.answered();
                }
                handled
            }
            .in_current_span(),
        );
        match tokio::time::timeout_at(deadline, handled).await {
            Ok(Ok(true)) => Ack::Success,
            Ok(Ok(false)) => Ack::Fail,
            Ok(Err(_)) => {
                tracing::error!(label = LABEL, "the handler panicked");
                Ack::Fail
            }
            Err(_) => {
                tracing::warn!(label = LABEL, "the handler is late");
                Ack::Fail
            }
        }
    }
}

/// A ticket that is given back as failed unless it was answered, whatever becomes of the handler.
struct Underway {
    client: Client,
    ticket: Option<Ticket>,
}

impl Underway {
    fn answered(mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.client.memory(|memory| memory.seen.answered(&ticket));
        }
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.client.memory(|memory| memory.seen.failed(&ticket));
        }
    }
}

/// The answer the protocol wants, in the server's types.
fn answered(ack: Ack) -> http::Response<Full<Bytes>> {
    let said = ack.response();
    let mut answer = http::Response::new(Full::new(Bytes::copy_from_slice(said.body())));
    *answer.status_mut() = StatusCode::from_u16(said.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in said.headers() {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(value))
        {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

/// `fail`, with the status that says why to whoever looks.
fn refused(status: StatusCode) -> http::Response<Full<Bytes>> {
    answered(Ack::Refuse(status.as_u16()))
}

impl<B> Service<http::Request<B>> for Notices
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn error::Error + Send + Sync>>,
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

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Notices").field("merchant", &self.merchant).finish_non_exhaustive()
    }
}
