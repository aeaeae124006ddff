//! Merchants: creation, changes, environment and platform keys.

use super::Control;
use crate::v3::shop::Shop;
use serde_json::{Value, json};

fn fixture() -> (Shop, Control, String) {
    let shop = Shop::open();
    let interface = Control::of(shop.gateway.clone(), shop.now);
    let path = format!("merchants/{}", shop.mchid());
    (shop, interface, path)
}

#[test]
fn merchant_record_has_no_secret() {
    let (shop, mut interface, path) = fixture();
    let merchant = interface.get(&path);
    assert_eq!((&merchant["mchid"], &merchant["appids"]), (&json!(shop.mchid()), &json!([shop.appid()])));
    assert_eq!(merchant["certificates"][0]["serial_no"], shop.serial());
    assert_eq!(merchant["platform"]["mode"], "either");
    assert_eq!(merchant["platform"]["certificates"][0]["certificate"]["serial_no"], shop.platform_serial());
    assert_eq!(merchant["platform"]["public_key"]["id"], shop.public_key_id());
    assert_eq!(interface.get("merchants"), json!([merchant]));
    let everything = format!("{merchant} {}", interface.get("state"));
    let key = shop.merchant.api_v3_key().unwrap().expose();
    assert!(!everything.contains(key.as_str()) && !everything.contains("PRIVATE"));
}

#[test]
fn merchant_environment_has_the_secrets_of_a_program() {
    let (shop, mut interface, path) = fixture();
    let url = format!("http://127.0.0.1:8080/_sim/v1/{path}/environment");
    let environment = interface.clone().simulation.control("GET", &url, b"", shop.now);
    interface.document.assert_conforms("GET", &format!("{path}/environment"), &environment);
    let environment = environment.body;
    assert_eq!(environment["WXPAY_BASE_URL"], "http://127.0.0.1:8080");
    assert_eq!(
        (&environment["WXPAY_MCHID"], &environment["WXPAY_SERIAL_NO"]),
        (&json!(shop.mchid()), &json!(shop.serial()))
    );
    assert_eq!(environment["WXPAY_API_V3_KEY"], shop.merchant.api_v3_key().unwrap().expose().as_str());
    assert_eq!(environment["WXPAY_PRIVATE_KEY_FILE"], shop.merchant.api_keys()[0].key_pair.private_pem());
    assert!(
        environment["WXPAY_PLATFORM_CERTIFICATE_FILE"]
            .as_str()
            .unwrap()
            .starts_with("-----BEGIN CERTIFICATE-----")
    );
    let environment = interface.get(&format!("{path}/environment"));
    assert!(environment["WXPAY_BASE_URL"].is_null() && environment["WXPAY_PRIVATE_KEY_FILE"].is_string());
}

#[test]
fn merchant_is_created_with_generated_or_given_ids() {
    let (shop, mut interface, _) = fixture();
    let generated = interface.succeed("POST", "merchants", &Value::Null);
    assert_ne!(generated["mchid"], shop.mchid());
    let body = json!({ "mchid": "1900000109", "appid": "wxd678efh567hg6787" });
    let created = interface.succeed("POST", "merchants", &body);
    assert_eq!(
        (&created["mchid"], &created["appids"]),
        (&json!("1900000109"), &json!(["wxd678efh567hg6787"]))
    );
    assert_eq!(interface.get("merchants").as_array().unwrap().len(), 3);
    let environment = interface.get("merchants/1900000109/environment");
    assert_eq!(environment["WXPAY_SERIAL_NO"], created["certificates"][0]["serial_no"]);
    assert_eq!(interface.rejected("POST", "merchants", &body).0, 409);
    assert_eq!(interface.rejected("POST", "merchants", &json!({ "appid": "x" })), (400, "appid".into()));
    assert_eq!(interface.rejected("GET", "merchants/1", &Value::Null).0, 404);
    assert_eq!(interface.rejected("GET", "merchants/me", &Value::Null), (400, "mchid".into()));
}

#[test]
fn apps_and_sub_merchants_are_added() {
    let (shop, mut interface, path) = fixture();
    let app = format!("{path}/apps/wxd678efh567hg6787");
    for _ in 0..2 {
        let merchant = interface.succeed("PUT", &app, &Value::Null);
        assert_eq!(merchant["appids"], json!([shop.appid(), "wxd678efh567hg6787"]));
    }
    let sub = format!("{path}/sub_merchants/1900000109");
    let merchant = interface.succeed("PUT", &sub, &json!({ "appids": ["wx0123456789abcdef"] }));
    let expected = json!({ "sub_mchid": "1900000109", "appids": ["wx0123456789abcdef"] });
    assert!(merchant["sub_merchants"].as_array().unwrap().contains(&expected), "{merchant}");
    assert_eq!(interface.rejected("PUT", &format!("{path}/apps/wx1"), &Value::Null), (400, "appid".into()));
    assert_eq!(interface.rejected("PUT", &sub, &json!({ "appids": ["wx1"] })), (400, "appids".into()));
    assert_eq!(interface.rejected("PUT", "merchants/1/apps/wx0123456789abcdef", &Value::Null).0, 404);
}

