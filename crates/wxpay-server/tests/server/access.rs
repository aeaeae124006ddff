//! API keys: scopes, merchants, expiry, revocation, rate limit.

use crate::{
    http::call,
    shop::{Setup, Shop, native, with},
};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn request_without_a_valid_key_is_refused() {
    let shop = Shop::open().await;
    let unknown = format!("Bearer wxk_{}", "A".repeat(43));
    let basic = format!("Basic {}", shop.token);
    let half = format!("Bearer {}", &shop.token[..shop.token.len() - 1]);
    for (authorization, challenge) in [
        (None, "Bearer realm=\"wxpay\""),
        (Some(&*unknown), "Bearer realm=\"wxpay\", error=\"invalid_token\""),
        (Some(&*basic), "Bearer realm=\"wxpay\", error=\"invalid_token\""),
        (Some(&*half), "Bearer realm=\"wxpay\", error=\"invalid_token\""),
        (Some("Bearer"), "Bearer realm=\"wxpay\", error=\"invalid_token\""),
    ] {
        let headers: Vec<_> = authorization.map(|value| ("authorization", value)).into_iter().collect();
        for (method, path, body) in [
            ("GET", "/api/orders/ORDER1", ""),
            ("POST", "/api/orders", "not JSON"),
            ("GET", "/api/events/stream", ""),
        ] {
            let reply = call(shop.address(), method, path, &headers, body.as_bytes()).await;
            let problem = reply.problem(401, "unauthorized");
            assert_eq!(problem["field"], "Authorization", "{problem}");
            assert_eq!(reply.header("www-authenticate"), Some(challenge));
            assert!(!reply.text().contains(&shop.token[4..20]));
        }
    }
}

