//! Health, metrics, the document, request ids.

use crate::{
    http::call,
    shop::{SEALING_KEY, Setup, Shop},
};
use serde_json::{Value, json};

#[tokio::test]
async fn health_is_reported() {
    let shop = Shop::open().await;
    let live = call(shop.address(), "GET", "/livez", &[], b"").await;
    live.expect(200);
    let ready = call(shop.address(), "GET", "/readyz", &[], b"").await.expect(200);
    for check in ["ledger", "clock", "shutdown"] {
        assert_eq!(ready["checks"][check]["status"], "ok", "{ready}");
    }
}

#[tokio::test]
async fn server_measures_its_clock_by_the_replies_of_the_gateway() {
    let shop = Shop::open().await;
    shop.place("ORDER1", 5).await.expect(201);
    let skew = shop.metric("wxpay_clock_skew_seconds").await;
    // The replies have whole seconds.
    assert!(skew.abs() <= 2.0, "{skew}");
    assert_eq!(call(shop.address(), "GET", "/readyz", &[], b"").await.status, 200);
}

#[tokio::test]
async fn open_cases_and_commits_are_counted() {
    let shop = Shop::open().await;
    shop.place("ORDER1", 5).await.expect(201);
    for _ in 0..2 {
        shop.inject("second_payment", "pay").await;
        shop.pay("ORDER1").await;
    }
    shop.wait_for_case().await;
    for _ in 0..400 {
        if shop.metric("wxpay_open_cases").await == 1.0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    assert_eq!(shop.metric("wxpay_open_cases").await, 1.0);
    assert!(shop.metric("wxpay_ledger_commits_total").await >= 4.0);
    assert!(shop.metric("wxpay_ledger_commit_time_seconds_total").await > 0.0);
}

#[tokio::test]
async fn metrics_have_no_secrets_and_no_numbers() {
    let shop = Shop::open().await;
    let (_receiver, endpoint, secret) = shop.endpoint(json!({})).await;
    shop.place("ORDER-NUMBER-7", 5).await.expect(201);
    shop.pay("ORDER-NUMBER-7").await;
    shop.wait_for_status("ORDER-NUMBER-7", "paid").await;
    shop.refund("ORDER-NUMBER-7", "REFUND-NUMBER-7", 5).await.expect(201);
    shop.get("/api/no-such-path-7").await.problem(404, "unknown_path");
    let reply = call(shop.address(), "GET", "/metrics", &[], b"").await;
    assert_eq!(reply.status, 200);
    assert!(reply.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    let metrics = reply.text();
    assert!(metrics.ends_with("# EOF\n"));
    let path = |name: &str| shop.file(name).lines().nth(3).unwrap().to_owned();
    for secret in [
        &*shop.token,
        &secret[6..],
        SEALING_KEY,
        &endpoint,
        "NUMBER-7",
        "no-such-path",
        shop.variable("WXPAY_API_V3_KEY"),
        shop.variable("WXPAY_V1_APP_SECRET"),
        &path("WXPAY_PRIVATE_KEY_FILE"),
        shop.variable("WXPAY_MCHID"),
    ] {
        assert!(!metrics.contains(secret), "metrics contain {secret}");
    }
    for series in [
        "wxpay_orders_placed_total{channel=\"native\"} 1",
        "wxpay_paid_total{source=\"notification\"} 1",
        "wxpay_paid_total{source=\"query\"} 0",
        "wxpay_invariant_violations{name=\"double_charge\"} 0",
        "wxpay_gateway_calls_total{operation=\"v3.pay.native\",fate=\"answered\"} 1",
        "wxpay_http_requests_total{route=\"create_order\",method=\"post\",status=\"2xx\"} 1",
        "wxpay_http_requests_total{route=\"none\",method=\"get\",status=\"4xx\"} 1",
    ] {
        assert!(metrics.lines().any(|line| line == series), "no {series}:\n{metrics}");
    }
}

#[tokio::test]
async fn metrics_may_have_their_own_listener() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let shop = Setup::default().flag("metrics_listen", &free.to_string()).open().await;
    assert_eq!(call(shop.address(), "GET", "/metrics", &[], b"").await.status, 404);
    let reply = call(free, "GET", "/metrics", &[], b"").await;
    assert_eq!(reply.status, 200);
    assert!(reply.text().contains("wxpay_paid_total"));
    for path in ["/", "/api/orders", "/livez"] {
        assert_eq!(call(free, "GET", path, &[], b"").await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn document_and_its_page_are_served() {
    let shop = Shop::open().await;
    let document = call(shop.address(), "GET", "/api/openapi.json", &[], b"").await.expect(200);
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/api/orders"]["post"].is_object());
    let page = call(shop.address(), "GET", "/docs", &[], b"").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe-inline"), "{policy}");
    let text = page.text();
    assert!(text.contains("/api/orders/{out_trade_no}"), "the page lists the routes");
    assert!(
        !text.contains("src=\"http") && !text.contains("href=\"http"),
        "nothing is loaded from elsewhere"
    );
}

#[tokio::test]
async fn request_id_is_echoed_or_made_and_named_in_problems() {
    let shop = Shop::open().await;
    let headers = [("request-id", "my-request.1")];
    let reply = shop.send(&shop.token, "GET", "/api/orders/ORDER1", &headers, b"").await;
    assert_eq!(reply.header("request-id"), Some("my-request.1"));
    assert_eq!(reply.problem(404, "not_found")["request_id"], "my-request.1");
    let invalid = [("request-id", "a b\"<script>")];
    for headers in [&invalid[..], &[]] {
        let reply = shop.send(&shop.token, "GET", "/api/orders", headers, b"").await;
        assert!(reply.header("request-id").unwrap().starts_with("req_"));
    }
    for path in ["/livez", "/docs", "/no/such/path"] {
        let reply = call(shop.address(), "GET", path, &headers, b"").await;
        assert_eq!(reply.header("request-id"), Some("my-request.1"), "{path}");
    }
}

#[tokio::test]
async fn audit_names_who_did_what() {
    let shop = Shop::open().await;
    shop.place("ORDER1", 5).await.expect(201);
    shop.pay("ORDER1").await;
    shop.wait_for_status("ORDER1", "paid").await;
    let (_, key_id) = shop.api_key(json!({ "scopes": ["orders:read"] })).await;
    let (_, endpoint, _) = shop.endpoint(json!({})).await;
    crate::merchants::create(&shop, "other", "1900000108").await;
    let audit = shop.get("/api/audit?limit=200").await.expect(200);
    for subject in [&*key_id, &*endpoint, "other"] {
        let found = audit["data"].as_array().unwrap().iter().any(|entry| entry.to_string().contains(subject));
        assert!(found, "no entry of {subject}: {audit}");
    }
    let actors: Vec<_> = audit["data"].as_array().unwrap().iter().map(|entry| &entry["actor"]).collect();
    assert!(actors.iter().all(|actor| **actor != Value::Null), "{actors:?}");
}
