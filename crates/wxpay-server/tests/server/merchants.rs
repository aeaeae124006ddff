//! Merchants by the interface.

use crate::shop::{Setup, Shop, jsapi, with};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Returns the body that creates a merchant.
pub(crate) fn body(name: &str, environment: &BTreeMap<String, String>) -> Value {
    json!({
        "merchant": name,
        "mchid": environment["WXPAY_MCHID"],
        "certificate": environment["WXPAY_CERTIFICATE_FILE"],
        "platform_certificates": true,
        "apps": [{ "appid": environment["WXPAY_APPID"], "name": "shop" }],
        "keys": {
            "private_key": environment["WXPAY_PRIVATE_KEY_FILE"],
            "api_v3_key": environment["WXPAY_API_V3_KEY"],
        },
    })
}

/// Creates a merchant at the gateway and by the interface. Returns its environment.
pub(crate) async fn create(shop: &Shop, name: &str, mchid: &str) -> BTreeMap<String, String> {
    let environment = shop.new_merchant(mchid).await;
    shop.post("/api/merchants", &body(name, &environment)).await.expect(201);
    environment
}

fn secrets(environment: &BTreeMap<String, String>) -> Vec<String> {
    let key = environment["WXPAY_PRIVATE_KEY_FILE"].lines().nth(3).unwrap().to_owned();
    vec![environment["WXPAY_API_V3_KEY"].clone(), key]
}

#[tokio::test]
async fn merchant_is_created_used_and_kept_over_a_restart() {
    let shop = Setup::default().without_merchant().open().await;
    assert_eq!(shop.get("/api/merchants").await.expect(200)["data"], json!([]));
    shop.post("/api/orders", &jsapi("ORDER1", 5)).await.problem(422, "invalid_field");
    let environment = create(&shop, "shop1", "1900000108").await;
    let merchant = shop.get("/api/merchants/shop1").await.expect(200);
    assert_eq!(
        (&merchant["mchid"], &merchant["source"]),
        (&json!("1900000108"), &json!("api")),
        "{merchant}"
    );
    assert_eq!(merchant["keys"], json!(["private_key", "api_v3_key"]), "{merchant}");
    let audit = shop.get("/api/audit").await.expect(200);
    assert_eq!(audit["data"][0]["action"], "merchant.create", "{audit}");
    for secret in secrets(&environment) {
        for text in [&merchant, &audit] {
            assert!(!text.to_string().contains(&secret));
        }
        for file in std::fs::read_dir(shop.dir.path()).unwrap() {
            let path = file.unwrap().path();
            let is_ledger = path.file_name().unwrap().to_str().unwrap().starts_with("ledger.db");
            let content = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            assert!(!is_ledger || !content.contains(&secret), "{} has a secret", path.display());
        }
    }
    let shop = shop.restart().await;
    let placed = shop.post("/api/orders", &jsapi("ORDER1", 5)).await.expect(201);
    assert_eq!(placed["order"]["merchant"], "shop1");
    shop.control("POST", "/payer/pay", placed["pay"]["params"].clone()).await;
    shop.wait_for_status("ORDER1", "paid").await;
}

