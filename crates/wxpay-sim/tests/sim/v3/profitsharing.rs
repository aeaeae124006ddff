//! Profit sharing: sharings, returns, receivers.

use super::shop::{ParsedReply, Shop};
use serde_json::{Value, json};
use wxpay_proto::wire::time::format_rfc3339;

pub(super) const SHOP: &str = "1900000109";
pub(super) const ORDERS: &str = "/v3/profitsharing/orders";
pub(super) const RETURNS: &str = "/v3/profitsharing/return-orders";

/// Creates a shop with an order of 19.99 yuan that was just paid. Also returns its `transaction_id`. The added
/// receivers are a merchant and a person.
pub(super) fn shop_with_paid_order() -> (Shop, String) {
    let mut shop = Shop::open();
    let goods = shop.goods_with("A12345", &json!({ "settle_info": { "profit_sharing": true } }));
    assert_eq!(shop.post("/v3/pay/transactions/native", &goods).status, 200);
    let id = shop.pay("A12345").payments[0].transaction_id.to_string();
    for delivery in shop.due() {
        shop.acknowledge(&delivery, 200);
    }
    let name = shop.encrypt("某某有限公司");
    assert_eq!(add_receiver(&mut shop, "MERCHANT_ID", SHOP, Some(&name)).status, 200);
    assert_eq!(add_receiver(&mut shop, "PERSONAL_OPENID", "oPerson", None).status, 200);
    (shop, id)
}

pub(super) fn add_receiver(shop: &mut Shop, kind: &str, account: &str, name: Option<&str>) -> ParsedReply {
    let mut body =
        json!({ "appid": shop.appid(), "type": kind, "account": account, "relation_type": "STORE" });
    let Some(name) = name else { return shop.post("/v3/profitsharing/receivers/add", &body) };
    body["name"] = name.into();
    let (target, text) = ("/v3/profitsharing/receivers/add", body.to_string());
    let serial = shop.public_key_id();
    let request = shop.request(wxpay_proto::http::Method::Post, target, &text);
    shop.send(&request.with_header("wechatpay-serial", serial))
}

pub(super) fn sharing_request(shop: &Shop, id: &str, number: &str, account: &str, amount: u64) -> Value {
    let kind = if account == SHOP { "MERCHANT_ID" } else { "PERSONAL_OPENID" };
    json!({
        "appid": shop.appid(), "transaction_id": id, "out_order_no": number, "unfreeze_unsplit": false,
        "receivers": [{ "type": kind, "account": account, "amount": amount, "description": "分给" }],
    })
}

pub(super) fn share(shop: &mut Shop, id: &str, number: &str, amount: u64) -> ParsedReply {
    let body = sharing_request(shop, id, number, SHOP, amount);
    shop.post(ORDERS, &body)
}

pub(super) fn unsplit(shop: &mut Shop, id: &str) -> Value {
    shop.get(&format!("/v3/profitsharing/transactions/{id}/amounts")).body["unsplit_amount"].clone()
}

#[test]
fn sharing_is_processing_then_finished_and_notified() {
    let (mut shop, id) = shop_with_paid_order();
    shop.wait(60);
    let reply = share(&mut shop, &id, "P1", 500);
    assert_eq!((reply.status, &reply.body["state"]), (200, &json!("PROCESSING")), "{reply:?}");
    assert_eq!(reply.body["receivers"][0]["result"], "PENDING");
    shop.wait(3);
    let body = shop.get(&format!("{ORDERS}/P1?transaction_id={id}")).body;
    assert_eq!((&body["state"], &body["receivers"][0]["result"]), (&json!("FINISHED"), &json!("SUCCESS")));
    assert_eq!(body["receivers"][0]["finish_time"], format_rfc3339(shop.now));
    assert_eq!(unsplit(&mut shop, &id), 1499);
    let [delivery] = shop.due().try_into().unwrap();
    let (envelope, content) = shop.read_notification(&delivery);
    assert_eq!(envelope["event_type"], "PROFITSHARING.SUCCESS");
    assert_eq!((&content["out_order_no"], &content["receiver"]["amount"]), (&json!("P1"), &json!(500)));
    let unknown = shop.get(&format!("{ORDERS}/P2?transaction_id={id}"));
    assert_eq!(unknown.refusal().1, "RESOURCE_NOT_EXISTS");
}

