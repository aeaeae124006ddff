//! Webhooks: filters, retries, rotation, test, replay.

use crate::shop::Shop;
use serde_json::{Value, json};

#[tokio::test]
async fn failed_webhook_is_sent_again_with_the_same_id_and_order_is_kept() {
    let shop = Shop::open().await;
    let (receiver, endpoint, secret) = shop.endpoint(json!({})).await;
    receiver.answer(503);
    shop.place("ORDER1", 5).await.expect(201);
    receiver.wait_for(1).await;
    shop.pay("ORDER1").await;
    shop.wait_for_status("ORDER1", "paid").await;
    let failing = shop
        .wait_get(&format!("/api/webhook-endpoints/{endpoint}"), |endpoint| {
            endpoint["failing_since"].is_string()
        })
        .await;
    assert_eq!(failing["status"], "enabled");
    receiver.answer(200);
    // Other orders do not wait for it.
    shop.place("ORDER2", 5).await.expect(201);
    let is_complete =
        |all: &[crate::receiver::Webhook]| all.iter().any(|webhook| webhook.kind() == "order.paid");
    let all = receiver.wait(is_complete).await;
    let kinds: Vec<_> = all
        .iter()
        .filter(|webhook| webhook.json()["data"]["object"]["out_trade_no"] == "ORDER1")
        .map(crate::receiver::Webhook::kind)
        .collect();
    assert_eq!(kinds, ["order.created", "order.created", "order.paid"]);
    let tries: Vec<_> = all
        .iter()
        .filter(|webhook| {
            webhook.kind() == "order.created" && webhook.json()["data"]["object"]["out_trade_no"] == "ORDER1"
        })
        .collect();
    assert_eq!(tries[0].header("webhook-id"), tries[1].header("webhook-id"));
    assert_eq!(tries[0].body, tries[1].body, "the same bytes in every try");
    assert_ne!(tries[0].header("webhook-timestamp"), tries[1].header("webhook-timestamp"));
    assert!(all.iter().all(|webhook| webhook.is_signed_by(&secret)));
    let attempts = shop.get(&format!("/api/webhook-endpoints/{endpoint}/attempts")).await.expect(200);
    let attempts = attempts["data"].as_array().unwrap();
    assert!(attempts.iter().any(|attempt| attempt["http_status"] == 503), "{attempts:?}");
    assert!(shop.metric("wxpay_webhook_deliveries_total{outcome=\"failed\"}").await >= 1.0);
}

#[tokio::test]
async fn endpoint_receives_only_its_types_and_its_merchant() {
    let shop = Shop::open().await;
    crate::merchants::create(&shop, "other", "1900000108").await;
    let (paid, ..) = shop.endpoint(json!({ "types": ["order.paid"] })).await;
    let (other, ..) = shop.endpoint(json!({ "merchant": "other" })).await;
    let (all, ..) = shop.endpoint(json!({})).await;
    for merchant in ["default", "other"] {
        let mut order = crate::shop::native("ORDER1", 5);
        order["merchant"] = json!(merchant);
        shop.post("/api/orders", &order).await.expect(201);
    }
    shop.control("POST", &format!("/orders/ORDER1/pay?mchid={}", shop.variable("WXPAY_MCHID")), json!({}))
        .await;
    assert_eq!(all.wait_for(3).await.len(), 3);
    assert_eq!(paid.wait_for(1).await[0].kind(), "order.paid");
    let of_other = other.wait_for(1).await;
    assert_eq!(of_other[0].json()["data"]["object"]["merchant"], "other");
    tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    assert_eq!((paid.all().len(), other.all().len(), all.all().len()), (1, 1, 3));
}

/// Waits until changes of endpoints have taken effect: deliveries read the endpoints every two seconds.
async fn changes_are_read() {
    tokio::time::sleep(std::time::Duration::from_secs(4)).await;
}

#[tokio::test]
async fn rotated_secret_signs_beside_the_previous_one() {
    let shop = Shop::open().await;
    let (receiver, endpoint, old) = shop.endpoint(json!({})).await;
    let path = format!("/api/webhook-endpoints/{endpoint}");
    let rotated = shop.post(&format!("{path}/rotate"), &Value::Null).await.expect(200);
    let new = rotated["secret"].as_str().unwrap();
    assert!(rotated["previous_secret_until"].as_str().unwrap().ends_with("+08:00"), "{rotated}");
    assert_ne!(new, old);
    changes_are_read().await;
    shop.place("ORDER1", 5).await.expect(201);
    let webhook = receiver.wait_for(1).await[0].clone();
    assert!(webhook.is_signed_by(new) && webhook.is_signed_by(&old), "{webhook:?}");
    let shown = shop.get(&path).await.expect(200);
    assert_eq!(shown.get("secret"), None);
    let audit = shop.get("/api/audit").await.expect(200);
    for secret in [new, &old] {
        assert!(!audit.to_string().contains(&secret[6..]));
        let content = std::fs::read(shop.dir.path().join("ledger.db-wal")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&content).contains(&secret[6..]), "the ledger has a secret");
    }
}

