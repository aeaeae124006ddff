//! What payers do with orders.

use super::opened;
use serde_json::{Value, json};

#[test]
fn the_payer_pays_and_the_record_tells() {
    let mut interface = opened().interface;
    assert_eq!(interface.call("GET", "orders/A1", &Value::Null).body["state"], "ORDERED");
    let payer = json!({ "openid": "oPayer", "discount": 50, "bank_type": "0" });
    let paid = interface.call("POST", "orders/A1/pay", &payer);
    assert_eq!(paid.status, 200);
    assert_eq!(paid.body["state"], "PAID");
    assert_eq!(paid.body["payments"][0]["openid"], "oPayer");
    assert_eq!(paid.body["payments"][0]["total_fee"], 1949);
    assert_eq!(interface.call("GET", "orders", &Value::Null).body[0], paid.body);
    assert_eq!(interface.call("GET", "notices", &Value::Null).body[0]["state"], "WAITING");
    let again = interface.call("POST", "orders/A1/pay", &Value::Null);
    assert_eq!((again.status, again.content_type()), (409, "application/problem+json"));
}

#[test]
fn the_payer_cancels_and_fails() {
    let mut interface = opened().interface;
    interface.call("POST", "orders/A1/cancel", &Value::Null);
    let record = interface.call("POST", "orders/A1/fail", &Value::Null).body;
    assert_eq!(record["refusals"][0]["outcome"], "cancelled");
    assert_eq!(record["refusals"][1]["outcome"], "failed");
    assert_eq!(record["state"], "ORDERED");
}

#[test]
fn bad_input_names_field_and_rule_and_changes_nothing() {
    let mut interface = opened().interface;
    for (path, body, field) in [
        ("orders/A1/pay", json!({ "openid": "" }), "openid"),
        ("orders/A1/pay", json!({ "discount": -1 }), "discount"),
        ("orders/A1/pay", json!({ "discount": 1999 }), "discount"),
        ("orders/A1/pay", json!({ "bank_type": "&" }), "bank_type"),
        ("orders/A1/pay", json!({ "bank_type": 7 }), "bank_type"),
        ("orders/A1/pay", json!({ "amount": 7 }), "amount"),
        ("orders/A1/pay", json!("pay"), "body"),
        ("orders/A%201/pay", Value::Null, "out_trade_no"),
        ("orders/A1/pay?mchid=me", Value::Null, "mchid"),
    ] {
        assert_eq!(interface.refused("POST", path, &body), (400, field.into()), "{path} {body}");
    }
    for (method, path) in [("POST", "orders/A2/pay"), ("GET", "orders/A2"), ("POST", "orders/A2/fail")] {
        assert_eq!(interface.refused(method, path, &Value::Null).0, 404, "{method} {path}");
    }
}

#[test]
fn an_order_is_found_by_its_merchant() {
    let super::Opened { shop, mut interface, .. } = opened();
    let mine = format!("mchid={}", shop.me.partner());
    assert_eq!(interface.show(&format!("orders/A1?{mine}"))["out_trade_no"], "A1");
    assert_eq!(interface.show(&format!("orders?{mine}")).as_array().unwrap().len(), 1);
    assert_eq!(interface.show("orders?mchid=1"), json!([]));
    assert_eq!(interface.refused("POST", "orders/A1/pay?mchid=1", &Value::Null).0, 404);
    assert_eq!(interface.done("POST", &format!("orders/A1/pay?{mine}"), &json!({}))["state"], "PAID");
}
