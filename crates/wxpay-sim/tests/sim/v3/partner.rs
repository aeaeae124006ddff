//! Orders of a partner (service provider) for its sub-merchants.

use super::shop::{NOTIFY, ParsedReply, Shop};
use serde_json::{Value, json};
use wxpay_proto::{http::Method, wire::time::format_rfc3339};
use wxpay_sim::{
    gateway::{OrderRef, PayError, Payer},
    ledger::{TradeState, TradeType},
};

const PAY: &str = "/v3/pay/partner/transactions";
const REFUNDS: &str = "/v3/refund/domestic/refunds";
const OPENID: &str = "oX99MDgNcgwnz3zFN3DNmo8uwa-w";

fn sub_merchant(shop: &Shop) -> (String, String) {
    let (mchid, appids) = shop.merchant.sub_merchants().first_key_value().unwrap();
    (mchid.to_string(), appids[0].to_string())
}

/// Returns goods of the sub-merchant with additional or replaced members; `null` removes one.
fn goods(shop: &Shop, number: &str, more: &Value) -> Value {
    let mut goods = json!({
        "sp_appid": shop.appid(), "sp_mchid": shop.mchid(), "sub_mchid": sub_merchant(shop).0,
        "description": "支付测试", "out_trade_no": number, "notify_url": NOTIFY, "amount": { "total": 1999 },
    });
    let members = goods.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    members.retain(|_, value| !value.is_null());
    goods
}

fn place(shop: &mut Shop, kind: &str, number: &str, more: &Value) -> ParsedReply {
    let goods = goods(shop, number, more);
    shop.post(&format!("{PAY}/{kind}"), &goods)
}

fn query(shop: &mut Shop, number: &str) -> ParsedReply {
    let (mchid, sub_mchid) = (shop.mchid(), sub_merchant(shop).0);
    shop.get(&format!("{PAY}/out-trade-no/{number}?sp_mchid={mchid}&sub_mchid={sub_mchid}"))
}

#[test]
fn each_partner_order_type_returns_its_own_handle() {
    let mut shop = Shop::open();
    let payer = json!({ "payer": { "sp_openid": OPENID } });
    let h5 = json!({ "scene_info": { "payer_client_ip": "203.0.113.7", "h5_info": { "type": "Wap" } } });
    let scannedpos = json!({
        "payer": { "sp_openid": OPENID }, "sp_appid": null, "notify_url": null,
        "scene_info": { "payer_client_ip": "203.0.113.7", "store_info": { "out_id": "S1" } },
    });
    for (kind, more, member, trade_type) in [
        ("jsapi", &payer, "prepay_id", TradeType::Jsapi),
        ("miniprogram", &payer, "prepay_id", TradeType::Jsapi),
        ("scannedpos", &scannedpos, "prepay_id", TradeType::Jsapi),
        ("app", &json!({}), "prepay_id", TradeType::App),
        ("native", &json!({}), "code_url", TradeType::Native),
        ("h5", &h5, "h5_url", TradeType::Mweb),
    ] {
        let reply = place(&mut shop, kind, &format!("{kind}-12345"), more);
        assert_eq!(reply.status, 200, "{kind} {reply:?}");
        let handle = reply.body[member].as_str().unwrap();
        let record = shop.gateway.order(&OrderRef::Handle(handle.into()), shop.now).unwrap();
        assert_eq!((record.trade_type, record.trade_state), (trade_type, TradeState::NotPay));
        assert_eq!(record.sub_mchid.unwrap().as_str(), sub_merchant(&shop).0);
    }
}

#[test]
fn partner_payment_notification_names_both_merchants_and_both_openids() {
    let mut shop = Shop::open();
    let (sub_mchid, sub_appid) = sub_merchant(&shop);
    let more = json!({ "sub_appid": sub_appid, "payer": { "sub_openid": OPENID } });
    assert_eq!(place(&mut shop, "jsapi", "A12345", &more).status, 200);
    let order_ref = OrderRef::OutTradeNo("A12345".parse().unwrap());
    let other = Payer::default().with_openid("oOther".parse().unwrap());
    let result = shop.gateway.pay(&order_ref, &other, shop.now);
    assert_eq!(result.err(), Some(PayError::OtherPayer));
    let payment = shop.pay("A12345").payments[0].clone();
    assert_eq!(payment.sub_openid.as_ref().unwrap().as_str(), OPENID);
    assert_ne!(payment.openid.as_str(), OPENID, "the openid of a person differs between apps");
    let [delivery] = shop.due().try_into().unwrap();
    let (envelope, content) = shop.read_notification(&delivery);
    let expected = json!({
        "amount": { "currency": "CNY", "payer_currency": "CNY", "payer_total": 1999, "total": 1999 },
        "attach": "", "bank_type": "OTHERS", "out_trade_no": "A12345",
        "payer": { "sp_openid": payment.openid.as_str(), "sub_openid": OPENID }, "promotion_detail": [],
        "scene_info": { "device_id": "" }, "sp_appid": shop.appid(), "sp_mchid": shop.mchid(),
        "sub_appid": sub_appid, "sub_mchid": sub_mchid, "success_time": format_rfc3339(shop.now),
        "trade_state": "SUCCESS", "trade_state_desc": "支付成功", "trade_type": "JSAPI",
        "transaction_id": payment.transaction_id,
    });
    assert_eq!((&envelope["event_type"], &content), (&json!("TRANSACTION.SUCCESS"), &expected));
    assert_eq!(query(&mut shop, "A12345").body, expected);
    let (mchid, id) = (shop.mchid(), payment.transaction_id);
    let by_id = format!("{PAY}/id/{id}?sp_mchid={mchid}&sub_mchid={sub_mchid}");
    assert_eq!(shop.get(&by_id).body, expected);
}

