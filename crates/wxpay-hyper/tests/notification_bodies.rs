//! The bodies that the notification services read: their size, their deadline, and the memory for all in flight.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test")]
#![allow(clippy::arithmetic_side_effects, reason = "a test")]

mod common;

use bytes::Bytes;
use common::v3::{API_V3_KEY, MCHID, Platform, merchant_with_public_key, paid};
use http::{Request, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Body, Frame};
use std::{
    convert::Infallible,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::task::JoinSet;
use tower_service::Service;
use wxpay_hyper::{Builder, Client, WxPay, notify};
use wxpay_proto::{v1::notification, v3::notify::MAX_BODY_BYTES};

const CHUNK_BYTES: usize = 4 * 1024;
/// The first bytes of each body, which are not counted.
const UNCOUNTED_BYTES: usize = 16 * 1024;
const REQUESTS: usize = 400;

fn v3_service() -> notify::v3::NotificationService {
    let merchant = merchant_with_public_key(MCHID, API_V3_KEY);
    WxPay::new(Client::builder().build().unwrap(), merchant).notifications(|_| async { Ok::<(), &str>(()) })
}

fn v1_service() -> notify::v1::NotificationService {
    v1_service_with(Client::builder())
}

fn v1_service_with(client: Builder) -> notify::v1::NotificationService {
    let client = client.build().unwrap();
    notify::v1::NotificationService::new(common::merchant("http://127.0.0.1:1"), client, |_| async {
        Ok::<(), &str>(())
    })
}

/// Returns a request of APIv3 with this body and the signature of `signed`.
fn v3_request<B>(signed: &str, body: B) -> Request<B> {
    let headers = Platform::with_public_key().signature_headers(common::now().as_secs(), signed);
    let request = headers
        .into_iter()
        .fold(Request::post("/notify"), |request, (name, value)| request.header(name, value));
    request.body(body).unwrap()
}

/// Returns a request of APIv1 with this body and the query of a genuine notification.
fn v1_request<B>(body: B) -> Request<B> {
    Request::post(format!("/notify?{}", common::v1::paid("1").query)).body(body).unwrap()
}

async fn status<S, B>(service: &S, request: Request<B>) -> StatusCode
where
    S: Service<Request<B>, Response = http::Response<Full<Bytes>>, Error = Infallible> + Clone,
{
    let Ok(response) = service.clone().call(request).await;
    let is_unavailable = response.status() == StatusCode::SERVICE_UNAVAILABLE;
    assert_eq!(response.headers().contains_key(header::RETRY_AFTER), is_unavailable);
    response.status()
}

/// A body of unknown length that sends some bytes and then ends, or then nothing more.
struct TestBody {
    unsent: usize,
    is_complete: bool,
    /// The bytes of all bodies that were sent to a service and are not known to be released.
    held: Arc<AtomicUsize>,
    sent: usize,
}

impl TestBody {
    fn complete(length: usize) -> Self {
        let mut body = Self::stalling(length, &Arc::default());
        body.is_complete = true;
        body
    }

    fn stalling(length: usize, held: &Arc<AtomicUsize>) -> Self {
        Self { unsent: length, is_complete: false, held: Arc::clone(held), sent: 0 }
    }
}

impl Body for TestBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.unsent == 0 {
            return if self.is_complete { Poll::Ready(None) } else { Poll::Pending };
        }
        let length = self.unsent.min(CHUNK_BYTES);
        self.unsent -= length;
        self.sent += length;
        self.held.fetch_add(length, Ordering::SeqCst);
        Poll::Ready(Some(Ok(Frame::data(vec![b' '; length].into()))))
    }
}

