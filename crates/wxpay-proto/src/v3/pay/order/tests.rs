use super::*;
use crate::{
    error::{ErrorKind, Fate},
    v3::{
        endpoint::Endpoint,
        fake,
        pay::{AppOrder, H5Info, H5Order, IdentityKind, JsapiOrder, NativeOrder, Payer},
        seal::Sensitive,
    },
};

/// Returns an order without app and notification URL.
fn bare() -> Order {
    Order::new("1217752501-1".parse().unwrap(), Fen::new(100), "Image形象店").unwrap()
}

fn minimal() -> Order {
    let appid = "wxd678efh567hg6787".parse().unwrap();
    bare().appid(appid).notify_url("https://shop.example/notify".parse().unwrap())
}

fn full() -> Order {
    let goods = Goods::new("1246464644", 1, Fen::new(52_8800)).unwrap();
    let goods = goods.wechatpay_goods_id("1001").unwrap().goods_name("iPhoneX 256G").unwrap();
    let detail = Detail::new(Vec::from([goods])).cost_price(Fen::new(60_8800)).invoice_id("微信123").unwrap();
    let store = Store::new("0001").unwrap().name("腾讯大厦分店").unwrap();
    let store = store.area_code("440305").unwrap().address("深南大道10000号").unwrap();
    minimal()
        .time_expire(UnixTime::from_secs(1_528_425_296))
        .attach("自定义数据")
        .unwrap()
        .goods_tag("WXG")
        .unwrap()
        .limit_pay(Vec::from([LimitPay::NoCredit]))
        .support_fapiao(true)
        .detail(detail)
        .payer_client_ip([14, 23, 150, 211].into())
        .device_id("013467007045764")
        .unwrap()
        .store(store)
        .profit_sharing(false)
}

fn drafted_json(endpoint: &dyn Endpoint<Output = String>) -> (String, serde_json::Value) {
    let (target, body) = fake::drafted(endpoint);
    (target, serde_json::from_str(&body).unwrap())
}

#[test]
fn a_minimal_order_has_the_required_fields_only() {
    let (target, body) = fake::drafted(&NativeOrder::new(minimal()));
    assert_eq!(target, "POST /v3/pay/transactions/native");
    let expected = r#"{"appid":"wxd678efh567hg6787","mchid":"1900007291","description":"Image形象店","out_trade_no":"1217752501-1","notify_url":"https://shop.example/notify","amount":{"total":100,"currency":"CNY"}}"#;
    assert_eq!(body, expected);
}

#[test]
fn a_full_order_has_every_field_in_its_place() {
    let (target, body) = drafted_json(&H5Order::new(full(), H5Info::wap()).unwrap());
    assert_eq!(target, "POST /v3/pay/transactions/h5");
    let expected = serde_json::json!({
        "appid": "wxd678efh567hg6787", "mchid": "1900007291", "description": "Image形象店",
        "out_trade_no": "1217752501-1", "time_expire": "2018-06-08T10:34:56+08:00", "attach": "自定义数据",
        "notify_url": "https://shop.example/notify", "goods_tag": "WXG", "limit_pay": ["no_credit"],
        "support_fapiao": true, "amount": { "total": 100, "currency": "CNY" },
        "detail": { "cost_price": 608_800, "invoice_id": "微信123", "goods_detail": [{
            "merchant_goods_id": "1246464644", "wechatpay_goods_id": "1001", "goods_name": "iPhoneX 256G",
            "quantity": 1, "unit_price": 528_800,
        }] },
        "scene_info": {
            "payer_client_ip": "14.23.150.211", "device_id": "013467007045764",
            "store_info": {
                "id": "0001", "name": "腾讯大厦分店", "area_code": "440305", "address": "深南大道10000号",
            },
            "h5_info": { "type": "Wap" },
        },
        "settle_info": { "profit_sharing": false },
    });
    assert_eq!(body, expected);
}

