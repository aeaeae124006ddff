//! Orders and the payer's actions on them.

use super::fixture;
use serde_json::{Value, json};

#[test]
fn paid_order_shows_its_payment() {
    let mut interface = fixture().interface;
    assert_eq!(interface.call("GET", "orders/A1", &Value::Null).body["trade_state"], "NOTPAY");
    let payer = json!({ "openid": "oPayer", "discount": 50, "bank_type": "0" });
    let paid = interface.call("POST", "orders/A1/pay", &payer);
    assert_eq!(paid.status, 200);
    assert_eq!(paid.body["trade_state"], "SUCCESS");
    assert_eq!(paid.body["payments"][0]["openid"], "oPayer");
    assert_eq!(paid.body["payments"][0]["payer_total"], 1949);
    assert_eq!(interface.call("GET", "orders", &Value::Null).body[0], paid.body);
    assert_eq!(interface.call("GET", "notifications", &Value::Null).body[0]["state"], "WAITING");
    let repeated = interface.call("POST", "orders/A1/pay", &Value::Null);
    assert_eq!((repeated.status, repeated.content_type()), (409, "application/problem+json"));
}

#[test]
fn cancelled_and_failed_payments_are_recorded() {
    let mut interface = fixture().interface;
    interface.call("POST", "orders/A1/cancel", &Value::Null);
    let record = interface.call("POST", "orders/A1/fail", &Value::Null).body;
    assert_eq!(record["failed_attempts"][0]["outcome"], "cancelled");
    assert_eq!(record["failed_attempts"][1]["outcome"], "failed");
    assert_eq!(record["trade_state"], "NOTPAY");
}

#[test]
fn invalid_order_request_is_rejected_by_field() {
    let mut interface = fixture().interface;
    for (path, body, field) in [
        ("orders/A1/pay", json!({ "openid": "" }), "openid"),
        ("orders/A1/pay", json!({ "discount": -1 }), "discount"),
        ("orders/A1/pay", json!({ "bank_type": "&" }), "bank_type"),
        ("orders/A1/pay", json!({ "bank_type": 7 }), "bank_type"),
        ("orders/A1/pay", json!({ "amount": 7 }), "amount"),
        ("orders/A1/pay", json!("pay"), "body"),
        ("orders/A%201/pay", Value::Null, "out_trade_no"),
        ("orders/A1/pay?mchid=me", Value::Null, "mchid"),
    ] {
        assert_eq!(interface.rejected("POST", path, &body), (400, field.into()), "{path} {body}");
    }
    let discount = json!({ "discount": 1999 });
    assert_eq!(interface.rejected("POST", "orders/A1/pay", &discount), (409, "discount".into()));
    for (method, path) in [("POST", "orders/A2/pay"), ("GET", "orders/A2"), ("POST", "orders/A2/fail")] {
        assert_eq!(interface.rejected(method, path, &Value::Null).0, 404, "{method} {path}");
    }
}

#[test]
fn order_is_selected_by_merchant() {
    let super::Fixture { shop, mut interface, .. } = fixture();
    let query = format!("mchid={}", shop.merchant.partner());
    assert_eq!(interface.get(&format!("orders/A1?{query}"))["out_trade_no"], "A1");
    assert_eq!(interface.get(&format!("orders?{query}")).as_array().unwrap().len(), 1);
    assert_eq!(interface.get("orders?mchid=1"), json!([]));
    assert_eq!(interface.rejected("POST", "orders/A1/pay?mchid=1", &Value::Null).0, 404);
    assert_eq!(
        interface.succeed("POST", &format!("orders/A1/pay?{query}"), &json!({}))["trade_state"],
        "SUCCESS"
    );
}

#[test]
fn orders_of_two_merchants_with_one_number_are_distinguished() {
    let mut shop = crate::v3::shop::Shop::open();
    shop.order("A12345");
    let other = shop.gateway.new_merchant();
    let mut other_shop = crate::v3::shop::Shop::of(shop.gateway.clone(), other);
    other_shop.order("A12345");
    let mut interface = super::Control::of(other_shop.gateway.clone(), shop.now);
    let (own_mchid, other_mchid) = (shop.mchid(), other_shop.mchid());
    for mchid in [&other_mchid, &own_mchid] {
        let path = format!("orders/A12345/pay?mchid={mchid}");
        let paid = interface.succeed("POST", &path, &json!({ "discount": 99, "bank_type": "CMB_DEBIT" }));
        assert_eq!((&paid["mchid"], &paid["trade_state"]), (&json!(mchid), &json!("SUCCESS")));
        let payment = &paid["payments"][0];
        assert_eq!((&payment["payer_total"], &payment["bank_type"]), (&json!(1900), &json!("CMB_DEBIT")));
        assert_eq!(interface.get(&format!("orders?mchid={mchid}")), json!([paid]));
    }
    assert_eq!(interface.get("orders").as_array().unwrap().len(), 2);
}

#[test]
fn attempt_without_payment_leaves_an_order_open() {
    let mut shop = crate::v3::shop::Shop::open();
    shop.post("/v3/pay/transactions/app", &shop.goods("A12345"));
    let mut interface = super::Control::of(shop.gateway, shop.now);
    for (action, attempts) in [("cancel", 1), ("fail", 2)] {
        let order = interface.succeed("POST", &format!("orders/A12345/{action}"), &Value::Null);
        assert_eq!(order["trade_state"], "NOTPAY");
        assert_eq!(order["failed_attempts"].as_array().unwrap().len(), attempts);
    }
}

