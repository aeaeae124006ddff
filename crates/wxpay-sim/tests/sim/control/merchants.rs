//! Merchants: creation, changes, environment and platform keys.

use super::Control;
use crate::v3::shop::Shop;
use serde_json::{Value, json};

fn opened() -> (Shop, Control, String) {
    let shop = Shop::open();
    let interface = Control::of(shop.gateway.clone(), shop.now);
    let path = format!("merchants/{}", shop.mchid());
    (shop, interface, path)
}

#[test]
fn merchant_record_has_no_secret() {
    let (shop, mut interface, path) = opened();
    let shown = interface.get(&path);
    assert_eq!((&shown["mchid"], &shown["appids"]), (&json!(shop.mchid()), &json!([shop.appid()])));
    assert_eq!(shown["certificates"][0]["serial_no"], shop.serial());
    assert_eq!(shown["platform"]["mode"], "either");
    assert_eq!(shown["platform"]["certificates"][0]["certificate"]["serial_no"], shop.platform_serial());
    assert_eq!(shown["platform"]["public_key"]["id"], shop.public_key_id());
    assert_eq!(interface.get("merchants"), json!([shown]));
    let everything = format!("{shown} {}", interface.get("state"));
    let key = shop.me.api_v3_key().unwrap().expose();
    assert!(!everything.contains(key.as_str()) && !everything.contains("PRIVATE"));
}

#[test]
fn merchant_environment_has_the_secrets_of_a_program() {
    let (shop, mut interface, path) = opened();
    let url = format!("http://127.0.0.1:8080/_sim/v1/{path}/environment");
    let environment = interface.clone().simulation.control("GET", &url, b"", shop.now);
    interface.document.assert_conforms("GET", &format!("{path}/environment"), &environment);
    let environment = environment.body;
    assert_eq!(environment["WXPAY_BASE_URL"], "http://127.0.0.1:8080");
    assert_eq!(
        (&environment["WXPAY_MCHID"], &environment["WXPAY_SERIAL_NO"]),
        (&json!(shop.mchid()), &json!(shop.serial()))
    );
    assert_eq!(environment["WXPAY_API_V3_KEY"], shop.me.api_v3_key().unwrap().expose().as_str());
    assert_eq!(environment["WXPAY_PRIVATE_KEY_FILE"], shop.me.api_keys()[0].key_pair.private_pem());
    assert!(
        environment["WXPAY_PLATFORM_CERTIFICATE_FILE"].as_str().unwrap().starts_with("-----BEGIN CERTIFICATE-----")
    );
    let environment = interface.get(&format!("{path}/environment"));
    assert!(environment["WXPAY_BASE_URL"].is_null() && environment["WXPAY_PRIVATE_KEY_FILE"].is_string());
}

#[test]
fn merchant_is_created_with_generated_or_given_ids() {
    let (shop, mut interface, _) = opened();
    let made = interface.success("POST", "merchants", &Value::Null);
    assert_ne!(made["mchid"], shop.mchid());
    let body = json!({ "mchid": "1900000109", "appid": "wxd678efh567hg6787" });
    let named = interface.success("POST", "merchants", &body);
    assert_eq!((&named["mchid"], &named["appids"]), (&json!("1900000109"), &json!(["wxd678efh567hg6787"])));
    assert_eq!(interface.get("merchants").as_array().unwrap().len(), 3);
    let environment = interface.get("merchants/1900000109/environment");
    assert_eq!(environment["WXPAY_SERIAL_NO"], named["certificates"][0]["serial_no"]);
    assert_eq!(interface.rejected("POST", "merchants", &body).0, 409);
    assert_eq!(interface.rejected("POST", "merchants", &json!({ "appid": "x" })), (400, "appid".into()));
    assert_eq!(interface.rejected("GET", "merchants/1", &Value::Null).0, 404);
    assert_eq!(interface.rejected("GET", "merchants/me", &Value::Null), (400, "mchid".into()));
}

#[test]
fn apps_and_sub_merchants_are_added() {
    let (shop, mut interface, path) = opened();
    let app = format!("{path}/apps/wxd678efh567hg6787");
    for _ in 0..2 {
        let shown = interface.success("PUT", &app, &Value::Null);
        assert_eq!(shown["appids"], json!([shop.appid(), "wxd678efh567hg6787"]));
    }
    let sub = format!("{path}/sub_merchants/1900000109");
    let shown = interface.success("PUT", &sub, &json!({ "appids": ["wx0123456789abcdef"] }));
    let expected = json!({ "sub_mchid": "1900000109", "appids": ["wx0123456789abcdef"] });
    assert!(shown["sub_merchants"].as_array().unwrap().contains(&expected), "{shown}");
    assert_eq!(interface.rejected("PUT", &format!("{path}/apps/wx1"), &Value::Null), (400, "appid".into()));
    assert_eq!(interface.rejected("PUT", &sub, &json!({ "appids": ["wx1"] })), (400, "appids".into()));
    assert_eq!(interface.rejected("PUT", "merchants/1/apps/wx0123456789abcdef", &Value::Null).0, 404);
}