#[tokio::test]
async fn every_route_requires_its_scope() {
    let shop = Shop::open().await;
    let all = ["orders:read", "orders:write", "refunds:write", "events:read", "config:write"];
    let mut keys = Vec::new();
    for scope in all {
        keys.push((scope, shop.api_key(json!({ "scopes": [scope] })).await.0));
    }
    for (method, path, scopes) in [
        ("GET", "/api/orders", &["orders:read", "orders:write"][..]),
        ("GET", "/api/orders/ORDER1", &["orders:read", "orders:write"]),
        ("POST", "/api/orders", &["orders:write"]),
        ("POST", "/api/orders/ORDER1/query", &["orders:write"]),
        ("POST", "/api/orders/ORDER1/close", &["orders:write"]),
        ("POST", "/api/orders/ORDER1/reverse", &["orders:write"]),
        ("POST", "/api/orders/ORDER1/pay", &["orders:write"]),
        ("POST", "/api/orders/ORDER1/delivered", &["orders:write"]),
        ("POST", "/api/orders/ORDER1/refunds", &["refunds:write"]),
        ("GET", "/api/orders/ORDER1/refunds", &["orders:read", "orders:write"]),
        ("GET", "/api/orders/ORDER1/refunds/R1", &["orders:read", "orders:write"]),
        ("POST", "/api/orders/ORDER1/refunds/R1/query", &["refunds:write"]),
        ("GET", "/api/events", &["events:read"]),
        ("GET", "/api/cases", &["orders:read", "orders:write"]),
        ("GET", "/api/cases/case_1", &["orders:read", "orders:write"]),
        ("POST", "/api/cases/case_1/resolve", &["refunds:write"]),
        ("GET", "/api/webhook-endpoints", &["config:write"]),
        ("POST", "/api/webhook-endpoints", &["config:write"]),
        ("GET", "/api/merchants", &["config:write"]),
        ("POST", "/api/merchants", &["config:write"]),
        ("PUT", "/api/merchants/shop/keys", &["config:write"]),
        ("DELETE", "/api/merchants/shop", &["config:write"]),
        ("GET", "/api/api-keys", &["config:write"]),
        ("POST", "/api/api-keys", &["config:write"]),
        ("DELETE", "/api/api-keys/key_1", &["config:write"]),
        ("GET", "/api/audit", &["config:write"]),
    ] {
        for (scope, token) in &keys {
            let reply = shop.send(token, method, path, &[], b"").await;
            if scopes.contains(scope) {
                assert!(![401, 403].contains(&reply.status), "{method} {path} {scope}: {}", reply.text());
            } else {
                let problem = reply.problem(403, "missing_scope");
                assert!(problem["detail"].as_str().unwrap().contains(scopes[0]), "{problem}");
            }
        }
    }
    for path in ["/livez", "/readyz", "/metrics", "/docs", "/api/openapi.json"] {
        assert_eq!(call(shop.address(), "GET", path, &[], b"").await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn key_of_one_merchant_sees_and_changes_that_merchant_only() {
    let shop = Shop::open().await;
    crate::merchants::create(&shop, "other", "1900000108").await;
    let all = json!(["orders:write", "refunds:write", "events:read", "config:write"]);
    let (token, key_id) = shop.api_key(json!({ "scopes": all, "merchants": ["other"] })).await;
    let send = async |method: &str, path: &str, body: Value| {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        shop.send(&token, method, path, &[], body.as_bytes()).await
    };
    let of = |number: &str, merchant: &str| with(&native(number, 5), &[("/merchant", json!(merchant))]);
    shop.post("/api/orders", &of("ORDER1", "default")).await.expect(201);
    // Exactly one merchant: it needs no name.
    let placed = send("POST", "/api/orders", native("ORDER1", 5)).await.expect(201);
    assert_eq!(placed["order"]["merchant"], "other");
    let problem = send("POST", "/api/orders", of("ORDER2", "default")).await.problem(403, "other_merchant");
    assert_eq!(problem["field"], "merchant");
    assert_eq!(send("GET", "/api/orders/ORDER1", json!(null)).await.expect(200)["merchant"], "other");
    for path in [
        "/api/orders/ORDER1?merchant=default",
        "/api/orders?merchant=default",
        "/api/events?merchant=default",
        "/api/cases?merchant=default",
        "/api/webhook-endpoints?merchant=default",
    ] {
        send("GET", path, json!(null)).await.problem(403, "other_merchant");
    }
    let list = send("GET", "/api/orders", json!(null)).await.expect(200);
    assert_eq!(list["data"].as_array().unwrap().len(), 1, "{list}");
    shop.wait_get("/api/events", |list| list["data"].as_array().unwrap().len() == 2).await;
    let events = send("GET", "/api/events", json!(null)).await.expect(200);
    let events = events["data"].as_array().unwrap();
    assert!(events.iter().all(|event| event["data"]["object"]["merchant"] == "other"), "{events:?}");
    assert_eq!(events.len(), 1);
    // Merchants, keys and the audit.
    let merchants = send("GET", "/api/merchants", json!(null)).await.expect(200);
    assert_eq!(merchants["data"].as_array().unwrap().len(), 1, "{merchants}");
    send("GET", "/api/merchants/default", json!(null)).await.problem(404, "not_found");
    send("GET", "/api/audit", json!(null)).await.problem(403, "other_merchant");
    for merchants in [json!(null), json!(["default"]), json!(["other", "default"])] {
        let key = json!({ "name": "more", "scopes": ["orders:read"], "merchants": merchants });
        let problem = send("POST", "/api/api-keys", key).await.problem(403, "other_merchant");
        assert_eq!(problem["field"], "merchants", "{problem}");
        assert!(problem["detail"].as_str().unwrap().contains("wxpay api-key create"), "{problem}");
    }
    let key = json!({ "name": "own", "scopes": ["orders:read"], "merchants": ["other"] });
    send("POST", "/api/api-keys", key).await.expect(201);
    let keys = send("GET", "/api/api-keys", json!(null)).await.expect(200);
    assert_eq!(keys["data"].as_array().unwrap().len(), 2, "its own, and the one that it created: {keys}");
    assert!(keys["data"].as_array().unwrap().iter().any(|key| key["key_id"] == key_id.as_str()));
    // An endpoint of all merchants is not seen; its own is.
    let receiver = json!({ "url": "http://127.0.0.1:9/webhooks" });
    let endpoint = send("POST", "/api/webhook-endpoints", receiver.clone()).await.expect(201);
    assert_eq!(endpoint["merchant"], "other");
    let foreign = shop.post("/api/webhook-endpoints", &receiver).await.expect(201);
    let path = format!("/api/webhook-endpoints/{}", foreign["endpoint"].as_str().unwrap());
    send("GET", &path, json!(null)).await.problem(404, "not_found");
    send("DELETE", &path, json!(null)).await.problem(404, "not_found");
}

#[tokio::test]
async fn key_creates_keys_with_its_own_scopes_at_most_and_the_audit_names_them() {
    let shop = Shop::open().await;
    let (token, _) = shop.api_key(json!({ "scopes": ["config:write", "orders:write"] })).await;
    let create = async |scopes: &[&str]| {
        let key = json!({ "name": "more", "scopes": scopes }).to_string();
        shop.send(&token, "POST", "/api/api-keys", &[], key.as_bytes()).await
    };
    for scopes in [&["refunds:write"][..], &["events:read"], &["config:write", "refunds:write"]] {
        let problem = create(scopes).await.problem(403, "missing_scope");
        assert_eq!(problem["field"], "scopes", "{problem}");
        assert_eq!(problem["rule"], "must be scopes of the API key that sends the request", "{problem}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(
            detail.contains(scopes[scopes.len() - 1]) && detail.contains("wxpay api-key create"),
            "{problem}"
        );
    }
    let keys = shop.get("/api/api-keys").await.expect(200);
    assert!(keys["data"].as_array().unwrap().iter().all(|key| key["name"] != "more"), "{keys}");
    // A key that may write orders may read them.
    create(&["config:write", "orders:read"]).await.expect(201);
    let reply = create(&["orders:write"]).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let audit = shop.get("/api/audit").await.expect(200);
    let key_id = reply.json()["key_id"].clone();
    assert!(audit["data"][0].to_string().contains(key_id.as_str().unwrap()), "{audit}");
    assert!(!audit.to_string().contains(reply.json()["token"].as_str().unwrap()), "{audit}");
}

#[tokio::test]
async fn expired_and_revoked_keys_are_refused() {
    let shop = Shop::open().await;
    let scopes = json!(["orders:read"]);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let in_seconds = |seconds: u64| {
        wxpay_proto::wire::time::format_rfc3339(wxpay_proto::UnixTime::from_secs(now + seconds))
    };
    let expired = json!({ "name": "x", "scopes": scopes, "expires_at": "2020-01-01T00:00:00+08:00" });
    let problem = shop.post("/api/api-keys", &expired).await.problem(422, "invalid_field");
    assert_eq!(problem["field"], "expires_at");
    let (short, _) = shop.api_key(json!({ "scopes": scopes, "expires_at": in_seconds(2) })).await;
    let (long, key_id) = shop.api_key(json!({ "scopes": scopes, "expires_at": in_seconds(3600) })).await;
    for token in [&short, &long] {
        shop.send(token, "GET", "/api/orders", &[], b"").await.expect(200);
    }
    let path = format!("/api/api-keys/{key_id}");
    let revoked = shop.request("DELETE", &path, &Value::Null).await.expect(200);
    assert!(revoked["revoked_at"].is_string(), "{revoked}");
    shop.send(&long, "GET", "/api/orders", &[], b"").await.problem(401, "unauthorized");
    let again = shop.request("DELETE", &path, &Value::Null).await.expect(200);
    assert_eq!(again["revoked_at"], revoked["revoked_at"]);
    assert_eq!(shop.get(&path).await.expect(200)["revoked_at"], revoked["revoked_at"]);
    tokio::time::sleep(Duration::from_millis(2600)).await;
    shop.send(&short, "GET", "/api/orders", &[], b"").await.problem(401, "unauthorized");
    let shop = shop.restart().await;
    shop.send(&long, "GET", "/api/orders", &[], b"").await.problem(401, "unauthorized");
    shop.get("/api/orders").await.expect(200);
}

#[tokio::test]
async fn token_is_shown_once_and_only_its_hash_is_stored() {
    let shop = Shop::open().await;
    let (token, key_id) = shop.api_key(json!({ "scopes": ["orders:read"] })).await;
    assert!(token.starts_with("wxk_") && token.len() == 47, "{} characters", token.len());
    let key = shop.get(&format!("/api/api-keys/{key_id}")).await.expect(200);
    assert_eq!(key.get("token"), None);
    assert!(!key.to_string().contains(&token));
    for name in ["ledger.db", "ledger.db-wal"] {
        let content = std::fs::read(shop.dir.path().join(name)).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&content).contains(&token[4..]), "{name} has a token");
    }
}

#[tokio::test]
async fn requests_beyond_the_rate_are_refused_until_retry_after() {
    let shop = Setup::default().flag("rate_limit", "5").open().await;
    let (other, _) = shop.api_key(json!({ "scopes": ["orders:read"] })).await;
    let mut refused = None;
    for _ in 0..20 {
        let reply = shop.get("/api/orders").await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.expect("no request was refused");
    let problem = refused.problem(429, "rate_limited");
    assert_eq!(problem["retryable"], true);
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=2).contains(&seconds), "{seconds}");
    // Every key has its own rate, and public routes have none.
    shop.send(&other, "GET", "/api/orders", &[], b"").await.expect(200);
    for _ in 0..10 {
        assert_eq!(call(shop.address(), "GET", "/livez", &[], b"").await.status, 200);
    }
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    shop.get("/api/orders").await.expect(200);
}

#[tokio::test]
async fn bootstrap_key_of_the_settings_works_and_stays_revoked() {
    let token = format!("wxk_{}", "A".repeat(43));
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("api.key");
    std::fs::write(&file, &token).unwrap();
    let setup = Setup::default().flag("bootstrap_api_key_file", file.to_str().unwrap());
    let shop = setup.open().await;
    shop.send(&token, "GET", "/api/orders", &[], b"").await.expect(200);
    let keys = shop.get("/api/api-keys").await.expect(200);
    let bootstrap = keys["data"].as_array().unwrap().iter().find(|key| key["name"] == "bootstrap").unwrap();
    let path = format!("/api/api-keys/{}", bootstrap["key_id"].as_str().unwrap());
    shop.request("DELETE", &path, &Value::Null).await.expect(200);
    let shop = shop.restart().await;
    shop.send(&token, "GET", "/api/orders", &[], b"").await.problem(401, "unauthorized");
}