#[test]
fn partner_order_without_sub_appid_has_no_sub_openid() {
    let mut shop = Shop::open();
    place(&mut shop, "jsapi", "A12345", &json!({ "payer": { "sp_openid": OPENID } }));
    shop.pay("A12345");
    let body = query(&mut shop, "A12345").body;
    assert_eq!(body["payer"], json!({ "sp_openid": OPENID }));
    assert_eq!(body.get("sub_appid"), None);
}

#[test]
fn partner_order_without_a_relation_is_refused_with_its_own_result_code() {
    let mut shop = Shop::open();
    let partner_mchid = shop.mchid();
    let stranger = shop.gateway.new_merchant();
    let (stranger_id, stranger_app) = (stranger.mchid().to_string(), stranger.appids()[0].to_string());
    for (change, refusal) in [
        (json!({ "sub_mchid": null }), (400, "PARAM_ERROR", 268_443_704)),
        (json!({ "sub_mchid": partner_mchid }), (400, "INVALID_REQUEST", 268_443_705)),
        (json!({ "sub_mchid": stranger_id }), (403, "NO_AUTH", 268_443_701)),
        (json!({ "sp_mchid": stranger_id }), (400, "INVALID_REQUEST", 268_447_843)),
        (json!({ "sp_appid": stranger_app }), (400, "APPID_MCHID_NOT_MATCH", 268_445_527)),
        (json!({ "sub_appid": shop.appid() }), (400, "APPID_MCHID_NOT_MATCH", 268_445_527)),
        (json!({ "appid": shop.appid() }), (400, "PARAM_ERROR", 270_924_358)),
    ] {
        assert_eq!(place(&mut shop, "native", "A12345", &change).refusal(), refusal, "{change}");
    }
    let none = place(&mut shop, "jsapi", "A12345", &json!({ "payer": {} }));
    assert_eq!(none.refusal(), (400, "PARAM_ERROR", 268_501_013));
    let no_app = place(&mut shop, "jsapi", "A12345", &json!({ "payer": { "sub_openid": OPENID } }));
    assert_eq!(no_app.message(), "传入sub_openid时，sub_appid必填");
    assert!(shop.gateway.orders(shop.now).len() == 0, "no order is placed");
}

#[test]
fn partner_order_is_found_only_by_its_own_parties() {
    let mut shop = Shop::open();
    let (mchid, sub_mchid) = (shop.merchant.mchid().clone(), sub_merchant(&shop).0);
    let second: wxpay_proto::id::MchId = "1700000002".parse().unwrap();
    let merchant =
        shop.gateway.merchant_by_mchid(&mchid).unwrap().clone().with_sub_merchant(second.clone(), Vec::new());
    shop.gateway.add_merchant(merchant);
    place(&mut shop, "native", "A12345", &json!({}));
    let target = format!("{PAY}/out-trade-no/A12345");
    let other = shop.get(&format!("{target}?sp_mchid={mchid}&sub_mchid={second}"));
    assert_eq!(other.refusal(), (400, "INVALID_REQUEST", 268_447_845));
    let missing = shop.get(&format!("{target}?sp_mchid={mchid}"));
    assert_eq!(missing.refusal(), (400, "PARAM_ERROR", 268_443_704));
    assert_eq!(shop.query("A12345").refusal(), (400, "PARAM_ERROR", 268_443_704));
    let unknown = shop.get(&format!("{PAY}/out-trade-no/B12345?sp_mchid={mchid}&sub_mchid={sub_mchid}"));
    assert_eq!(unknown.refusal(), (404, "ORDER_NOT_EXIST", 268_512_771));
    shop.order("C12345");
    assert_eq!(query(&mut shop, "C12345").refusal(), (400, "INVALID_REQUEST", 268_447_845));

    let close = |shop: &mut Shop, sub_mchid: &str| {
        let body = json!({ "sp_mchid": mchid, "sub_mchid": sub_mchid });
        shop.post(&format!("{target}/close"), &body)
    };
    assert_eq!(close(&mut shop, second.as_str()).refusal().2, 268_447_845);
    assert_eq!(close(&mut shop, &sub_mchid).status, 204);
    assert_eq!(query(&mut shop, "A12345").body["trade_state"], "CLOSED");
}

