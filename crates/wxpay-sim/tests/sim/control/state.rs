//! Warnings, secrets, the counts of the state, and its reset.

use super::{Control, Fixture, START, fixture};
use serde_json::{Value, json};

#[test]
fn warnings_are_listed() {
    let Fixture { mut shop, .. } = fixture();
    shop.errcode_of(&[("total_fee", "0")]);
    let warnings = Control::of(shop.gateway, START).get("warnings");
    assert_eq!(warnings[0]["kind"], "refused");
    assert_eq!(warnings[0]["detail"], "v1.genprepay 40035: total_fee must be at least 1");
}

#[test]
fn debug_output_has_no_secret() {
    let Fixture { mut shop, .. } = fixture();
    shop.pay("A1");
    let delivery = shop.due().remove(0);
    let printed = format!("{:?} {delivery:?}", Control::of(shop.gateway.clone(), START).simulation);
    for secret in [shop.merchant.app_secret(), shop.merchant.pay_sign_key(), shop.merchant.partner_key()] {
        assert!(!printed.contains(secret.expose().as_str()));
    }
    assert!(!printed.contains(&shop.token));
    assert!(!printed.contains(shop.gateway.payer().as_str()));
}

#[test]
fn state_counts_the_records_of_each_list() {
    let mut shop = crate::v3::shop::Shop::open();
    shop.order("A12345");
    let mut interface = Control::of(shop.gateway, shop.now);
    interface.succeed("POST", "orders/A12345/pay", &Value::Null);
    interface.succeed("POST", "faults", &json!({ "kind": "early" }));
    interface.succeed("POST", "merchants", &Value::Null);
    let state = interface.get("state");
    assert_eq!(interface.get("state"), state, "reading changes nothing");
    for (name, count) in state["counts"].as_object().unwrap() {
        let len = interface.get(name).as_array().unwrap().len();
        assert_eq!(u64::try_from(len).unwrap(), count.as_u64().unwrap(), "{name}");
    }
    for (name, count) in [("orders", 1), ("notifications", 1), ("faults", 1), ("merchants", 2)] {
        assert_eq!(state["counts"][name], count, "{name}");
    }
}

#[test]
fn reset_forgets_the_orders_and_keeps_the_merchants() {
    let mut shop = crate::v3::shop::Shop::open();
    shop.order("A12345");
    let mut interface = Control::of(shop.gateway.clone(), shop.now);
    interface.succeed("POST", "orders/A12345/pay", &Value::Null);
    interface.succeed("PATCH", "settings", &json!({ "rate_limits": true }));
    let state = interface.succeed("POST", "state/reset", &Value::Null);
    for (name, count) in [("orders", 0), ("notifications", 0), ("requests", 0), ("merchants", 1)] {
        assert_eq!(state["counts"][name], count, "{name}");
    }
    assert_eq!(interface.get("settings")["rate_limits"], true);
    assert_eq!(interface.simulation.gateway.next_due(), None);
    shop.gateway = interface.simulation.gateway;
    shop.order("A12345");
}

#[test]
fn saved_state_is_loaded_listed_and_deleted() {
    let mut shop = crate::v3::shop::Shop::open();
    shop.order("A12345");
    let mut interface = Control::of(shop.gateway, shop.now);
    let now = interface.get("clock")["now"].clone();
    let saved = interface.succeed("PUT", "snapshots/before-pay", &Value::Null);
    assert_eq!(saved, json!([{ "name": "before-pay", "saved_at": now, "orders": 1 }]));
    interface.succeed("POST", "clock", &json!({ "advance_seconds": 60 }));
    interface.succeed("POST", "orders/A12345/pay", &Value::Null);
    // A delivery is in progress while the state is saved: it is due again after loading.
    let at = interface.simulation.clock.now(START);
    interface.simulation.gateway.due_deliveries(at);
    interface.succeed("PUT", "snapshots/paid", &Value::Null);
    interface.succeed("POST", "snapshots/before-pay/load", &Value::Null);
    assert_eq!(interface.get("orders/A12345")["trade_state"], "NOTPAY");
    assert_eq!(interface.get("clock")["now"], now);
    assert_eq!(interface.get("snapshots").as_array().unwrap().len(), 2);
    interface.succeed("POST", "snapshots/paid/load", &Value::Null);
    assert_eq!(interface.get("orders/A12345")["trade_state"], "SUCCESS");
    let notifications = interface.get("notifications");
    for notification in notifications.as_array().unwrap() {
        assert_eq!(notification["state"], "WAITING", "{notifications}");
    }
    assert_eq!(interface.succeed("DELETE", "snapshots/paid", &Value::Null).as_array().unwrap().len(), 1);
    assert_eq!(interface.rejected("POST", "snapshots/paid/load", &Value::Null).0, 404);
    for number in 1..8 {
        interface.succeed("PUT", &format!("snapshots/s{number}"), &Value::Null);
    }
    assert_eq!(interface.rejected("PUT", "snapshots/s8", &Value::Null).0, 409);
    interface.succeed("PUT", "snapshots/s1", &Value::Null);
}
