//! Notifications in handlers of axum: the extractor, and the plain call for any server.
#![allow(clippy::unwrap_used, clippy::panic, clippy::disallowed_methods, reason = "a test")]
#![allow(clippy::arithmetic_side_effects, reason = "a test")]

mod common;

use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{FromRef, State},
    http::{HeaderMap, Request, Response, StatusCode},
    response::IntoResponse,
    routing::{any, post},
};
use common::v3::{API_V3_KEY, MCHID, Platform, merchant, merchant_with_public_key, notification, paid};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};
use tokio::time::sleep;
use tower_service::Service as _;
use wxpay_hyper::{
    Client, WxPay,
    notify::v3::{AckResponse, VerifiedNotification},
};
use wxpay_proto::{
    ErrorKind,
    v3::{Ack, Event, notify::MAX_BODY_BYTES},
};

const FAIL: &str = r#"{"code":"FAIL","message":"失败"}"#;

fn wxpay() -> WxPay {
    WxPay::new(Client::builder().build().unwrap(), merchant_with_public_key(MCHID, API_V3_KEY))
}

/// The state of a router that has more than the merchant.
#[derive(Clone)]
struct Shop {
    wxpay: WxPay,
    calls: Arc<AtomicU32>,
}

impl FromRef<Shop> for WxPay {
    fn from_ref(shop: &Shop) -> Self {
        shop.wxpay.clone()
    }
}

impl Shop {
    fn new() -> Self {
        Self { wxpay: wxpay(), calls: Arc::default() }
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }
}

/// Acknowledges a payment and fails for anything else.
async fn record(
    State(shop): State<Shop>,
    notification: VerifiedNotification,
) -> Result<AckResponse, AckResponse> {
    shop.calls.fetch_add(1, Ordering::SeqCst);
    let Event::Transaction(_) = notification.event()? else { return Err(Ack::Fail.into()) };
    Ok(notification.acknowledge())
}

fn router(shop: &Shop) -> Router {
    let notify = Router::new().route("/{mchid}", any(record));
    Router::new().nest("/a", notify.clone()).nest("/b", notify).with_state(shop.clone())
}

fn signed(platform: &Platform, path: &str, body: &str) -> Request<Body> {
    let headers = platform.signature_headers(common::now().as_secs(), body);
    let request =
        headers.into_iter().fold(Request::post(path), |request, (name, value)| request.header(name, value));
    request.body(Body::from(body.to_owned())).unwrap()
}

fn paid_at(path: &str) -> Request<Body> {
    signed(&Platform::with_public_key(), path, &paid(MCHID, API_V3_KEY, "ORDER-1"))
}

