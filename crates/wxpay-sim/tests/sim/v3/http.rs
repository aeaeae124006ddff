//! Real sockets: a signed request, its reply, its notification, and TLS.

use super::{
    replies::decode,
    shop::{Shop, parse_reply},
};
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{UnboundedReceiver, unbounded_channel},
    time::{Instant, timeout},
};
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, RootCertStore,
        crypto::aws_lc_rs,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
    },
};
use wxpay_proto::{
    UnixTime,
    http::{Method, Request, Response},
};
use wxpay_sim::{
    Clock,
    serve::{Server, Tls},
};

const SOON: Duration = Duration::from_secs(20);

/// Sends a request on its own connection, byte by byte.
async fn exchange(mut stream: impl AsyncRead + AsyncWrite + Unpin, request: &Request) -> Response {
    let target = request.url().strip_prefix("https://api.mch.weixin.qq.com").unwrap();
    let mut text =
        format!("{} {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", request.method());
    for (name, value) in request.headers() {
        text.extend([name, ": ", value, "\r\n"]);
    }
    text.extend(["Content-Length: ", &request.body().len().to_string(), "\r\n\r\n"]);
    stream.write_all(&[text.as_bytes(), request.body()].concat()).await.unwrap();
    let mut bytes = Vec::new();
    // The reply is complete even if the server closes without a TLS close_notify, which is an error here.
    timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap().ok();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let reply = Response::new(status, bytes[end + 4..].to_vec());
    lines.fold(reply, |reply, line| {
        let (name, value) = line.split_once(": ").unwrap();
        reply.with_header(name, value.as_bytes())
    })
}

#[allow(clippy::disallowed_methods, reason = "this file compares the server's clock with the real one")]
fn real_now() -> UnixTime {
    UnixTime::EPOCH.after(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap())
}

/// Reads a notification: its head and its body.
async fn receive(stream: &mut TcpStream) -> String {
    let mut received = String::new();
    while !received.contains("encrypt-resource") || !received.ends_with('}') {
        let mut buffer = [0; 4096];
        let read = timeout(SOON, stream.read(&mut buffer)).await.unwrap().unwrap();
        assert!(read > 0, "the notification ended too soon");
        received.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
    }
    received
}

/// Starts a merchant that answers every notification with 500, at once. Returns its URL and the notifications it receives.
async fn failing_merchant() -> (String, UnboundedReceiver<String>) {
    let listener = listener().await;
    let url = format!("http://{}/notify", listener.local_addr().unwrap());
    let (sender, notifications) = unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let notification = receive(&mut stream).await;
            let response =
                b"HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
            stream.write_all(response).await.unwrap();
            sender.send(notification).ok();
        }
    });
    (url, notifications)
}

async fn call(server: &Server, request: &Request) -> Response {
    exchange(TcpStream::connect(server.address()).await.unwrap(), request).await
}

/// Calls a route of the control interface.
async fn control(server: &Server, path: &str, body: &str) -> Response {
    let url = format!("https://api.mch.weixin.qq.com/_sim/v1/{path}");
    call(server, &Request::post(url, "application/json", body.as_bytes().to_vec())).await
}

async fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").await.unwrap()
}

#[tokio::test]
async fn http_reply_is_compressed_if_the_request_offers_it() {
    let mut shop = Shop::open();
    let server = Server::start(
        listener().await,
        shop.gateway.clone(),
        Clock::frozen(shop.now).with_virtual_signatures(),
    )
    .unwrap();
    let request = shop.request(Method::Get, "/v3/certificates", "").with_header("accept-encoding", "gzip");
    let reply = call(&server, &request).await;
    let (encoding, plain) = decode(&reply);
    assert_eq!((reply.status(), encoding.as_deref()), (200, Some("gzip")));
    assert!(shop.verifies_reply(&plain), "the signature is over the decoded body");
    assert!(parse_reply(&plain).body["data"].is_array());
}

#[tokio::test]
async fn http_request_is_answered_and_its_notification_is_delivered() {
    let mut shop = Shop::open();
    let server = Server::start(
        listener().await,
        shop.gateway.clone(),
        Clock::frozen(shop.now).with_virtual_signatures(),
    )
    .unwrap();
    let merchant = listener().await;
    let url = format!("http://{}/notify", merchant.local_addr().unwrap());
    let goods = shop.goods_with("A-1_23*", &json!({ "notify_url": url }));
    let request = shop.request(Method::Post, "/v3/pay/transactions/native?", &goods.to_string());
    let reply = call(&server, &request).await;
    assert_eq!(reply.status(), 200, "{:?}", parse_reply(&reply));
    assert!(shop.verifies_reply(&reply));
    let mchid = shop.mchid();
    let target = format!("/v3/pay/transactions/out-trade-no/A%2D1%5f23%2A?mchid={mchid}");
    let request = shop.request(Method::Get, &target, "");
    assert_eq!(parse_reply(&call(&server, &request).await).body["trade_state"], "NOTPAY");

    assert_eq!(control(&server, "orders/A-1_23*/pay", "").await.status(), 200);
    let (mut stream, _) = timeout(SOON, merchant.accept()).await.unwrap().unwrap();
    let received = receive(&mut stream).await;
    stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await.unwrap();
    assert!(received.starts_with("POST /notify HTTP/1.1\r\n"));
    assert!(received.contains("Wechatpay-Signature-Type: WECHATPAY2-SHA256-RSA2048\r\n"), "{received}");
}