#[tokio::test]
async fn keys_are_rotated_without_a_restart() {
    let shop = Setup::default().without_merchant().open().await;
    let old = create(&shop, "shop1", "1900000108").await;
    shop.post("/api/orders", &jsapi("ORDER1", 5)).await.expect(201);
    // A new API key at the gateway, then the old one is revoked: calls are refused.
    shop.control("POST", "/merchants/1900000108/certificates", json!({})).await;
    let path = format!("/merchants/1900000108/certificates/{}", old["WXPAY_SERIAL_NO"]);
    shop.control("DELETE", &path, Value::Null).await;
    let new = shop.control("GET", "/merchants/1900000108/environment", Value::Null).await;
    let new: BTreeMap<String, String> = serde_json::from_value(new).unwrap();
    assert_ne!(new["WXPAY_SERIAL_NO"], old["WXPAY_SERIAL_NO"]);
    let refused = shop.post("/api/orders", &jsapi("ORDER2", 5)).await;
    assert!([422, 503, 504].contains(&refused.status), "{}", refused.text());
    // The certificate and the key change together, in two requests: the first of them alone does not fit.
    let keys = json!({ "private_key": new["WXPAY_PRIVATE_KEY_FILE"] });
    let reply = shop.request("PUT", "/api/merchants/shop1/keys", &keys).await;
    let problem = reply.problem(422, "invalid_field");
    assert_eq!(problem["field"], "private_key", "{problem}");
    let mut settings = body("shop1", &new);
    settings.as_object_mut().unwrap().remove("merchant");
    settings.as_object_mut().unwrap().remove("keys");
    settings.as_object_mut().unwrap().remove("certificate");
    settings["serial_no"] = json!(new["WXPAY_SERIAL_NO"]);
    shop.request("PUT", "/api/merchants/shop1", &settings).await.expect(200);
    let rotated = shop.request("PUT", "/api/merchants/shop1/keys", &keys).await.expect(200);
    assert_eq!(rotated["serial_no"], new["WXPAY_SERIAL_NO"], "{rotated}");
    assert_eq!(rotated["keys"], json!(["private_key", "api_v3_key"]), "the other keys stay");
    shop.post("/api/orders", &jsapi("ORDER2", 5)).await.expect(200);
    shop.pay("ORDER1").await;
    shop.wait_for_status("ORDER1", "paid").await;
}

#[tokio::test]
async fn update_changes_only_what_is_given() {
    let shop = Setup::default().without_merchant().open().await;
    let old = create(&shop, "shop1", "1900000108").await;
    let before = shop.get("/api/merchants/shop1").await.expect(200);
    let update = async |members: Value| shop.request("PATCH", "/api/merchants/shop1", &members).await;
    // Everything but the app stays: the certificate, the trusted keys and the secrets.
    let apps = json!([{ "appid": old["WXPAY_APPID"], "name": "renamed" }]);
    let after = update(json!({ "apps": apps })).await.expect(200);
    assert_eq!(after["apps"][0]["name"], "renamed", "{after}");
    for member in ["mchid", "serial_no", "platform_certificates", "keys", "partner", "v1"] {
        assert_eq!(after[member], before[member], "{member}: {after}");
    }
    shop.post("/api/orders", &with(&jsapi("ORDER1", 5), &[("/app", json!("renamed"))])).await.expect(201);
    let problem = update(json!({ "apps": [] })).await.problem(422, "invalid_field");
    assert_eq!(problem["field"], "apps", "{problem}");
    // A certificate and its key change in one request, and the serial number with them.
    shop.control("POST", "/merchants/1900000108/certificates", json!({})).await;
    let new = shop.control("GET", "/merchants/1900000108/environment", Value::Null).await;
    let key = json!({ "private_key": new["WXPAY_PRIVATE_KEY_FILE"] });
    update(json!({ "serial_no": new["WXPAY_SERIAL_NO"], "keys": key })).await.expect(200);
    let certificate = json!({ "certificate": new["WXPAY_CERTIFICATE_FILE"] });
    let after = update(certificate).await.expect(200);
    assert_eq!((&after["serial_no"], &after["keys"]), (&new["WXPAY_SERIAL_NO"], &before["keys"]), "{after}");
    shop.post("/api/orders", &jsapi("ORDER2", 5)).await.expect(201);
    // PUT replaces: what is not given is empty.
    let problem = shop.request("PUT", "/api/merchants/shop1", &json!({ "mchid": old["WXPAY_MCHID"] })).await;
    problem.problem(422, "invalid_field");
}