#[test]
fn a_partner_order_and_its_pending_operation_name_the_sub_merchant() {
    let sub_mchid: crate::id::MchId = "1900000109".parse().unwrap();
    let sub_appid = "wxd678efh567hg6999".parse().unwrap();
    let party = Party::Partner { sub_mchid: sub_mchid.clone(), sub_appid: Some(sub_appid) };
    let order = minimal().party(party);
    let payer = Payer::under_sub_appid("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".parse().unwrap());
    let jsapi = JsapiOrder::new(order.clone(), payer.clone()).unwrap();
    let (target, body) = fake::drafted(&jsapi);
    assert_eq!(target, "POST /v3/pay/partner/transactions/jsapi");
    for part in [
        r#""sp_appid":"wxd678efh567hg6787","sp_mchid":"1900007291""#,
        r#""sub_appid":"wxd678efh567hg6999","sub_mchid":"1900000109""#,
        r#""payer":{"sub_openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}"#,
    ] {
        assert!(body.contains(part), "{body}");
    }
    let expected = "v3.order?out_trade_no=1217752501-1&sub_mchid=1900000109";
    let reply = r#"{"prepay_id":"wx201410272009395522657a690389285100"}"#;
    let params = fake::read(&jsapi, reply).unwrap();
    assert_eq!(params.app_id.as_str(), "wxd678efh567hg6999", "the parameters are signed for the payer's app");
    let mini_program = JsapiOrder::mini_program(order.clone(), payer).unwrap();
    let native = NativeOrder::new(order.clone());
    for pending_operation in [
        jsapi.pending_operation(),
        mini_program.pending_operation(),
        native.pending_operation(),
        AppOrder::new(order.clone()).pending_operation(),
    ] {
        assert_eq!(pending_operation.unwrap().to_string(), expected);
    }
    let (target, _) = fake::drafted(&mini_program);
    assert_eq!(target, "POST /v3/pay/partner/transactions/miniprogram");
    let params = fake::read(&AppOrder::new(order), reply).unwrap();
    assert_eq!((params.appid.as_str(), params.partnerid), ("wxd678efh567hg6999", sub_mchid));
}

