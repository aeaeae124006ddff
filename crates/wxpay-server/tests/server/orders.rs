//! Placing orders, payments and delivery reports, as the shop sees them.

use crate::shop::{Shop, call, order};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use wxpay_sim::{
    faults::{Fault, Operation},
    gateway::Payer,
};

#[tokio::test]
async fn a_payment_from_order_to_delivery() {
    let shop = Shop::open().await;
    let placed = shop.order("A1", 1999).await;
    assert_eq!(placed.status, 201, "{}", placed.json());
    let placed = placed.json();
    assert_eq!((&placed["status"], &placed["out_trade_no"]), (&json!("open"), &json!("A1")));
    let params = placed["app"].as_object().unwrap();
    let names: Vec<_> = params.keys().map(String::as_str).collect();
    assert_eq!(names, ["appid", "noncestr", "package", "partnerid", "prepayid", "sign", "timestamp"]);
    assert!(params.values().all(Value::is_string));

    // The payer's client checks the signature of the parameters and pays.
    let sim = shop.sim.address();
    let paid = call(sim, "POST", "/_sim/v1/payer/pay", &[], placed["app"].to_string().as_bytes()).await;
    assert_eq!(paid.status, 200, "{}", paid.json());
    let view = shop.wait_for_status("A1", "paid").await;
    let record = shop.record("A1").unwrap();
    let payment = &record.payments[0];
    assert_eq!(view["transaction_id"], payment.transaction_id.to_string());
    assert_eq!((&view["discount"], &view["anomalies"]), (&json!(0), &json!([])));
    assert!(view["paid_at"].as_str().unwrap().ends_with("+08:00"), "{view}");
    assert_eq!(view["next_query_at"], Value::Null);
    assert_eq!(shop.kinds("A1").await, ["order.paid"]);

    // The same order again returns no parameters: it is paid.
    let again = shop.order("A1", 1999).await;
    assert_eq!((again.status, &again.json()["status"]), (200, &json!("paid")));
    assert!(again.json().get("app").is_none());

    let delivered = shop.post("/api/orders/A1/delivered", &json!({"status": "ok"})).await;
    assert_eq!(delivered.status, 200, "{}", delivered.json());
    assert_eq!(delivered.json()["delivery"]["delivered"], true);
    assert!(delivered.json()["delivery"]["acknowledged_at"].is_string());
    let record = shop.record("A1").unwrap();
    let reported: Vec<_> = record.deliveries.iter().map(|one| (one.delivered, &*one.deliver_msg)).collect();
    assert_eq!(reported, [(true, "ok")]);
    let repeated = shop.post("/api/orders/A1/delivered", &json!({"status": "ok"})).await;
    assert_eq!(repeated.json()["delivery"], delivered.json()["delivery"]);
    assert!(shop.server.shutdown().await);
}

#[tokio::test]
async fn a_payment_with_a_discount_pays_the_order() {
    let shop = Shop::open().await;
    shop.order("A1", 1999).await;
    shop.pay_as("A1", &Payer::default().with_discount(wxpay_proto::Fen::new(50)));
    let view = shop.wait_for_status("A1", "paid").await;
    assert_eq!(view["discount"], 50);
}

#[tokio::test]
async fn the_same_order_again_returns_the_same_prepayid() {
    let shop = Shop::open().await;
    let first = shop.order("A1", 1999).await;
    let again = shop.order("A1", 1999).await;
    assert_eq!((first.status, again.status), (201, 200));
    assert_eq!(first.json()["app"]["prepayid"], again.json()["app"]["prepayid"]);
    assert_eq!(shop.record("A1").unwrap().prepays.len(), 1);
}

#[tokio::test]
async fn concurrent_requests_for_one_order_share_one_call() {
    let shop = Shop::open().await;
    shop.inject(Fault::Delayed { millis: 300 }, Operation::Genprepay, 1);
    let address = shop.address();
    let requests: Vec<_> = (0..16)
        .map(|_| {
            tokio::spawn(async move {
                let head = [("content-type", "application/json")];
                let body = order("A1", 1999).to_string();
                call(address, "POST", "/api/orders", &head, body.as_bytes()).await
            })
        })
        .collect();
    let (mut created, mut prepayids) = (0, Vec::new());
    for reply in requests {
        let reply = reply.await.unwrap();
        created += u32::from(reply.status == 201);
        prepayids.push(reply.json()["app"]["prepayid"].clone());
    }
    prepayids.dedup();
    assert_eq!((created, prepayids.len()), (1, 1));
    assert_eq!(shop.record("A1").unwrap().prepays.len(), 1);
}