#[tokio::test]
async fn test_of_an_endpoint_reports_its_result() {
    let shop = Shop::open().await;
    let (receiver, endpoint, secret) = shop.endpoint(json!({})).await;
    let path = format!("/api/webhook-endpoints/{endpoint}/test");
    let result = shop.post(&path, &Value::Null).await.expect(200);
    assert_eq!((&result["success"], &result["http_status"]), (&json!(true), &json!(200)), "{result}");
    let webhook = receiver.all()[0].clone();
    assert!(webhook.is_signed_by(&secret) && webhook.kind() == "endpoint.test", "{webhook:?}");
    receiver.answer(418);
    let result = shop.post(&path, &Value::Null).await.expect(200);
    assert_eq!((&result["success"], &result["http_status"]), (&json!(false), &json!(418)), "{result}");
    let gone =
        shop.post("/api/webhook-endpoints", &json!({ "url": "http://127.0.0.1:1/" })).await.expect(201);
    let path = format!("/api/webhook-endpoints/{}/test", gone["endpoint"].as_str().unwrap());
    let result = shop.post(&path, &Value::Null).await.expect(200);
    assert_eq!((&result["success"], &result["http_status"]), (&json!(false), &Value::Null), "{result}");
}

#[tokio::test]
async fn replay_sends_events_again() {
    let shop = Shop::open().await;
    let (receiver, endpoint, secret) = shop.endpoint(json!({})).await;
    shop.place("ORDER1", 5).await.expect(201);
    shop.pay("ORDER1").await;
    let first = receiver.wait_for(2).await;
    let path = format!("/api/webhook-endpoints/{endpoint}/replay");
    let id = first[1].header("webhook-id").to_owned();
    let replayed = shop.post(&path, &json!({ "event_id": id })).await.expect(200);
    assert_eq!(replayed["events"], 1, "{replayed}");
    let all = receiver.wait_for(3).await;
    assert_eq!((all[2].header("webhook-id"), &all[2].body), (&*id, &first[1].body));
    assert!(all[2].is_signed_by(&secret));
    let replayed = shop.post(&path, &json!({ "from": "2020-01-01T00:00:00+08:00" })).await.expect(200);
    assert_eq!(replayed["events"], 2, "{replayed}");
    let all = receiver.wait_for(5).await;
    assert_eq!([all[3].kind(), all[4].kind()], ["order.created", "order.paid"]);
    shop.post(&path, &json!({ "event_id": "evt_unknown" })).await.problem(404, "not_found");
}

#[tokio::test]
async fn endpoint_that_answers_410_is_disabled_and_a_case_opened_whose_remedy_enables_it() {
    let shop = Shop::open().await;
    let (receiver, endpoint, _) = shop.endpoint(json!({ "merchant": "default" })).await;
    receiver.answer(410);
    shop.place("ORDER1", 5).await.expect(201);
    let path = format!("/api/webhook-endpoints/{endpoint}");
    shop.wait_get(&path, |endpoint| endpoint["status"] == "disabled").await;
    let case = shop.wait_for_case().await;
    assert_eq!(case["kind"], "endpoint_disabled", "{case}");
    receiver.answer(200);
    let resolve = format!("/api/cases/{}/resolve", case["case_id"].as_str().unwrap());
    shop.post(&resolve, &json!({ "remedy": "retry" })).await.expect(200);
    assert_eq!(shop.get(&path).await.expect(200)["status"], "enabled");
    // What was deferred is sent.
    let is_delivered = |all: &[crate::receiver::Webhook]| {
        all.iter().filter(|webhook| webhook.kind() == "order.created").count() >= 2
    };
    receiver.wait(is_delivered).await;
}

#[tokio::test]
async fn changed_and_deleted_endpoints() {
    let shop = Shop::open().await;
    let (receiver, endpoint, _) = shop.endpoint(json!({})).await;
    let path = format!("/api/webhook-endpoints/{endpoint}");
    let changed = shop.request("PATCH", &path, &json!({ "types": ["order.paid"] })).await.expect(200);
    assert_eq!((&changed["types"], &changed["url"]), (&json!(["order.paid"]), &json!(receiver.url())));
    let changed = shop.request("PATCH", &path, &json!({ "status": "disabled" })).await.expect(200);
    assert_eq!(changed["status"], "disabled");
    changes_are_read().await;
    shop.place("ORDER1", 5).await.expect(201);
    shop.pay("ORDER1").await;
    shop.wait_for_status("ORDER1", "paid").await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    assert!(receiver.all().is_empty());
    assert_eq!(shop.request("DELETE", &path, &Value::Null).await.status, 204);
    shop.get(&path).await.problem(404, "not_found");
}

#[tokio::test]
async fn events_of_the_time_without_the_server_are_delivered_after_a_restart() {
    let shop = Shop::open().await;
    let (receiver, ..) = shop.endpoint(json!({})).await;
    receiver.answer(500);
    shop.place("ORDER1", 5).await.expect(201);
    receiver.wait_for(1).await;
    let shop = shop.restart().await;
    receiver.answer(200);
    shop.place("ORDER2", 5).await.expect(201);
    let numbers = |all: &[crate::receiver::Webhook]| {
        let mut numbers: Vec<_> = all
            .iter()
            .skip(1)
            .map(|webhook| webhook.json()["data"]["object"]["out_trade_no"].as_str().unwrap().to_owned())
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    };
    receiver.wait(|all| numbers(all) == ["ORDER1", "ORDER2"]).await;
}
