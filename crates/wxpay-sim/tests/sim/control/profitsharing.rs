//! Profit sharing: requests, closed receivers, failed returns.

use super::Control;
use crate::v3::shop::Shop;
use serde_json::{Value, json};

/// A shop that shares a payment with a person and with another merchant.
fn with_profit_sharing() -> (Shop, Control) {
    let mut shop = Shop::open();
    shop.wechatpay_serial = Some(shop.public_key_id());
    let goods = shop.goods_with("A12345", &json!({ "settle_info": { "profit_sharing": true } }));
    assert_eq!(shop.post("/v3/pay/transactions/native", &goods).status, 200);
    let id = shop.pay("A12345").payments[0].transaction_id.to_string();
    let name = shop.encrypt("某某有限公司");
    for (kind, account, name) in
        [("MERCHANT_ID", "1900000109", json!(name)), ("PERSONAL_OPENID", "oPerson", Value::Null)]
    {
        let mut body = json!({ "appid": shop.appid(), "type": kind, "account": account, "relation_type": "STORE", "name": name });
        body.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        let reply = shop.post("/v3/profitsharing/receivers/add", &body);
        assert_eq!(reply.status, 200, "{reply:?}");
    }
    shop.wait(60);
    let receiver = |kind: &str, account: &str| json!({ "type": kind, "account": account, "amount": 100, "description": "分给" });
    let body = json!({
        "appid": shop.appid(), "transaction_id": id, "out_order_no": "P1", "unfreeze_unsplit": false,
        "receivers": [receiver("MERCHANT_ID", "1900000109"), receiver("PERSONAL_OPENID", "oPerson")],
    });
    assert_eq!(shop.post("/v3/profitsharing/orders", &body).body["state"], "PROCESSING");
    let interface = Control::of(shop.gateway.clone(), shop.now);
    (shop, interface)
}

#[test]
fn profit_sharing_receiver_can_be_closed() {
    let (shop, mut interface) = with_profit_sharing();
    let record = interface.get("profitsharing/P1");
    assert_eq!(interface.get(&format!("profitsharing?mchid={}", shop.mchid())), json!([record]));
    assert_eq!(interface.get("profitsharing?mchid=1"), json!([]));
    assert_eq!(interface.get("receivers").as_array().unwrap().len(), 2);
    let body = json!({ "account": "oPerson", "reason": "RECEIVER_HIGH_RISK" });
    let path = format!("profitsharing/P1/close_receiver?mchid={}", shop.mchid());
    assert_eq!(interface.succeed("POST", &path, &body)["receivers"][1]["result"], "PENDING");
    assert_eq!(interface.rejected("POST", &path, &body).0, 409);
    interface.succeed("POST", "clock", &json!({ "advance_seconds": 3 }));
    let receivers = interface.get("profitsharing/P1")["receivers"].clone();
    assert_eq!((&receivers[0]["result"], &receivers[1]["result"]), (&json!("SUCCESS"), &json!("CLOSED")));
    assert_eq!(receivers[1]["fail_reason"], "RECEIVER_HIGH_RISK");
    assert_eq!(interface.rejected("POST", "profitsharing/P2/close_receiver", &body).0, 404);
    let body = json!({ "account": "oPerson", "reason": "ENVY" });
    assert_eq!(interface.rejected("POST", "profitsharing/P1/close_receiver", &body), (400, "reason".into()));
}

#[test]
fn profit_sharing_return_can_fail() {
    let (mut shop, mut interface) = with_profit_sharing();
    interface.succeed("POST", "clock", &json!({ "advance_seconds": 3 }));
    shop.gateway = interface.simulation.gateway.clone();
    shop.wait(3);
    let body = json!({
        "out_order_no": "P1", "out_return_no": "B1", "return_mchid": "1900000109", "amount": 50, "description": "退回",
    });
    assert_eq!(shop.post("/v3/profitsharing/return-orders", &body).body["result"], "PROCESSING");
    let mut interface = Control::of(shop.gateway, shop.now);
    let body = json!({ "out_return_no": "B1", "reason": "BALANCE_NOT_ENOUGH" });
    let record = interface.succeed("POST", "profitsharing/P1/fail_return", &body);
    assert_eq!(record["returns"][0]["result"], "PROCESSING");
    interface.succeed("POST", "clock", &json!({ "advance_seconds": 3 }));
    let returned = interface.get("profitsharing/P1")["returns"][0].clone();
    assert_eq!(
        (&returned["result"], &returned["fail_reason"]),
        (&json!("FAILED"), &json!("BALANCE_NOT_ENOUGH"))
    );
    assert_eq!(interface.rejected("POST", "profitsharing/P1/fail_return", &body).0, 409);
    let body = json!({ "out_return_no": "B2", "reason": "BALANCE_NOT_ENOUGH" });
    assert_eq!(interface.rejected("POST", "profitsharing/P1/fail_return", &body).0, 409);
}
