//! The responses of the APIv3 notification service, over real sockets, and how often it calls the handler.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test"
)]

mod common;

use axum::Router;
use common::v3::{
    API_V3_KEY, MCHID, Platform, certificates_at, header_lines, merchant, merchant_with_public_key,
    notification, paid,
};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::sleep,
};
use wxpay_hyper::{Client, WxPay, notify::v3::NotificationService};
use wxpay_proto::v3::{Ack, Event, Merchant, Notification};

const PATH: &str = "/notify/1900000109";

type Headers = Vec<(&'static str, String)>;

/// A notification to send to the service.
#[derive(Clone)]
struct Delivery {
    path: &'static str,
    headers: Headers,
    body: String,
}

impl Delivery {
    fn of(platform: &Platform, body: String) -> Self {
        let headers = platform.signature_headers(common::now().as_secs(), &body);
        Self { path: PATH, headers, body }
    }

    fn paid(out_trade_no: &str) -> Self {
        Self::of(&Platform::with_public_key(), paid(MCHID, API_V3_KEY, out_trade_no))
    }

    fn with_path(self, path: &'static str) -> Self {
        Self { path, ..self }
    }

    fn with_header(mut self, name: &'static str, change: impl FnOnce(String) -> String) -> Self {
        let (_, value) = self.headers.iter_mut().find(|(candidate, _)| *candidate == name).unwrap();
        *value = change(std::mem::take(value));
        self
    }

    fn request(&self) -> String {
        let headers = header_lines(&self.headers);
        format!(
            "POST {} HTTP/1.1\r\nhost: shop\r\nuser-agent: Mozilla/4.0\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{}",
            self.path,
            self.body.len(),
            self.body
        )
    }

    /// Sends the notification and returns the status and the exact body.
    async fn send_to(&self, address: SocketAddr) -> (u16, String) {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(self.request().as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        let (head, body) = response.split_once("\r\n\r\n").unwrap();
        if !body.is_empty() {
            assert!(head.contains("content-type: application/json"), "{head}");
        }
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }
}

fn accepted() -> (u16, String) {
    (204, String::new())
}

fn rejected(status: u16) -> (u16, String) {
    (status, r#"{"code":"FAIL","message":"失败"}"#.to_owned())
}

async fn serve(notifications: NotificationService) -> SocketAddr {
    serve_router(Router::new().route_service(PATH, notifications)).await
}

async fn serve_router(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

fn client() -> Client {
    Client::builder().build().unwrap()
}

/// A service that counts the calls of its handler; `handle_call` receives the number of the call.
fn counting<F, A>(
    merchant: Merchant,
    handle_call: impl Fn(u32, Notification) -> F + Send + Sync + 'static,
) -> (NotificationService, Arc<AtomicU32>)
where
    F: Future<Output = Result<A, &'static str>> + Send + 'static,
    A: Into<Ack>,
{
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let handler = move |notification| handle_call(counted.fetch_add(1, Ordering::SeqCst) + 1, notification);
    (WxPay::new(client(), merchant).notifications(handler), calls)
}

async fn accepting(merchant: Merchant) -> (SocketAddr, Arc<AtomicU32>) {
    let (notifications, calls) = counting(merchant, |_, _| async { Ok(()) });
    (serve(notifications).await, calls)
}

fn default_merchant() -> Merchant {
    merchant_with_public_key(MCHID, API_V3_KEY)
}

#[tokio::test]
async fn valid_notification_returns_204_without_a_request() {
    let received = Arc::new(Mutex::new(Vec::new()));
    let recording = Arc::clone(&received);
    let (notifications, calls) = counting(default_merchant(), move |_, notification| {
        recording.lock().unwrap().push(notification);
        async { Ok(()) }
    });
    let address = serve(notifications).await;
    assert_eq!(Delivery::paid("ORDER-1").send_to(address).await, accepted());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    let notification = received.lock().unwrap().pop().unwrap();
    let Event::Transaction(transaction) = notification.event().unwrap() else { panic!("{notification:?}") };
    assert_eq!(transaction.out_trade_no.as_str(), "ORDER-1");
}

#[tokio::test]
async fn duplicate_notification_returns_204_without_calling_the_handler() {
    let (address, calls) = accepting(default_merchant()).await;
    for _ in 0..3 {
        assert_eq!(Delivery::paid("ORDER-1").send_to(address).await, accepted());
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn unverified_notification_does_not_reach_the_handler() {
    let (address, calls) = accepting(default_merchant()).await;
    let (platform, now) = (Platform::with_public_key(), common::now().as_secs());
    let signed_at = |timestamp| {
        let good = Delivery::paid("ORDER-1");
        Delivery { headers: platform.signature_headers(timestamp, &good.body), ..good }
    };
    let good = Delivery::paid("ORDER-1");
    let mut forged = vec![
        Delivery { body: good.body.replace("EV-2018", "EV-2019"), ..good.clone() },
        Delivery { body: format!("{} ", good.body), ..good.clone() },
        Delivery { body: String::new(), ..good.clone() },
        signed_at(now - 310),
        signed_at(now + 310),
        good.clone().with_header("Wechatpay-Timestamp", |_| (now + 1).to_string()),
        good.clone().with_header("Wechatpay-Timestamp", |stamp| format!("+{stamp}")),
        good.clone().with_header("Wechatpay-Nonce", |nonce| nonce.to_ascii_uppercase()),
        good.clone().with_header("Wechatpay-Signature", |signature| signature.replace('=', "")),
        good.clone()
            .with_header("Wechatpay-Signature", |_| "WECHATPAY/SIGNTEST/bm90IGEgc2lnbmF0dXJl".to_owned()),
        good.clone().with_header("Wechatpay-Serial", |_| "5A01".to_owned()),
        good.clone().with_header("Wechatpay-Serial", |_| "PUB_KEY_ID_1".to_owned()),
        good.clone().with_header("Wechatpay-Signature-Type", |_| "WECHATPAY2-SM2-WITH-SM3".to_owned()),
        Delivery {
            headers: Platform::with_certificate(2).signature_headers(now, &good.body),
            ..good.clone()
        },
        Delivery {
            headers: Platform::with_certificate(2).signature_headers(now, &good.body),
            ..good.clone()
        }
        .with_header("Wechatpay-Serial", |_| platform.id.clone()),
    ];
    for index in 0..good.headers.len() {
        let mut duplicated = good.clone();
        let copy = duplicated.headers[index].clone();
        duplicated.headers.push(copy);
        forged.push(duplicated);
    }
    for index in 0..4 {
        let mut missing = good.clone();
        missing.headers.remove(index);
        forged.push(missing);
    }
    for (index, delivery) in forged.iter().enumerate() {
        assert_eq!(delivery.send_to(address).await, rejected(401), "{index}: {:?}", delivery.headers);
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    assert_eq!(good.send_to(address).await, accepted(), "the unmodified notification must be accepted");
}

#[tokio::test]
async fn signed_notification_that_does_not_decrypt_or_parse_returns_400() {
    let (address, calls) = accepting(default_merchant()).await;
    let platform = Platform::with_public_key();
    let other_key = paid(MCHID, "another0Key000000000000000000000", "ORDER-1");
    for body in [other_key, "{}".to_owned(), "not json".to_owned(), String::new()] {
        assert_eq!(Delivery::of(&platform, body).send_to(address).await, rejected(400));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn other_methods_return_405_and_long_bodies_413() {
    let (address, calls) = accepting(default_merchant()).await;
    for method in ["GET", "PUT", "DELETE"] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = Delivery::paid("ORDER-1").request().replacen("POST", method, 1);
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).await.unwrap();
        assert!(response.starts_with("HTTP/1.1 405 "), "{response}");
        assert!(response.contains("\r\nallow: POST\r\n"), "{response}");
    }
    let mut stream = TcpStream::connect(address).await.unwrap();
    let endless = format!("POST {PATH} HTTP/1.1\r\nhost: shop\r\ncontent-length: 1048577\r\n\r\n");
    stream.write_all(endless.as_bytes()).await.unwrap();
    let mut response = vec![0; 1024];
    let length = stream.read(&mut response).await.unwrap();
    assert!(response[..length].starts_with(b"HTTP/1.1 413 "));
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn merchants_of_one_client_receive_only_at_their_own_services() {
    let (other_id, other_key) = ("1900000110", "0therApiv3Key0000000000000000000");
    let received = Arc::new(Mutex::new(Vec::new()));
    let record = |who: &'static str| {
        let received = Arc::clone(&received);
        move |notification: Notification| {
            received.lock().unwrap().push((who, notification.mchid().to_string()));
            async { Ok::<(), &str>(()) }
        }
    };
    let client = client();
    let one = WxPay::new(client.clone(), default_merchant());
    let other = WxPay::new(client, merchant_with_public_key(other_id, other_key));
    let router = Router::new()
        .route_service(PATH, one.notifications(record("one")))
        .route_service("/notify/1900000110", other.notifications(record("other")));
    let address = serve_router(router).await;
    let for_other = Delivery::of(&Platform::with_public_key(), paid(other_id, other_key, "ORDER-1"));

    assert_eq!(
        for_other.send_to(address).await,
        rejected(400),
        "the notification is encrypted for another merchant"
    );
    assert_eq!(
        Delivery::paid("ORDER-1").with_path("/notify/1900000110").send_to(address).await,
        rejected(400)
    );
    assert_eq!(Delivery::paid("ORDER-1").send_to(address).await, accepted());
    assert_eq!(for_other.with_path("/notify/1900000110").send_to(address).await, accepted());
    assert_eq!(*received.lock().unwrap(), [("one", MCHID.to_owned()), ("other", other_id.to_owned())]);
}

#[tokio::test]
async fn services_of_one_merchant_each_call_their_own_handler() {
    let calls = Arc::new(AtomicU32::new(0));
    let counting = || {
        let calls = Arc::clone(&calls);
        move |_| {
            calls.fetch_add(1, Ordering::SeqCst);
            async { Ok::<(), &str>(()) }
        }
    };
    let wxpay = WxPay::new(client(), default_merchant());
    let router = Router::new()
        .route_service(PATH, wxpay.notifications(counting()))
        .route_service("/notify/refunds", wxpay.notifications(counting()));
    let address = serve_router(router).await;
    let delivery = Delivery::paid("ORDER-1");
    assert_eq!(delivery.send_to(address).await, accepted());
    assert_eq!(delivery.clone().with_path("/notify/refunds").send_to(address).await, accepted());
    assert_eq!(calls.load(Ordering::SeqCst), 2, "a notification to another service is not a duplicate");
    assert_eq!(delivery.with_path("/notify/refunds").send_to(address).await, accepted());
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn service_may_be_nested_at_any_path() {
    let (notifications, calls) = counting(default_merchant(), |_, _| async { Ok(()) });
    let nested = Router::new().route_service("/{mchid}", notifications.clone());
    let router = Router::new()
        .nest("/notify", nested.clone())
        .nest("/shop", Router::new().nest("/wechat", nested))
        .nest_service("/service", notifications.clone())
        .fallback_service(notifications);
    let address = serve_router(router).await;
    for (path, number) in [
        (PATH, "ORDER-1"),
        ("/shop/wechat/1900000109", "ORDER-2"),
        ("/service", "ORDER-3"),
        ("/service/any/path?and=query", "ORDER-4"),
        ("/", "ORDER-5"),
    ] {
        let delivery = Delivery::paid(number).with_path(path);
        assert_eq!(delivery.send_to(address).await, accepted(), "{path}");
        assert_eq!(delivery.with_path("/service").send_to(address).await, accepted(), "a duplicate");
    }
    assert_eq!(calls.load(Ordering::SeqCst), 5, "clones of a service share its duplicates");
}

#[tokio::test]
async fn rejection_with_an_invalid_status_returns_500() {
    let (notifications, _) = counting(default_merchant(), |_, _| async { Ok(Ack::Reject(42)) });
    let address = serve(notifications).await;
    assert_eq!(Delivery::paid("ORDER-1").send_to(address).await.0, 500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_duplicates_call_the_handler_once() {
    let (notifications, calls) = counting(default_merchant(), |_, _| async {
        sleep(Duration::from_millis(200)).await;
        Ok(())
    });
    let (address, delivery) = (serve(notifications).await, Delivery::paid("ORDER-1"));
    let duplicates = (0..50).map(|_| {
        let delivery = delivery.clone();
        tokio::spawn(async move { delivery.send_to(address).await })
    });
    for duplicate in duplicates.collect::<Vec<_>>() {
        assert_eq!(duplicate.await.unwrap(), accepted());
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn failed_notification_is_handled_again_on_redelivery() {
    let (notifications, calls) = counting(default_merchant(), |call, _| async move {
        match call {
            1 => Err("the database is unavailable"),
            2 => panic!("on purpose"),
            3 => Ok(Ack::Fail),
            _ => Ok(Ack::Success),
        }
    });
    let address = serve(notifications).await;
    for _ in 0..3 {
        assert_eq!(Delivery::paid("ORDER-1").send_to(address).await, rejected(500));
    }
    for _ in 0..2 {
        assert_eq!(Delivery::paid("ORDER-1").send_to(address).await, accepted());
    }
    assert_eq!(calls.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn slow_handler_returns_500_continues_and_is_called_once() {
    let (notifications, calls) = counting(default_merchant(), |_, _| async {
        sleep(Duration::from_millis(400)).await;
        Ok(())
    });
    let address = serve(notifications.response_timeout(Duration::from_millis(100))).await;
    assert_eq!(Delivery::paid("ORDER-1").send_to(address).await, rejected(500));
    assert_eq!(
        Delivery::paid("ORDER-1").send_to(address).await,
        rejected(500),
        "a duplicate must not wait longer than the response timeout"
    );
    sleep(Duration::from_millis(400)).await;
    assert_eq!(Delivery::paid("ORDER-1").send_to(address).await, accepted());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn closed_connection_does_not_stop_the_handler() {
    let (notifications, calls) = counting(default_merchant(), |_, _| async {
        sleep(Duration::from_millis(200)).await;
        Ok(())
    });
    let (address, delivery) = (serve(notifications).await, Delivery::paid("ORDER-1"));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(delivery.request().as_bytes()).await.unwrap();
    while calls.load(Ordering::SeqCst) == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    drop(stream);
    assert_eq!(delivery.send_to(address).await, accepted());
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn query_event_calls_the_handler_each_time() {
    let (notifications, calls) = counting(default_merchant(), |call, _| async move {
        Ok(Ack::json(&std::collections::BTreeMap::from([("fee", call)])))
    });
    let address = serve(notifications).await;
    let query = notification(API_V3_KEY, "PARKING_FEE.QUERY_TRANS_INFO", "parking_fee", r#"{"plate":"A1"}"#);
    for call in 1..=2 {
        let delivery = Delivery::of(&Platform::with_public_key(), query.clone());
        assert_eq!(delivery.send_to(address).await, (200, format!(r#"{{"fee":{call}}}"#)));
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn notifications_with_an_unknown_key_share_one_fetch() {
    let platforms = vec![Platform::with_certificate(2), Platform::with_certificate(3)];
    let (gateway, fetches) = certificates_at(platforms.clone(), Duration::from_millis(100)).await;
    let (address, calls) = accepting(merchant(MCHID, API_V3_KEY, &format!("http://{gateway}")).build()).await;
    let all = (0..20).map(|number| {
        let delivery =
            Delivery::of(&platforms[number % 2], paid(MCHID, API_V3_KEY, &format!("ORDER-{number}")));
        tokio::spawn(async move { delivery.send_to(address).await })
    });
    for one in all.collect::<Vec<_>>() {
        assert_eq!(one.await.unwrap(), accepted());
    }
    assert_eq!(calls.load(Ordering::SeqCst), 20);
    assert_eq!(fetches.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn unknown_serials_cause_one_fetch() {
    let known = Platform::with_certificate(2);
    let (gateway, fetches) = certificates_at(vec![known.clone()], Duration::ZERO).await;
    let (address, calls) = accepting(merchant(MCHID, API_V3_KEY, &format!("http://{gateway}")).build()).await;
    for number in 10..30 {
        let unknown = Delivery::of(&known, paid(MCHID, API_V3_KEY, "ORDER-1"))
            .with_header("Wechatpay-Serial", |_| format!("BAD0{number}"));
        assert_eq!(unknown.send_to(address).await, rejected(401));
    }
    assert_eq!((calls.load(Ordering::SeqCst), fetches.load(Ordering::SeqCst)), (0, 1));
    let genuine = Delivery::of(&known, paid(MCHID, API_V3_KEY, "ORDER-1"));
    assert_eq!(genuine.send_to(address).await, accepted());
    assert_eq!((calls.load(Ordering::SeqCst), fetches.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test]
async fn closed_connection_does_not_stop_the_key_fetch() {
    let known = Platform::with_certificate(2);
    let (gateway, fetches) = certificates_at(vec![known.clone()], Duration::from_millis(200)).await;
    let (address, calls) = accepting(merchant(MCHID, API_V3_KEY, &format!("http://{gateway}")).build()).await;
    let genuine = Delivery::of(&known, paid(MCHID, API_V3_KEY, "ORDER-1"));
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(genuine.request().as_bytes()).await.unwrap();
    while fetches.load(Ordering::SeqCst) == 0 {
        sleep(Duration::from_millis(5)).await;
    }
    drop(stream);
    sleep(Duration::from_millis(50)).await;
    assert_eq!(genuine.send_to(address).await, accepted());
    assert_eq!((calls.load(Ordering::SeqCst), fetches.load(Ordering::SeqCst)), (1, 1));
}

#[tokio::test]
async fn unavailable_gateway_returns_500_within_the_response_timeout() {
    let (gateway, _) = certificates_at(vec![Platform::with_certificate(2)], Duration::from_secs(30)).await;
    let silent = merchant(MCHID, API_V3_KEY, &format!("http://{gateway}")).build();
    let closed_port = merchant(MCHID, API_V3_KEY, "http://127.0.0.1:1").build();
    let genuine = Delivery::of(&Platform::with_certificate(2), paid(MCHID, API_V3_KEY, "ORDER-1"));
    for merchant in [silent.clone(), closed_port] {
        let (notifications, calls) = counting(merchant, |_, _| async { Ok(()) });
        let (address, began) = (serve(notifications).await, Instant::now());
        assert_eq!(
            genuine.send_to(address).await,
            rejected(500),
            "the notification may be genuine: WeChat Pay must retry"
        );
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        assert_eq!(calls.load(Ordering::SeqCst), 0);
    }
    // A deadline that ends before the fetch of the key gives up.
    let (notifications, calls) = counting(silent, |_, _| async { Ok(()) });
    let address = serve(notifications.response_timeout(Duration::from_millis(100))).await;
    let began = Instant::now();
    assert_eq!(genuine.send_to(address).await, rejected(500));
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(calls.load(Ordering::SeqCst), 0);
}
