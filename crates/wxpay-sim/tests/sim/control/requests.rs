//! Records of the latest requests.

use super::Control;
use crate::v3::shop::Shop;
use serde_json::{Value, json};
use wxpay_proto::http::Request;
use wxpay_sim::Settings;

#[test]
fn requests_are_filtered_by_merchant_operation_and_status() {
    let mut shop = Shop::open();
    for number in ["A12345", "B12345"] {
        shop.order(number);
    }
    shop.query("C12345");
    let mchid = shop.mchid();
    let mut interface = Control::of(shop.gateway, shop.now);
    let all = interface.get("requests");
    let [one, two, three] = all.as_array().unwrap().as_slice() else { panic!("{all}") };
    assert_eq!((&three["status"], &three["code"]), (&json!(404), &json!("ORDER_NOT_EXIST")));
    assert_eq!(interface.get("requests?operation=v3.pay.native"), json!([one, two]));
    assert_eq!(interface.get("requests?operation=v3.pay.native&limit=1"), json!([two]));
    assert_eq!(interface.get("requests?status=404"), json!([three]));
    assert_eq!(interface.get(&format!("requests?mchid={mchid}")), all);
    assert_eq!(interface.get("requests?mchid=1"), json!([]));
    assert_eq!(interface.rejected("GET", "requests?operation=eat", &Value::Null), (400, "operation".into()));
    assert_eq!(interface.rejected("GET", "requests?limit=-1", &Value::Null), (400, "limit".into()));
    assert_eq!(interface.rejected("GET", "requests?limit=1&limit=2", &Value::Null), (400, "limit".into()));
}

#[test]
fn requests_of_both_api_versions_are_listed_with_their_reasons() {
    let mut shop = crate::support::Shop::open(Settings::default());
    let wrong_secret =
        crate::support::token_url("client_credential", shop.merchant.appid().as_str(), "s3cr3t");
    shop.json_reply(&Request::get(wrong_secret));
    let unsigned = Request::get("https://api.mch.weixin.qq.com/v3/certificates".into());
    shop.gateway.answer(&unsigned.with_header("accept", "*/*").with_header("user-agent", "x"), shop.now);
    let partner = shop.merchant.partner().to_string();
    let mut interface = Control::of(shop.gateway, shop.now);
    let all = interface.get("requests");
    let [_, v1, v3] = all.as_array().unwrap().as_slice() else { panic!("{all}") };
    assert_eq!((&v1["api_version"], &v1["operation"]), (&json!("v1"), &json!("v1.token")));
    assert_eq!((&v1["code"], &v1["mchid"]), (&json!("40001"), &json!(partner)));
    assert!(v1["reason"].is_string() && v1["target"].as_str().unwrap().ends_with("&secret=[secret]"), "{v1}");
    assert_eq!((&v3["api_version"], &v3["code"]), (&json!("v3"), &json!("SIGN_ERROR")));
    assert_eq!(v3["reason"], "Authorization is missing or malformed: header_grammar");
    assert_eq!(interface.get("requests?api_version=v3"), json!([v3]));
    assert_eq!(interface.get("requests?operation=v1.token&limit=1"), json!([v1]));
}
