//! The HTTP server over real sockets: requests, notifications, and injected faults.

use crate::support::Shop;
use serde_json::{Value, json};
use std::{net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Mutex,
    time::timeout,
};
use wxpay_proto::UnixTime;
use wxpay_sim::{
    Clock, Settings,
    faults::{Fault, FaultRule, Operation},
    serve::Server,
};

const SOON: Duration = Duration::from_secs(20);

pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Sends one raw request on a new connection. Returns `None` if the connection closes without a byte.
pub(crate) async fn raw(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[&str],
    body: &str,
) -> Option<Reply> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let headers: Vec<String> = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let headers = headers.concat();
    let length = body.len();
    let request = format!(
        "{method} {target} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    // An injected fault may reset the connection after part of the response.
    timeout(SOON, stream.read_to_end(&mut bytes)).await.unwrap().ok();
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Some(Reply { status, head, body: bytes[end + 4..].to_vec() })
}

/// Sends one request to the server under the name `localhost`.
pub(crate) async fn exchange(server: &Server, method: &str, target: &str, body: &str) -> Option<Reply> {
    raw(server.address(), method, target, &["Host: localhost"], body).await
}

pub(crate) async fn json_of(server: &Server, method: &str, target: &str, body: &Value) -> Value {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let reply = exchange(server, method, target, &body).await.unwrap();
    serde_json::from_slice(&reply.body).unwrap()
}

/// Starts a merchant that records each notification and returns the next of its responses, the last one repeatedly.
async fn merchant(responses: &'static [&'static str]) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/notify", listener.local_addr().unwrap());
    let received = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&received);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut bytes = Vec::new();
            while !bytes.ends_with(b"</xml>") {
                let mut part = [0; 2048];
                let length = stream.read(&mut part).await.unwrap();
                assert!(length > 0, "the notification is incomplete");
                bytes.extend_from_slice(&part[..length]);
            }
            let mut recorded = log.lock().await;
            let response = responses.get(recorded.len()).or_else(|| responses.last()).unwrap();
            recorded.push(String::from_utf8(bytes).unwrap());
            drop(recorded);
            let reply = format!(
                "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{response}",
                response.len()
            );
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
    });
    (url, received)
}

/// Opens a shop and serves a copy of its gateway, in which the shop's token is valid.
async fn start_server(clock: impl FnOnce(UnixTime) -> Clock) -> (Shop, Server) {
    let shop = Shop::open(Settings::default());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::start(listener, shop.gateway.clone(), clock(shop.now)).unwrap();
    (shop, server)
}

pub(crate) fn prepay(shop: &Shop, number: &str, notify_url: &str) -> (String, String) {
    let mut goods = shop.goods(number);
    goods.insert("notify_url", notify_url.as_bytes().to_vec());
    (format!("/pay/genprepay?access_token={}", shop.token), shop.prepay_body(&goods).to_string())
}

