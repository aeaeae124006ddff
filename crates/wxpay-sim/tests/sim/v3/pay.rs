//! Orders: place, pay, query, close.

use super::shop::Shop;
use serde_json::{Value, json};
use wxpay_proto::{Fen, wire::time::format_rfc3339};
use wxpay_sim::{
    gateway::{OrderRef, PayError, Payer},
    ledger::{TradeState, TradeType},
    settings::{CloseUnknownOrder, UserPayingReply},
};

const OPENID: &str = "oX99MDgNcgwnz3zFN3DNmo8uwa-w";

#[test]
fn each_order_type_returns_its_own_handle() {
    let mut shop = Shop::open();
    let h5 = json!({ "scene_info": { "payer_client_ip": "203.0.113.7", "h5_info": { "type": "Wap" } } });
    for (kind, more, member, prefix, trade_type) in [
        ("jsapi", json!({ "payer": { "openid": OPENID } }), "prepay_id", "wx", TradeType::Jsapi),
        ("app", json!({}), "prepay_id", "wx", TradeType::App),
        ("native", json!({}), "code_url", "weixin://wxpay/bizpayurl?pr=", TradeType::Native),
        (
            "h5",
            h5,
            "h5_url",
            "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx",
            TradeType::Mweb,
        ),
    ] {
        let goods = shop.goods_with(&format!("{kind}-12345"), &more);
        let reply = shop.post(&format!("/v3/pay/transactions/{kind}"), &goods);
        assert_eq!(reply.status, 200, "{reply:?}");
        let handle = reply.body[member].as_str().unwrap();
        assert!(handle.starts_with(prefix), "{handle}");
        assert_eq!(reply.body.as_object().unwrap().len(), 1);
        let record = shop.gateway.order(&OrderRef::Handle(handle.into()), shop.now).unwrap();
        assert_eq!((record.trade_type, record.trade_state), (trade_type, TradeState::NotPay));
    }
}

#[test]
fn required_fields_of_each_order_type_are_enforced() {
    let mut shop = Shop::open();
    let goods = shop.goods("A12345");
    for (kind, field) in [("jsapi", "/body/payer"), ("h5", "/body/scene_info")] {
        let reply = shop.post(&format!("/v3/pay/transactions/{kind}"), &goods);
        assert_eq!((reply.refusal(), reply.field()), ((400, "PARAM_ERROR", 268_435_461), field));
    }
    for (change, error_code, result_code, field) in [
        (
            json!({ "amount": { "total": 1, "currency": "XYZ" } }),
            "PARAM_ERROR",
            268_435_461,
            "/body/amount/currency",
        ),
        (json!({ "attach": null }), "PARAM_ERROR", 268_435_461, "/body/attach"),
        (json!({ "description": "😀" }), "PARAM_ERROR", 268_435_461, "/body/description"),
        (json!({ "sub_mchid": "1" }), "PARAM_ERROR", 270_924_358, "/body/sub_mchid"),
        (json!({ "notify_url": "https://h/n?a=b" }), "PARAM_ERROR", 268_435_461, "/body/notify_url"),
        (json!({ "time_expire": "tomorrow" }), "PARAM_ERROR", 268_435_461, "/body/time_expire"),
    ] {
        let reply = shop.post("/v3/pay/transactions/native", &shop.goods_with("A12345", &change));
        assert_eq!(reply.refusal(), (400, error_code, result_code), "{change}");
        assert_eq!(reply.field(), field);
    }
    let past = shop.goods_with("A12345", &json!({ "time_expire": "2026-01-01T00:00:00+08:00" }));
    let reply = shop.post("/v3/pay/transactions/native", &past);
    assert_eq!((reply.status, reply.message()), (400, "time_expire应晚于当前时间"));
    let mut post_with = |change: Value| {
        let goods = shop.goods_with("A12345", &change);
        let reply = shop.post("/v3/pay/transactions/native", &goods);
        (reply.status, reply.code().to_owned(), reply.result_code)
    };
    assert_eq!(
        post_with(json!({ "appid": "wx0000000000000000" })),
        (400, "APPID_MCHID_NOT_MATCH".into(), 268_445_527)
    );
    assert_eq!(post_with(json!({ "mchid": "1" })), (400, "INVALID_REQUEST".into(), 268_447_843));
    assert!(shop.gateway.orders(shop.now).len() == 0, "no order is placed");
}