#[tokio::test]
async fn api_v3_key_is_rotated_and_the_previous_one_still_decrypts() {
    let shop = Setup::default().without_merchant().open().await;
    let old = create(&shop, "shop1", "1900000108").await["WXPAY_API_V3_KEY"].clone();
    let new = "abcdefghijklmnopqrstuvwxyz012345";
    shop.post("/api/orders", &jsapi("ORDER1", 5)).await.expect(201);
    let keys = json!({ "api_v3_key": new, "previous_api_v3_key": old });
    let merchant = shop.request("PUT", "/api/merchants/shop1/keys", &keys).await.expect(200);
    assert_eq!(merchant["keys"], json!(["private_key", "api_v3_key", "previous_api_v3_key"]), "{merchant}");
    // The gateway still encrypts with the previous key.
    shop.pay("ORDER1").await;
    shop.wait_for_status("ORDER1", "paid").await;
    shop.control("PUT", "/merchants/1900000108/api_v3_key", json!({ "key": new })).await;
    shop.post("/api/orders", &jsapi("ORDER2", 5)).await.expect(201);
    shop.pay("ORDER2").await;
    shop.wait_for_status("ORDER2", "paid").await;
    assert_eq!(shop.metric("wxpay_paid_total{source=\"notification\"}").await, 2.0);
}

