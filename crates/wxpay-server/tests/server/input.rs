//! Invalid input: a problem that names field and rule, and nothing changed.

use crate::shop::{Shop, call, order, read};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Method, path, headers, body and expected status.
type Case<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)], &'a str, u16);

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

#[tokio::test]
async fn an_invalid_field_is_named_and_nothing_is_placed() {
    let shop = Shop::open().await;
    let table = [
        ("out_trade_no", json!("A-1")),
        ("out_trade_no", json!("")),
        ("out_trade_no", json!("x".repeat(33))),
        ("out_trade_no", json!(1)),
        ("out_trade_no", Value::Null),
        ("total_fee", json!(0)),
        ("total_fee", json!(-1)),
        ("total_fee", json!(19.99)),
        ("total_fee", json!("1999")),
        ("total_fee", json!(2_147_483_648_u64)),
        ("total_fee", Value::Null),
        ("body", json!("")),
        ("body", json!("x".repeat(129))),
        ("body", json!("a\nb")),
        ("body", Value::Null),
        ("spbill_create_ip", json!("::1")),
        ("spbill_create_ip", json!("203.0.113")),
        ("spbill_create_ip", Value::Null),
        ("attach", json!("x".repeat(128))),
        ("attach", json!(["a"])),
        ("traceid", json!("")),
        ("charset", json!("latin1")),
        ("time_expire", json!("20990101000000")),
        ("time_expire", json!("2014-05-08T10:10:00+08:00")),
        ("time_expire", json!(1_399_515_000)),
        ("price", json!(1)),
    ];
    for (field, value) in table {
        let mut bad = order("A1", 1999);
        bad[field] = value.clone();
        let reply = shop.post("/api/orders", &bad).await;
        let problem = reply.json();
        assert_eq!((reply.status, &problem["field"]), (422, &json!(field)), "{field} {value}: {problem}");
        assert!(reply.head.contains("content-type: application/problem+json"), "{}", reply.head);
        for name in ["type", "title", "status", "detail", "rule"] {
            assert!(!problem[name].is_null(), "{name}: {problem}");
        }
    }
    let mut gbk = order("A1", 1999);
    gbk["charset"] = json!("GBK");
    gbk["body"] = json!("😀");
    assert_eq!(shop.post("/api/orders", &gbk).await.json()["field"], "body");
    assert_eq!(shop.get("/api/orders/A1").await.status, 404);
    assert_eq!(shop.sim.with(|sim, now| sim.gateway.orders(now.business).len()), 0);
    assert!(shop.events().await.is_empty());
}

#[tokio::test]
async fn malformed_requests_and_unknown_paths_are_problems() {
    let shop = Shop::open().await;
    let good = order("A1", 1999).to_string();
    let long = format!("{{\"body\":\"{}\"}}", "x".repeat(70_000));
    let deep = "[".repeat(60_000);
    let table: [Case<'_>; 16] = [
        ("POST", "/api/orders", &JSON, "", 400),
        ("POST", "/api/orders", &JSON, "{", 400),
        ("POST", "/api/orders", &JSON, "[]", 400),
        ("POST", "/api/orders", &JSON, "\u{feff}{}", 400),
        ("POST", "/api/orders", &JSON, &deep, 400),
        ("POST", "/api/orders", &JSON, "{\"body\":\"a\",\"body\":\"b\"}", 400),
        ("POST", "/api/orders", &JSON, &long, 413),
        ("POST", "/api/orders", &[], &good, 415),
        ("POST", "/api/orders", &[("content-type", "text/plain")], &good, 415),
        ("GET", "/api/orders", &[], "", 405),
        ("DELETE", "/api/orders/A1", &[], "", 405),
        ("GET", "/api/orders/A1", &[], "", 404),
        ("GET", "/api/orders/A%2F1", &[], "", 404),
        ("GET", "/api/unknown", &[], "", 404),
        ("GET", "/unknown", &[], "", 404),
        ("GET", "/api/events?after=x", &[], "", 422),
    ];
    for (method, path, head, body, status) in table {
        let reply = call(shop.address(), method, path, head, body.as_bytes()).await;
        assert_eq!(reply.status, status, "{method} {path}: {}", reply.head);
        assert!(reply.head.contains("content-type: application/problem+json"), "{path}: {}", reply.head);
        assert_eq!(reply.json()["status"], status);
        assert_eq!(reply.head.contains("\r\nallow: "), status == 405, "{}", reply.head);
    }
    assert_eq!(shop.sim.with(|sim, now| sim.gateway.orders(now.business).len()), 0);
}