#[test]
fn sharing_that_is_not_allowed_is_refused() {
    let (mut shop, id) = shop_with_paid_order();
    assert_eq!(share(&mut shop, &id, "P1", 1).refusal().1, "RULE_LIMIT");
    shop.wait(60);
    assert_eq!(share(&mut shop, &id, "P1", 600).refusal().1, "RULE_LIMIT");
    let stranger = sharing_request(&shop, &id, "P1", "oStranger", 1);
    assert_eq!(shop.post(ORDERS, &stranger).refusal().1, "INVALID_REQUEST");
    assert_eq!(share(&mut shop, "4200000000", "P1", 1).refusal().0, 404);
    shop.order("B12345");
    let without_sharing = shop.pay("B12345").payments[0].transaction_id.to_string();
    shop.wait(60);
    assert_eq!(share(&mut shop, &without_sharing, "P1", 1).refusal().1, "INVALID_REQUEST");
    assert_eq!(share(&mut shop, &id, "P1", 599).status, 200);
    assert_eq!(share(&mut shop, &id, "P2", 1).refusal().1, "RULE_LIMIT");
    assert_eq!(share(&mut shop, &id, "P1", 599).status, 200);
    assert_eq!(share(&mut shop, &id, "P1", 598).refusal(), (400, "INVALID_REQUEST", 268_498_688));
}

#[test]
fn unfreeze_gives_the_remainder_to_the_merchant_and_ends_sharing() {
    let (mut shop, id) = shop_with_paid_order();
    shop.wait(60);
    let body = json!({ "transaction_id": id, "out_order_no": "U1", "description": "解冻" });
    let reply = shop.post(&format!("{ORDERS}/unfreeze"), &body);
    assert_eq!(reply.body["receivers"][0]["amount"], 1999, "{reply:?}");
    assert_eq!(unsplit(&mut shop, &id), 0);
    assert_eq!(share(&mut shop, &id, "P1", 1).refusal().1, "INVALID_REQUEST");
}

#[test]
fn return_is_limited_to_the_received_amount() {
    let (mut shop, id) = shop_with_paid_order();
    shop.wait(60);
    assert_eq!(share(&mut shop, &id, "P1", 500).status, 200);
    let return_request = |number: &str, amount: u64| {
        json!({
            "out_order_no": "P1", "out_return_no": number, "return_mchid": SHOP, "amount": amount,
            "description": "退回",
        })
    };
    assert_eq!(shop.post(RETURNS, &return_request("R1", 500)).refusal().1, "INVALID_REQUEST");
    shop.wait(3);
    for delivery in shop.due() {
        shop.acknowledge(&delivery, 200);
    }
    assert_eq!(shop.post(RETURNS, &return_request("R1", 400)).body["result"], "PROCESSING");
    assert_eq!(
        shop.post(RETURNS, &return_request("R1", 401)).refusal(),
        (400, "INVALID_REQUEST", 268_498_688)
    );
    assert_eq!(shop.post(RETURNS, &return_request("R2", 101)).refusal().2, 268_435_464);
    shop.wait(3);
    assert_eq!(shop.get(&format!("{RETURNS}/R1?out_order_no=P1")).body["result"], "SUCCESS");
    assert_eq!(shop.get(&format!("{RETURNS}/R2?out_order_no=P1")).refusal().0, 404);
    let [delivery] = shop.due().try_into().unwrap();
    assert_eq!(shop.read_notification(&delivery).0["event_type"], "PROFITSHARING.RETURN");
}

#[test]
fn deleted_receiver_is_refused_and_names_must_be_encrypted() {
    let (mut shop, id) = shop_with_paid_order();
    shop.wait(60);
    let body = json!({ "appid": shop.appid(), "type": "MERCHANT_ID", "account": SHOP });
    assert_eq!(shop.post("/v3/profitsharing/receivers/delete", &body).body["account"], SHOP);
    assert_eq!(share(&mut shop, &id, "P1", 1).refusal().1, "INVALID_REQUEST");
    let unnamed = add_receiver(&mut shop, "MERCHANT_ID", SHOP, None);
    assert_eq!(unnamed.message(), "分账接收方类型为MERCHANT_ID时，name必填");
    let plain = add_receiver(&mut shop, "MERCHANT_ID", SHOP, Some("plain"));
    assert_eq!(plain.message(), "请确认待处理的消息是否为加密后的密文");
    let sub = shop.merchant.sub_merchants().keys().next().unwrap().to_string();
    assert_eq!(shop.get(&format!("/v3/profitsharing/merchant-configs/{sub}")).body["max_ratio"], 3000);
}

