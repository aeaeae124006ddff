//! The failures of handlers are logged: without the log, nobody sees why WeChat Pay repeats a notification.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "a test")]

mod common;

use axum::{
    Router,
    body::Body,
    http::Request,
    routing::{any, any_service},
};
use common::{
    log::Log,
    v3::{API_V3_KEY, MCHID, Platform, merchant_with_public_key, paid},
};
use tower_service::Service as _;
use wxpay_hyper::{
    Client, WxPay,
    notify::v3::{AckResponse, VerifiedNotification},
};
use wxpay_proto::v3::Ack;

/// Notifies this path, and returns the status of the response.
async fn notify(router: &Router, path: &str) -> u16 {
    let body = paid(MCHID, API_V3_KEY, "ORDER-1");
    let headers = Platform::with_public_key().signature_headers(common::now().as_secs(), &body);
    let request =
        headers.into_iter().fold(Request::post(path), |request, (name, value)| request.header(name, value));
    router.clone().call(request.body(Body::from(body)).unwrap()).await.unwrap().status().as_u16()
}

async fn dropping(_: VerifiedNotification) -> AckResponse {
    Ack::Fail.into()
}

async fn acknowledging(notification: VerifiedNotification) -> AckResponse {
    notification.acknowledge()
}

#[tokio::test]
async fn the_failure_of_a_handler_is_logged_and_a_success_is_not() {
    let log = Log::capture();
    let wxpay = WxPay::new(Client::builder().build().unwrap(), merchant_with_public_key(MCHID, API_V3_KEY));
    let failing = wxpay.notifications(|_| async { Err::<(), _>("the database is down") });
    let succeeding = wxpay.notifications(|_| async { Ok::<_, String>(()) });
    let router = Router::new()
        .route("/failing", any_service(failing))
        .route("/succeeding", any_service(succeeding))
        .route("/dropping", any(dropping))
        .route("/acknowledging", any(acknowledging))
        .with_state(wxpay);

    assert_eq!(notify(&router, "/succeeding").await, 204);
    assert_eq!(notify(&router, "/acknowledging").await, 204);
    assert!(!log.text().contains("WARN"), "{}", log.text());
    assert_eq!(notify(&router, "/failing").await, 500);
    let text = log.text();
    assert!(text.contains("the notification handler failed"), "{text}");
    assert!(text.contains("the database is down"), "{text}");
    assert_eq!(notify(&router, "/dropping").await, 500);
    let text = log.text();
    assert!(text.contains("the handler dropped a notification without acknowledging it"), "{text}");
}