#[test]
fn repeated_partner_order_returns_the_same_prepay_and_a_different_one_is_refused() {
    let mut shop = Shop::open();
    let first = place(&mut shop, "native", "A12345", &json!({}));
    assert_eq!(place(&mut shop, "native", "A12345", &json!({})).body, first.body);
    let different = place(&mut shop, "native", "A12345", &json!({ "amount": { "total": 1 } }));
    assert_eq!(different.refusal(), (400, "INVALID_REQUEST", 268_498_688));
    let direct = shop.goods("A12345");
    assert_eq!(shop.post("/v3/pay/transactions/native", &direct).refusal().2, 268_498_688);
}

#[test]
fn repeated_order_with_a_newly_encrypted_identity_is_the_same() {
    let mut shop = Shop::open();
    shop.wechatpay_serial = Some(shop.public_key_id());
    let identity = |shop: &Shop, name: &str| {
        let value = json!({ "type": "IDCARD", "number": shop.encrypt("110101199003070031"), "name": shop.encrypt(name) });
        json!({ "payer": { "identity": value } })
    };
    let (one, again, other) = (identity(&shop, "张三"), identity(&shop, "张三"), identity(&shop, "李四"));
    assert_ne!(one, again);
    let first = place(&mut shop, "app", "A12345", &one);
    assert_eq!(place(&mut shop, "app", "A12345", &again).body, first.body);
    assert_eq!(place(&mut shop, "app", "A12345", &other).refusal().2, 268_498_688);
}

#[test]
fn partner_refund_names_the_sub_merchant_and_its_notification_names_both() {
    let mut shop = Shop::open();
    let sub_mchid = sub_merchant(&shop).0;
    place(&mut shop, "native", "A12345", &json!({}));
    shop.pay("A12345");
    let [delivery] = shop.due().try_into().unwrap();
    shop.acknowledge(&delivery, 200);
    let refund = |sub_mchid: Option<&str>| {
        let mut body = json!({ "out_trade_no": "A12345", "out_refund_no": "R1", "notify_url": NOTIFY,
            "amount": { "refund": 999, "total": 1999, "currency": "CNY" } });
        if let Some(sub_mchid) = sub_mchid {
            body["sub_mchid"] = sub_mchid.into();
        }
        body
    };
    let partner_mchid = shop.mchid();
    assert_eq!(shop.post(REFUNDS, &refund(None)).refusal(), (400, "PARAM_ERROR", 268_443_704));
    assert_eq!(shop.post(REFUNDS, &refund(Some("1"))).refusal(), (403, "NO_AUTH", 268_443_701));
    assert_eq!(shop.post(REFUNDS, &refund(Some(&partner_mchid))).refusal().2, 268_443_705);
    let reply = shop.post(REFUNDS, &refund(Some(&sub_mchid)));
    assert_eq!((reply.status, &reply.body["status"]), (200, &json!("PROCESSING")));
    shop.wait(3);
    let [delivery] = shop.due().try_into().unwrap();
    let (_, content) = shop.read_notification(&delivery);
    assert_eq!((&content["sp_mchid"], &content["sub_mchid"]), (&json!(partner_mchid), &json!(sub_mchid)));
    assert_eq!((content.get("mchid"), &content["refund_status"]), (None, &json!("SUCCESS")));
    let query = shop.get(&format!("{REFUNDS}/R1?sub_mchid={sub_mchid}"));
    assert_eq!((query.status, &query.body["status"]), (200, &json!("SUCCESS")));
    assert_eq!(shop.get(&format!("{REFUNDS}/R1")).refusal().2, 268_443_704);
}

#[test]
fn partner_code_payment_is_paid_and_reversed() {
    let mut shop = Shop::open();
    let (sub_mchid, _) = sub_merchant(&shop);
    let code = json!({
        "payer": { "auth_code": "130000000000000000" }, "scene_info": { "store_info": { "id": "S1" } },
        "notify_url": null, "sp_appid": null,
    });
    let reply = place(&mut shop, "codepay", "A12345", &code);
    assert_eq!((reply.status, &reply.body["trade_state"]), (200, &json!("SUCCESS")));
    assert_eq!(
        (&reply.body["sp_appid"], &reply.body["sub_mchid"]),
        (&json!(shop.appid()), &json!(sub_mchid))
    );
    assert!(reply.body["payer"]["sp_openid"].is_string());
    let body = json!({ "sp_mchid": shop.mchid(), "sub_mchid": sub_mchid }).to_string();
    let reply = shop.call(Method::Post, &format!("{PAY}/out-trade-no/A12345/reverse"), &body);
    let expected = json!({
        "sp_appid": shop.appid(), "sp_mchid": shop.mchid(), "sub_mchid": sub_mchid, "out_trade_no": "A12345",
    });
    assert_eq!((reply.status, &reply.body), (200, &expected));
    assert_eq!(query(&mut shop, "A12345").body["trade_state"], "REVOKED");
}
