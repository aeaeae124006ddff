//! Profit sharing by a partner (service provider), for payments of its sub-merchants.

use super::{
    profitsharing::{ORDERS, RETURNS, SHOP, unsplit},
    shop::{NOTIFY, ParsedReply, Shop},
};
use serde_json::{Value, json};
use wxpay_proto::http::Method;

fn sub_merchant(shop: &Shop) -> (String, String) {
    let (mchid, appids) = shop.merchant.sub_merchants().first_key_value().unwrap();
    (mchid.to_string(), appids[0].to_string())
}

/// Creates a partner with a sub-merchant's order of 19.99 yuan that was paid a minute ago. The added receivers are
/// another merchant, and a person under the sub-merchant's app.
fn partner_with_paid_order() -> (Shop, String) {
    let mut shop = Shop::open();
    let goods = json!({
        "sp_appid": shop.appid(), "sp_mchid": shop.mchid(), "sub_mchid": sub_merchant(&shop).0,
        "description": "支付测试", "out_trade_no": "A12345", "notify_url": NOTIFY,
        "amount": { "total": 1999 }, "settle_info": { "profit_sharing": true },
    });
    assert_eq!(shop.post("/v3/pay/partner/transactions/native", &goods).status, 200);
    let id = shop.pay("A12345").payments[0].transaction_id.to_string();
    for delivery in shop.due() {
        shop.acknowledge(&delivery, 200);
    }
    let (sub_mchid, sub_appid) = sub_merchant(&shop);
    let name = shop.encrypt("某某有限公司");
    for more in [
        json!({ "type": "MERCHANT_ID", "account": SHOP, "name": name }),
        json!({ "type": "PERSONAL_SUB_OPENID", "account": "oSubPerson", "sub_appid": sub_appid }),
    ] {
        let mut body =
            json!({ "appid": shop.appid(), "sub_mchid": sub_mchid, "relation_type": "DISTRIBUTOR" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let serial = shop.public_key_id();
        let request = shop.request(Method::Post, "/v3/profitsharing/receivers/add", &body.to_string());
        let reply = shop.send(&request.with_header("wechatpay-serial", serial));
        assert_eq!((reply.status, &reply.body["sub_mchid"]), (200, &json!(sub_mchid)), "{reply:?}");
    }
    shop.wait(60);
    (shop, id)
}

fn sharing_request(shop: &Shop, id: &str, number: &str, receivers: &Value) -> Value {
    let (sub_mchid, sub_appid) = sub_merchant(shop);
    json!({
        "appid": shop.appid(), "sub_mchid": sub_mchid, "sub_appid": sub_appid, "transaction_id": id,
        "out_order_no": number, "unfreeze_unsplit": false, "receivers": receivers,
    })
}

fn both() -> Value {
    json!([
        { "type": "MERCHANT_ID", "account": SHOP, "amount": 400, "description": "分给店" },
        { "type": "PERSONAL_SUB_OPENID", "account": "oSubPerson", "amount": 100, "description": "分给人" },
    ])
}

fn query(shop: &mut Shop, id: &str, number: &str) -> ParsedReply {
    let sub_mchid = sub_merchant(shop).0;
    shop.get(&format!("{ORDERS}/{number}?sub_mchid={sub_mchid}&transaction_id={id}"))
}

#[test]
fn partner_shares_a_sub_merchants_payment_and_queries_it() {
    let (mut shop, id) = partner_with_paid_order();
    let sub_mchid = sub_merchant(&shop).0;
    let body = sharing_request(&shop, &id, "P1", &both());
    let reply = shop.post(ORDERS, &body);
    assert_eq!((reply.status, &reply.body["sub_mchid"]), (200, &json!(sub_mchid)), "{reply:?}");
    shop.wait(3);
    for delivery in shop.due() {
        let (envelope, content) = shop.read_notification(&delivery);
        assert_eq!(envelope["event_type"], "PROFITSHARING.SUCCESS");
        assert_eq!((&content["sp_mchid"], &content["sub_mchid"]), (&json!(shop.mchid()), &json!(sub_mchid)));
        assert_eq!(content.get("mchid"), None);
    }
    let reply = query(&mut shop, &id, "P1");
    assert_eq!((&reply.body["state"], &reply.body["sub_mchid"]), (&json!("FINISHED"), &json!(sub_mchid)));
    assert_eq!(unsplit(&mut shop, &id), 1499);
    let without_sub_mchid = shop.get(&format!("{ORDERS}/P1?transaction_id={id}"));
    assert_eq!(without_sub_mchid.refusal(), (400, "PARAM_ERROR", 268_443_704), "sub_mchid is required");
    let record = shop.gateway.sharings(shop.now).remove(0);
    assert_eq!(record.sub_mchid.unwrap().as_str(), sub_mchid);
}

#[test]
fn remainder_goes_to_the_sub_merchant() {
    let (mut shop, id) = partner_with_paid_order();
    let sub_mchid = sub_merchant(&shop).0;
    let body = json!({
        "sub_mchid": sub_mchid, "transaction_id": id, "out_order_no": "U1", "description": "解冻",
    });
    let reply = shop.post(&format!("{ORDERS}/unfreeze"), &body);
    assert_eq!(reply.body["receivers"][0]["account"], sub_mchid, "{reply:?}");
    assert_eq!(reply.body["receivers"][0]["amount"], 1999);
}

#[test]
fn return_of_a_sub_merchants_sharing_succeeds() {
    let (mut shop, id) = partner_with_paid_order();
    let sub_mchid = sub_merchant(&shop).0;
    let body = sharing_request(&shop, &id, "P1", &both());
    let order_id = shop.post(ORDERS, &body).body["order_id"].clone();
    shop.wait(3);
    for (id, number, status) in [(json!("30"), None, 404), (order_id.clone(), Some("P2"), 404)] {
        let body = json!({
            "sub_mchid": sub_mchid, "order_id": id, "out_order_no": number.unwrap_or("P1"),
            "out_return_no": "R1", "return_mchid": SHOP, "amount": 400, "description": "退回",
        });
        assert_eq!(shop.post(RETURNS, &body).status, status, "both numbers must name the same sharing");
    }
    let body = json!({
        "sub_mchid": sub_mchid, "order_id": order_id, "out_return_no": "R1", "return_mchid": SHOP,
        "amount": 400, "description": "退回",
    });
    let reply = shop.post(RETURNS, &body);
    assert_eq!((reply.status, &reply.body["out_order_no"]), (200, &json!("P1")), "{reply:?}");
    shop.wait(3);
    let reply = shop.get(&format!("{RETURNS}/R1?sub_mchid={sub_mchid}&out_order_no=P1"));
    assert_eq!((&reply.body["result"], &reply.body["sub_mchid"]), (&json!("SUCCESS"), &json!(sub_mchid)));
}

#[test]
fn sharing_with_invalid_sub_merchant_fields_is_refused() {
    let (mut shop, id) = partner_with_paid_order();
    let mut body = sharing_request(&shop, &id, "P1", &both());
    body.as_object_mut().unwrap().remove("sub_appid");
    let reply = shop.post(ORDERS, &body);
    assert_eq!(reply.message(), "分账接收方类型为PERSONAL_SUB_OPENID时，sub_appid必填");
    let mut body = sharing_request(&shop, &id, "P1", &both());
    body["sub_mchid"] = "1900000001".into();
    assert_eq!(shop.post(ORDERS, &body).refusal(), (403, "NO_AUTH", 268_443_701));
    let mut body = sharing_request(&shop, &id, "P1", &both());
    body["sub_appid"] = "wx0000000000000000".into();
    assert_eq!(shop.post(ORDERS, &body).refusal().1, "APPID_MCHID_NOT_MATCH");
    let mut body = sharing_request(&shop, &id, "P1", &both());
    body.as_object_mut().unwrap().remove("sub_mchid");
    assert_eq!(shop.post(ORDERS, &body).refusal().2, 268_443_704);
    assert!(shop.gateway.sharings(shop.now).is_empty());
}