pub(crate) async fn until(condition: impl AsyncFn() -> bool) {
    timeout(SOON, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn payment_runs_from_token_to_notification() {
    let (shop, server) = start_server(Clock::frozen).await;
    let (notify_url, received) = merchant(&["success"]).await;
    let target = format!(
        "/cgi-bin/token?grant_type=client_credential&appid={}&secret={}",
        shop.merchant.appid(),
        shop.merchant.app_secret().expose()
    );
    let token = json_of(&server, "GET", &target, &Value::Null).await;
    let token = token["access_token"].as_str().unwrap();
    let (_, body) = prepay(&shop, "A1", &notify_url);
    let reply =
        exchange(&server, "POST", &format!("/pay/genprepay?access_token={token}"), &body).await.unwrap();
    assert_eq!(reply.status, 200);
    assert!(reply.body.starts_with(b"{\"prepayid\":\""));
    let paid = json_of(&server, "POST", "/_sim/v1/orders/A1/pay", &Value::Null).await;
    assert_eq!(paid["trade_state"], "SUCCESS");
    until(async || received.lock().await.len() == 1).await;
    let notification = received.lock().await[0].clone();
    let (head, xml) = notification.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /notify?bank_billno="));
    for header in [
        "User-Agent: Mozilla/4.0",
        "Accept: */*",
        "Content-Type: text/xml",
        "Content-Length: 352",
        "Pragma: no-cache",
    ] {
        assert!(head.contains(header), "{header} in {head}");
    }
    assert_eq!(xml.len(), 352);
    until(async || {
        json_of(&server, "GET", "/_sim/v1/notifications", &Value::Null).await[0]["state"] == "ACCEPTED"
    })
    .await;
}

#[tokio::test]
async fn notification_is_retried_when_the_clock_advances() {
    let (shop, server) = start_server(Clock::frozen).await;
    let (notify_url, received) = merchant(&["fail", "fail", "success"]).await;
    let (target, body) = prepay(&shop, "A1", &notify_url);
    exchange(&server, "POST", &target, &body).await.unwrap();
    json_of(&server, "POST", "/_sim/v1/orders/A1/pay", &Value::Null).await;
    for (round, seconds) in [(1, 8), (2, 10)] {
        until(async || {
            let notifications = json_of(&server, "GET", "/_sim/v1/notifications", &Value::Null).await;
            notifications[0]["state"] == "WAITING"
                && notifications[0]["deliveries"].as_array().unwrap().len() == round
        })
        .await;
        assert_eq!(received.lock().await.len(), round);
        json_of(&server, "POST", "/_sim/v1/clock", &json!({ "advance_seconds": seconds })).await;
    }
    until(async || {
        json_of(&server, "GET", "/_sim/v1/notifications", &Value::Null).await[0]["state"] == "ACCEPTED"
    })
    .await;
    assert_eq!(received.lock().await.len(), 3);
}

#[tokio::test]
async fn unreachable_merchant_gives_no_response() {
    let (shop, server) = start_server(Clock::frozen).await;
    let closed_port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let (target, body) = prepay(&shop, "A1", &format!("http://{closed_port}/notify"));
    exchange(&server, "POST", &target, &body).await.unwrap();
    json_of(&server, "POST", "/_sim/v1/orders/A1/pay", &Value::Null).await;
    until(async || {
        let notifications = json_of(&server, "GET", "/_sim/v1/notifications", &Value::Null).await;
        notifications[0]["deliveries"][0]["result"] == "no_response"
    })
    .await;
}

#[tokio::test]
async fn lost_responsecloses_the_connection_without_a_byte() {
    for (kind, orders) in [("commit_then_drop_response", 1), ("drop_before_commit", 0)] {
        let (shop, server) = start_server(Clock::frozen).await;
        let rule = json!({ "kind": kind, "operation": "v1.genprepay", "count": 1 });
        json_of(&server, "POST", "/_sim/v1/faults", &rule).await;
        let (target, body) = prepay(&shop, "A1", "http://127.0.0.1:9/n");
        assert!(exchange(&server, "POST", &target, &body).await.is_none());
        let recorded = json_of(&server, "GET", "/_sim/v1/orders", &Value::Null).await;
        assert_eq!(recorded.as_array().unwrap().len(), orders);
    }
}

#[tokio::test]
async fn truncated_responseannounces_its_complete_length() {
    let (shop, server) = start_server(Clock::frozen).await;
    server.with(|simulation, _| simulation.gateway.inject(FaultRule::new(Fault::Cut { bytes: 12 })));
    let (target, body) = prepay(&shop, "A1", "http://127.0.0.1:9/n");
    let reply = exchange(&server, "POST", &target, &body).await.unwrap();
    assert!(reply.head.to_lowercase().contains("content-length: 78"), "{}", reply.head);
    assert_eq!(reply.body, b"{\"prepayid\":");
}

#[tokio::test]
async fn delayed_responsearrives_late() {
    let (shop, server) = start_server(Clock::frozen).await;
    server.with(|simulation, _| simulation.gateway.inject(FaultRule::new(Fault::Delayed { millis: 300 })));
    let (target, body) = prepay(&shop, "A1", "http://127.0.0.1:9/n");
    let early = timeout(Duration::from_millis(250), exchange(&server, "POST", &target, &body)).await;
    assert!(early.is_err());
    assert_eq!(exchange(&server, "POST", &target, &body).await.unwrap().status, 200);
}

#[tokio::test]
async fn early_notification_arrives_before_the_genprepay_reply() {
    let (shop, server) = start_server(Clock::frozen).await;
    let (notify_url, received) = merchant(&["success"]).await;
    server.with(|simulation, _| {
        simulation.gateway.inject(FaultRule::new(Fault::Early).for_operation(Operation::Genprepay))
    });
    let (target, body) = prepay(&shop, "A1", &notify_url);
    let reply = exchange(&server, "POST", &target, &body).await.unwrap();
    assert!(reply.body.starts_with(b"{\"prepayid\""));
    assert_eq!(received.lock().await.len(), 1);
}

#[tokio::test]
async fn duplicated_notification_arrives_twice() {
    let (shop, server) = start_server(Clock::frozen).await;
    let (notify_url, received) = merchant(&["success"]).await;
    server.with(|simulation, _| simulation.gateway.inject(FaultRule::new(Fault::NotificationDuplicated)));
    let (target, body) = prepay(&shop, "A1", &notify_url);
    exchange(&server, "POST", &target, &body).await.unwrap();
    json_of(&server, "POST", "/_sim/v1/orders/A1/pay", &Value::Null).await;
    until(async || received.lock().await.len() == 2).await;
}

#[tokio::test]
async fn other_methods_and_paths_get_a_response() {
    let (shop, server) = start_server(Clock::frozen).await;
    let delete = json_of(&server, "DELETE", "/cgi-bin/token", &Value::Null).await;
    assert_eq!(delete["errcode"], 43001);
    let put =
        json_of(&server, "PUT", &format!("/pay/orderquery?access_token={}", shop.token), &json!({})).await;
    assert_eq!(put["errcode"], 43002);
    assert_eq!(exchange(&server, "GET", "/unknown", "").await.unwrap().status, 404);
    let problem = exchange(&server, "POST", "/_sim/v1/clock", "{}").await.unwrap();
    assert_eq!(problem.status, 400);
    assert!(problem.head.to_lowercase().contains("application/problem+json"));
    let large = "x".repeat(1 << 24);
    if let Some(reply) = exchange_large(&server, &large).await {
        assert_eq!(reply, 413);
    }
}

#[tokio::test]
async fn control_responses_list_allowed_methods_and_are_not_cacheable() {
    let (_, server) = start_server(Clock::frozen).await;
    let rejected = exchange(&server, "DELETE", "/_sim/v1/clock", "").await.unwrap();
    let head = rejected.head.to_lowercase();
    assert_eq!(rejected.status, 405);
    assert!(
        head.contains("\r\nallow: get, post, put") && head.contains("application/problem+json"),
        "{head}"
    );
    let document = exchange(&server, "GET", "/_sim/v1/openapi.json", "").await.unwrap();
    let head = document.head.to_lowercase();
    assert!(head.contains("application/json") && head.contains("\r\ncache-control: no-store"), "{head}");
    assert_eq!(serde_json::from_slice::<Value>(&document.body).unwrap()["openapi"], "3.1.0");
    let filtered = json_of(&server, "GET", "/_sim/v1/orders?mchid=1", &Value::Null).await;
    assert_eq!(filtered, json!([]));
    let mchid = json_of(&server, "GET", "/_sim/v1/merchants", &Value::Null).await[0]["mchid"].clone();
    let path = format!("/_sim/v1/merchants/{}/environment", mchid.as_str().unwrap());
    assert_eq!(json_of(&server, "GET", &path, &Value::Null).await["WXPAY_BASE_URL"], "http://localhost");
    let long = format!("{{}}{}", " ".repeat((1 << 20) - 1));
    let refused = exchange(&server, "POST", "/_sim/v1/clock", &long).await.unwrap();
    assert_eq!(refused.status, 413);
}

/// Returns the status, or `None` if the server closed the connection before it could be read.
async fn exchange_large(server: &Server, body: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(server.address()).await.unwrap();
    let head =
        format!("POST /pay/genprepay HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.ok();
    let mut status = [0; 12];
    timeout(SOON, stream.read_exact(&mut status)).await.unwrap().ok()?;
    std::str::from_utf8(&status[9..]).unwrap().parse().ok()
}
