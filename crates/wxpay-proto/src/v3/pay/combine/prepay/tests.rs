use super::{
    super::{
        SubOrder,
        order::{Individual, Subsidy, SubsidyPeriod, SubsidyPlan},
    },
    *,
};
use crate::{
    money::Fen,
    v3::{
        Party, Sensitive, fake,
        pay::{IdentityKind, order::LimitPay},
    },
};

const PREPAID: &str = r#"{"prepay_id":"wx201410272009395522657a690389285100"}"#;

fn sub_order(mchid: &str, number: &str) -> SubOrder {
    let (mchid, number) = (mchid.parse().unwrap(), number.parse().unwrap());
    SubOrder::new(mchid, number, Fen::new(10), "大米", "深圳分店").unwrap()
}

fn order(sub_orders: Vec<SubOrder>) -> Order {
    let appid = "wxd678efh567hg6787".parse().unwrap();
    let url = "https://shop.example/combined".parse().unwrap();
    let order = Order::new("P20150806".parse().unwrap(), sub_orders).unwrap();
    order.combine_appid(appid).notify_url(url)
}

fn minimal() -> Order {
    order(vec![sub_order("1900000109", "20150806"), sub_order("1900000110", "20150806")])
}

/// Returns a combined order with all optional fields except the openid and the fields of single payment methods.
fn full() -> Order {
    let sub_appid = Some("wxd678efh567hg6999".parse().unwrap());
    let party = Party::Partner { sub_mchid: "1900000120".parse().unwrap(), sub_appid };
    let sub_order = sub_order("1900000109", "20150806")
        .party(party)
        .goods_tag("WXG")
        .unwrap()
        .profit_sharing(true)
        .subsidy_amount(Fen::new(5));
    let sensitive = |text: &str| Sensitive::new(text.into()).unwrap();
    order(vec![sub_order])
        .identity(IdentityKind::Idcard, sensitive("1"), sensitive("2"))
        .payer_client_ip("14.17.22.32".parse().unwrap())
        .device_id("POS1")
        .unwrap()
        .time_start(UnixTime::from_secs(1_528_425_290))
        .time_expire(UnixTime::from_secs(1_528_425_296))
        .limit_pay(vec![LimitPay::NoBalance])
}

const SUB_ORDERS: &str = r#""sub_orders":[{"mchid":"1900000109","out_trade_no":"20150806","amount":{"total_amount":10,"currency":"CNY"},"attach":"深圳分店","description":"大米"},{"mchid":"1900000110","out_trade_no":"20150806","amount":{"total_amount":10,"currency":"CNY"},"attach":"深圳分店","description":"大米"}]"#;
const HEAD: &str = r#"{"combine_appid":"wxd678efh567hg6787","combine_mchid":"1900007291","combine_out_trade_no":"P20150806""#;
const TAIL: &str = r#""notify_url":"https://shop.example/combined"}"#;

/// Composes the expected body of a [`full`] order.
fn full_body(scene: &str, sub_order: &str, payer: &str, options: [&str; 2]) -> String {
    let (number, name) = (fake::sealed("1"), fake::sealed("2"));
    let [before, after] = options;
    format!(
        r#"{HEAD},"scene_info":{{"device_id":"POS1","payer_client_ip":"14.17.22.32"{scene}}},"sub_orders":[{{"mchid":"1900000109","sub_mchid":"1900000120","sub_appid":"wxd678efh567hg6999","out_trade_no":"20150806","amount":{{"total_amount":10,"currency":"CNY"}},"attach":"深圳分店","description":"大米",{sub_order}"goods_tag":"WXG","settle_info":{{"profit_sharing":true,"subsidy_amount":5}}}}],"combine_payer_info":{{{payer}"identity":{{"type":"IDCARD","number":"{number}","name":"{name}"}}}},"time_start":"2018-06-08T10:34:50+08:00","time_expire":"2018-06-08T10:34:56+08:00","notify_url":"https://shop.example/combined"{before},"limit_pay":["no_balance"]{after}}}"#
    )
}