#[tokio::test]
async fn api_requests_without_the_token_are_unauthorized() {
    let shop = Shop::open_with(&[("api_token", "0123456789abcdef")]).await;
    for head in
        [vec![], vec![("authorization", "Bearer 0123456789abcdee")], vec![("authorization", "Basic x")]]
    {
        for (method, path) in [("GET", "/api/events"), ("POST", "/api/orders"), ("GET", "/api/unknown")] {
            let reply = call(shop.address(), method, path, &head, b"").await;
            assert_eq!(reply.status, 401, "{method} {path}");
            assert!(reply.head.contains("www-authenticate: bearer"));
        }
    }
    let head = [("authorization", "Bearer 0123456789abcdef"), JSON[0]];
    let body = order("A1", 1999).to_string();
    assert_eq!(call(shop.address(), "POST", "/api/orders", &head, body.as_bytes()).await.status, 201);
    // Notifications are authenticated by their signature, and the health endpoints disclose nothing.
    assert_eq!(shop.get("/health/live").await.status, 200);
    shop.pay("A1");
    let mut view = Value::Null;
    for _ in 0..200 {
        view = call(shop.address(), "GET", "/api/orders/A1", &head, b"").await.json();
        if view["status"] == "paid" {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(view["status"], "paid");
}

#[tokio::test]
async fn readiness_follows_the_ledger() {
    let shop = Shop::open().await;
    assert_eq!(shop.get("/health/live").await.json(), json!({"status": "live"}));
    assert_eq!(shop.get("/health/ready").await.json(), json!({"status": "ready"}));
    shop.server.ledger().close().await;
    assert_eq!(shop.get("/health/live").await.status, 200);
    let unready = shop.get("/health/ready").await;
    assert_eq!((unready.status, &unready.json()["status"]), (503, &json!(503)));
    assert_eq!(shop.order("A1", 1999).await.status, 503);
    // A notification that cannot be stored is not answered success, so that the gateway sends it again.
    shop.order_elsewhere("A2", 1).await;
    shop.pay("A2");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let record = shop
        .sim
        .with(|sim, _| serde_json::to_value(sim.gateway.notifications().collect::<Vec<_>>()).unwrap());
    assert!(!record.to_string().contains("\"success\""), "{record}");
}

#[tokio::test]
async fn a_slow_or_silent_connection_is_closed() {
    let shop = Shop::open().await;
    let mut slow = TcpStream::connect(shop.address()).await.unwrap();
    slow.write_all(b"POST /api/orders HTTP/1.1\r\nhost: x\r\n").await.unwrap();
    let silent = TcpStream::connect(shop.address()).await.unwrap();
    let mut half = TcpStream::connect(shop.address()).await.unwrap();
    let head = "POST /api/orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\nconnection: close\r\n\
                content-length: 100\r\n\r\n{";
    half.write_all(head.as_bytes()).await.unwrap();
    let (slow, silent, half) = tokio::join!(closed(slow), closed(silent), read(half));
    assert!(slow < Duration::from_secs(15) && silent < Duration::from_secs(15), "{slow:?} {silent:?}");
    assert_eq!(half.status, 408);
}

/// Waits until the server closes the connection, at most 30 seconds. Returns the time that it took.
async fn closed(mut stream: TcpStream) -> Duration {
    let start = tokio::time::Instant::now();
    let mut bytes = Vec::new();
    let closing = tokio::time::timeout(Duration::from_secs(30), stream.read_to_end(&mut bytes));
    drop(closing.await);
    start.elapsed()
}
