//! The payer's client: shows a payment request only for signed parameters, and pays what it shows.

use crate::support::Shop;
use serde_json::{Value, json};
use wxpay_sim::{
    Settings,
    gateway::{PayError, Payer},
    ledger::OrderState,
    payer::PaymentRequest,
    settings::SecondSignPackage,
    warnings::Kind,
};

fn read(shop: &mut Shop, parameters: &Value) -> Result<PaymentRequest, String> {
    let now = shop.now;
    PaymentRequest::parse(&mut shop.gateway, parameters.to_string().as_bytes(), now)
        .map_err(|refused| refused.to_string())
}

#[test]
fn it_shows_what_it_would_pay_and_pays_it() {
    let mut shop = Shop::open(Settings::default());
    let prepayid = shop.order("A1");
    let parameters = shop.app_params(&prepayid, "Sign=WXPay");
    let bill = read(&mut shop, &parameters).unwrap();
    assert_eq!((bill.total_fee.get(), bill.body.as_str()), (1999, "支付测试"));
    assert_eq!(shop.record("A1").state, OrderState::Ordered);
    let (resp, paid) = bill.pay(&mut shop.gateway, &Payer::default(), shop.now).unwrap();
    assert_eq!(serde_json::to_value(&resp).unwrap(), json!({ "errCode": 0, "errStr": "" }));
    assert_eq!(paid.order.state, OrderState::Paid);
    assert_eq!(shop.gateway.warnings().count(), 0);
    let again = bill.pay(&mut shop.gateway, &Payer::default(), shop.now).unwrap_err();
    assert_eq!((again, again.resp().err_code), (PayError::AlreadyPaid, -1));
}

#[test]
fn a_payer_may_cancel_or_fail_and_nothing_is_paid() {
    let mut shop = Shop::open(Settings::default());
    let prepayid = shop.order("A1");
    let parameters = shop.app_params(&prepayid, "Sign=WXPay");
    let bill = read(&mut shop, &parameters).unwrap();
    assert_eq!(bill.cancel(&mut shop.gateway, shop.now).err_code, -2);
    assert_eq!(bill.fail(&mut shop.gateway, shop.now).err_code, -1);
    let record = shop.record("A1");
    assert_eq!((record.state, record.failed_attempts.len()), (OrderState::Ordered, 2));
    assert_eq!(shop.gateway.next_due(), None);
}

#[test]
fn a_change_in_any_parameter_is_refused_by_name() {
    let mut shop = Shop::open(Settings::default());
    let prepayid = shop.order("A1");
    let good = shop.app_params(&prepayid, "Sign=WXPay");
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
        let mut changed = good.clone();
        changed[name] = value;
        let refused = read(&mut shop, &changed).unwrap_err();
        assert!(refused.starts_with(&format!("{expected} ")), "{name}: {refused}");
        changed.as_object_mut().unwrap().remove(name);
        assert_eq!(read(&mut shop, &changed).unwrap_err(), format!("{name} is required"));
    }
    let strange = shop.app_params("1101000000140508ffffffffffffffff", "Sign=WXPay");
    assert!(read(&mut shop, &strange).unwrap_err().starts_with("prepayid "));
    assert!(read(&mut shop, &json!([])).unwrap_err().starts_with("parameters "));
}

#[test]
fn a_timestamp_may_be_a_number_as_on_ios() {
    let mut shop = Shop::open(Settings::default());
    let prepayid = shop.order("A1");
    let mut parameters = shop.app_params(&prepayid, "Sign=WXPay");
    parameters["timestamp"] = json!(shop.now.as_secs());
    assert!(read(&mut shop, &parameters).is_ok());
}

#[test]
fn another_literal_is_flagged_or_refused() {
    for literal in ["Sign=WXpay", "sign=WXPay"] {
        for (strictness, taken) in
            [(SecondSignPackage::AnyThatVerifies, true), (SecondSignPackage::Strict, false)]
        {
            let mut settings = Settings::default();
            settings.second_sign_package = strictness;
            let mut shop = Shop::open(settings);
            let prepayid = shop.order("A1");
            let parameters = shop.app_params(&prepayid, literal);
            assert_eq!(read(&mut shop, &parameters).is_ok(), taken);
            assert!(shop.warned(Kind::SecondSignPackage));
        }
    }
}

#[test]
fn an_appkey_given_to_the_app_is_flagged() {
    let mut shop = Shop::open(Settings::default());
    let prepayid = shop.order("A1");
    let mut parameters = shop.app_params(&prepayid, "Sign=WXPay");
    parameters["appkey"] = json!("k");
    assert!(read(&mut shop, &parameters).is_ok());
    assert!(shop.warned(Kind::LeakedSecret));
}
