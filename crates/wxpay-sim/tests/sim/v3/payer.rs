//! Payment parameters in the payer's client. Their signature is verified before the payment.

use super::shop::Shop;
use serde_json::{Value, json};
use wxpay_proto::UnixTime;
use wxpay_sim::{Clock, control::Simulation, gateway::Payer, payer::PaymentRequest};

/// Places a JSAPI order and returns the parameters for the page.
fn jsapi_parameters(shop: &mut Shop) -> Value {
    let goods = shop.goods_with("A12345", &json!({ "payer": { "openid": "oX99MDgNcgwnz3zFN3DNmo8uwa-w" } }));
    let prepay_id = shop.post("/v3/pay/transactions/jsapi", &goods).body["prepay_id"].clone();
    let package = format!("prepay_id={}", prepay_id.as_str().unwrap());
    let (appid, time) = (shop.appid(), shop.now.as_secs().to_string());
    let sign = shop.sign(&format!("{appid}\n{time}\nn1\n{package}\n"));
    json!({ "appId": appid, "timeStamp": time, "nonceStr": "n1", "package": package, "signType": "RSA", "paySign": sign })
}

/// Places an App order and returns the parameters for the app.
fn app_parameters(shop: &mut Shop) -> Value {
    let goods = shop.goods("B12345");
    let prepay_id = shop.post("/v3/pay/transactions/app", &goods).body["prepay_id"].clone();
    let (appid, time) = (shop.appid(), shop.now.as_secs().to_string());
    let sign = shop.sign(&format!("{appid}\n{time}\nn1\n{}\n", prepay_id.as_str().unwrap()));
    json!({
        "appid": appid, "partnerid": shop.mchid(), "prepayid": prepay_id, "package": "Sign=WXPay",
        "noncestr": "n1", "timestamp": time, "sign": sign,
    })
}

fn refused_field(shop: &mut Shop, parameters: &Value) -> Option<&'static str> {
    PaymentRequest::parse(&mut shop.gateway, parameters.to_string().as_bytes(), shop.now)
        .err()
        .map(|refusal| refusal.field)
}

#[test]
fn payer_accepts_signed_jsapi_and_app_parameters() {
    let mut shop = Shop::open();
    for parameters in [jsapi_parameters(&mut shop), app_parameters(&mut shop)] {
        let payment_request =
            PaymentRequest::parse(&mut shop.gateway, parameters.to_string().as_bytes(), shop.now).unwrap();
        assert_eq!((payment_request.total.get(), payment_request.description.as_str()), (1999, "支付测试"));
        let (resp, paid) = payment_request.pay(&mut shop.gateway, &Payer::default(), shop.now).unwrap();
        assert_eq!((resp.err_code, paid.order.payments.len()), (0, 1));
        assert!(payment_request.pay(&mut shop.gateway, &Payer::default(), shop.now).is_err());
    }
}

#[test]
fn mini_program_parameters_may_omit_the_appid() {
    let mut shop = Shop::open();
    let mut parameters = jsapi_parameters(&mut shop);
    parameters.as_object_mut().unwrap().remove("appId");
    assert_eq!(refused_field(&mut shop, &parameters), None);
}

#[test]
fn page_parameters_without_their_signature_are_named_as_such() {
    let mut shop = Shop::open();
    let mut parameters = jsapi_parameters(&mut shop);
    parameters.as_object_mut().unwrap().remove("paySign");
    assert_eq!(refused_field(&mut shop, &parameters), Some("paySign"));
    parameters.as_object_mut().unwrap().remove("appId");
    assert_eq!(refused_field(&mut shop, &parameters), Some("paySign"), "of a mini program");
    let mut of_app = app_parameters(&mut shop);
    of_app.as_object_mut().unwrap().remove("sign");
    assert_eq!(refused_field(&mut shop, &of_app), Some("sign"));
    of_app["timeStamp"] = of_app["timestamp"].clone();
    assert_eq!(refused_field(&mut shop, &of_app), Some("sign"), "an app may add parameters");
}

#[test]
fn payer_names_the_changed_parameter() {
    let mut shop = Shop::open();
    for (name, value, expected) in [
        ("nonceStr", json!("n2"), "paySign"),
        ("timeStamp", json!("1"), "paySign"),
        ("timeStamp", json!(1), "timeStamp"),
        ("timeStamp", json!("x"), "timeStamp"),
        ("signType", json!("MD5"), "signType"),
        ("package", json!("prepay_id=wx1"), "prepay_id"),
        ("package", json!("Sign=WXPay"), "package"),
        ("appId", json!("wx0000000000000000"), "appid"),
        ("paySign", json!("AAAA"), "paySign"),
        ("nonceStr", Value::Null, "nonceStr"),
    ] {
        let mut parameters = jsapi_parameters(&mut shop);
        parameters[name] = value;
        assert_eq!(refused_field(&mut shop, &parameters), Some(expected), "{name}");
    }
    for (name, value, expected) in [
        ("noncestr", "n2", "sign"),
        ("partnerid", "1", "partnerid"),
        ("package", "prepay_id=1", "package"),
        ("prepayid", "wx1", "prepay_id"),
    ] {
        let mut parameters = app_parameters(&mut shop);
        parameters[name] = value.into();
        assert_eq!(refused_field(&mut shop, &parameters), Some(expected), "{name}");
    }
}