#[tokio::test]
async fn another_order_under_the_same_number_is_a_conflict_that_names_the_field() {
    let shop = Shop::open().await;
    let mut placed = order("A1", 1999);
    placed["attach"] = json!("a");
    assert_eq!(shop.post("/api/orders", &placed).await.status, 201);
    for (field, value) in [
        ("total_fee", json!(1998)),
        ("body", json!("other")),
        ("spbill_create_ip", json!("203.0.113.8")),
        ("attach", json!("b")),
        ("attach", json!("")),
        ("traceid", json!("t")),
        ("charset", json!("GBK")),
        ("time_expire", json!("2099-01-01T00:00:00Z")),
    ] {
        let mut other = placed.clone();
        other[field] = value;
        let reply = shop.post("/api/orders", &other).await;
        assert_eq!((reply.status, &reply.json()["field"]), (409, &json!(field)), "{}", reply.json());
        assert!(reply.head.contains("content-type: application/problem+json"));
    }
    assert_eq!(shop.view("A1").await["total_fee"], 1999);
}

#[tokio::test]
async fn a_lost_reply_leaves_the_fate_unknown_and_the_same_request_resolves_it() {
    let shop = Shop::open_with(&[("call_attempts", "1")]).await;
    shop.inject(Fault::CommitThenDropResponse, Operation::Genprepay, 1);
    let lost = shop.order("A1", 1999).await;
    assert_eq!((lost.status, &lost.json()["fate"]), (504, &json!("unknown")), "{}", lost.json());
    // The order is in the ledger and at WeChat Pay, and is polled.
    let view = shop.view("A1").await;
    assert_eq!(view["status"], "open");
    assert!(view["next_query_at"].is_string(), "{view}");
    assert!(shop.record("A1").is_some());
    let again = shop.order("A1", 1999).await;
    assert_eq!(again.status, 200, "{}", again.json());
    shop.pay("A1");
    shop.wait_for_status("A1", "paid").await;
    assert_eq!(shop.kinds("A1").await, ["order.paid"]);
}

#[tokio::test]
async fn a_lost_reply_is_retried_by_the_core() {
    let shop = Shop::open().await;
    shop.inject(Fault::CommitThenDropResponse, Operation::Genprepay, 1);
    let placed = shop.order("A1", 1999).await;
    assert_eq!(placed.status, 201, "{}", placed.json());
}

#[tokio::test]
async fn a_refusal_has_its_code_and_the_order_is_not_polled() {
    let shop = Shop::open_with(&[("partner_key", &"0".repeat(32))]).await;
    let refused = shop.order("A1", 1999).await;
    assert_eq!((refused.status, &refused.json()["fate"]), (502, &json!("refused")), "{}", refused.json());
    assert!(refused.json()["refusal"]["code"].is_string());
    let view = shop.view("A1").await;
    assert_eq!((&view["status"], &view["next_query_at"]), (&json!("open"), &Value::Null));
}

#[tokio::test]
async fn the_fate_is_not_sent_if_the_gateway_is_unreachable() {
    let shop = Shop::open_with(&[("gateway_base_url", "http://127.0.0.1:9"), ("call_attempts", "1")]).await;
    let failed = shop.order("A1", 1999).await;
    assert_eq!((failed.status, &failed.json()["fate"]), (503, &json!("not_sent")), "{}", failed.json());
    assert_eq!(shop.view("A1").await["next_query_at"], Value::Null);
}

