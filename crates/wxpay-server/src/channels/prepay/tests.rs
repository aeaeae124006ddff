use super::*;
use crate::{
    channels::{
        order::request,
        terms::tests::{full, minimal, parse, with},
    },
    invalid::Invalid,
    merchants::{
        Merchant, MerchantSettings, Upstream,
        merchant_tests::{self as fixture, APPID},
    },
};
use std::{collections::BTreeMap, sync::Arc};
use tokio::net::TcpListener;
use wxpay_aws_lc::AwsLc;
use wxpay_proto::{id::NotifyUrl, retry::Policy, v3::pay::AuthCode};
use wxpay_sim::{Clock, Gateway, Settings, environment::Environment, serve::Server};

const AUTH_CODE: &str = "134567890123456799";
const NOW: UnixTime = UnixTime::from_secs(1_795_942_000);

fn notify_url() -> NotifyUrl {
    "https://pay.shop.example/notify/shop1/payment".parse().unwrap()
}

fn merchant() -> Merchant {
    let (settings, keys) = fixture::with_v1(fixture::settings(), fixture::keys());
    fixture::build(settings, &keys).unwrap()
}

fn partner() -> Merchant {
    let sub_merchants = vec![
        fixture::sub_merchant("1900000108", Some("wx0000000000000002")),
        fixture::sub_merchant("1900000109", None),
    ];
    let settings = MerchantSettings { partner: true, sub_merchants, ..fixture::settings() };
    fixture::build(settings, &fixture::keys()).unwrap()
}

/// Requests an order at a merchant, as a request of the API does.
fn place(merchant: &Merchant, fields: Value) -> Result<(PrepayCall, Terms), Invalid> {
    let terms = parse(fields)?;
    let app = merchant.app(terms.app.as_deref(), terms.channel)?;
    let terms = terms.resolved(merchant, app);
    let code: Option<AuthCode> = (terms.channel == Channel::Code).then(|| AUTH_CODE.parse().unwrap());
    let until = NOW.after(Duration::from_hours(2));
    let call = request(merchant, app, &terms, code.as_ref(), &notify_url(), until)?;
    Ok((call, terms))
}

fn refused(merchant: &Merchant, fields: Value) -> String {
    place(merchant, fields).unwrap_err().field().to_owned()
}

fn channel(name: &str) -> Value {
    with(minimal(), "/channel", json!(name))
}