#[test]
fn api_v3_key_is_set_and_removed() {
    let (_, mut interface, path) = fixture();
    let key_path = format!("{path}/api_v3_key");
    let key = "0123456789abcdefABCDEF0123456789";
    assert_eq!(interface.succeed("PUT", &key_path, &json!({ "key": key }))["has_api_v3_key"], true);
    assert_eq!(interface.get(&format!("{path}/environment"))["WXPAY_API_V3_KEY"], key);
    for invalid in ["123456789abcdefABCDEF0123456789", "0123456789abcdefABCDEF012345678-", ""] {
        assert_eq!(
            interface.rejected("PUT", &key_path, &json!({ "key": invalid })),
            (400, "key".into()),
            "{invalid}"
        );
    }
    assert_eq!(interface.succeed("DELETE", &key_path, &Value::Null)["has_api_v3_key"], false);
    assert!(interface.get(&format!("{path}/environment"))["WXPAY_API_V3_KEY"].is_null());
}

#[test]
fn certificate_is_issued_and_the_old_one_revoked() {
    let (mut shop, mut interface, path) = fixture();
    let issued = interface.succeed("POST", &format!("{path}/certificates"), &Value::Null);
    let environment = interface.get(&format!("{path}/environment"));
    assert_eq!(
        (&environment["WXPAY_SERIAL_NO"], &environment["WXPAY_CERTIFICATE_FILE"]),
        (&issued["serial_no"], &issued["pem"])
    );
    shop.gateway = interface.simulation.gateway.clone();
    assert_eq!(shop.query("A12345").status, 404);
    let certificate_path = format!("{path}/certificates/{}", shop.serial());
    let merchant = interface.succeed("DELETE", &certificate_path, &Value::Null);
    assert_eq!(merchant["certificates"], json!([issued]));
    assert_eq!(interface.rejected("DELETE", &certificate_path, &Value::Null).0, 404);
    assert_eq!(interface.rejected("DELETE", &format!("{path}/certificates/XX"), &Value::Null).1, "serial_no");
    shop.gateway = interface.simulation.gateway.clone();
    assert_eq!(shop.query("A12345").status, 401);
}

#[test]
fn platform_keys_migrate_step_by_step() {
    let (_, mut interface, path) = fixture();
    let platform_path = format!("{path}/platform");
    let step = |name: &str| json!({ "step": name });
    let migrate = format!("{platform_path}/migrate");
    let merchant =
        interface.succeed("PUT", &format!("{platform_path}/mode"), &json!({ "mode": "certificates" }));
    assert_eq!((&merchant["mode"], &merchant["public_key"]), (&json!("certificates"), &Value::Null));
    assert_eq!(interface.rejected("POST", &migrate, &step("switch")).0, 409);
    for (name, mode) in
        [("obtain", "obtained"), ("switch", "switching"), ("roll_back", "obtained"), ("switch", "switching")]
    {
        assert_eq!(interface.succeed("POST", &migrate, &step(name))["mode"], mode);
    }
    assert_eq!(interface.rejected("POST", &migrate, &step("void")).0, 409);
    assert_eq!(interface.rejected("POST", &format!("{platform_path}/rotate"), &Value::Null).0, 409);
    interface.succeed("POST", "clock", &json!({ "advance_seconds": 6 * 86_400 }));
    let merchant = interface.succeed("POST", &migrate, &step("void"));
    assert_eq!((&merchant["mode"], &merchant["certificates"]), (&json!("public_key"), &json!([])));
    assert_eq!(interface.rejected("POST", &migrate, &step("leap")), (400, "step".into()));
    for mode in ["certificates", "obtained", "switching", "public_key", "either"] {
        let merchant = interface.succeed("PUT", &format!("{platform_path}/mode"), &json!({ "mode": mode }));
        assert_eq!(
            (&merchant["mode"], merchant["switching_since"].is_u64()),
            (&json!(mode), mode == "switching")
        );
    }
}

#[test]
fn rotated_certificate_is_listed_a_day_before_it_signs() {
    let (shop, mut interface, path) = fixture();
    let merchant = interface.succeed("POST", &format!("{path}/platform/rotate"), &Value::Null);
    let listed = merchant["certificates"].as_array().unwrap();
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[1]["signs_from"], shop.now.as_secs() + 86_400);
    assert_eq!(interface.get(&format!("{path}/platform")), merchant);
    assert_eq!(interface.rejected("POST", "merchants/1/platform/rotate", &Value::Null).0, 404);
}

#[test]
fn certificates_of_a_merchant_are_bounded() {
    let (_, mut interface, path) = fixture();
    for kind in ["certificates", "platform/rotate"] {
        let path = format!("{path}/{kind}");
        for _ in 1..100 {
            interface.succeed("POST", &path, &Value::Null);
        }
        assert_eq!(interface.rejected("POST", &path, &Value::Null).0, 409, "{path}");
    }
}