#[tokio::test]
async fn an_order_is_placed_even_if_the_client_disconnects() {
    let shop = Shop::open().await;
    shop.inject(Fault::Delayed { millis: 400 }, Operation::Genprepay, 1);
    let body = order("A1", 1999).to_string();
    let mut stream = tokio::net::TcpStream::connect(shop.address()).await.unwrap();
    let head = format!(
        "POST /api/orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(150)).await;
    drop(stream);
    tokio::time::sleep(Duration::from_millis(600)).await;
    assert_eq!(shop.view("A1").await["status"], "open");
    let again = shop.order("A1", 1999).await;
    assert_eq!(again.status, 200);
    assert_eq!(shop.record("A1").unwrap().prepays.len(), 1);
}

#[tokio::test]
async fn an_expired_prepayid_is_fetched_anew_under_the_same_number() {
    let shop = Shop::open_with(&[("prepay_lifetime", "1s")]).await;
    let first = shop.order("A1", 1999).await.json();
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let again = shop.order("A1", 1999).await;
    assert_eq!(again.status, 200);
    assert_ne!(first["app"]["prepayid"], again.json()["app"]["prepayid"]);
}

#[tokio::test]
async fn an_order_refused_because_it_is_paid_is_queried_and_paid() {
    let shop = Shop::open_with(&[("prepay_lifetime", "500ms")]).await;
    shop.inject(Fault::NotificationLost, Operation::Notification, 100);
    shop.order("A1", 1999).await;
    shop.pay("A1");
    tokio::time::sleep(Duration::from_millis(600)).await;
    let again = shop.order("A1", 1999).await;
    assert_eq!((again.status, &again.json()["status"]), (200, &json!("paid")), "{}", again.json());
    assert_eq!(shop.kinds("A1").await, ["order.paid"]);
}

#[tokio::test]
async fn replaced_and_expired_tokens_are_refreshed() {
    let shop = Shop::open().await;
    shop.order("A1", 1).await;
    shop.sim.with(|sim, now| sim.gateway.replace_tokens(now.business));
    assert_eq!(shop.order("A2", 1).await.status, 201);
    shop.sim.with(|sim, now| sim.gateway.expire_tokens(now.business));
    assert_eq!(shop.order("A3", 1).await.status, 201);
}

#[tokio::test]
async fn a_delivery_report_requires_a_payment_and_a_payer() {
    let shop = Shop::open().await;
    shop.order("A1", 1999).await;
    let early = shop.post("/api/orders/A1/delivered", &json!({"status": "ok"})).await;
    assert_eq!(early.status, 409, "{}", early.json());
    shop.inject(Fault::NotificationLost, Operation::Notification, 100);
    shop.pay("A1");
    assert_eq!(shop.post("/api/orders/A1/query", &json!({})).await.json()["status"], "paid");
    let without_payer = shop.post("/api/orders/A1/delivered", &json!({"status": "ok"})).await;
    assert_eq!((without_payer.status, &without_payer.json()["field"]), (422, &json!("openid")));
    let payer = shop.sim.with(|sim, _| sim.gateway.payer().as_str().to_owned());
    let failed = json!({"status": "failed", "message": "缺货", "openid": payer});
    let delivered = shop.post("/api/orders/A1/delivered", &failed).await;
    assert_eq!(delivered.status, 200, "{}", delivered.json());
    assert_eq!(delivered.json()["delivery"]["message"], "缺货");
    assert_eq!(delivered.json()["delivery"]["delivered"], false);
    let record = shop.record("A1").unwrap();
    let reported: Vec<_> = record.deliveries.iter().map(|one| (one.delivered, &*one.deliver_msg)).collect();
    assert_eq!(reported, [(false, "缺货")]);
    assert_eq!(shop.post("/api/orders/B9/delivered", &json!({"status": "ok"})).await.status, 404);
}

#[tokio::test]
async fn a_delivery_report_that_wechat_pay_does_not_acknowledge_is_sent_again() {
    let shop = Shop::open_with(&[("call_attempts", "1")]).await;
    shop.order("A1", 1999).await;
    shop.pay("A1");
    shop.wait_for_status("A1", "paid").await;
    shop.inject(Fault::DropBeforeCommit, Operation::Delivernotify, 1);
    let failed = shop.post("/api/orders/A1/delivered", &json!({"status": "ok"})).await;
    assert_eq!(failed.status, 504, "{}", failed.json());
    assert_eq!(shop.view("A1").await["delivery"]["acknowledged_at"], Value::Null);
    let again = shop.post("/api/orders/A1/delivered", &json!({"status": "ok"})).await;
    assert_eq!(again.status, 200, "{}", again.json());
    assert!(again.json()["delivery"]["acknowledged_at"].is_string());
    assert_eq!(shop.record("A1").unwrap().deliveries.len(), 1);
}

#[tokio::test]
async fn an_order_with_time_expire_is_placed_and_can_be_paid_until_then() {
    let shop = Shop::open().await;
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let expire = since.as_secs() + 600;
    let text = wxpay_server::time::ChinaTime::from(wxpay_proto::UnixTime::from_secs(expire)).to_string();
    let mut order = order("A1", 1999);
    order["time_expire"] = json!(text);
    let placed = shop.post("/api/orders", &order).await;
    assert_eq!((placed.status, &placed.json()["time_expire"]), (201, &json!(text)), "{}", placed.json());
    let prepays = shop.record("A1").unwrap().prepays;
    assert_eq!(prepays.first().unwrap().expires_at, expire);
    shop.pay("A1");
    shop.wait_for_status("A1", "paid").await;
}