/// Finding C5: the command was answered with 200, and did nothing.
#[test]
fn attempt_that_no_program_can_learn_of_is_refused() {
    let mut shop = crate::v3::shop::Shop::open();
    shop.post("/v3/pay/transactions/native", &shop.goods("N12345"));
    shop.order("A12345");
    let mut interface = super::Control::of(shop.gateway, shop.now);
    interface.succeed("POST", "orders/A12345/pay", &Value::Null);
    for path in ["orders/N12345/cancel", "orders/N12345/fail", "orders/A12345/cancel", "orders/A12345/fail"] {
        assert_eq!(interface.rejected("POST", path, &Value::Null).0, 409, "{path}");
    }
}

#[test]
fn code_payment_waiting_for_its_password_ends_with_the_attempt() {
    for action in ["cancel", "fail", "fail?reason=failed", "fail?reason=not_enough"] {
        code_payment_ends_with(action);
    }
}

#[test]
fn payer_may_try_again_after_a_wrong_password() {
    let mut shop = crate::v3::shop::Shop::open();
    let code = json!({
        "payer": { "auth_code": "130061098828009402" }, "scene_info": { "store_info": { "id": "S1" } },
    });
    let mut goods = shop.goods_with("A12345", &code);
    goods.as_object_mut().unwrap().remove("notify_url");
    shop.post("/v3/pay/transactions/codepay", &goods);
    let mut interface = super::Control::of(shop.gateway.clone(), shop.now);
    let order = interface.succeed("POST", "orders/A12345/fail?reason=wrong_password", &Value::Null);
    assert_eq!(order["trade_state"], "USERPAYING");
    assert_eq!(order["failed_attempts"][0]["outcome"], "wrong_password");
    assert_eq!(
        interface.rejected("POST", "orders/A12345/fail?reason=sad", &Value::Null),
        (400, "reason".into())
    );
    assert_eq!(interface.succeed("POST", "orders/A12345/pay", &Value::Null)["trade_state"], "SUCCESS");
}

#[test]
fn merchant_platform_refunds_the_rest_and_no_more() {
    let mut shop = crate::v3::shop::Shop::open();
    shop.order("A12345");
    let mut interface = super::Control::of(shop.gateway.clone(), shop.now);
    let refund = "orders/A12345/refund";
    assert_eq!(interface.rejected("POST", refund, &Value::Null).0, 409);
    interface.succeed("POST", "orders/A12345/pay", &Value::Null);
    let part = json!({ "amount": 999, "notify_url": "https://shop.example/refunds" });
    let made = interface.succeed("POST", refund, &part);
    assert_eq!((&made["refund"], &made["status"]), (&json!(999), &json!("PROCESSING")));
    assert_eq!(interface.rejected("POST", refund, &json!({ "amount": 1001 })).0, 409);
    assert_eq!(interface.succeed("POST", refund, &Value::Null)["refund"], 1000);
    assert_eq!(interface.rejected("POST", refund, &Value::Null).0, 409);
    assert_eq!(interface.rejected("POST", "orders/B12345/refund", &Value::Null).0, 404);
    interface.succeed("POST", "clock", &json!({ "advance_seconds": 600 }));
    assert_eq!(interface.get("orders/A12345")["refunds"][1]["status"], "SUCCESS");
    // Only the refund with a URL is notified.
    let notifications = interface.get("notifications");
    let events: Vec<_> = notifications.as_array().unwrap().iter().map(|event| &event["event_type"]).collect();
    assert_eq!(events, ["TRANSACTION.SUCCESS", "REFUND.SUCCESS"]);
}

fn code_payment_ends_with(action: &str) {
    let mut shop = crate::v3::shop::Shop::open();
    let code = json!({
        "payer": { "auth_code": "130061098828009402" }, "scene_info": { "store_info": { "id": "S1" } },
    });
    let mut goods = shop.goods_with("A12345", &code);
    goods.as_object_mut().unwrap().remove("notify_url");
    let reply = shop.post("/v3/pay/transactions/codepay", &goods);
    assert_eq!(reply.body["trade_state"], "USERPAYING", "{reply:?}");
    let mut interface = super::Control::of(shop.gateway.clone(), shop.now);
    let order = interface.succeed("POST", &format!("orders/A12345/{action}"), &Value::Null);
    assert_eq!(order["trade_state"], "PAYERROR");
    shop.gateway = interface.simulation.gateway;
    assert_eq!(shop.query("A12345").body["trade_state"], "PAYERROR");
}

#[test]
fn combined_order_is_found_by_any_of_its_numbers() {
    let mut shop = crate::v3::shop::Shop::open();
    let sub_order = |number: &str| {
        json!({
            "mchid": shop.mchid(), "out_trade_no": number, "attach": "一", "description": "大米",
            "amount": { "total_amount": 1000, "currency": "CNY" },
        })
    };
    let combined = json!({
        "combine_appid": shop.appid(), "combine_mchid": shop.mchid(), "combine_out_trade_no": "C12345",
        "notify_url": "https://shop.example/notify", "sub_orders": [sub_order("C12345-1"), sub_order("C12345-2")],
    });
    assert_eq!(shop.post("/v3/combine-transactions/native", &combined).status, 200);
    shop.order("A12345");
    let mchid = shop.mchid();
    let mut interface = super::Control::of(shop.gateway, shop.now);
    interface.succeed("POST", "orders/C12345/pay", &Value::Null);
    let record = interface.get("orders/C12345/combined");
    assert!(record["combine_transaction_id"].is_string());
    assert_eq!(record["sub_orders"].as_array().unwrap().len(), 2);
    assert_eq!(interface.get(&format!("orders/C12345-2/combined?mchid={mchid}")), record);
    for path in ["orders/A12345/combined", "orders/C12345/combined?mchid=1"] {
        assert_eq!(interface.rejected("GET", path, &Value::Null).0, 404);
    }
}