/// The signed line contains the bare id. Client libraries often sign `prepay_id=…` here by mistake.
#[test]
fn app_signature_covers_the_bare_prepayid() {
    let mut shop = Shop::open();
    let mut parameters = app_parameters(&mut shop);
    let line = format!("prepay_id={}", parameters["prepayid"].as_str().unwrap());
    let sign = shop.sign(&format!("{}\n{}\nn1\n{line}\n", shop.appid(), shop.now.as_secs()));
    parameters["sign"] = sign.into();
    assert_eq!(refused_field(&mut shop, &parameters), Some("sign"));
}

#[test]
fn control_interface_pays_for_both_api_versions() {
    let mut shop = Shop::open();
    let parameters = jsapi_parameters(&mut shop).to_string();
    let real = UnixTime::from_secs(0);
    let mut simulation = Simulation {
        gateway: shop.gateway.clone(),
        clock: Clock::frozen(shop.now).with_virtual_signatures(),
    };
    let mut post = |path: &str| simulation.control("POST", path, parameters.as_bytes(), real);
    let cancelled = post("/_sim/v1/payer/cancel");
    assert_eq!((cancelled.status, &cancelled.body["resp"]["errCode"]), (200, &json!(-2)));
    assert_eq!(cancelled.body["order"]["trade_state"], "NOTPAY");
    let paid = post("/_sim/v1/payer/pay");
    assert_eq!(
        (&paid.body["resp"]["errCode"], &paid.body["order"]["trade_state"]),
        (&json!(0), &json!("SUCCESS"))
    );
    assert_eq!(post("/_sim/v1/payer/pay").status, 409);
}

/// The app may be the partner's or the sub-merchant's. The merchant that placed the order signs.
#[test]
fn payer_accepts_parameters_signed_by_the_partner() {
    let mut shop = Shop::open();
    let (sub_mchid, sub_appids) = shop.merchant.sub_merchants().first_key_value().unwrap();
    let (sub_mchid, sub_appid, appid) = (sub_mchid.to_string(), sub_appids[0].to_string(), shop.appid());
    let order = json!({
        "sp_appid": appid, "sp_mchid": shop.mchid(), "sub_appid": sub_appid, "sub_mchid": sub_mchid,
        "description": "支付测试", "out_trade_no": "A12345", "notify_url": "https://shop.example/n",
        "amount": { "total": 1999 },
    });
    let sub_order = |number: &str| {
        json!({ "mchid": shop.mchid(), "out_trade_no": number, "attach": "a", "description": "米",
            "amount": { "total_amount": 1000, "currency": "CNY" } })
    };
    let combined_order = json!({
        "combine_appid": appid, "combine_mchid": shop.mchid(), "combine_out_trade_no": "P12345",
        "notify_url": "https://shop.example/n", "sub_orders": [sub_order("P12345-1"), sub_order("P12345-2")],
    });
    let partner_prepay_id = shop.post("/v3/pay/partner/transactions/app", &order).body["prepay_id"].clone();
    let combined = shop.post("/v3/combine-transactions/app", &combined_order).body["prepay_id"].clone();
    for (id, appid, partnerid, total, refusal) in [
        (&partner_prepay_id, &sub_appid, &sub_mchid, 1999, None),
        (&partner_prepay_id, &appid, &shop.mchid(), 1999, None),
        (&combined, &appid, &shop.mchid(), 2000, None),
        (&combined, &sub_appid, &shop.mchid(), 2000, Some("appid")),
        (&combined, &appid, &sub_mchid, 2000, Some("partnerid")),
    ] {
        let time = shop.now.as_secs().to_string();
        let sign = shop.sign(&format!("{appid}\n{time}\nn1\n{}\n", id.as_str().unwrap()));
        let parameters = json!({ "appid": appid, "partnerid": partnerid, "prepayid": id,
            "package": "Sign=WXPay", "noncestr": "n1", "timestamp": time, "sign": sign });
        let payment_request =
            PaymentRequest::parse(&mut shop.gateway, parameters.to_string().as_bytes(), shop.now);
        assert_eq!(payment_request.as_ref().err().map(|error| error.field), refusal);
        assert!(payment_request.is_err() || payment_request.unwrap().total.get() == total);
    }
}