#[test]
fn a_combined_native_order_requires_only_sub_orders() {
    let native = NativeOrder::new(minimal()).unwrap();
    let (line, body) = fake::drafted(&native);
    assert_eq!(line, "POST /v3/combine-transactions/native");
    assert_eq!(body, format!("{HEAD},{SUB_ORDERS},{TAIL}"));
    let code_url =
        fake::read(&native, r#"{"code_url":"weixin://pay.weixin.qq.com/bizpayurl/up?pr=NwY5Mz9"}"#);
    assert_eq!(code_url.unwrap(), "weixin://pay.weixin.qq.com/bizpayurl/up?pr=NwY5Mz9");

    let native = NativeOrder::new(full().openid("o1".parse().unwrap())).unwrap();
    assert_eq!(fake::drafted(&native).1, full_body("", "", r#""openid":"o1","#, ["", ""]));
}

#[test]
fn combined_app_parameters_are_those_of_the_combining_merchant() {
    let app = AppOrder::new(minimal()).unwrap();
    assert_eq!(fake::drafted(&app).0, "POST /v3/combine-transactions/app");
    let params = fake::read(&app, PREPAID).unwrap();
    assert_eq!((params.appid.as_str(), params.partnerid.as_str()), ("wxd678efh567hg6787", "1900007291"));

    let mut full = full()
        .trade_scenario("RECOMMERCE")
        .unwrap()
        .subsidy_detail(vec![Subsidy::new(SubsidyPeriod::Period, vec![SubsidyPlan::new(3, 100)])]);
    full.sub_orders[0] = full.sub_orders[0].clone().detail("{}").unwrap();
    let subsidy = r#","subsidy_info":{"subsidy_detail":[{"subsidy_period_type":"PERIOD","subsidy_plan":[{"subsidy_installment_num":3,"subsidy_percent":100}]}]}"#;
    assert_eq!(
        fake::drafted(&AppOrder::new(full).unwrap()).1,
        full_body("", r#""detail":"{}","#, "", [r#","trade_scenario":"RECOMMERCE""#, subsidy])
    );
}

#[test]
fn combined_h5_requires_ip_address_and_device_id() {
    let h5 = H5Order::new(full(), H5Info::wap()).unwrap();
    let (line, body) = fake::drafted(&h5);
    assert_eq!(line, "POST /v3/combine-transactions/h5");
    assert_eq!(body, full_body(r#","h5_info":{"type":"Wap"}"#, "", "", ["", ""]));
    assert_eq!(
        fake::read(&h5, r#"{"h5_url":"https://wx.tenpay.com/x"}"#).unwrap(),
        "https://wx.tenpay.com/x"
    );

    let new = |order| H5Order::new(order, H5Info::wap());
    assert_eq!(new(minimal()).unwrap_err().field(), "payer_client_ip");
    let half = minimal().payer_client_ip("14.17.22.32".parse().unwrap());
    assert_eq!(new(half).unwrap_err().field(), "device_id");
}

#[test]
fn combined_jsapi_parameters_are_signed_for_the_app_of_the_openid() {
    let jsapi = JsapiOrder::new;
    let signed_for = |jsapi: &JsapiOrder| fake::read(jsapi, PREPAID).unwrap().app_id;
    let for_openid = jsapi(full().openid("o1".parse().unwrap())).unwrap();
    assert_eq!(signed_for(&for_openid).as_str(), "wxd678efh567hg6787");
    assert_eq!(fake::drafted(&for_openid).0, "POST /v3/combine-transactions/jsapi");
    assert_eq!(fake::drafted(&for_openid).1, full_body("", "", r#""openid":"o1","#, ["", ""]));
    let for_sub_openid = jsapi(full().sub_openid("o2".parse().unwrap())).unwrap();
    assert_eq!(signed_for(&for_sub_openid).as_str(), "wxd678efh567hg6999");
    assert_eq!(fake::drafted(&for_sub_openid).1, full_body("", "", r#""sub_openid":"o2","#, ["", ""]));

    assert_eq!(jsapi(minimal()).unwrap_err().field(), "openid");
    let without_sub_appid = minimal().sub_openid("o2".parse().unwrap());
    assert_eq!(jsapi(without_sub_appid).unwrap_err().field(), "sub_openid");
}

#[test]
fn a_trade_between_individuals_requires_authorizations() {
    let individual = Individual::new("123456").unwrap().name("张三").unwrap();
    let sub_order = sub_order("1900000109", "20150806").individual(individual);
    let openid = || "o1".parse().unwrap();
    let mini_program =
        MiniProgramOrder::new(order(vec![sub_order]).openid(openid()).trade_scenario("RECOMMERCE").unwrap())
            .unwrap();
    let (line, body) = fake::drafted(&mini_program);
    assert_eq!(line, "POST /v3/combine-transactions/miniprogram");
    assert_eq!(
        body,
        format!(
            r#"{HEAD},"sub_orders":[{{"mchid":"1900000109","order_service_type":"INDIVIDUALTRADE","individual_auth_id":"123456","individual_name":"张三","out_trade_no":"20150806","amount":{{"total_amount":10,"currency":"CNY"}},"attach":"深圳分店","description":"大米"}}],"combine_payer_info":{{"openid":"o1"}},"notify_url":"https://shop.example/combined","trade_scenario":"RECOMMERCE"}}"#
        )
    );
    assert!(fake::read(&mini_program, PREPAID).unwrap().package.ends_with("285100"));
    let without_individuals = MiniProgramOrder::new(minimal().openid(openid()));
    assert_eq!(without_individuals.unwrap_err().field(), "individual_auth_id");
}

#[test]
fn fields_that_a_payment_method_does_not_accept_are_rejected() {
    let openid = || full().openid("o1".parse().unwrap());
    let error = AppOrder::new(openid()).unwrap_err();
    assert_eq!(format!("{error}"), "openid must not be set for this payment method");
    assert_eq!(MiniProgramOrder::new(openid()).unwrap_err().field(), "identity");
    let used = || full().trade_scenario("RECOMMERCE").unwrap();
    assert_eq!(NativeOrder::new(used()).unwrap_err().field(), "trade_scenario");
    assert_eq!(H5Order::new(used(), H5Info::wap()).unwrap_err().field(), "trade_scenario");
}
