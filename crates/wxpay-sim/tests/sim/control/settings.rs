//! Settings that can be changed at run time.

use super::Control;
use crate::v3::shop::Shop;
use serde_json::{Value, json};

#[test]
fn every_setting_can_be_changed() {
    let shop = Shop::open();
    let mut interface = Control::of(shop.gateway, shop.now);
    let before = interface.get("settings");
    let schema = interface.document.0["components"]["schemas"]["Settings"]["properties"].clone();
    for (name, value) in before.as_object().unwrap() {
        let new_value = match (value.as_bool(), value.as_u64()) {
            (Some(value), _) => json!(!value),
            (_, Some(value)) => json!(value + 1),
            _ => {
                let values = schema[name]["enum"].as_array().unwrap();
                values.iter().find(|word| *word != value).unwrap().clone()
            }
        };
        let mut expected = interface.get("settings");
        expected[name] = new_value.clone();
        assert_eq!(interface.succeed("PATCH", "settings", &json!({ name.as_str(): new_value })), expected);
        assert_eq!(interface.get("settings"), expected);
    }
    assert!(before.as_object().unwrap().len() > 20);
}

#[test]
fn invalid_setting_changes_nothing() {
    let shop = Shop::open();
    let mut interface = Control::of(shop.gateway, shop.now);
    for (body, field) in [
        (json!({ "rate_limits": true, "speed": 1 }), "speed"),
        (json!({ "rate_limits": true, "probes_per_mille": 1001 }), "probes_per_mille"),
        (json!({ "rate_limits": "yes" }), "rate_limits"),
        (json!({ "rate_limits": true, "close_unknown_order": "maybe" }), "close_unknown_order"),
    ] {
        assert_eq!(interface.rejected("PATCH", "settings", &body), (400, field.into()), "{body}");
    }
    let before = interface.get("settings");
    assert_eq!(interface.succeed("PATCH", "settings", &Value::Null), before);
}

#[test]
fn changed_setting_takes_effect() {
    let mut shop = Shop::open();
    let mut interface = Control::of(shop.gateway.clone(), shop.now);
    interface.succeed(
        "PATCH",
        "settings",
        &json!({ "close_unknown_order": "no_content", "probes_per_mille": 0 }),
    );
    shop.gateway = interface.simulation.gateway;
    assert_eq!(shop.close("A12345").status, 204);
}
