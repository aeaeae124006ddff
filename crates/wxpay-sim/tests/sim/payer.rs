//! The payer's client: shows a payment request only for signed parameters, and pays what it shows.

use crate::support::Shop;
use serde_json::{Value, json};
use wxpay_sim::{
    Settings,
    gateway::{PayError, Payer},
    ledger::{NotPaidReason, TradeState},
    payer::PaymentRequest,
    settings::SecondSignPackage,
    warnings::Kind,
};

fn parse(shop: &mut Shop, parameters: &Value) -> Result<PaymentRequest, String> {
    let now = shop.now;
    PaymentRequest::parse(&mut shop.gateway, parameters.to_string().as_bytes(), now)
        .map_err(|refused| refused.to_string())
}

#[test]
fn payment_request_shows_the_order_and_pays_it() {
    let mut shop = Shop::open(Settings::default());
    let prepayid = shop.order("A1");
    let parameters = shop.app_params(&prepayid, "Sign=WXPay");
    let request = parse(&mut shop, &parameters).unwrap();
    assert_eq!((request.total.get(), request.description.as_str()), (1999, "支付测试"));
    assert_eq!(shop.record("A1").trade_state, TradeState::NotPay);
    let (resp, paid) = request.pay(&mut shop.gateway, &Payer::default(), shop.now).unwrap();
    assert_eq!(serde_json::to_value(&resp).unwrap(), json!({ "errCode": 0, "errStr": "" }));
    assert_eq!(paid.order.trade_state, TradeState::Success);
    assert_eq!(shop.gateway.warnings().count(), 0);
    let error = request.pay(&mut shop.gateway, &Payer::default(), shop.now).unwrap_err();
    assert_eq!((error, error.resp().err_code), (PayError::AlreadyPaid, -1));
}

#[test]
fn cancelled_and_failed_payments_leave_the_order_unpaid() {
    let mut shop = Shop::open(Settings::default());
    let prepayid = shop.order("A1");
    let parameters = shop.app_params(&prepayid, "Sign=WXPay");
    let request = parse(&mut shop, &parameters).unwrap();
    assert_eq!(request.cancel(&mut shop.gateway, shop.now).err_code, -2);
    assert_eq!(request.fail(&mut shop.gateway, NotPaidReason::Failed, shop.now).err_code, -1);
    let record = shop.record("A1");
    assert_eq!((record.trade_state, record.failed_attempts.len()), (TradeState::NotPay, 2));
    assert_eq!(shop.gateway.next_due(), None);
}

#[test]
fn changed_or_missing_parameter_is_rejected_by_name() {
    let mut shop = Shop::open(Settings::default());
    let prepayid = shop.order("A1");
    let valid = shop.app_params(&prepayid, "Sign=WXPay");
    for (name, value, expected) in [
        ("appid", json!("wx0000000000000000"), "appid"),
        ("noncestr", json!("other"), "sign"),
        ("package", json!("Sign=WXpay"), "sign"),
        ("partnerid", json!("1900000000"), "partnerid"),
        ("prepayid", json!("other"), "sign"),
        ("sign", json!("0"), "sign"),
        ("timestamp", json!(1), "sign"),
        ("timestamp", json!("soon"), "timestamp"),
    ] {
        let mut changed = valid.clone();
        changed[name] = value;
        let refused = parse(&mut shop, &changed).unwrap_err();
        assert!(refused.starts_with(&format!("{expected} ")), "{name}: {refused}");
        changed.as_object_mut().unwrap().remove(name);
        assert_eq!(parse(&mut shop, &changed).unwrap_err(), format!("{name} is required"));
    }
    let unknown = shop.app_params("1101000000140508ffffffffffffffff", "Sign=WXPay");
    assert!(parse(&mut shop, &unknown).unwrap_err().starts_with("prepayid "));
    assert!(parse(&mut shop, &json!([])).unwrap_err().starts_with("parameters "));
}

#[test]
fn numeric_timestamp_is_accepted() {
    let mut shop = Shop::open(Settings::default());
    let prepayid = shop.order("A1");
    let mut parameters = shop.app_params(&prepayid, "Sign=WXPay");
    parameters["timestamp"] = json!(shop.now.as_secs());
    assert!(parse(&mut shop, &parameters).is_ok());
}

#[test]
fn other_package_literal_is_flagged_or_refused() {
    for literal in ["Sign=WXpay", "sign=WXPay"] {
        for (setting, accepted) in
            [(SecondSignPackage::AnyThatVerifies, true), (SecondSignPackage::Strict, false)]
        {
            let mut settings = Settings::default();
            settings.v1.second_sign_package = setting;
            let mut shop = Shop::open(settings);
            let prepayid = shop.order("A1");
            let parameters = shop.app_params(&prepayid, literal);
            assert_eq!(parse(&mut shop, &parameters).is_ok(), accepted);
            assert!(shop.warned(Kind::SecondSignPackage));
        }
    }
}

#[test]
fn appkey_in_the_parameters_is_flagged() {
    let mut shop = Shop::open(Settings::default());
    let prepayid = shop.order("A1");
    let mut parameters = shop.app_params(&prepayid, "Sign=WXPay");
    parameters["appkey"] = json!("k");
    assert!(parse(&mut shop, &parameters).is_ok());
    assert!(shop.warned(Kind::LeakedSecret));
}