#[test]
fn last_sharing_unfreezes_the_remainder() {
    let (mut shop, id) = shop_with_paid_order();
    shop.wait(60);
    let mut body = sharing_request(&shop, &id, "P1", "oPerson", 99);
    body["unfreeze_unsplit"] = true.into();
    let receivers = shop.post(ORDERS, &body).body["receivers"].clone();
    assert_eq!((&receivers[0]["amount"], &receivers[1]["amount"]), (&json!(99), &json!(1900)));
    assert_eq!(receivers[1]["account"], shop.mchid());
    assert_eq!(unsplit(&mut shop, &id), 0);
}

#[test]
fn payment_can_be_shared_fifty_times_within_thirty_days() {
    let (mut shop, id) = shop_with_paid_order();
    shop.wait(60);
    for index in 0..50 {
        assert_eq!(share(&mut shop, &id, &format!("P{index}"), 1).status, 200);
    }
    assert_eq!(share(&mut shop, &id, "P50", 1).refusal().1, "RULE_LIMIT");
    let (mut shop, id) = shop_with_paid_order();
    shop.wait(30 * 86_400);
    assert_eq!(share(&mut shop, &id, "P1", 1).status, 200);
    shop.wait(1);
    assert_eq!(share(&mut shop, &id, "P2", 1).refusal().1, "RULE_LIMIT");
}

#[test]
fn merchant_itself_is_a_receiver_without_limit() {
    let (mut shop, id) = shop_with_paid_order();
    shop.wait(60);
    let mut body = sharing_request(&shop, &id, "P1", SHOP, 599);
    let merchant_receiver = json!({
        "type": "MERCHANT_ID", "account": shop.mchid(), "amount": 1000, "description": "自留",
    });
    body["receivers"].as_array_mut().unwrap().push(merchant_receiver);
    assert_eq!(shop.post(ORDERS, &body).status, 200);
    assert_eq!(unsplit(&mut shop, &id), 400);
    assert_eq!(share(&mut shop, &id, "P2", 1).refusal().1, "RULE_LIMIT");
}

#[test]
fn appid_is_required_only_for_personal_receivers() {
    let (mut shop, id) = shop_with_paid_order();
    shop.wait(60);
    let without = |shop: &Shop, number: &str, account: &str| {
        let mut body = sharing_request(shop, &id, number, account, 1);
        body.as_object_mut().unwrap().remove("appid");
        body
    };
    let body = without(&shop, "P1", "oPerson");
    let reply = shop.post(ORDERS, &body);
    assert_eq!(reply.message(), "分账接收方类型为PERSONAL_OPENID时，appid必填");
    let body = without(&shop, "P1", SHOP);
    assert_eq!(shop.post(ORDERS, &body).status, 200);
}

#[test]
fn nothing_is_frozen_after_thirty_days() {
    let (mut shop, id) = shop_with_paid_order();
    shop.wait(30 * 86_400);
    assert_eq!(unsplit(&mut shop, &id), 1999);
    shop.wait(1);
    assert_eq!(unsplit(&mut shop, &id), 0);
}

#[test]
fn refunded_amount_cannot_be_shared() {
    let (mut shop, id) = shop_with_paid_order();
    shop.wait(60);
    let refund = json!({
        "out_trade_no": "A12345", "out_refund_no": "F1",
        "amount": { "refund": 1900, "total": 1999, "currency": "CNY" },
    });
    assert_eq!(shop.post("/v3/refund/domestic/refunds", &refund).status, 200);
    assert_eq!(unsplit(&mut shop, &id), 99);
    assert_eq!(share(&mut shop, &id, "P1", 100).refusal().1, "NOT_ENOUGH");
    assert_eq!(share(&mut shop, &id, "P1", 99).status, 200);
}
