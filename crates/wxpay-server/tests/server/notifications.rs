//! Notifications: genuine, forged, duplicate, and anomalous ones.

use crate::shop::{Shop, call};
use serde_json::{Value, json};
use std::time::Duration;
use wxpay_sim::{
    faults::{Fault, Operation},
    gateway::Payer,
};

#[tokio::test]
async fn a_duplicate_notification_counts_once() {
    let shop = Shop::open().await;
    shop.inject(Fault::NotificationDuplicated, Operation::Notification, 1);
    shop.order("A1", 1999).await;
    shop.pay("A1");
    shop.wait_for_status("A1", "paid").await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(shop.kinds("A1").await, ["order.paid"]);
}

#[tokio::test]
async fn a_notification_before_the_genprepay_reply_is_applied() {
    let shop = Shop::open().await;
    shop.inject(Fault::Early, Operation::Genprepay, 1);
    let placed = shop.order("A1", 1999).await;
    assert_eq!(placed.status, 201, "{}", placed.json());
    assert_eq!(placed.json()["status"], "paid");
    assert!(placed.json().get("app").is_none());
    assert_eq!(shop.view("A1").await["next_query_at"], Value::Null);
    assert_eq!(shop.kinds("A1").await, ["order.paid"]);
}

#[tokio::test]
async fn a_forged_notification_changes_nothing_and_the_genuine_one_counts() {
    let shop = Shop::open().await;
    shop.inject(Fault::NotificationForged, Operation::Notification, 1);
    shop.order("A1", 1999).await;
    shop.pay("A1");
    let view = shop.wait_for_status("A1", "paid").await;
    assert_eq!(view["anomalies"], json!([]));
    assert_eq!(shop.kinds("A1").await, ["order.paid"]);
}

#[tokio::test]
async fn an_unverified_notification_is_rejected_and_changes_nothing() {
    let shop = Shop::open().await;
    shop.order("A1", 1999).await;
    let query =
        "/notify/v1?out_trade_no=A1&total_fee=1999&trade_state=0&sign=00000000000000000000000000000000";
    for (method, path) in [("POST", query), ("POST", "/notify/v1"), ("GET", query), ("PUT", "/notify/v1")] {
        let reply = call(shop.address(), method, path, &[], b"<xml></xml>").await;
        assert_ne!(reply.status, 200, "{method} {path}");
        assert_ne!(reply.body, b"success");
    }
    assert_eq!(shop.view("A1").await["status"], "open");
    assert!(shop.events().await.is_empty());
}

#[tokio::test]
async fn a_payment_reported_by_the_app_counts_only_after_a_query() {
    let shop = Shop::open().await;
    shop.order("A1", 1999).await;
    let reply = shop.post("/api/orders/A1/query", &json!({"errCode": 0})).await;
    assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("open")));
    shop.inject(Fault::NotificationLost, Operation::Notification, 100);
    shop.pay("A1");
    let reply = shop.post("/api/orders/A1/query", &json!({})).await;
    assert_eq!((reply.status, &reply.json()["status"]), (200, &json!("paid")));
    assert_eq!(shop.post("/api/orders/B9/query", &json!({})).await.status, 404);
}

#[tokio::test]
async fn a_failed_query_is_answered_202() {
    let shop = Shop::open_with(&[("call_attempts", "1")]).await;
    shop.order("A1", 1999).await;
    shop.inject(Fault::DropBeforeCommit, Operation::Orderquery, 1);
    let reply = shop.post("/api/orders/A1/query", &json!({})).await;
    assert_eq!((reply.status, &reply.json()["status"]), (202, &json!("open")));
    assert!(reply.json()["next_query_at"].is_string());
}

#[tokio::test]
async fn a_payment_of_another_amount_makes_the_order_anomalous() {
    let shop = Shop::open().await;
    shop.order("A1", 1999).await;
    // Another program with the merchant's keys places the same number for one fen, and the payer pays that.
    shop.order_elsewhere("A1", 1).await;
    shop.pay("A1");
    let view = shop.wait_for_status("A1", "anomalous").await;
    assert_eq!(view["anomalies"][0]["anomaly"], "amount_mismatch", "{view}");
    assert_eq!((&view["transaction_id"], &view["paid_at"]), (&Value::Null, &Value::Null));
    assert_eq!(shop.kinds("A1").await, ["order.anomalous"]);
    // The same order again is not placed at WeChat Pay: it could be paid once more.
    let placed = shop.record("A1").unwrap().prepays.len();
    assert_eq!(shop.order("A1", 1999).await.json()["status"], "anomalous");
    assert_eq!(shop.record("A1").unwrap().prepays.len(), placed);
}

#[tokio::test]
async fn a_payment_of_an_unknown_order_is_stored_and_applied_when_the_order_is_placed() {
    let shop = Shop::open().await;
    shop.order_elsewhere("A1", 1999).await;
    shop.pay("A1");
    for _ in 0..100 {
        if !shop.events().await.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(shop.kinds("A1").await, ["payment.unknown_order"]);
    assert_eq!(shop.get("/api/orders/A1").await.status, 404);
    let placed = shop.order("A1", 1999).await;
    assert_eq!((placed.status, &placed.json()["status"]), (201, &json!("paid")), "{}", placed.json());
    assert_eq!(shop.kinds("A1").await, ["payment.unknown_order", "order.paid"]);
}

#[tokio::test]
async fn a_second_payment_is_an_anomaly_and_the_order_stays_paid() {
    let shop = Shop::open().await;
    shop.order("A1", 1999).await;
    shop.pay("A1");
    let first = shop.wait_for_status("A1", "paid").await;
    shop.inject(Fault::SecondPayment, Operation::Pay, 1);
    shop.pay_as("A1", &Payer::default());
    for _ in 0..200 {
        if shop.kinds("A1").await.len() > 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let view = shop.view("A1").await;
    assert_eq!(view["status"], "paid");
    assert_eq!(view["anomalies"][0]["anomaly"], "second_payment", "{view}");
    assert!(first["anomalies"].as_array().unwrap().is_empty());
    assert_eq!(shop.kinds("A1").await, ["order.paid", "order.anomalous"]);
}