/// A service drops a body together with the bytes that it has read of it.
impl Drop for TestBody {
    fn drop(&mut self) {
        self.held.fetch_sub(self.sent, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn v3_body_of_the_maximum_length_is_accepted_and_a_longer_one_returns_413() {
    let service = v3_service();
    let paid = paid(MCHID, API_V3_KEY, "ORDER-1");
    for (length, expected) in
        [(MAX_BODY_BYTES, StatusCode::NO_CONTENT), (MAX_BODY_BYTES + 1, StatusCode::PAYLOAD_TOO_LARGE)]
    {
        // White space around JSON has no meaning, but it is signed.
        let body = paid.clone() + &" ".repeat(length - paid.len());
        assert_eq!(status(&service, v3_request(&body, Full::<Bytes>::from(body.clone()))).await, expected);
    }
    let unannounced = v3_request("", TestBody::complete(MAX_BODY_BYTES));
    assert_eq!(status(&service, unannounced).await, StatusCode::UNAUTHORIZED);
    let unannounced = v3_request("", TestBody::complete(MAX_BODY_BYTES + 1));
    assert_eq!(status(&service, unannounced).await, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn v1_body_of_the_maximum_length_is_accepted_and_a_longer_one_returns_413() {
    let (service, paid) = (v1_service(), common::v1::paid("1"));
    let max = notification::MAX_BODY_BYTES;
    for (length, expected) in [(max, StatusCode::OK), (max + 1, StatusCode::PAYLOAD_TOO_LARGE)] {
        let body = paid.body.replace("</xml>", &(" ".repeat(length - paid.body.len()) + "</xml>"));
        assert_eq!(body.len(), length);
        assert_eq!(status(&service, v1_request(Full::<Bytes>::from(body))).await, expected);
    }
}

#[tokio::test]
async fn v1_query_of_the_maximum_length_is_read_and_a_longer_one_returns_414() {
    let service = v1_service();
    let body = || Full::<Bytes>::from(common::v1::paid("1").body);
    let max = notification::MAX_QUERY_BYTES;
    for (length, is_too_long) in [(max, false), (max + 1, true)] {
        let request = Request::post(format!("/notify?{}", "x".repeat(length))).body(body()).unwrap();
        assert_eq!(status(&service, request).await == StatusCode::URI_TOO_LONG, is_too_long, "{length}");
    }
}

#[tokio::test(start_paused = true)]
async fn v3_body_that_stalls_returns_408_at_the_response_timeout() {
    let service = v3_service().response_timeout(Duration::from_secs(3));
    let began = tokio::time::Instant::now();
    let stalling = TestBody::stalling(1, &Arc::default());
    assert_eq!(status(&service, v3_request("", stalling)).await, StatusCode::REQUEST_TIMEOUT);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test]
async fn v3_body_is_not_read_if_the_headers_are_missing_or_old() {
    let service = v3_service();
    let (held, old) = (Arc::new(AtomicUsize::new(0)), common::now().as_secs() - 301);
    let headers = Platform::with_public_key().signature_headers(old, "");
    let with_old_headers = headers
        .into_iter()
        .fold(Request::post("/notify"), |request, (name, value)| request.header(name, value));
    for request in [Request::post("/notify"), with_old_headers] {
        // Would be read until the response timeout: it never ends.
        let body = TestBody::stalling(CHUNK_BYTES, &held);
        assert_eq!(status(&service, request.body(body).unwrap()).await, StatusCode::UNAUTHORIZED);
    }
}

/// Sends [`REQUESTS`] bodies of this length that do not end, and returns the tasks that handle them and the bytes held.
async fn flood<S>(
    service: &S,
    request: impl Fn(TestBody) -> Request<TestBody>,
    length: usize,
) -> (JoinSet<StatusCode>, Arc<AtomicUsize>)
where
    S: Service<Request<TestBody>, Response = http::Response<Full<Bytes>>, Error = Infallible>
        + Clone
        + Send
        + Sync
        + 'static,
    S::Future: Send,
{
    let (mut tasks, held) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
    for _ in 0..REQUESTS {
        let (service, request) = (service.clone(), request(TestBody::stalling(length, &held)));
        tasks.spawn(async move { status(&service, request).await });
    }
    // On one thread, each task runs until its body stalls or is refused.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    (tasks, held)
}

/// Takes the statuses of the tasks that have ended.
fn ended(tasks: &mut JoinSet<StatusCode>) -> Vec<StatusCode> {
    std::iter::from_fn(|| tasks.try_join_next()).map(Result::unwrap).collect()
}

#[tokio::test]
async fn v3_bodies_in_flight_are_bounded_and_leave_room_for_a_notification() {
    let service = v3_service().response_timeout(Duration::from_secs(600));
    let (mut tasks, held) = flood(&service, |body| v3_request("", body), MAX_BODY_BYTES).await;
    let held_bytes = held.load(Ordering::SeqCst);
    let max_bytes = Builder::NOTIFICATION_BUFFER_LIMIT + REQUESTS * UNCOUNTED_BYTES;
    assert!((MAX_BODY_BYTES..=max_bytes).contains(&held_bytes), "{held_bytes}");
    let refused = ended(&mut tasks);
    assert!(refused.iter().all(|status| *status == StatusCode::SERVICE_UNAVAILABLE), "{refused:?}");
    assert!(refused.len() > 300, "{}", refused.len());

    let paid = paid(MCHID, API_V3_KEY, "ORDER-1");
    let genuine = v3_request(&paid, Full::<Bytes>::from(paid.clone()));
    assert_eq!(status(&service, genuine).await, StatusCode::NO_CONTENT);
    let announced = v3_request("", Full::<Bytes>::from(vec![b' '; MAX_BODY_BYTES]));
    assert_eq!(status(&service, announced).await, StatusCode::SERVICE_UNAVAILABLE);

    let (mut short, _) = flood(&service, |body| v3_request("", body), UNCOUNTED_BYTES).await;
    assert!(ended(&mut short).is_empty(), "short bodies must not be refused");

    tasks.shutdown().await;
    let released = v3_request("", TestBody::complete(MAX_BODY_BYTES));
    assert_eq!(status(&service, released).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn v1_bodies_in_flight_are_bounded_and_leave_room_for_a_notification() {
    const MAX_BYTES: usize = 1024 * 1024;
    let service = v1_service_with(Client::builder().notification_buffer_limit(MAX_BYTES))
        .response_timeout(Duration::from_secs(600));
    let (mut tasks, held) = flood(&service, v1_request, notification::MAX_BODY_BYTES).await;
    let held_bytes = held.load(Ordering::SeqCst);
    let max_bytes = MAX_BYTES + REQUESTS * UNCOUNTED_BYTES;
    assert!((notification::MAX_BODY_BYTES..=max_bytes).contains(&held_bytes), "{held_bytes}");
    let refused = ended(&mut tasks);
    assert!(refused.iter().all(|status| *status == StatusCode::SERVICE_UNAVAILABLE), "{refused:?}");
    assert!(refused.len() > 300, "{}", refused.len());

    let genuine = v1_request(Full::<Bytes>::from(common::v1::paid("1").body));
    assert_eq!(status(&service, genuine).await, StatusCode::OK);
    tasks.shutdown().await;
    let released = v1_request(TestBody::complete(notification::MAX_BODY_BYTES));
    assert_ne!(status(&service, released).await, StatusCode::SERVICE_UNAVAILABLE);
}