#[test]
fn api_v3_key_is_set_and_removed() {
    let (_, mut interface, path) = opened();
    let place = format!("{path}/api_v3_key");
    let key = "0123456789abcdefABCDEF0123456789";
    assert_eq!(interface.success("PUT", &place, &json!({ "key": key }))["has_api_v3_key"], true);
    assert_eq!(interface.get(&format!("{path}/environment"))["WXPAY_API_V3_KEY"], key);
    for wrong in ["123456789abcdefABCDEF0123456789", "0123456789abcdefABCDEF012345678-", ""] {
        assert_eq!(
            interface.rejected("PUT", &place, &json!({ "key": wrong })),
            (400, "key".into()),
            "{wrong}"
        );
    }
    assert_eq!(interface.success("DELETE", &place, &Value::Null)["has_api_v3_key"], false);
    assert!(interface.get(&format!("{path}/environment"))["WXPAY_API_V3_KEY"].is_null());
}

#[test]
fn certificate_is_issued_and_the_old_one_revoked() {
    let (mut shop, mut interface, path) = opened();
    let issued = interface.success("POST", &format!("{path}/certificates"), &Value::Null);
    let environment = interface.get(&format!("{path}/environment"));
    assert_eq!(
        (&environment["WXPAY_SERIAL_NO"], &environment["WXPAY_CERTIFICATE_FILE"]),
        (&issued["serial_no"], &issued["pem"])
    );
    shop.gateway = interface.simulation.gateway.clone();
    assert_eq!(shop.query("A12345").status, 404);
    let old = format!("{path}/certificates/{}", shop.serial());
    let left = interface.success("DELETE", &old, &Value::Null);
    assert_eq!(left["certificates"], json!([issued]));
    assert_eq!(interface.rejected("DELETE", &old, &Value::Null).0, 404);
    assert_eq!(interface.rejected("DELETE", &format!("{path}/certificates/XX"), &Value::Null).1, "serial_no");
    shop.gateway = interface.simulation.gateway.clone();
    assert_eq!(shop.query("A12345").status, 401);
}

#[test]
fn platform_keys_migrate_step_by_step() {
    let (_, mut interface, path) = opened();
    let place = format!("{path}/platform");
    let step = |word: &str| json!({ "step": word });
    let migrate = format!("{place}/migrate");
    let shown = interface.success("PUT", &format!("{place}/mode"), &json!({ "mode": "certificates" }));
    assert_eq!((&shown["mode"], &shown["public_key"]), (&json!("certificates"), &Value::Null));
    assert_eq!(interface.rejected("POST", &migrate, &step("switch")).0, 409);
    for (word, mode) in
        [("obtain", "obtained"), ("switch", "switching"), ("roll_back", "obtained"), ("switch", "switching")]
    {
        assert_eq!(interface.success("POST", &migrate, &step(word))["mode"], mode);
    }
    assert_eq!(interface.rejected("POST", &migrate, &step("void")).0, 409);
    assert_eq!(interface.rejected("POST", &format!("{place}/rotate"), &Value::Null).0, 409);
    interface.success("POST", "clock", &json!({ "advance_seconds": 6 * 86_400 }));
    let shown = interface.success("POST", &migrate, &step("void"));
    assert_eq!((&shown["mode"], &shown["certificates"]), (&json!("public_key"), &json!([])));
    assert_eq!(interface.rejected("POST", &migrate, &step("leap")), (400, "step".into()));
    for mode in ["certificates", "obtained", "switching", "public_key", "either"] {
        let shown = interface.success("PUT", &format!("{place}/mode"), &json!({ "mode": mode }));
        assert_eq!((&shown["mode"], shown["switching_since"].is_u64()), (&json!(mode), mode == "switching"));
    }
}

#[test]
fn rotated_certificate_is_listed_a_day_before_it_signs() {
    let (shop, mut interface, path) = opened();
    let shown = interface.success("POST", &format!("{path}/platform/rotate"), &Value::Null);
    let listed = shown["certificates"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[1]["signs_from"], shop.now.as_secs() + 86_400);
    assert_eq!(interface.get(&format!("{path}/platform")), shown);
    assert_eq!(interface.rejected("POST", "merchants/1/platform/rotate", &Value::Null).0, 404);
}