fn jsapi() -> Value {
    with(channel("jsapi"), "/payer", json!({"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}))
}

#[allow(clippy::needless_pass_by_value, reason = "for literals")]
fn code(store: Value) -> Value {
    with(channel("code"), "/scene_info", json!({ "store_info": store }))
}

fn v1_app() -> Value {
    let fields = with(channel("app"), "/scene_info", json!({"payer_client_ip": "203.0.113.7"}));
    let fields = with(fields, "/out_trade_no", json!("A202611291"));
    let v1 = merchant().v1().unwrap().appid().to_string();
    with(fields, "/app", json!(v1))
}

#[test]
fn each_channel_has_its_call() {
    let merchant = merchant();
    let kind = |fields| match place(&merchant, fields).unwrap().0 {
        PrepayCall::Native(_) => "native",
        PrepayCall::PrepayId(_) => "prepay_id",
        PrepayCall::H5(_) => "h5",
        PrepayCall::V1(_) => "v1",
        PrepayCall::Code(_) => "code",
    };
    assert_eq!(kind(minimal()), "native");
    assert_eq!(kind(jsapi()), "prepay_id");
    assert_eq!(kind(with(jsapi(), "/channel", json!("mini_program"))), "prepay_id");
    assert_eq!(kind(with(channel("app"), "/app", json!(APPID))), "prepay_id");
    assert_eq!(kind(full()), "h5");
    assert_eq!(kind(v1_app()), "v1");
    assert_eq!(kind(code(json!({"id": "0001"}))), "code");
    assert_eq!(kind(code(json!({"out_id": "counter 3"}))), "code");
}

#[test]
fn the_rules_of_a_channel_name_the_field() {
    let merchant = merchant();
    let payer = json!({"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"});
    assert_eq!(refused(&merchant, channel("jsapi")), "payer");
    assert_eq!(refused(&merchant, channel("mini_program")), "payer");
    for name in ["native", "h5"] {
        assert_eq!(refused(&merchant, with(channel(name), "/payer", payer.clone())), "payer");
    }
    let sub_openid = with(jsapi(), "/payer", json!({"sub_openid": "o1"}));
    assert_eq!(refused(&merchant, sub_openid), "payer.sub_openid");
    assert_eq!(refused(&merchant, channel("h5")), "scene_info.payer_client_ip");
    let without_info = with(full(), "/scene_info/h5_info", json!(null));
    assert_eq!(refused(&merchant, without_info), "scene_info.h5_info.type");
    assert_eq!(refused(&merchant, with(full(), "/channel", json!("native"))), "scene_info.h5_info");
    assert_eq!(refused(&merchant, with(minimal(), "/sub_mchid", json!("1900000109"))), "sub_mchid");
}

#[test]
fn the_rules_of_a_code_payment_name_the_field() {
    let merchant = merchant();
    let counter = || code(json!({"id": "0001"}));
    assert_eq!(refused(&merchant, channel("code")), "scene_info.store_info");
    assert_eq!(refused(&merchant, code(json!({}))), "scene_info.store_info.id");
    assert_eq!(refused(&merchant, code(json!({"id": "1", "out_id": "2"}))), "scene_info.store_info.out_id");
    assert_eq!(refused(&merchant, code(json!({"id": "1", "name": "x"}))), "scene_info.store_info.name");
    assert_eq!(refused(&merchant, code(json!({"out_id": "x".repeat(257)}))), "scene_info.store_info.out_id");
    let ip = with(counter(), "/scene_info/payer_client_ip", json!("203.0.113.7"));
    assert_eq!(refused(&merchant, ip), "scene_info.payer_client_ip");
    assert_eq!(refused(&merchant, with(counter(), "/payer", json!({"openid": "o1"}))), "payer");
    let native = |store| with(minimal(), "/scene_info", json!({ "store_info": store }));
    assert_eq!(refused(&merchant, native(json!({"id": "1", "out_id": "2"}))), "scene_info.store_info.out_id");
    assert_eq!(refused(&merchant, native(json!({"name": "x"}))), "scene_info.store_info.id");
    // The code itself: required here, and unexpected elsewhere.
    let auth_code: AuthCode = AUTH_CODE.parse().unwrap();
    for (fields, auth_code) in [(counter(), None), (minimal(), Some(&auth_code))] {
        let terms = parse(fields).unwrap();
        let app = merchant.app(None, terms.channel).unwrap();
        let error = request(&merchant, app, &terms, auth_code, &notify_url(), NOW).unwrap_err();
        assert_eq!(error.field(), "auth_code");
        assert!(!error.to_string().contains(AUTH_CODE));
    }
}

#[test]
fn the_rules_of_single_fields_name_their_path() {
    let merchant = merchant();
    let long = |length| json!("x".repeat(length));
    for (pointer, value, path) in [
        ("/out_trade_no", json!("A1"), "out_trade_no"),
        ("/description", json!(""), "description"),
        ("/description", long(128), "description"),
        ("/amount/total", json!(0), "amount.total"),
        ("/attach", long(129), "attach"),
        ("/attach", json!("摊".repeat(43)), "attach"),
        ("/goods_tag", long(33), "goods_tag"),
        ("/scene_info/store_info/id", long(33), "scene_info.store_info.id"),
        ("/scene_info/store_info/name", long(257), "scene_info.store_info.name"),
        ("/scene_info/h5_info/app_url", long(129), "scene_info.h5_info.app_url"),
        ("/detail/invoice_id", long(33), "detail.invoice_id"),
        ("/detail/goods_detail/0/quantity", json!(0), "detail.goods_detail[0].quantity"),
        ("/detail/goods_detail/0/goods_name", long(257), "detail.goods_detail[0].goods_name"),
        (
            "/detail/goods_detail/0/merchant_goods_id",
            json!("商品"),
            "detail.goods_detail[0].merchant_goods_id",
        ),
    ] {
        let mut fields = full();
        *fields.pointer_mut(pointer).unwrap() = value;
        assert_eq!(refused(&merchant, fields), path, "{pointer}");
    }
}

#[test]
fn attach_may_have_128_bytes_in_utf_8() {
    let fields = with(full(), "/attach", json!(format!("{}12", "摊".repeat(42))));
    assert!(place(&merchant(), fields).is_ok());
}

#[test]
fn apiv1_refuses_what_it_does_not_have() {
    let merchant = merchant();
    for (pointer, value, path) in [
        ("/scene_info", json!(null), "scene_info.payer_client_ip"),
        ("/scene_info/payer_client_ip", json!("2001:db8::1"), "scene_info.payer_client_ip"),
        ("/scene_info/store_info", json!({"id": "1"}), "scene_info.store_info"),
        ("/scene_info/h5_info", json!({"type": "Wap"}), "scene_info.h5_info"),
        ("/payer", json!({"openid": "o1"}), "payer"),
        ("/detail", json!({"cost_price": 1}), "detail"),
        ("/profit_sharing", json!(true), "profit_sharing"),
        ("/support_fapiao", json!(true), "support_fapiao"),
        ("/sub_mchid", json!("1900000109"), "sub_mchid"),
        ("/out_trade_no", json!("A-1"), "out_trade_no"),
        ("/description", json!("a&b"), "description"),
        ("/description", json!("测".repeat(43)), "description"),
        ("/amount/total", json!(2_147_483_648_u64), "amount.total"),
        ("/attach", json!("x".repeat(128)), "attach"),
        ("/attach", json!("测".repeat(43)), "attach"),
    ] {
        assert_eq!(refused(&merchant, with(v1_app(), pointer, value)), path, "{pointer}");
    }
}

#[test]
fn a_partner_names_a_sub_merchant_whose_app_pays() {
    let partner = partner();
    assert_eq!(refused(&partner, jsapi()), "sub_mchid");
    let of =
        |sub_mchid: &str, payer: Value| with(with(jsapi(), "/sub_mchid", json!(sub_mchid)), "/payer", payer);
    let pay = |fields| {
        let (_, terms) = place(&partner, fields).unwrap();
        Prepay::PrepayId("wx1".parse().unwrap()).pay(&partner, &terms, NOW, "n".into()).unwrap()
    };
    assert_eq!(pay(of("1900000108", json!({"openid": "o1"})))["params"]["appId"], APPID);
    assert_eq!(pay(of("1900000108", json!({"sub_openid": "o1"})))["params"]["appId"], "wx0000000000000002");
    assert_eq!(refused(&partner, of("1900000109", json!({"sub_openid": "o1"}))), "payer.sub_openid");
    let app = |sub_mchid: &str| pay(with(channel("app"), "/sub_mchid", json!(sub_mchid)))["params"].clone();
    let (with_app, without_app) = (app("1900000108"), app("1900000109"));
    assert_eq!(with_app["appid"], "wx0000000000000002");
    assert_eq!(with_app["partnerid"], "1900000108");
    assert_eq!(without_app["appid"], APPID);
    assert_eq!(without_app["partnerid"], "1900000109");
    let store = json!({"store_info": {"id": "1", "name": "x"}});
    let mini = with(of("1900000109", json!({"openid": "o1"})), "/channel", json!("mini_program"));
    assert_eq!(refused(&partner, with(mini, "/scene_info", store)), "scene_info.store_info");
}

#[test]
fn parameters_are_signed_anew_each_time() {
    let merchant = merchant();
    let id: PrepayId = "wx201410272009395522657a690389285100".parse().unwrap();
    let pay = |prepay: &Prepay, fields: Value, now: UnixTime, nonce: &str| {
        let (_, terms) = place(&merchant, fields).unwrap();
        prepay.pay(&merchant, &terms, now, nonce.into()).unwrap()
    };
    let stored = Prepay::PrepayId(id.clone());
    let first = pay(&stored, jsapi(), NOW, "a");
    let second = pay(&stored, jsapi(), NOW.after(Duration::from_mins(5)), "b");
    assert_eq!(first["kind"], "jsapi");
    assert_eq!(first["params"]["package"], format!("prepay_id={id}"));
    assert_eq!(first["params"]["package"], second["params"]["package"]);
    for name in ["timeStamp", "nonceStr", "paySign"] {
        assert_ne!(first["params"][name], second["params"][name], "{name}");
    }
    assert_eq!(
        pay(&stored, with(jsapi(), "/channel", json!("mini_program")), NOW, "a")["kind"],
        "mini_program"
    );
    let app = pay(&stored, with(channel("app"), "/app", json!(APPID)), NOW, "a");
    assert_eq!((&app["kind"], &app["params"]["prepayid"]), (&json!("app"), &json!(id)));
    let v1 = pay(&Prepay::V1PrepayId(id), v1_app(), NOW, "a");
    assert_eq!(v1["params"]["appid"], merchant.v1().unwrap().appid().as_str());
    assert_eq!(v1["params"]["timestamp"], "1795942000");
    assert_eq!(
        pay(&Prepay::CodeUrl("weixin://1".into()), minimal(), NOW, "a"),
        json!({"kind": "native", "code_url": "weixin://1"})
    );
    assert_eq!(
        pay(&Prepay::H5Url("https://1".into()), full(), NOW, "a"),
        json!({"kind": "h5", "h5_url": "https://1"})
    );
}

#[test]
fn an_order_whose_app_was_removed_cannot_be_signed() {
    let stored = Prepay::V1PrepayId("wx1".parse().unwrap());
    let (_, terms) = place(&merchant(), v1_app()).unwrap();
    let without = fixture::build(fixture::settings(), &fixture::keys()).unwrap();
    assert!(matches!(stored.pay(&without, &terms, NOW, "a".into()), Err(PayError::NotConfigured)));
}

#[test]
fn a_stored_reply_survives_json_and_is_not_printed() {
    for (prepay, minutes) in [
        (Prepay::PrepayId("planted".parse().unwrap()), 120),
        (Prepay::V1PrepayId("planted".parse().unwrap()), 120),
        (Prepay::CodeUrl("planted".into()), 120),
        (Prepay::H5Url("planted".into()), 5),
    ] {
        assert_eq!(Prepay::from_json(&prepay.to_json().unwrap()).unwrap(), prepay);
        assert_eq!(prepay.lifetime(), Duration::from_mins(minutes));
        assert!(!format!("{prepay:?}").contains("planted"));
    }
    let json = Prepay::PrepayId("wx1".parse().unwrap()).to_json().unwrap();
    assert_eq!(json, r#"{"prepay_id":"wx1"}"#);
}

/// Starts a gateway, and returns it with a merchant of both API versions that calls it.
async fn gateway() -> (Server, Merchant) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let gateway = Gateway::new(Settings::default(), 7);
    let clock = Clock::running();
    let environment = Environment::of(&gateway, &url, fixture::NOW);
    let values: BTreeMap<_, _> = environment.values().unwrap().into_iter().collect();
    let server = Server::start(listener, gateway, clock).unwrap();
    let (mut settings, keys) = fixture::with_v1(fixture::settings(), fixture::keys());
    settings.apps = vec![fixture::app(&values["WXPAY_APPID"], Some("v3"), &[])];
    let upstream =
        Upstream { provider: Arc::new(AwsLc), gateway_base_url: Some(url), policy: Policy::default() };
    let origin = crate::merchants::Origin::Settings;
    let merchant = Merchant::build("shop1".parse().unwrap(), origin, settings, &keys, &upstream).unwrap();
    (server, merchant)
}

#[tokio::test]
async fn every_channel_is_accepted_by_the_gateway() {
    let (server, merchant) = gateway().await;
    let client = Client::builder().build().unwrap();
    let now = crate::ambient::Ambient::now(&crate::ambient::System);
    let orders = [
        (with(minimal(), "/out_trade_no", json!("NATIVE-1")), "native"),
        (with(jsapi(), "/out_trade_no", json!("JSAPI-1")), "jsapi"),
        (
            with(with(jsapi(), "/channel", json!("mini_program")), "/out_trade_no", json!("MINI-1")),
            "mini_program",
        ),
        (with(with(channel("app"), "/app", json!("v3")), "/out_trade_no", json!("APP-001")), "app"),
        (with(with(full(), "/time_expire", json!(null)), "/app", json!("v3")), "h5"),
        (v1_app(), "app"),
    ];
    for (fields, kind) in orders {
        let terms = parse(fields).unwrap();
        let app = merchant.app(terms.app.as_deref(), terms.channel).unwrap();
        let terms = terms.resolved(&merchant, app);
        let until = terms.expires_at(now, Duration::from_hours(2)).unwrap();
        let call = request(&merchant, app, &terms, None, &notify_url(), until).unwrap();
        let reply = call.run(&client).await.unwrap_or_else(|error| panic!("{kind}: {error:?}"));
        let Reply::Prepay(prepay) = reply else { panic!("{kind}: a charge") };
        let pay = prepay.pay(&merchant, &terms, now, "nonce".into()).unwrap();
        assert_eq!(pay["kind"], kind);
    }
    drop(server);
}