/// Two orders are due at once. The merchant of the first accepts the connection and says nothing.
#[tokio::test]
async fn merchant_that_does_not_respond_delays_no_other_notification() {
    let mut shop = Shop::open();
    let (silent, prompt) = (listener().await, listener().await);
    for (number, merchant) in [("SILENT", &silent), ("PROMPT", &prompt)] {
        let url = format!("http://{}/notify", merchant.local_addr().unwrap());
        let goods = shop.goods_with(number, &json!({ "notify_url": url }));
        assert_eq!(shop.post("/v3/pay/transactions/native", &goods).status, 200);
        shop.pay(number);
    }
    let _server = Server::start(listener().await, shop.gateway.clone(), Clock::frozen(shop.now)).unwrap();
    let (_connection, _) = timeout(SOON, silent.accept()).await.unwrap().unwrap();
    // Less than the five seconds that the first delivery has.
    timeout(Duration::from_secs(4), prompt.accept()).await.unwrap().unwrap();
}

/// A running clock is advanced over the whole retry schedule, which takes a day and four minutes.
#[tokio::test]
async fn advance_by_25_hours_delivers_all_retries_and_signatures_stay_on_the_real_clock() {
    let mut shop = Shop::open();
    let server = Server::start(listener().await, shop.gateway.clone(), Clock::running()).unwrap();
    let (url, mut notifications) = failing_merchant().await;
    shop.now = real_now();
    let goods = shop.goods_with("A12345", &json!({ "notify_url": url }));
    let request = shop.request(Method::Post, "/v3/pay/transactions/native", &goods.to_string());
    assert_eq!(call(&server, &request).await.status(), 200);
    assert_eq!(control(&server, "orders/A12345/pay", "").await.status(), 200);
    let first = timeout(SOON, notifications.recv()).await.unwrap().unwrap();
    assert!(first.contains("TRANSACTION.SUCCESS"), "{first}");

    let advanced = Instant::now();
    assert_eq!(control(&server, "clock", r#"{"advance_seconds":90000}"#).await.status(), 200);
    for retry in 1..=15 {
        let notification = timeout(SOON, notifications.recv()).await;
        notification.unwrap_or_else(|_| panic!("retry {retry} did not arrive")).unwrap();
    }
    let elapsed = advanced.elapsed();
    assert!(elapsed < Duration::from_secs(5), "15 retries took {elapsed:?}");
    let sixteenth = timeout(Duration::from_millis(200), notifications.recv()).await;
    assert!(sixteenth.is_err(), "the schedule has 15 retries, but another one arrived");

    shop.now = real_now();
    let target = format!("/v3/pay/transactions/out-trade-no/A12345?mchid={}", shop.mchid());
    let request = shop.request(Method::Get, &target, "");
    let reply = call(&server, &request).await;
    let parsed = parse_reply(&reply);
    assert_eq!((parsed.status, &parsed.body["trade_state"]), (200, &json!("SUCCESS")), "{parsed:?}");
    assert!(shop.verifies_reply(&reply));
    let timestamp = UnixTime::from_secs(parsed.headers["wechatpay-timestamp"].parse().unwrap());
    let difference = timestamp.since(shop.now).max(shop.now.since(timestamp));
    assert!(
        difference < Duration::from_secs(5),
        "the reply's timestamp is {difference:?} from the real time"
    );
}

#[tokio::test]
async fn http_204_has_headers_and_no_body() {
    let mut shop = Shop::open();
    shop.order("A12345");
    let server = Server::start(
        listener().await,
        shop.gateway.clone(),
        Clock::frozen(shop.now).with_virtual_signatures(),
    )
    .unwrap();
    let body = json!({ "mchid": shop.mchid() }).to_string();
    let request = shop.request(Method::Post, "/v3/pay/transactions/out-trade-no/A12345/close", &body);
    let reply = call(&server, &request).await;
    assert_eq!((reply.status(), reply.body()), (204, &b""[..]));
    assert!(shop.verifies_reply(&reply));
}

#[tokio::test]
async fn http_method_without_an_operation_is_not_allowed() {
    let mut shop = Shop::open();
    let server = Server::start(
        listener().await,
        shop.gateway.clone(),
        Clock::frozen(shop.now).with_virtual_signatures(),
    )
    .unwrap();
    let request = shop.request(Method::Put, "/v3/certificates", "");
    assert_eq!(call(&server, &request).await.status(), 405);
}

#[tokio::test]
async fn tls_certificate_has_the_names_of_the_real_gateway() {
    let mut shop = Shop::open();
    let tls = Tls::of(&shop.gateway, shop.gateway.settings().v3.certificates_since).unwrap();
    let server = Server::start_tls(
        listener().await,
        shop.gateway.clone(),
        Clock::frozen(shop.now).with_virtual_signatures(),
        &tls,
    )
    .unwrap();
    assert!(server.url().starts_with("https://127.0.0.1:"));
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(tls.ca_pem().as_bytes()).unwrap()).unwrap();
    let connector = |roots: RootCertStore| {
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap();
        TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
    };
    for name in ["api.mch.weixin.qq.com", "api2.wechatpay.cn", "localhost", "127.0.0.1"] {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        let name = ServerName::try_from(name).unwrap();
        let stream = connector(roots.clone()).connect(name, stream).await.unwrap();
        let request = shop.request(Method::Get, "/v3/certificates", "");
        let reply = exchange(stream, &request).await;
        assert!(reply.status() == 200 && shop.verifies_reply(&reply));
    }
    for (roots, name) in [(RootCertStore::empty(), "localhost"), (roots, "shop.example")] {
        let stream = TcpStream::connect(server.address()).await.unwrap();
        assert!(connector(roots).connect(ServerName::try_from(name).unwrap(), stream).await.is_err());
    }
}