#[test]
fn repeated_order_returns_the_same_prepay_and_a_different_one_is_refused() {
    let mut shop = Shop::open();
    let first = shop.order("A12345");
    assert_eq!(shop.order("A12345"), first);
    let different = shop.goods_with("A12345", &json!({ "amount": { "total": 2000, "currency": "CNY" } }));
    let reply = shop.post("/v3/pay/transactions/native", &different);
    assert_eq!(reply.refusal(), (400, "INVALID_REQUEST", 268_498_688));
    let same = shop.goods("A12345");
    assert_eq!(
        shop.post("/v3/pay/transactions/app", &same).refusal(),
        (403, "OUT_TRADE_NO_USED", 268_498_688)
    );
    shop.wait(7200);
    let second = shop.order("A12345");
    assert_ne!(second, first);
    shop.pay("A12345");
    assert_eq!(
        shop.post("/v3/pay/transactions/native", &same).refusal(),
        (400, "INVALID_REQUEST", 268_449_538)
    );
}

/// The reply matches three public captures of real replies.
#[test]
fn query_of_an_unpaid_order_has_exactly_the_documented_members() {
    let mut shop = Shop::open();
    shop.order("A12345");
    let expected = json!({
        "amount": { "payer_currency": "CNY", "total": 1999 },
        "appid": shop.appid(), "mchid": shop.mchid(), "out_trade_no": "A12345",
        "promotion_detail": [], "scene_info": { "device_id": "" },
        "trade_state": "NOTPAY", "trade_state_desc": "订单未支付",
    });
    assert_eq!(shop.query("A12345").body, expected);
}

#[test]
fn query_of_a_paid_order_by_either_number_shows_its_coupon() {
    let mut shop = Shop::open();
    shop.order("A12345");
    shop.wait(60);
    let payer = Payer::default().with_discount(Fen::new(99));
    let record = shop.pay_as("A12345", &payer);
    let payment = &record.payments[0];
    let body = shop.query("A12345").body;
    let expected = json!({
        "amount": { "currency": "CNY", "payer_currency": "CNY", "payer_total": 1900, "total": 1999 },
        "appid": shop.appid(), "attach": "", "bank_type": "OTHERS", "mchid": shop.mchid(),
        "out_trade_no": "A12345", "payer": { "openid": shop.gateway.payer().as_str() },
        "promotion_detail": [{
            "amount": 99, "coupon_id": payment.coupon_id, "currency": "CNY", "merchant_contribute": 0,
            "name": "立减券", "other_contribute": 0, "scope": "GLOBAL", "stock_id": "931386", "type": "CASH",
            "wechatpay_contribute": 99,
        }],
        "scene_info": { "device_id": "" }, "success_time": format_rfc3339(shop.now), "trade_state": "SUCCESS",
        "trade_state_desc": "支付成功", "trade_type": "NATIVE", "transaction_id": payment.transaction_id,
    });
    assert_eq!(body, expected);
    assert_eq!(payment.transaction_id.as_str().len(), 28);
    let mchid = shop.mchid();
    let by_id = format!("/v3/pay/transactions/id/{}?mchid={mchid}", payment.transaction_id);
    assert_eq!(shop.get(&by_id).body, expected);
}

#[test]
fn query_of_an_unknown_or_foreign_order_is_not_found() {
    let mut shop = Shop::open();
    assert_eq!(shop.query("A12345").refusal(), (404, "ORDER_NOT_EXIST", 268_512_771));
    let mchid = shop.mchid();
    let by_id = format!("/v3/pay/transactions/id/4200000000000000000000000000?mchid={mchid}");
    assert_eq!(shop.get(&by_id).refusal().1, "ORDER_NOT_EXIST");
    let target = "/v3/pay/transactions/out-trade-no/A12345";
    assert_eq!(shop.get(&format!("{target}?mchid=1")).refusal(), (400, "INVALID_REQUEST", 268_447_843));
    assert_eq!(shop.get(target).field(), "/query/mchid");
    assert_eq!(shop.close("A12345").refusal(), (404, "ORDER_NOT_EXIST", 268_512_771));
    shop.gateway.settings_mut().v3.close_unknown_order = CloseUnknownOrder::NoContent;
    assert_eq!(shop.close("A12345").status, 204);
}

