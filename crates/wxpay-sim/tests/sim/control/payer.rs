//! The payer's client, driven by payment parameters.

use super::{Fixture, fixture};
use serde_json::json;

#[test]
fn payer_pays_by_the_seven_v1_parameters() {
    let Fixture { shop, prepayid, mut interface } = fixture();
    let mut parameters = shop.app_params(&prepayid, "Sign=WXPay");
    let cancelled = interface.call("POST", "payer/cancel", &parameters);
    assert_eq!(cancelled.body["resp"]["errCode"], -2);
    let paid = interface.call("POST", "payer/pay", &parameters);
    assert_eq!(paid.body["payment_request"]["total"], 1999);
    assert_eq!(paid.body["resp"]["errCode"], 0);
    assert_eq!(paid.body["order"]["trade_state"], "SUCCESS");
    parameters["noncestr"] = "other".into();
    let rejected = interface.call("POST", "payer/pay", &parameters);
    assert_eq!((rejected.status, &rejected.body["field"]), (422, &json!("sign")));
    assert_eq!(rejected.body["resp"]["errCode"], -1);
}

#[test]
fn refused_parameters_are_explained_and_shown_ones_change_nothing() {
    let mut shop = crate::v3::shop::Shop::open();
    let goods = shop.goods_with("A12345", &json!({ "payer": { "openid": "oX99MDgNcgwnz3zFN3DNmo8uwa-w" } }));
    let prepay_id = shop.post("/v3/pay/transactions/jsapi", &goods).body["prepay_id"].clone();
    let (appid, time) = (shop.appid(), shop.now.as_secs().to_string());
    let package = format!("prepay_id={}", prepay_id.as_str().unwrap());
    let wrong = shop.sign(&format!("{appid}\n{time}\nn1\n{}\n", prepay_id.as_str().unwrap()));
    let right = shop.sign(&format!("{appid}\n{time}\nn1\n{package}\n"));
    let mut interface = super::Control::of(shop.gateway.clone(), shop.now);
    let mut parameters = json!({
        "appId": appid, "timeStamp": time, "nonceStr": "n1", "package": package, "signType": "RSA", "paySign": wrong,
    });
    let refused = interface.call("POST", "payer/pay", &parameters);
    assert_eq!((refused.status, &refused.body["field"]), (422, &json!("paySign")));
    if !shop.gateway.settings().v3.key_source.is_fake() {
        assert_eq!(refused.body["causes"][0]["id"], "prepay_id_prefix", "{refused:?}");
        assert!(refused.body["detail"].as_str().unwrap().contains("prepay_id_prefix"));
        let warnings = interface.get("warnings");
        assert!(
            warnings[0]["detail"].as_str().unwrap().starts_with("payment parameters: paySign "),
            "{warnings}"
        );
    }
    parameters["paySign"] = right.into();
    let shown = interface.succeed("POST", "payer/show", &parameters);
    assert_eq!((&shown["payment_request"]["total"], &shown["resp"]["errCode"]), (&json!(1999), &json!(-1)));
    let failed = interface.succeed("POST", "payer/fail?reason=not_enough", &parameters);
    assert_eq!(failed["resp"]["errStr"], "the account has not enough money");
    assert_eq!(failed["order"]["failed_attempts"][0]["outcome"], "not_enough");
    assert_eq!(interface.succeed("POST", "payer/pay", &parameters)["resp"]["errCode"], 0);
}
