//! Notifications of WeChat Pay that the server must refuse, or acknowledge without effect.

use crate::{
    elsewhere,
    http::{Reply, call},
    receiver::Webhook,
    shop::{Setup, Shop},
};
use serde_json::{Value, json};

async fn notify(shop: &Shop, path: &str, notification: &Webhook, change: Option<(&str, &str)>) -> Reply {
    let mut headers = notification.headers();
    headers.retain(|(name, _)| !["host", "content-length", "connection"].contains(name));
    if let Some((name, value)) = change {
        headers.retain(|(known, _)| *known != name);
        headers.push((name, value));
    }
    call(shop.address(), "POST", path, &headers, notification.body.as_bytes()).await
}

async fn counted(shop: &Shop, result: &str) -> f64 {
    shop.metric(&format!("wxpay_notifications_total{{result=\"{result}\"}}")).await
}

/// Asserts that nothing is known of a number.
async fn nothing_is_known(shop: &Shop, number: &str) {
    shop.get(&format!("/api/orders/{number}")).await.problem(404, "not_found");
    assert_eq!(shop.get("/api/events").await.expect(200)["data"], json!([]));
    assert_eq!(shop.get("/api/cases").await.expect(200)["data"], json!([]));
}

#[tokio::test]
async fn copies_that_the_gateway_did_not_sign_are_refused_and_the_genuine_one_is_accepted() {
    for (kind, result) in [
        ("notification_forged", "forged"),
        ("notification_unknown_serial", "forged"),
        ("notification_probe", "probe"),
        ("notification_stale", "stale"),
    ] {
        let shop = Shop::open().await;
        shop.inject(kind, "notification").await;
        shop.place("ORDER1", 1999).await.expect(201);
        shop.pay("ORDER1").await;
        let paid = shop.wait_for_status("ORDER1", "paid").await;
        assert_eq!(paid["payments"].as_array().unwrap().len(), 1, "{kind}");
        assert_eq!(counted(&shop, result).await, 1.0, "{kind}");
        assert_eq!(counted(&shop, "accepted").await, 1.0, "{kind}");
        shop.wait_for_events("ORDER1", &["order.created", "order.paid"]).await;
    }
}