#[test]
fn closed_order_cannot_be_paid_and_paid_order_cannot_be_closed() {
    let mut shop = Shop::open();
    shop.order("A12345");
    shop.order("B12345");
    assert_eq!(shop.close("A12345").status, 204);
    assert_eq!(shop.close("A12345").status, 204);
    assert_eq!(shop.query("A12345").body["trade_state"], "CLOSED");
    let order_ref = OrderRef::OutTradeNo("A12345".parse().unwrap());
    let result = shop.gateway.pay(&order_ref, &Payer::default(), shop.now);
    assert_eq!(result.err(), Some(PayError::Expired));
    let goods = shop.goods("A12345");
    assert_eq!(shop.post("/v3/pay/transactions/native", &goods).refusal().1, "ORDER_CLOSED");
    shop.pay("B12345");
    assert_eq!(shop.close("B12345").refusal(), (400, "INVALID_REQUEST", 268_449_538));
    assert_eq!(shop.query("B12345").body["trade_state"], "SUCCESS");
}

#[test]
fn prepay_expires_after_two_hours_and_an_order_after_seven_days() {
    let mut shop = Shop::open();
    let handle = shop.order("A12345");
    let pay = |shop: &mut Shop| {
        shop.gateway.pay(&OrderRef::Handle(handle.clone()), &Payer::default(), shop.now).err()
    };
    shop.wait(7200);
    assert_eq!(pay(&mut shop), Some(PayError::Expired));
    assert_eq!(shop.query("A12345").body["trade_state"], "NOTPAY");
    shop.wait(7 * 86_400 - 7201);
    assert_eq!(shop.query("A12345").body["trade_state"], "NOTPAY");
    shop.wait(1);
    assert_eq!(shop.query("A12345").body["trade_state"], "CLOSED");
}

#[test]
fn order_cannot_be_paid_after_time_expire() {
    let mut shop = Shop::open();
    let expire = format_rfc3339(shop.now.after(std::time::Duration::from_secs(60)));
    let goods = shop.goods_with("A12345", &json!({ "time_expire": expire }));
    assert_eq!(shop.post("/v3/pay/transactions/native", &goods).status, 200);
    shop.wait(60);
    let order_ref = OrderRef::OutTradeNo("A12345".parse().unwrap());
    let result = shop.gateway.pay(&order_ref, &Payer::default(), shop.now);
    assert_eq!(result.err(), Some(PayError::Expired));
    assert_eq!(
        shop.post("/v3/pay/transactions/native", &goods).refusal(),
        (400, "INVALID_REQUEST", 268_447_914)
    );
}

#[test]
fn order_for_one_payer_cannot_be_paid_by_another() {
    let mut shop = Shop::open();
    let goods = shop.goods_with("A12345", &json!({ "payer": { "openid": OPENID } }));
    shop.post("/v3/pay/transactions/jsapi", &goods);
    let order_ref = OrderRef::OutTradeNo("A12345".parse().unwrap());
    let other = Payer::default().with_openid("oOther".parse().unwrap());
    let result = shop.gateway.pay(&order_ref, &other, shop.now);
    assert_eq!(result.err(), Some(PayError::OtherPayer));
    assert_eq!(shop.pay("A12345").payments[0].openid.as_str(), OPENID);
}

fn pay_by_code(shop: &mut Shop, number: &str, auth_code: &str) -> super::shop::ParsedReply {
    let mut goods = shop.goods_with(
        number,
        &json!({ "payer": { "auth_code": auth_code }, "scene_info": { "store_info": { "id": "S1" } } }),
    );
    goods.as_object_mut().unwrap().remove("notify_url");
    shop.post("/v3/pay/transactions/codepay", &goods)
}

