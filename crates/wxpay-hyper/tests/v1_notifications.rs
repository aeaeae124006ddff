//! The responses of the APIv1 notification service, and how often it calls the handler.
#![allow(clippy::unwrap_used, clippy::arithmetic_side_effects, clippy::disallowed_methods, reason = "a test")]

mod common;

use bytes::Bytes;
use common::{
    merchant,
    v1::{Signed, body, paid, signed},
};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Body, Frame};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto,
    service::TowerToHyperService,
};
use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::sleep,
};
use tower_service::Service as _;
use wxpay_hyper::{Client, notify::v1::NotificationService};
use wxpay_proto::v1::{Notification, notification};

/// A service that counts the calls of its handler; `handle_call` receives the number of the call.
fn service<F>(handle_call: impl Fn(u32) -> F + Send + Sync + 'static) -> (NotificationService, Arc<AtomicU32>)
where
    F: Future<Output = Result<(), &'static str>> + Send + 'static,
{
    let calls = Arc::new(AtomicU32::new(0));
    let counting = Arc::clone(&calls);
    let handler = move |notification: Notification| {
        assert_eq!(notification.evidence().is_some(), notification.is_paid());
        handle_call(counting.fetch_add(1, Ordering::SeqCst) + 1)
    };
    let client = Client::builder().build().unwrap();
    (NotificationService::new(merchant("http://127.0.0.1:1"), client, handler), calls)
}

fn accepting() -> (NotificationService, Arc<AtomicU32>) {
    service(|_| async { Ok(()) })
}

fn request(notification: &Signed) -> Request<Full<Bytes>> {
    Request::post(format!("/notify?{}", notification.query))
        .body(Full::from(notification.body.clone()))
        .unwrap()
}

/// Sends a request to the service and returns the status and the exact body.
async fn respond<B>(service: &NotificationService, request: Request<B>) -> (u16, String)
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let Ok(response) = service.clone().call(request).await;
    assert_eq!(response.headers()["content-type"], "text/plain");
    let status = response.status().as_u16();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn success() -> (u16, String) {
    (200, "success".to_owned())
}

fn fail(status: StatusCode) -> (u16, String) {
    (status.as_u16(), "fail".to_owned())
}

#[tokio::test]
async fn valid_notification_returns_success() {
    let (service, calls) = accepting();
    assert_eq!(respond(&service, request(&paid("1"))).await, success());
    assert_eq!(
        respond(&service, request(&signed("2", "1"))).await,
        success(),
        "an unpaid notification must be acknowledged too"
    );
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn duplicate_notification_returns_success_without_calling_the_handler() {
    let (service, calls) = accepting();
    for _ in 0..3 {
        assert_eq!(respond(&service, request(&paid("1"))).await, success());
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn later_delivery_of_a_notification_is_a_duplicate_and_another_payer_is_not() {
    let (service, calls) = accepting();
    let first = paid("1");
    for (openid, timestamp, expected) in [
        ("oX99MDgNcgwnz3zFN3DNmo8uwa-w", "1399515004", 1),
        ("oX99MDgNcgwnz3zFN3DNmo8uwa-w", "1399515012", 1),
        // The two halves are not bound to each other: nobody's payer may be swallowed because another came first.
        ("oX99MDgNcgwnz3zFN3DNmo8uwa-x", "1399515012", 2),
    ] {
        let delivery = Signed { query: first.query.clone(), body: body(openid, timestamp) };
        assert_eq!(respond(&service, request(&delivery)).await, success());
        assert_eq!(calls.load(Ordering::SeqCst), expected);
    }
}

#[tokio::test]
async fn moved_boundaries_of_a_signed_query_do_not_reach_the_handler() {
    let (service, calls) = accepting();
    let genuine = signed("1%26partner=1900000109", "0");
    for query in [genuine.query.clone(), genuine.query.replace("%26", "&")] {
        let moved = Signed { query, body: genuine.body.clone() };
        assert_eq!(respond(&service, request(&moved)).await, fail(StatusCode::BAD_REQUEST));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn unverified_notification_does_not_reach_the_handler() {
    let (service, calls) = accepting();
    let genuine = paid("1");
    let forged = [
        Signed { query: genuine.query.replace("total_fee=1", "total_fee=2"), body: genuine.body.clone() },
        Signed { query: genuine.query.clone(), body: genuine.body.replace("uwa-w", "uwa-x") },
        Signed {
            query: genuine.query.replace("partner=1900000109", "partner=1900000108"),
            body: genuine.body.clone(),
        },
        Signed { query: String::new(), body: genuine.body.clone() },
        Signed { query: genuine.query.clone(), body: String::new() },
        Signed { query: genuine.query.clone() + "&total_fee=1", body: genuine.body.clone() },
    ];
    for notification in forged {
        let (status, body) = respond(&service, request(&notification)).await;
        assert!((400..500).contains(&status), "{status}");
        assert_eq!(body, "fail");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn other_methods_than_post_return_405() {
    let (service, calls) = accepting();
    let notification = paid("1");
    for method in ["GET", "HEAD", "PUT", "post"] {
        let uri = format!("/notify?{}", notification.query);
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .body(Full::<Bytes>::from(notification.body.clone()))
            .unwrap();
        assert_eq!(respond(&service, request).await, fail(StatusCode::METHOD_NOT_ALLOWED), "{method}");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn long_query_returns_414_and_long_body_413() {
    let (service, calls) = accepting();
    let Signed { query, body } = paid("1");
    let long_query = Signed {
        query: query.clone() + "&x=" + &"x".repeat(notification::MAX_QUERY_BYTES),
        body: body.clone(),
    };
    assert_eq!(respond(&service, request(&long_query)).await, fail(StatusCode::URI_TOO_LONG));

    let long_body =
        Signed { query: query.clone(), body: body.clone() + &" ".repeat(notification::MAX_BODY_BYTES) };
    assert_eq!(respond(&service, request(&long_body)).await, fail(StatusCode::PAYLOAD_TOO_LARGE));

    let endless = Request::post(format!("/notify?{query}")).body(EndlessBody).unwrap();
    assert_eq!(respond(&service, endless).await, fail(StatusCode::PAYLOAD_TOO_LARGE));
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

/// A body without a length or an end.
struct EndlessBody;

impl Body for EndlessBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&[b' '; 1024])))))
    }
}

/// A body that never arrives.
struct PendingBody;

impl Body for PendingBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn missing_body_returns_408() {
    let (service, calls) = accepting();
    let silent = Request::post(format!("/notify?{}", paid("1").query)).body(PendingBody).unwrap();
    assert_eq!(respond(&service, silent).await, fail(StatusCode::REQUEST_TIMEOUT));
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn truncated_body_returns_400() {
    let (service, calls) = accepting();
    let request = Request::post(format!("/notify?{}", paid("1").query)).body(ResetBody).unwrap();
    assert_eq!(respond(&service, request).await, fail(StatusCode::BAD_REQUEST));
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

/// A body whose connection is reset.
struct ResetBody;

impl Body for ResetBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready(Some(Err(io::ErrorKind::ConnectionReset.into())))
    }
}

#[tokio::test]
async fn failed_notification_is_handled_again_on_redelivery() {
    let (service, calls) =
        service(|call| async move { if call == 1 { Err("the database is unavailable") } else { Ok(()) } });
    assert_eq!(respond(&service, request(&paid("1"))).await, fail(StatusCode::INTERNAL_SERVER_ERROR));
    assert_eq!(respond(&service, request(&paid("1"))).await, success());
    assert_eq!(respond(&service, request(&paid("1"))).await, success());
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn panicking_handler_returns_500_and_is_called_again() {
    let (service, calls) = service(|call| async move {
        assert!(call > 1, "on purpose");
        Ok(())
    });
    assert_eq!(respond(&service, request(&paid("1"))).await, fail(StatusCode::INTERNAL_SERVER_ERROR));
    assert_eq!(respond(&service, request(&paid("1"))).await, success());
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_duplicates_call_the_handler_once() {
    let (service, calls) = service(|_| async {
        sleep(Duration::from_millis(200)).await;
        Ok(())
    });
    let duplicates = (0..100).map(|_| {
        let service = service.clone();
        tokio::spawn(async move { respond(&service, request(&paid("1"))).await })
    });
    for duplicate in duplicates.collect::<Vec<_>>() {
        assert_eq!(duplicate.await.unwrap(), success());
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn waiting_duplicate_takes_over_when_the_first_fails() {
    let (service, calls) = service(|call| async move {
        sleep(Duration::from_millis(100)).await;
        if call == 1 { Err("the database is unavailable") } else { Ok(()) }
    });
    let duplicates = (0..20).map(|_| {
        let service = service.clone();
        tokio::spawn(async move { respond(&service, request(&paid("1"))).await.0 })
    });
    let mut statuses = Vec::new();
    for duplicate in duplicates.collect::<Vec<_>>() {
        statuses.push(duplicate.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 500).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 19, "{statuses:?}");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn notifications_of_different_orders_do_not_wait_for_each_other() {
    let (service, calls) = service(|_| async {
        sleep(Duration::from_millis(200)).await;
        Ok(())
    });
    let began = std::time::Instant::now();
    let all = (0..20).map(|number| {
        let service = service.clone();
        tokio::spawn(async move { respond(&service, request(&paid(&number.to_string()))).await })
    });
    for one in all.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap(), success());
    }
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(calls.load(Ordering::SeqCst), 20);
}

#[tokio::test]
async fn slow_handler_returns_fail_continues_and_is_called_once() {
    let (service, calls) = service(|_| async {
        sleep(Duration::from_millis(300)).await;
        Ok(())
    });
    let service = service.response_timeout(Duration::from_millis(100));
    assert_eq!(respond(&service, request(&paid("1"))).await, fail(StatusCode::INTERNAL_SERVER_ERROR));
    let duplicate = respond(&service, request(&paid("1"))).await;
    assert_eq!(
        duplicate,
        fail(StatusCode::INTERNAL_SERVER_ERROR),
        "a duplicate must not wait longer than the response timeout"
    );
    sleep(Duration::from_millis(300)).await;
    assert_eq!(respond(&service, request(&paid("1"))).await, success());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn dropped_request_does_not_stop_the_handler() {
    let (service, calls) = service(|_| async {
        sleep(Duration::from_millis(100)).await;
        Ok(())
    });
    let dropped =
        tokio::time::timeout(Duration::from_millis(20), respond(&service, request(&paid("1")))).await;
    assert!(dropped.is_err());
    assert_eq!(respond(&service, request(&paid("1"))).await, success());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[test]
fn handler_dropped_with_its_runtime_releases_the_notification() {
    let (service, calls) = service(|call| async move {
        if call == 1 {
            std::future::pending::<()>().await;
        }
        Ok(())
    });
    let service = service.response_timeout(Duration::from_millis(50));
    for expected in [fail(StatusCode::INTERNAL_SERVER_ERROR), success()] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        assert_eq!(runtime.block_on(respond(&service, request(&paid("1")))), expected);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

/// Sends the notification as raw HTTP/1.1 and reads the response to its end.
async fn over_tcp(address: std::net::SocketAddr, notification: &Signed) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "POST /pay/notify?{} HTTP/1.1\r\nhost: shop\r\ncontent-type: text/xml\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{}",
        notification.query,
        notification.body.len(),
        notification.body
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut response = String::new();
    stream.read_to_string(&mut response).await.unwrap();
    response
}

fn is_success(response: &str) -> bool {
    response.starts_with("HTTP/1.1 200 OK\r\n") && response.ends_with("\r\n\r\nsuccess")
}

#[tokio::test]
async fn notification_service_works_as_an_axum_route() {
    let (service, calls) = accepting();
    let app = axum::Router::new().route_service("/pay/notify", service);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    let response = over_tcp(address, &paid("1")).await;
    assert!(is_success(&response), "{response}");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn notification_service_works_with_plain_hyper() {
    let (service, calls) = accepting();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let service = TowerToHyperService::new(service);
        auto::Builder::new(TokioExecutor::new())
            .serve_connection(TokioIo::new(stream), service)
            .await
            .unwrap();
    });
    let response = over_tcp(address, &paid("1")).await;
    assert!(is_success(&response), "{response}");
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}