#[tokio::test]
async fn number_and_name_belong_to_one_merchant() {
    let shop = Setup::default().without_merchant().open().await;
    let environment = create(&shop, "shop1", "1900000108").await;
    let same_name = shop.post("/api/merchants", &body("shop1", &environment)).await;
    same_name.problem(409, "merchant_exists");
    let problem = shop.post("/api/merchants", &body("shop2", &environment)).await.problem(409, "mchid_taken");
    assert_eq!(problem["field"], "mchid", "{problem}");
    assert_eq!(shop.get("/api/merchants").await.expect(200)["data"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn merchant_of_the_settings_is_read_only() {
    let shop = Shop::open().await;
    let merchant = shop.get("/api/merchants/default").await.expect(200);
    assert_eq!(merchant["source"], "file", "{merchant}");
    let environment = shop.new_merchant("1900000108").await;
    shop.post("/api/merchants", &body("default", &environment)).await.problem(409, "read_only");
    let keys = json!({ "api_v3_key": "abcdefghijklmnopqrstuvwxyz012345" });
    shop.request("PUT", "/api/merchants/default/keys", &keys).await.problem(409, "read_only");
    let settings = json!({ "mchid": "1900000108" });
    shop.request("PUT", "/api/merchants/default", &settings).await.problem(409, "read_only");
    shop.request("PATCH", "/api/merchants/default", &settings).await.problem(409, "read_only");
    shop.request("DELETE", "/api/merchants/default", &Value::Null).await.problem(409, "read_only");
    let mut taken = environment.clone();
    taken.insert("WXPAY_MCHID".into(), shop.variable("WXPAY_MCHID").into());
    let problem = shop.post("/api/merchants", &body("shop2", &taken)).await.problem(409, "mchid_taken");
    assert_eq!(problem["field"], "mchid", "{problem}");
    assert_eq!(shop.get("/api/merchants/default").await.expect(200), merchant);
}

#[tokio::test]
async fn merchant_without_orders_is_deleted_and_one_with_orders_is_not() {
    let shop = Shop::open().await;
    create(&shop, "shop1", "1900000108").await;
    create(&shop, "shop2", "1900000110").await;
    shop.post("/api/orders", &with(&jsapi("ORDER1", 5), &[("/merchant", json!("shop2"))])).await.expect(201);
    let deleted = shop.request("DELETE", "/api/merchants/shop1", &Value::Null).await;
    assert_eq!((deleted.status, deleted.text()), (204, String::new()));
    shop.get("/api/merchants/shop1").await.problem(404, "not_found");
    shop.request("DELETE", "/api/merchants/shop1", &Value::Null).await.problem(404, "not_found");
    shop.request("DELETE", "/api/merchants/shop2", &Value::Null).await.problem(409, "merchant_has_orders");
    shop.get("/api/merchants/shop2").await.expect(200);
    // The name is free again.
    let again = shop.control("GET", "/merchants/1900000108/environment", Value::Null).await;
    let again: BTreeMap<String, String> = serde_json::from_value(again).unwrap();
    shop.post("/api/merchants", &body("shop1", &again)).await.expect(201);
}

#[tokio::test]
async fn keys_that_do_not_fit_are_refused_by_name() {
    let shop = Setup::default().without_merchant().open().await;
    let first = shop.new_merchant("1900000108").await;
    let second = shop.new_merchant("1900000110").await;
    let good = body("shop1", &first);
    for (pointer, value, field) in [
        ("/keys/private_key", json!(second["WXPAY_PRIVATE_KEY_FILE"]), "private_key"),
        ("/keys/private_key", json!(null), "private_key"),
        ("/keys/private_key", json!(first["WXPAY_CERTIFICATE_FILE"]), "private_key"),
        ("/keys/private_key", json!("secret-not-pem"), "keys.private_key"),
        ("/keys/api_v3_key", json!("short"), "keys.api_v3_key"),
        ("/keys/api_v3_key", json!(null), "api_v3_key"),
        ("/keys/partner_key", json!("0123456789abcdef"), "v1"),
        ("/mchid", json!("19000x"), "mchid"),
        ("/mchid", json!(null), "mchid"),
        ("/apps", json!([]), "apps"),
        ("/apps", json!([{ "appid": "nope" }]), "apps[0].appid"),
        ("/certificate", json!(first["WXPAY_PRIVATE_KEY_FILE"]), "certificate"),
        ("/serial_no", json!("ABCD"), "serial_no"),
        ("/public_key_id", json!("PUB_KEY_ID_0123"), "public_key"),
        ("/sub_merchants", json!([{ "sub_mchid": "1900000109" }]), "sub_merchants"),
        ("/merchant", json!("Shop!"), "merchant"),
        ("/colour", json!("red"), "colour"),
    ] {
        let reply = shop.post("/api/merchants", &with(&good, &[(pointer, value)])).await;
        let problem = reply.problem(422, "invalid_field");
        assert!(problem["field"].as_str().unwrap().ends_with(field), "{pointer} {field}: {problem}");
        assert!(problem["rule"].is_string(), "{problem}");
        for secret in ["secret-not-pem", "MII"] {
            assert!(!reply.text().contains(secret), "{problem}");
        }
    }
    assert_eq!(shop.get("/api/merchants").await.expect(200)["data"], json!([]));
    shop.post("/api/merchants", &good).await.expect(201);
}

#[tokio::test]
async fn reload_replaces_the_merchants_of_the_settings() {
    let shop = Shop::open().await;
    let environment = shop.new_merchant("1900000108").await;
    let file = |name: &str| {
        let path = shop.dir.path().join(format!("second{name}"));
        std::fs::write(&path, &environment[name]).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let toml = format!(
        "[merchants.second]\nmchid = '1900000108'\nprivate_key_file = '{}'\ncertificate_file = '{}'\n\
         api_v3_key = '{}'\nplatform_certificates = true\napps = [{{ appid = '{}' }}]\n",
        file("WXPAY_PRIVATE_KEY_FILE"),
        file("WXPAY_CERTIFICATE_FILE"),
        environment["WXPAY_API_V3_KEY"],
        environment["WXPAY_APPID"],
    );
    shop.get("/api/merchants/second").await.problem(404, "not_found");
    shop.reload(|sources| sources.file(&toml));
    shop.get("/api/merchants/second").await.expect(200);
    let order = with(&jsapi("ORDER1", 5), &[("/merchant", json!("second"))]);
    shop.post("/api/orders", &order).await.expect(201);
    shop.reload(|sources| sources);
    shop.get("/api/merchants/second").await.problem(404, "not_found");
}