#[test]
fn the_payers_identity_is_sealed_and_not_printed() {
    let sensitive = |text: &str| Sensitive::new(text.into()).unwrap();
    let payer = Payer::new("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".parse().unwrap()).identity(
        IdentityKind::Idcard,
        sensitive("planted-number"),
        sensitive("planted-name"),
    );
    let jsapi = JsapiOrder::new(full(), payer).unwrap();
    let (_, body) = fake::drafted(&jsapi);
    assert!(body.contains(r#""identity":{"type":"IDCARD","number":""#), "{body}");
    assert!(body.contains(&fake::sealed("planted-name")));
    assert!(!body.contains("planted"));
    let printed = format!("{jsapi:?} {:?}", full());
    assert!(!printed.contains("planted") && !printed.contains("oUpF8uMuAJO"), "{printed}");
}

#[test]
fn the_client_parameters_are_the_signed_ones() {
    let reply = r#"{"prepay_id":"wx201410272009395522657a690389285100"}"#;
    let order = minimal();
    let payer = Payer::new("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o".parse().unwrap());
    let page = fake::read(&JsapiOrder::new(order.clone(), payer).unwrap(), reply).unwrap();
    let params = serde_json::to_value(&page).unwrap();
    assert_eq!(params["package"], "prepay_id=wx201410272009395522657a690389285100");
    assert_eq!((&params["signType"], &params["appId"]), (&"RSA".into(), &"wxd678efh567hg6787".into()));
    assert_eq!(params["timeStamp"], fake::NOW.as_secs().to_string());
    let app = serde_json::to_value(fake::read(&AppOrder::new(order), reply).unwrap()).unwrap();
    assert_eq!(app["package"], "Sign=WXPay");
    assert_eq!(app["prepayid"], "wx201410272009395522657a690389285100");
    assert_eq!(app["partnerid"], "1900007291");
}

#[test]
fn an_order_names_the_field_of_an_error() {
    let field = |result: Result<Order, InvalidField>| result.unwrap_err().field();
    assert_eq!(field(minimal().attach("")), "attach");
    assert_eq!(field(minimal().attach("😀")), "attach");
    assert_eq!(field(minimal().goods_tag("x".repeat(33))), "goods_tag");
    assert_eq!(field(minimal().device_id("x".repeat(33))), "device_id");
    assert_eq!(Store::new("").unwrap_err().field(), "store_info.id");
    let goods = |id, quantity| Goods::new(id, quantity, Fen::new(1)).unwrap_err().field();
    assert_eq!(goods("货", 1), "merchant_goods_id");
    assert_eq!(goods("1", 0), "quantity");
    let other = |number: &str, total, description: &str| {
        Order::new(number.parse().unwrap(), Fen::new(total), description)
    };
    assert_eq!(field(other("12345", 1, "x")), "out_trade_no");
    assert_eq!(field(other("12345|", 1, "x")), "out_trade_no");
    assert_eq!(field(other("123456", 0, "x")), "total");
    assert_eq!(field(other("123456", 2_147_483_648, "x")), "total");
    assert_eq!(field(other("123456", 1, &"x".repeat(128))), "description");
    assert_eq!(H5Order::new(minimal(), H5Info::ios()).unwrap_err().field(), "payer_client_ip");
    let payer = Payer::under_sub_appid("oUpF8uMuAJO".parse().unwrap());
    assert_eq!(JsapiOrder::new(minimal(), payer).unwrap_err().field(), "sub_openid");
}

#[test]
fn orders_print_no_texts() {
    let printed = format!("{:?}", full());
    for text in ["Image形象店", "自定义数据", "微信123"] {
        assert!(!printed.contains(text), "{printed}");
    }
    assert!(printed.contains("1217752501-1"));
}

#[test]
fn an_order_uses_the_defaults_of_the_merchant() {
    let defaults = |builder: crate::v3::Builder| {
        let appid = "wxd678efh567hg6787".parse().unwrap();
        builder.appid(appid).notify_url("https://shop.example/notify".parse().unwrap()).build()
    };
    let body = |merchant, order| fake::drafted_by(&merchant, &NativeOrder::new(order)).unwrap().1;
    let expected = body(fake::merchant(), minimal());
    assert_eq!(body(defaults(fake::builder()), bare()), expected, "the defaults fill what is not set");
    let other_appid = "wxd678efh567hg9999".parse().unwrap();
    let own = body(defaults(fake::builder()), bare().appid(other_appid));
    assert_eq!(own, expected.replace("wxd678efh567hg6787", "wxd678efh567hg9999"), "the order's own app wins");
}

#[test]
fn a_missing_default_is_an_error_that_names_it_before_anything_is_sent() {
    let (appid, url) =
        ("wxd678efh567hg6787".parse().unwrap(), "https://shop.example/notify".parse().unwrap());
    let identified = Payer::new("o1".parse().unwrap()).identity(
        IdentityKind::Idcard,
        Sensitive::new("1".into()).unwrap(),
        Sensitive::new("2".into()).unwrap(),
    );
    // The merchant has no platform key yet: sealing the identity would fetch one.
    let merchant = fake::with_certificates().build();
    for (order, field) in [(bare().notify_url(url), "appid"), (bare().appid(appid), "notify_url")] {
        let jsapi = JsapiOrder::new(order.clone(), identified.clone()).unwrap();
        for error in [
            fake::drafted_by(&merchant, &NativeOrder::new(order)).unwrap_err(),
            fake::drafted_by(&merchant, &jsapi).unwrap_err(),
        ] {
            assert_eq!((error.kind(), error.fate()), (ErrorKind::Misuse, Some(Fate::NotSent)));
            let rule = core::error::Error::source(&error).unwrap().to_string();
            assert!(rule.starts_with(&format!("{field} is required: ")), "{rule}");
        }
    }
}
