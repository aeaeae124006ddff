//! Warnings, secrets, and the state with its digest.

use super::{Control, Fixture, START, fixture};
use serde_json::{Value, json};
use std::collections::BTreeSet;

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
fn state_digest_changes_with_every_change() {
    let mut shop = crate::v3::shop::Shop::open();
    let mut interface = Control::of(shop.gateway.clone(), shop.now);
    let path = format!("merchants/{}", shop.mchid());
    let mut digests = BTreeSet::new();
    let mut assert_digest_changes = |interface: &mut Control, context: &str| {
        let state = interface.get("state");
        assert_eq!(interface.get("state"), state, "{context}: reading must not change the state");
        let without_records = interface.get("state?records=false");
        assert_eq!(
            (&without_records["digest"], without_records["records"].is_null()),
            (&state["digest"], true)
        );
        for (name, count) in state["counts"].as_object().unwrap() {
            assert_eq!(
                state["records"][name].as_array().unwrap().len(),
                usize::try_from(count.as_u64().unwrap()).unwrap(),
                "{name}"
            );
        }
        assert!(
            digests.insert(state["digest"].as_str().unwrap().to_owned()),
            "{context} did not change the digest"
        );
    };
    assert_digest_changes(&mut interface, "the start");
    shop.order("A12345");
    interface.simulation.gateway = shop.gateway;
    assert_digest_changes(&mut interface, "an order");
    for (method, path, body) in [
        ("POST", "orders/A12345/pay", Value::Null),
        ("POST", "faults", json!({ "kind": "early" })),
        ("PATCH", "settings", json!({ "rate_limits": true })),
        ("POST", "merchants", Value::Null),
        ("PUT", &format!("{path}/platform/mode"), json!({ "mode": "obtained" })),
        ("PUT", &format!("{path}/api_v3_key"), json!({ "key": "0".repeat(32) })),
        ("PUT", &format!("{path}/sub_merchants/1900000109"), json!({})),
    ] {
        interface.succeed(method, path, &body);
        assert_digest_changes(&mut interface, path);
    }
}

#[test]
fn state_does_not_change_with_time_alone() {
    let shop = crate::v3::shop::Shop::open();
    let mut interface = Control::of(shop.gateway, shop.now);
    let before = interface.get("state");
    interface.succeed("POST", "clock", &json!({ "advance_seconds": 60 }));
    let after = interface.get("state");
    assert_eq!((&after["digest"], &after["records"]), (&before["digest"], &before["records"]));
    assert_eq!(after["now"].as_u64(), before["now"].as_u64().map(|now| now + 60));
}
