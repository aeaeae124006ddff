//! Refunds and their outcomes.

use super::Control;
use crate::v3::shop::Shop;
use serde_json::{Value, json};

/// A paid order of 19.99 yuan and a pending refund of it.
fn with_refund() -> (Shop, Control) {
    let mut shop = Shop::open();
    shop.order("A12345");
    shop.pay("A12345");
    request_refund(&mut shop, "R1");
    let interface = Control::of(shop.gateway.clone(), shop.now);
    (shop, interface)
}

fn request_refund(shop: &mut Shop, number: &str) {
    let body = json!({
        "out_trade_no": "A12345", "out_refund_no": number,
        "amount": { "refund": 100, "total": 1999, "currency": "CNY" },
    });
    assert_eq!(shop.post("/v3/refund/domestic/refunds", &body).status, 200);
}

#[test]
fn refund_succeeds_after_its_duration() {
    let (shop, mut interface) = with_refund();
    let record = interface.get("refunds/R1");
    assert_eq!((&record["out_trade_no"], &record["mchid"]), (&json!("A12345"), &json!(shop.mchid())));
    assert_eq!(record["refund"]["status"], "PROCESSING");
    assert_eq!(interface.get("refunds"), json!([record]));
    assert_eq!(interface.get("refunds?mchid=1"), json!([]));
    interface.succeed("POST", "clock", &json!({ "advance_seconds": 3 }));
    assert_eq!(interface.get(&format!("refunds/R1?mchid={}", shop.mchid()))["refund"]["status"], "SUCCESS");
    assert_eq!(interface.rejected("POST", "refunds/R1/outcome", &json!({ "outcome": "CLOSED" })).0, 409);
}

#[test]
fn refund_outcome_can_be_set() {
    for outcome in ["SUCCESS", "CLOSED", "ABNORMAL", "PROCESSING"] {
        let (_, mut interface) = with_refund();
        let record = interface.succeed("POST", "refunds/R1/outcome", &json!({ "outcome": outcome }));
        assert_eq!(record["refund"]["status"], "PROCESSING");
        interface.succeed("POST", "clock", &json!({ "advance_seconds": 3 }));
        assert_eq!(interface.get("refunds/R1")["refund"]["status"], outcome);
    }
    let (_, mut interface) = with_refund();
    let body = json!({ "outcome": "success" });
    assert_eq!(interface.rejected("POST", "refunds/R1/outcome", &body), (400, "outcome".into()));
    for path in ["refunds/R2/outcome", "refunds/R1/outcome?mchid=1"] {
        assert_eq!(interface.rejected("POST", path, &json!({ "outcome": "CLOSED" })).0, 404);
    }
}

#[test]
fn refund_outcome_setting_applies_to_new_refunds() {
    let (mut shop, mut interface) = with_refund();
    interface.succeed(
        "PATCH",
        "settings",
        &json!({ "refund_outcome": "ABNORMAL", "refund_duration_seconds": 9 }),
    );
    shop.gateway = interface.simulation.gateway.clone();
    request_refund(&mut shop, "R2");
    interface.simulation.gateway = shop.gateway;
    interface.succeed("POST", "clock", &json!({ "advance_seconds": 8 }));
    let status = |record: Value| record["refund"]["status"].as_str().unwrap().to_owned();
    assert_eq!(
        (status(interface.get("refunds/R1")), status(interface.get("refunds/R2"))),
        ("SUCCESS".into(), "PROCESSING".into())
    );
    interface.succeed("POST", "clock", &json!({ "advance_seconds": 1 }));
    assert_eq!(status(interface.get("refunds/R2")), "ABNORMAL");
}
