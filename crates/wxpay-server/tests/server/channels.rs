//! The channels: placed, paid by the payer's client, notified, reported to the shop.

use crate::receiver::Webhook;
use crate::shop::{MERCHANT, OPENID, Shop, jsapi, native, order, with};
use serde_json::{Value, json};

/// Follows one order from its placing to its webhook.
async fn is_paid_and_reported(shop: &Shop, terms: Value, by_client: bool) {
    let (receiver, _, secret) = shop.endpoint(json!({})).await;
    let number = terms["out_trade_no"].as_str().unwrap();
    let placed = shop.post("/api/orders", &terms).await.expect(201);
    assert_eq!(
        (&placed["order"]["status"], &placed["order"]["merchant"]),
        (&json!("open"), &json!(MERCHANT))
    );
    assert_eq!(placed["order"]["channel"], terms["channel"], "{placed}");
    assert_eq!(placed["pay"]["kind"], terms["channel"], "{placed}");
    if by_client {
        // The payer's client verifies the merchant's signature.
        let paid = shop.control("POST", "/payer/pay", placed["pay"]["params"].clone()).await;
        assert_eq!(paid["payment_request"]["out_trade_no"], number, "{paid}");
    } else {
        shop.pay(number).await;
    }
    let paid = shop.wait_for_status(number, "paid").await;
    let payment = &paid["payments"][0];
    assert_eq!((&payment["total"], &payment["payer_total"]), (&json!(1999), &json!(1999)), "{paid}");
    assert!(payment["success_time"].as_str().unwrap().ends_with("+08:00"), "{paid}");
    assert!(!payment["transaction_id"].as_str().unwrap().is_empty(), "{paid}");
    assert!(paid["payer"].as_str().is_some_and(|payer| !payer.is_empty()), "{paid}");
    let webhooks = receiver.wait_for(2).await;
    assert_eq!(webhooks.iter().map(Webhook::kind).collect::<Vec<_>>(), ["order.created", "order.paid"]);
    for webhook in &webhooks {
        assert!(webhook.is_signed_by(&secret), "{webhook:?}");
        assert_eq!(webhook.header("webhook-id"), webhook.json()["id"].as_str().unwrap());
        assert_eq!(webhook.header("content-type"), "application/json");
    }
    // The webhook has the order as of the event, which is still so.
    assert_eq!(webhooks[1].json()["data"]["object"], paid);
    let events = shop.get("/api/events?types=order.paid").await.expect(200);
    assert_eq!(events["data"][0], webhooks[1].json());
    assert_eq!(shop.metric("wxpay_paid_total{source=\"notification\"}").await, 1.0);
}

#[tokio::test]
async fn native_order_is_paid_and_reported() {
    let shop = Shop::open().await;
    let terms =
        with(&native("ORDER1", 1999), &[("/attach", json!("stall 7")), ("/metadata", json!({"cart": "9"}))]);
    is_paid_and_reported(&shop, terms, false).await;
    let paid = shop.order("ORDER1").await;
    assert_eq!((&paid["attach"], &paid["metadata"]), (&json!("stall 7"), &json!({"cart": "9"})));
    assert_eq!((&paid["api_version"], &paid["seq"]), (&json!("v3"), &json!(2)));
}

#[tokio::test]
async fn jsapi_order_is_paid_with_its_signed_parameters() {
    let shop = Shop::open().await;
    is_paid_and_reported(&shop, jsapi("ORDER1", 1999), true).await;
    assert_eq!(shop.order("ORDER1").await["payer"], OPENID);
}

#[tokio::test]
async fn mini_program_order_is_paid_with_its_signed_parameters() {
    let shop = Shop::open().await;
    let terms = with(&order("mini_program", "ORDER1", 1999), &[("/payer", json!({ "openid": OPENID }))]);
    is_paid_and_reported(&shop, terms, true).await;
}

#[tokio::test]
async fn app_order_is_paid_with_its_signed_parameters() {
    let shop = Shop::open().await;
    let terms = with(&order("app", "ORDER1", 1999), &[("/app", json!(shop.variable("WXPAY_APPID")))]);
    is_paid_and_reported(&shop, terms, true).await;
}

#[tokio::test]
async fn h5_order_is_paid_through_its_url() {
    let shop = Shop::open().await;
    let scene = json!({ "payer_client_ip": "203.0.113.7", "h5_info": { "type": "Wap" } });
    let terms = with(&order("h5", "ORDER1", 1999), &[("/scene_info", scene)]);
    is_paid_and_reported(&shop, terms, false).await;
    let again = shop.post("/api/orders", &native("ORDER2", 1)).await.expect(201);
    assert!(again["pay"]["code_url"].as_str().unwrap().starts_with("weixin://"), "{again}");
}

#[tokio::test]
async fn app_order_of_api_v1_is_paid_and_its_delivery_reported() {
    let shop = Shop::open().await;
    let terms = with(&order("app", "ORDER1", 1999), &[("/app", json!(shop.variable("WXPAY_V1_APPID")))]);
    is_paid_and_reported(&shop, terms, true).await;
    assert_eq!(shop.order("ORDER1").await["api_version"], "v1");
    let path = "/api/orders/ORDER1/delivered";
    shop.post(path, &json!({ "status": "failed" })).await.problem(422, "invalid_field");
    for _ in 0..2 {
        let delivered = shop.post(path, &json!({ "status": "ok" })).await.expect(200);
        assert_eq!(delivered["status"], "paid", "{delivered}");
    }
    assert_eq!(shop.requests("v1.delivernotify").await, 1);
    // Orders of APIv3 have no delivery reports.
    shop.place("ORDER2", 1).await.expect(201);
    shop.post("/api/orders/ORDER2/delivered", &json!({ "status": "ok" }))
        .await
        .problem(409, "only_in_api_v1");
}

#[tokio::test]
async fn partner_places_orders_of_its_sub_merchants() {
    let shop = Shop::of_partner().await;
    shop.post("/api/orders", &jsapi("ORDER1", 1999)).await.problem(422, "invalid_field");
    let other = with(&jsapi("ORDER1", 1999), &[("/sub_mchid", json!("1900000110"))]);
    let problem = shop.post("/api/orders", &other).await.problem(422, "invalid_field");
    assert_eq!(problem["field"], "sub_mchid", "{problem}");
    let terms = with(&jsapi("ORDER1", 1999), &[("/sub_mchid", json!("1900000109"))]);
    let placed = shop.post("/api/orders", &terms).await.expect(201);
    assert_eq!(placed["order"]["merchant"], "partner");
    shop.control("POST", "/payer/pay", placed["pay"]["params"].clone()).await;
    shop.wait_for_status("ORDER1", "paid").await;
    let refund = shop.refund("ORDER1", "R1", 5).await.expect(201);
    assert_eq!(refund["amount"]["refund"], 5, "{refund}");
}