#[tokio::test]
async fn duplicated_notification_pays_once() {
    let shop = Shop::open().await;
    shop.inject("notification_duplicated", "notification").await;
    shop.place("ORDER1", 1999).await.expect(201);
    shop.pay("ORDER1").await;
    shop.wait_for_status("ORDER1", "paid").await;
    for _ in 0..200 {
        if counted(&shop, "duplicate").await == 1.0 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!((counted(&shop, "duplicate").await, counted(&shop, "accepted").await), (1.0, 1.0));
    shop.wait_for_events("ORDER1", &["order.created", "order.paid"]).await;
    let list = shop.control("GET", "/notifications?out_trade_no=ORDER1", Value::Null).await;
    assert_eq!(list[0]["state"], "ACCEPTED", "{list}");
}

#[tokio::test]
async fn tampered_notification_changes_nothing() {
    let shop = Shop::open().await;
    let genuine = elsewhere::notification(&shop, "ORDERX1", 1999).await;
    let path = "/notify/default/payment";
    let mut tampered = genuine.clone();
    tampered.body = tampered.body.replacen("\"id\":\"", "\"id\":\"0", 1);
    assert_ne!(tampered.body, genuine.body);
    assert_eq!(notify(&shop, path, &tampered, None).await.status, 401);
    let changes = [
        ("wechatpay-timestamp", "1400000000"),
        ("wechatpay-nonce", "other"),
        ("wechatpay-signature", "AAAA"),
        ("wechatpay-serial", "PUB_KEY_ID_0000000000000000000000000000000000"),
    ];
    for (name, value) in changes {
        let reply = notify(&shop, path, &genuine, Some((name, value))).await;
        assert!([400, 401].contains(&reply.status), "{name}: {} {}", reply.status, reply.text());
        assert_eq!(reply.json()["code"], "FAIL", "{}", reply.text());
    }
    for (name, _) in changes {
        let mut without = genuine.clone();
        without.body.push(' ');
        let reply = notify(&shop, path, &without, Some((name, ""))).await;
        assert!([400, 401].contains(&reply.status), "{name}: {} {}", reply.status, reply.text());
    }
    let mut empty = genuine.clone();
    empty.body.clear();
    assert!([400, 401].contains(&notify(&shop, path, &empty, None).await.status));
    nothing_is_known(&shop, "ORDERX1").await;
    assert_eq!(counted(&shop, "accepted").await, 0.0);
}

#[tokio::test]
async fn misdirected_notification_changes_nothing() {
    let shop = Shop::open().await;
    crate::merchants::create(&shop, "other", "1900000108").await;
    let genuine = elsewhere::notification(&shop, "ORDERX1", 1999).await;
    for path in [
        "/notify/other/payment",
        "/notify/other/refund",
        "/notify/default/refund",
        "/notify/default/v1",
        "/notify/nobody/payment",
    ] {
        let reply = notify(&shop, path, &genuine, None).await;
        assert!((400..500).contains(&reply.status), "{path}: {} {}", reply.status, reply.text());
    }
    for path in [
        "/notify/default/eaten",
        "/notify/default",
        "/notify/",
        "/notify/default/payment/x",
        "/notify/A!/payment",
    ] {
        let reply = notify(&shop, path, &genuine, None).await;
        assert!([404, 422].contains(&reply.status), "{path}: {} {}", reply.status, reply.text());
    }
    shop.get("/api/orders/ORDERX1?merchant=default").await.problem(404, "not_found");
    shop.get("/api/orders/ORDERX1?merchant=other").await.problem(404, "not_found");
    assert_eq!(shop.get("/api/events").await.expect(200)["data"], json!([]));
    assert!(counted(&shop, "misdirected").await >= 2.0);
    assert_eq!(counted(&shop, "accepted").await, 0.0);
    // At its own path it is learned, and a person must decide: the shop placed no such order.
    assert_eq!(notify(&shop, "/notify/default/payment", &genuine, None).await.status, 204);
    let unplaced = shop.get("/api/orders/ORDERX1?merchant=default").await.expect(200);
    assert_eq!((&unplaced["status"], &unplaced["channel"]), (&json!("unplaced"), &Value::Null), "{unplaced}");
    let cases = shop.get("/api/cases?merchant=default").await.expect(200);
    assert_eq!(cases["data"][0]["kind"], "unknown_payment", "{cases}");
}

#[tokio::test]
async fn payment_that_was_learned_first_belongs_to_the_order_placed_later() {
    let shop = Shop::open().await;
    let genuine = elsewhere::notification(&shop, "ORDER1", 1999).await;
    assert_eq!(notify(&shop, "/notify/default/payment", &genuine, None).await.status, 204);
    let placed = shop.place("ORDER1", 1999).await;
    assert!([200, 201].contains(&placed.status), "{} {}", placed.status, placed.text());
    assert_eq!(shop.order("ORDER1").await["status"], "paid");
    assert_eq!(shop.requests("v3.pay.native").await, 1, "only the call from elsewhere");
    assert_eq!(notify(&shop, "/notify/default/payment", &genuine, None).await.status, 204);
    assert_eq!(shop.order("ORDER1").await["payments"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn payment_of_another_amount_pays_nothing_and_opens_a_case() {
    let shop = Shop::open().await;
    let genuine = elsewhere::notification(&shop, "ORDER1", 1).await;
    // The shop's order was never sent, so the other order is not in its way.
    shop.gateway_down().await;
    shop.place("ORDER1", 1999).await.problem(503, "not_sent");
    shop.gateway_up().await;
    assert_eq!(notify(&shop, "/notify/default/payment", &genuine, None).await.status, 204);
    let order = shop.order("ORDER1").await;
    assert_eq!(order["status"], "anomalous", "{order}");
    let close = shop.post("/api/orders/ORDER1/close", &Value::Null).await.problem(409, "order_anomalous");
    assert!(close["detail"].as_str().unwrap().contains("WeChat Pay does not close it"), "{close}");
    let case = shop.wait_for_case().await;
    assert_eq!(case["kind"], "amount_mismatch", "{case}");
    assert!(!shop.event_types("ORDER1").await.contains(&"order.paid".to_owned()));
}

#[tokio::test]
async fn payment_after_the_close_opens_a_case_and_is_refunded_by_its_remedy() {
    let shop = Shop::open().await;
    let genuine = elsewhere::notification(&shop, "ORDER1", 1999).await;
    shop.gateway_down().await;
    shop.place("ORDER1", 1999).await.problem(503, "not_sent");
    shop.gateway_up().await;
    // Never sent: closed without a call.
    assert_eq!(shop.post("/api/orders/ORDER1/close", &json!(null)).await.expect(200)["status"], "closed");
    assert_eq!(shop.requests("v3.pay.close").await, 0);
    assert_eq!(notify(&shop, "/notify/default/payment", &genuine, None).await.status, 204);
    let case = shop.wait_for_case().await;
    assert_eq!((&case["kind"], &case["proposal"]), (&json!("paid_after_close"), &json!("refund")), "{case}");
    let path = format!("/api/cases/{}/resolve", case["case_id"].as_str().unwrap());
    shop.post(&path, &json!({ "remedy": "refund" })).await.expect(200);
    let refunds = shop.get("/api/orders/ORDER1/refunds").await.expect(200);
    assert_eq!(refunds["data"][0]["amount"]["refund"], 1999, "{refunds}");
}

#[tokio::test]
async fn notification_that_cannot_be_stored_is_not_acknowledged() {
    let shop = Shop::open().await;
    let genuine = elsewhere::notification(&shop, "ORDERX1", 1999).await;
    std::fs::remove_file(shop.dir.path().join("ledger.db")).unwrap();
    let reply = notify(&shop, "/notify/default/payment", &genuine, None).await;
    assert!(reply.status >= 500, "{} {}", reply.status, reply.text());
    assert_eq!(reply.json()["code"], "FAIL");
    assert_eq!(counted(&shop, "failed").await, 1.0);
}

#[tokio::test]
async fn bodies_that_are_no_notifications_are_refused() {
    let shop = Setup::default().open().await;
    let huge = "x".repeat(2 << 20);
    for (path, body, statuses) in [
        ("/notify/default/payment", "", [400, 401]),
        ("/notify/default/payment", "{}", [400, 401]),
        ("/notify/default/payment", "<xml></xml>", [400, 401]),
        ("/notify/default/v1", "<xml></xml>", [400, 401]),
        ("/notify/default/v1?sign=AAAA&out_trade_no=ORDER1", "", [400, 401]),
        ("/notify/default/payment", huge.as_str(), [413, 413]),
    ] {
        let reply = call(shop.address(), "POST", path, &[], body.as_bytes()).await;
        assert!(statuses.contains(&reply.status), "{path} {}: {}", reply.status, reply.text());
    }
    assert_eq!(call(shop.address(), "GET", "/notify/default/payment", &[], b"").await.status, 405);
    nothing_is_known(&shop, "ORDER1").await;
}