#[test]
fn code_payment_follows_the_last_digits_of_the_code() {
    let mut shop = Shop::open();
    let reply = pay_by_code(&mut shop, "A12345", "130000000000000000");
    assert_eq!(
        (reply.status, &reply.body["trade_state"], &reply.body["trade_type"]),
        (200, &json!("SUCCESS"), &json!("MICROPAY"))
    );
    assert_eq!(
        pay_by_code(&mut shop, "A12345", "130000000000000000").refusal(),
        (400, "INVALID_REQUEST", 268_498_689)
    );
    for (digits, refusal) in [
        ("03", (403, "NOT_ENOUGH", 268_435_461)),
        ("05", (400, "AUTH_CODE_EXPIRED", 268_435_461)),
        ("06", (400, "AUTH_CODE_INVALID", 268_435_461)),
    ] {
        assert_eq!(pay_by_code(&mut shop, "B12345", &format!("1300000000000000{digits}")).refusal(), refusal);
    }
    assert_eq!(shop.query("B12345").refusal().0, 404);
    assert_eq!(pay_by_code(&mut shop, "C12345", "160000000000000000").message(), "auth_code应以10至15开头");
    assert_eq!(pay_by_code(&mut shop, "C12345", "13000").field(), "/body/payer/auth_code");
}

#[test]
fn code_payment_waits_for_the_password() {
    let mut shop = Shop::open();
    for (number, digits, state) in
        [("A12345", "01", "SUCCESS"), ("B12345", "04", "PAYERROR"), ("C12345", "02", "USERPAYING")]
    {
        let reply = pay_by_code(&mut shop, number, &format!("1300000000000000{digits}"));
        assert_eq!((reply.status, &reply.body["trade_state"]), (202, &json!("USERPAYING")));
        shop.wait(9);
        assert_eq!(shop.query(number).body["trade_state"], "USERPAYING");
        shop.wait(1);
        assert_eq!(shop.query(number).body["trade_state"], state);
    }
    assert_eq!(shop.close("C12345").refusal(), (400, "INVALID_REQUEST", 268_449_641));
    shop.pay("C12345");
    assert_eq!(shop.query("C12345").body["trade_state"], "SUCCESS");
    for (form, number, status, code, state) in [
        (UserPayingReply::AcceptedTransaction, "D12345", 202, "", json!("USERPAYING")),
        (UserPayingReply::Transaction, "E12345", 200, "", json!("USERPAYING")),
        (UserPayingReply::Code, "F12345", 202, "USERPAYING", Value::Null),
    ] {
        shop.gateway.settings_mut().v3.user_paying = form;
        let reply = pay_by_code(&mut shop, number, "130000000000000002");
        assert_eq!((reply.status, reply.code(), &reply.body["trade_state"]), (status, code, &state));
    }
}

#[test]
fn reversed_code_payment_is_revoked_whether_paid_or_not() {
    let mut shop = Shop::open();
    pay_by_code(&mut shop, "A12345", "130000000000000000");
    pay_by_code(&mut shop, "B12345", "130000000000000001");
    shop.order("C12345");
    let body = json!({ "appid": shop.appid(), "mchid": shop.mchid() });
    let mut reverse =
        |number: &str| shop.post(&format!("/v3/pay/transactions/out-trade-no/{number}/reverse"), &body);
    for number in ["A12345", "B12345"] {
        let reply = reverse(number);
        assert_eq!((reply.status, &reply.body["out_trade_no"]), (200, &json!(number)));
        assert_eq!(reverse(number).status, 200);
    }
    assert_eq!(reverse("C12345").refusal().1, "INVALID_REQUEST");
    assert_eq!(reverse("D12345").refusal().1, "ORDER_NOT_EXIST");
    shop.wait(60);
    assert_eq!(shop.query("A12345").body["trade_state"], "REVOKED");
    assert_eq!(shop.query("B12345").body["trade_state"], "REVOKED");
    assert!(shop.record("B12345").payments.is_empty(), "a reversed order is not paid");
}