/// Sends a request and returns the status and the exact body.
async fn send(router: &Router, request: Request<Body>) -> (u16, String) {
    let response = router.clone().call(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1024).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn accepted() -> (u16, String) {
    (204, String::new())
}

fn rejected(status: u16) -> (u16, String) {
    (status, FAIL.to_owned())
}

#[tokio::test]
async fn extractor_passes_an_acknowledged_notification_to_the_handler_once() {
    let shop = Shop::new();
    for _ in 0..3 {
        assert_eq!(send(&router(&shop), paid_at("/a/1")).await, accepted());
    }
    assert_eq!(shop.calls(), 1);
    assert_eq!(send(&router(&shop), paid_at("/b/1")).await, accepted());
    assert_eq!(send(&router(&shop), paid_at("/a/2")).await, accepted());
    assert_eq!(
        shop.calls(),
        3,
        "a notification at another URL is not a duplicate, also below a nested router"
    );
}

#[tokio::test]
async fn extractor_takes_the_merchant_as_the_whole_state() {
    let handler = async |notification: VerifiedNotification| notification.acknowledge();
    let router = Router::new().route("/notify", post(handler)).with_state(wxpay());
    assert_eq!(send(&router, paid_at("/notify")).await, accepted());
}

#[tokio::test]
async fn failing_handler_receives_the_redelivery() {
    let shop = Shop::new();
    let other = notification(API_V3_KEY, "COUPON.USE", "coupon", "{}");
    let unreadable = notification(API_V3_KEY, "TRANSACTION.SUCCESS", "transaction", "{}");
    for (body, status) in [(other, 500), (unreadable, 400)] {
        let before = shop.calls();
        for call in 1..=2 {
            let request = signed(&Platform::with_public_key(), "/a/1", &body);
            assert_eq!(send(&router(&shop), request).await, rejected(status));
            assert_eq!(shop.calls(), before + call);
        }
    }
}

#[tokio::test]
async fn panicking_and_cancelled_handlers_receive_the_redelivery() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let handler = async move |notification: VerifiedNotification| {
        match counted.fetch_add(1, Ordering::SeqCst) {
            0 => panic!("on purpose"),
            1 => sleep(Duration::from_secs(600)).await,
            _ => {}
        }
        notification.acknowledge()
    };
    let router = Router::new().route("/notify", post(handler)).with_state(wxpay());
    let panicking = router.clone();
    assert!(tokio::spawn(async move { send(&panicking, paid_at("/notify")).await }).await.is_err());
    let cancelled = tokio::time::timeout(Duration::from_millis(200), send(&router, paid_at("/notify")));
    assert!(cancelled.await.is_err());
    for _ in 0..2 {
        assert_eq!(send(&router, paid_at("/notify")).await, accepted());
    }
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn duplicate_waits_for_the_handler_and_takes_over_if_it_fails() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let handler = async move |notification: VerifiedNotification| {
        let call = counted.fetch_add(1, Ordering::SeqCst);
        sleep(Duration::from_millis(100)).await;
        if call == 0 { AckResponse::from(Ack::Fail) } else { notification.acknowledge() }
    };
    let router = Router::new().route("/notify", post(handler)).with_state(wxpay());
    let sending = || {
        let router = router.clone();
        tokio::spawn(async move { send(&router, paid_at("/notify")).await })
    };
    let all: Vec<_> = (0..10).map(|_| sending()).collect();
    let mut responses = Vec::new();
    for one in all {
        responses.push(one.await.unwrap());
    }
    assert_eq!(responses.iter().filter(|response| **response == rejected(500)).count(), 1);
    assert_eq!(responses.iter().filter(|response| **response == accepted()).count(), 9);
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

/// Requests that must be rejected, each with its status.
fn invalid() -> Vec<(Request<Body>, u16)> {
    let body = paid(MCHID, API_V3_KEY, "ORDER-1");
    let altered = |alter: fn(&mut Request<Body>)| {
        let mut request = paid_at("/a/1");
        alter(&mut request);
        request
    };
    let other_key = paid(MCHID, "another0Key000000000000000000000", "ORDER-1");
    let known = Platform::with_public_key();
    vec![
        (altered(|request| *request.body_mut() = Body::from("{}")), 401),
        (altered(|request| *request.headers_mut() = HeaderMap::new()), 401),
        (signed(&Platform::with_certificate(2), "/a/1", &body), 401),
        (altered(|request| *request.method_mut() = http::Method::PUT), 405),
        (altered(|request| *request.body_mut() = Body::from(vec![b' '; MAX_BODY_BYTES + 1])), 413),
        (signed(&known, "/a/1", &other_key), 400),
        (signed(&known, "/a/1", "not json"), 400),
        (signed(&known, "/a/1", "{}"), 400),
        (signed(&known, "/a/1", ""), 400),
    ]
}

#[tokio::test]
async fn invalid_notification_does_not_reach_the_handler() {
    let shop = Shop::new();
    for (index, (request, status)) in invalid().into_iter().enumerate() {
        assert_eq!(send(&router(&shop), request).await, rejected(status), "{index}");
    }
    assert_eq!(shop.calls(), 0);
    assert_eq!(send(&router(&shop), paid_at("/a/1")).await, accepted());
}

/// A handler of a server that knows neither tower nor axum: headers and body in, a response out.
async fn plain(State(wxpay): State<WxPay>, headers: HeaderMap, body: Bytes) -> Response<Body> {
    let ack = match wxpay.verify_notification(&headers, body).await {
        Ok(notification) => notification.event().map_or(Ack::Fail, |_| Ack::Success),
        Err(error) => Ack::for_error(&error),
    };
    let response = ack.response();
    let status = StatusCode::from_u16(response.status()).unwrap();
    (status, response.body().to_vec()).into_response()
}

#[tokio::test]
async fn plain_call_verifies_and_its_error_gives_the_response() {
    let router = Router::new().route("/a/1", post(plain)).with_state(wxpay());
    for (index, (request, status)) in invalid().into_iter().enumerate() {
        // The server routes by method and limits the body.
        if ![405, 413].contains(&status) {
            assert_eq!(send(&router, request).await, rejected(status), "{index}");
        }
    }
    for _ in 0..2 {
        assert_eq!(send(&router, paid_at("/a/1")).await, accepted());
    }
}

#[tokio::test]
async fn plain_call_rejects_a_long_body_and_a_key_that_is_unavailable() {
    let (body, wxpay) = (paid(MCHID, API_V3_KEY, "ORDER-1"), wxpay());
    let (head, _) = paid_at("/").into_parts();
    let long = vec![b' '; MAX_BODY_BYTES + 1];
    let error = wxpay.verify_notification(&head.headers, long).await.unwrap_err();
    assert_eq!((error.kind(), Ack::for_error(&error)), (ErrorKind::Malformed, Ack::Reject(400)));

    let unreachable = merchant(MCHID, API_V3_KEY, "http://127.0.0.1:1").build();
    let (head, _) = signed(&Platform::with_certificate(2), "/", &body).into_parts();
    let error =
        wxpay.client().verify_notification(&unreachable, &head.headers, body.as_str()).await.unwrap_err();
    assert_eq!(Ack::for_error(&error), Ack::Fail, "the notification may be genuine: WeChat Pay must retry");
}
