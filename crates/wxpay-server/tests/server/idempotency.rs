//! The header `Idempotency-Key`.

use crate::{
    http::Reply,
    shop::{Shop, native},
};
use serde_json::{Value, json};

async fn post(shop: &Shop, key: &str, path: &str, body: &Value) -> Reply {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    shop.send(&shop.token, "POST", path, &[("idempotency-key", key)], body.as_bytes()).await
}

#[tokio::test]
async fn same_request_with_the_same_key_repeats_the_response() {
    let shop = Shop::open().await;
    let first = post(&shop, "k1", "/api/orders", &native("ORDER1", 5)).await;
    let placed = first.expect(201);
    assert_eq!(first.header("idempotency-replayed"), None);
    let again = post(&shop, "k1", "/api/orders", &native("ORDER1", 5)).await;
    assert_eq!(again.expect(201), placed);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    // Blanks and the order of members do not matter.
    let text = serde_json::to_string_pretty(&native("ORDER1", 5)).unwrap();
    let again =
        shop.send(&shop.token, "POST", "/api/orders", &[("idempotency-key", "k1")], text.as_bytes()).await;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, Some("true")));
    let shop = shop.restart().await;
    let again = post(&shop, "k1", "/api/orders", &native("ORDER1", 5)).await;
    assert_eq!((again.expect(201), again.header("idempotency-replayed")), (placed, Some("true")));
    assert_eq!(shop.requests("v3.pay.native").await, 1);
}

#[tokio::test]
async fn key_of_another_request_is_refused() {
    let shop = Shop::open().await;
    post(&shop, "k1", "/api/orders", &native("ORDER1", 5)).await.expect(201);
    for (path, body) in [
        ("/api/orders", native("ORDER1", 6)),
        ("/api/orders", native("ORDER2", 5)),
        ("/api/orders/ORDER1/query", Value::Null),
    ] {
        let problem = post(&shop, "k1", path, &body).await.problem(422, "idempotency_key_reused");
        assert_eq!(problem["field"], "Idempotency-Key");
    }
    shop.get("/api/orders/ORDER2").await.problem(404, "not_found");
    // Another API key has keys of its own.
    let (token, _) = shop.api_key(json!({ "scopes": ["orders:write"] })).await;
    let body = native("ORDER2", 5).to_string();
    let reply = shop.send(&token, "POST", "/api/orders", &[("idempotency-key", "k1")], body.as_bytes()).await;
    reply.expect(201);
}

#[tokio::test]
async fn server_error_is_not_frozen() {
    let shop = Shop::open().await;
    shop.gateway_down().await;
    post(&shop, "k1", "/api/orders", &native("ORDER1", 5)).await.problem(503, "not_sent");
    shop.gateway_up().await;
    shop.inject("commit_then_drop_response", "v3.pay.native").await;
    post(&shop, "k1", "/api/orders", &native("ORDER1", 5)).await.problem(504, "outcome_unknown");
    let reply = post(&shop, "k1", "/api/orders", &native("ORDER1", 5)).await;
    reply.expect(200);
    assert_eq!(reply.header("idempotency-replayed"), None);
}

#[tokio::test]
async fn refusal_is_repeated_as_a_problem_and_a_conflict_is_not() {
    let shop = Shop::open().await;
    shop.place("ORDER1", 5).await.expect(201);
    let refund = json!({ "out_refund_no": "R1", "amount": { "refund": 5 } });
    // A conflict may pass, and is not frozen.
    post(&shop, "k1", "/api/orders/ORDER1/refunds", &refund).await.problem(409, "order_not_paid");
    shop.pay("ORDER1").await;
    shop.wait_for_status("ORDER1", "paid").await;
    post(&shop, "k1", "/api/orders/ORDER1/refunds", &refund).await.expect(201);
    let too_much = json!({ "out_refund_no": "R2", "amount": { "refund": 50 } });
    let first = post(&shop, "k2", "/api/orders/ORDER1/refunds", &too_much).await;
    let problem = first.problem(422, "invalid_field");
    let again = post(&shop, "k2", "/api/orders/ORDER1/refunds", &too_much).await;
    let repeated = again.expect(422);
    assert_eq!((&repeated["rule"], again.header("idempotency-replayed")), (&problem["rule"], Some("true")));
    assert_eq!(again.header("content-type"), Some("application/problem+json"));
}

#[tokio::test]
async fn secret_is_never_stored_for_a_repetition() {
    let shop = Shop::open().await;
    let body = json!({ "name": "x", "scopes": ["orders:read"] });
    let first = post(&shop, "k1", "/api/api-keys", &body).await.expect(201);
    let again = post(&shop, "k1", "/api/api-keys", &body).await.expect(201);
    assert_ne!(first["token"], again["token"], "the token is shown once");
    let body = json!({ "url": "http://127.0.0.1:9/webhooks" });
    let endpoint = post(&shop, "k2", "/api/webhook-endpoints", &body).await.expect(201);
    for name in ["ledger.db", "ledger.db-wal"] {
        let content = std::fs::read(shop.dir.path().join(name)).unwrap_or_default();
        let content = String::from_utf8_lossy(&content);
        for secret in [&first["token"], &endpoint["secret"]] {
            assert!(!content.contains(&secret.as_str().unwrap()[8..]), "{name} has a secret");
        }
    }
}

#[tokio::test]
async fn key_that_breaks_its_rule_is_refused() {
    let shop = Shop::open().await;
    let long = "k".repeat(256);
    for key in [" ", "支付", &long, "a b"] {
        let reply = post(&shop, key, "/api/orders", &native("ORDER1", 5)).await;
        let problem = reply.problem(422, "invalid_field");
        assert_eq!(problem["field"], "Idempotency-Key", "{key}: {problem}");
    }
    shop.get("/api/orders/ORDER1").await.problem(404, "not_found");
}
