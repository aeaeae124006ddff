//! Combined orders: placed together, paid by one payment, refunded one by one.

use super::shop::{NOTIFY, ParsedReply, Shop};
use serde_json::{Value, json};
use wxpay_proto::{Fen, wire::time::format_rfc3339};
use wxpay_sim::{
    gateway::{OrderRef, PayError, Payer},
    ledger::{TradeState, TradeType},
    settings::CloseUnknownOrder,
};

const COMBINE: &str = "/v3/combine-transactions";
const OPENID: &str = "oX99MDgNcgwnz3zFN3DNmo8uwa-w";

/// Returns a combined order with one order of the caller and one of its sub-merchant. `more` adds or replaces members.
fn combined_order(shop: &Shop, number: &str, more: &Value) -> Value {
    let (sub_mchid, sub_appids) = shop.merchant.sub_merchants().first_key_value().unwrap();
    let mut combined_order = json!({
        "combine_appid": shop.appid(), "combine_mchid": shop.mchid(), "combine_out_trade_no": number,
        "notify_url": NOTIFY,
        "sub_orders": [
            { "mchid": shop.mchid(), "out_trade_no": format!("{number}-1"), "attach": "一", "description": "大米",
              "amount": { "total_amount": 1000, "currency": "CNY" } },
            { "mchid": shop.mchid(), "sub_mchid": sub_mchid, "sub_appid": sub_appids[0],
              "out_trade_no": format!("{number}-2"), "attach": "二", "description": "面",
              "amount": { "total_amount": 500, "currency": "CNY" } },
        ],
    });
    combined_order.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    combined_order
}

pub(super) fn place(shop: &mut Shop, kind: &str, number: &str, more: &Value) -> ParsedReply {
    let combined_order = combined_order(shop, number, more);
    shop.post(&format!("{COMBINE}/{kind}"), &combined_order)
}

fn order_ref(number: &str) -> OrderRef {
    OrderRef::OutTradeNo(number.parse().unwrap())
}

fn payer() -> Value {
    json!({ "combine_payer_info": { "openid": OPENID } })
}

#[test]
fn each_combined_order_type_returns_its_own_handle() {
    let mut shop = Shop::open();
    let h5 = json!({ "scene_info": { "payer_client_ip": "203.0.113.7", "h5_info": { "type": "Wap" } } });
    for (kind, more, member, trade_type) in [
        ("jsapi", payer(), "prepay_id", TradeType::Jsapi),
        ("miniprogram", payer(), "prepay_id", TradeType::Jsapi),
        ("app", json!({}), "prepay_id", TradeType::App),
        ("native", json!({}), "code_url", TradeType::Native),
        ("h5", h5, "h5_url", TradeType::Mweb),
    ] {
        let number = format!("{kind}-12345");
        let reply = place(&mut shop, kind, &number, &more);
        assert_eq!(reply.status, 200, "{kind} {reply:?}");
        let handle = reply.body[member].as_str().unwrap();
        let record = shop.gateway.combined(&OrderRef::Handle(handle.into()), shop.now).unwrap();
        assert_eq!((record.combine_out_trade_no.as_str(), record.trade_type), (number.as_str(), trade_type));
        assert_eq!(record.sub_orders.len(), 2);
        assert!(record.sub_orders.iter().all(|order| order.trade_state == TradeState::NotPay));
    }
}

#[test]
fn combined_order_that_is_not_allowed_is_refused_and_not_placed() {
    let mut shop = Shop::open();
    let sub_orders = |change: &dyn Fn(&mut Value)| {
        let mut combined_order = combined_order(&shop, "P12345", &json!({}));
        change(&mut combined_order["sub_orders"]);
        json!({ "sub_orders": combined_order["sub_orders"] })
    };
    let cases = [
        (sub_orders(&|sub_orders| sub_orders[0]["mchid"] = "1".into()), (400, "MCH_NOT_EXISTS", 268_443_715)),
        (sub_orders(&|sub_orders| sub_orders[1]["sub_mchid"] = "1".into()), (403, "NO_AUTH", 268_443_701)),
        (sub_orders(&|sub_orders| sub_orders[1] = sub_orders[0].clone()), (400, "PARAM_ERROR", 268_435_461)),
        (sub_orders(&|sub_orders| *sub_orders = json!([])), (400, "PARAM_ERROR", 268_435_461)),
        (
            sub_orders(&|sub_orders| sub_orders[0]["amount"]["total_amount"] = 0.into()),
            (400, "PARAM_ERROR", 268_435_464),
        ),
        (json!({ "combine_mchid": "1" }), (400, "INVALID_REQUEST", 268_447_843)),
        (json!({ "combine_appid": "wx0000000000000000" }), (400, "APPID_MCHID_NOT_MATCH", 268_445_527)),
    ];
    for (change, refusal) in cases {
        assert_eq!(place(&mut shop, "native", "P12345", &change).refusal(), refusal, "{change}");
    }
    let none = place(&mut shop, "jsapi", "P12345", &json!({ "combine_payer_info": {} }));
    assert_eq!(none.refusal(), (400, "PARAM_ERROR", 268_501_013));
    assert!(shop.gateway.orders(shop.now).len() == 0);
    shop.order("P12345-2");
    let reused = place(&mut shop, "native", "P12345", &json!({}));
    assert_eq!(reused.refusal(), (403, "OUT_TRADE_NO_USED", 268_498_688));
    assert_eq!(shop.gateway.orders(shop.now).len(), 1);
}

#[test]
fn repeated_combined_order_returns_the_same_prepay_and_a_different_one_is_refused() {
    let mut shop = Shop::open();
    let first = place(&mut shop, "native", "P12345", &json!({})).body;
    assert_eq!(place(&mut shop, "native", "P12345", &json!({})).body, first);
    let started = json!({ "time_start": format_rfc3339(shop.now) });
    let other = place(&mut shop, "native", "P12345", &started);
    assert_eq!(other.refusal(), (400, "INVALID_REQUEST", 268_498_688));
    assert_eq!(
        place(&mut shop, "app", "P12345", &json!({})).refusal(),
        (403, "OUT_TRADE_NO_USED", 268_498_688)
    );
    shop.wait(7200);
    assert_eq!(
        shop.gateway.pay(&order_ref("P12345"), &Payer::default(), shop.now).err(),
        Some(PayError::Expired)
    );
    let second = place(&mut shop, "native", "P12345", &json!({})).body;
    assert_ne!(second, first);
    shop.pay("P12345");
    assert_eq!(
        place(&mut shop, "native", "P12345", &json!({})).refusal(),
        (400, "INVALID_REQUEST", 268_449_538)
    );
}

#[test]
fn one_payment_pays_all_sub_orders_and_sends_one_notification() {
    let mut shop = Shop::open();
    let more = json!({
        "combine_payer_info": { "openid": OPENID },
        "scene_info": { "payer_client_ip": "203.0.113.7", "device_id": "POS1" },
    });
    place(&mut shop, "jsapi", "P12345", &more);
    let target = format!("{COMBINE}/out-trade-no/P12345");
    let unpaid = shop.get(&target).body;
    assert_eq!(unpaid.get("combine_transaction_id"), None);
    let expected = json!({ "mchid": shop.mchid(), "out_trade_no": "P12345-1", "trade_state": "NOTPAY",
        "attach": "一", "amount": { "total_amount": 1000, "currency": "CNY" } });
    assert_eq!(unpaid["sub_orders"][0], expected);

    // Naming one sub-order pays the combined order.
    shop.pay_as("P12345-2", &Payer::default().with_discount(Fen::new(1100)));
    let record = shop.gateway.combined(&order_ref("P12345"), shop.now).unwrap();
    let payment_of = |index: usize| record.sub_orders[index].payments[0].clone();
    assert_eq!([payment_of(0), payment_of(1)].map(|payment| payment.payer_total.get()), [1, 399]);
    let (sub_mchid, sub_appids) = shop.merchant.sub_merchants().first_key_value().unwrap();
    let promotion = |index: usize, amount: u64| {
        json!([{ "coupon_id": payment_of(index).coupon_id, "name": "立减券", "scope": "GLOBAL", "type": "CASH",
            "amount": amount, "stock_id": "931386", "wechatpay_contribute": amount, "merchant_contribute": 0,
            "other_contribute": 0, "currency": "CNY" }])
    };
    let sub_order = |index: usize, total: u64, payer: u64, attach: &str| {
        json!({
            "mchid": shop.mchid(), "out_trade_no": format!("P12345-{}", index + 1), "attach": attach,
            "transaction_id": payment_of(index).transaction_id, "trade_type": "JSAPI", "trade_state": "SUCCESS",
            "bank_type": "OTHERS", "success_time": format_rfc3339(shop.now),
            "amount": { "total_amount": total, "currency": "CNY", "payer_amount": payer, "payer_currency": "CNY" },
            "promotion_detail": promotion(index, total - payer),
        })
    };
    let mut second = sub_order(1, 500, 399, "二");
    second["sub_mchid"] = sub_mchid.as_str().into();
    second["sub_appid"] = sub_appids[0].as_str().into();
    second["sub_openid"] = payment_of(1).sub_openid.unwrap().as_str().into();
    let expected = json!({
        "combine_appid": shop.appid(), "combine_mchid": shop.mchid(), "combine_out_trade_no": "P12345",
        "combine_transaction_id": record.combine_transaction_id, "scene_info": { "device_id": "POS1" },
        "combine_payer_info": { "openid": OPENID }, "sub_orders": [sub_order(0, 1000, 1, "一"), second],
    });
    let [delivery] = shop.due().try_into().unwrap();
    assert_eq!(delivery.out_trade_no(), "P12345");
    let (envelope, content) = shop.read_notification(&delivery);
    assert_eq!((&envelope["event_type"], &content), (&json!("TRANSACTION.SUCCESS"), &expected));
    assert_eq!(shop.get(&target).body, expected);
    let id = record.combine_transaction_id.unwrap();
    assert_eq!(shop.get(&format!("{COMBINE}/id/{id}")).body, expected);
    assert_eq!(shop.query("P12345-1").body["trade_state"], "SUCCESS");
}

#[test]
fn combined_discount_leaves_one_fen_of_each_sub_order() {
    let mut shop = Shop::open();
    place(&mut shop, "native", "P12345", &json!({}));
    let mut pay = |discount| {
        let payer = Payer::default().with_discount(Fen::new(discount));
        shop.gateway.pay(&order_ref("P12345"), &payer, shop.now).map(|paid| paid.order)
    };
    assert_eq!(pay(1499).err(), Some(PayError::DiscountTooLarge));
    assert_eq!(pay(1498).unwrap().payments[0].payer_total, Fen::new(1));
    assert_eq!(pay(0).err(), Some(PayError::AlreadyPaid));
}

#[test]
fn sub_orders_are_refunded_one_by_one() {
    let mut shop = Shop::open();
    let sub_mchid = shop.merchant.sub_merchants().first_key_value().unwrap().0.to_string();
    place(&mut shop, "native", "P12345", &json!({}));
    shop.pay("P12345");
    let record = shop.gateway.combined(&order_ref("P12345"), shop.now).unwrap();
    let refund = |name: &str, value: &str, number: &str, total: u64, sub_mchid: Option<&str>| {
        let mut body = json!({ name: value, "out_refund_no": number,
            "amount": { "refund": total, "total": total, "currency": "CNY" } });
        if let Some(sub_mchid) = sub_mchid {
            body["sub_mchid"] = sub_mchid.into();
        }
        body
    };
    let target = "/v3/refund/domestic/refunds";
    let id = record.sub_orders[0].payments[0].transaction_id.as_str();
    assert_eq!(shop.post(target, &refund("transaction_id", id, "R1", 1000, None)).status, 200);
    let second = refund("out_trade_no", "P12345-2", "R2", 500, Some(&sub_mchid));
    let refund_of_all = refund("out_trade_no", "P12345", "R3", 1500, None);
    assert_eq!(shop.post(target, &refund_of_all).refusal(), (404, "RESOURCE_NOT_EXISTS", 268_512_771));
    let states = |shop: &mut Shop| {
        let body = shop.get(&format!("{COMBINE}/out-trade-no/P12345")).body;
        [0, 1].map(|index| body["sub_orders"][index]["trade_state"].as_str().unwrap().to_owned())
    };
    assert_eq!(states(&mut shop), ["REFUND", "SUCCESS"]);
    assert_eq!(shop.post(target, &second).status, 200);
    assert_eq!(states(&mut shop), ["REFUND", "REFUND"]);
}

#[test]
fn combined_close_must_name_every_sub_order() {
    let mut shop = Shop::open();
    place(&mut shop, "native", "P12345", &json!({}));
    let sub_orders = combined_order(&shop, "P12345", &json!({}))["sub_orders"].clone();
    let identity = |sub: &Value| {
        let mut identity = json!({ "mchid": sub["mchid"], "out_trade_no": sub["out_trade_no"] });
        if let Some(sub_mchid) = sub.get("sub_mchid") {
            identity["sub_mchid"] = sub_mchid.clone();
        }
        identity
    };
    let (first, second) = (identity(&sub_orders[0]), identity(&sub_orders[1]));
    let close = |shop: &mut Shop, number: &str, identities: Value| {
        let body = json!({ "combine_appid": shop.appid(), "sub_orders": identities });
        shop.post(&format!("{COMBINE}/out-trade-no/{number}/close"), &body)
    };
    assert_eq!(close(&mut shop, "P12345", json!([first])).message(), "sub_orders应为合单的全部子单");
    assert_eq!(
        close(&mut shop, "P12346", json!([first, second])).refusal(),
        (404, "ORDER_NOT_EXIST", 268_512_771)
    );
    shop.gateway.settings_mut().v3.close_unknown_order = CloseUnknownOrder::NoContent;
    assert_eq!(close(&mut shop, "P12346", json!([first, second])).status, 204);
    for _ in 0..2 {
        assert_eq!(close(&mut shop, "P12345", json!([second, first])).status, 204);
    }
    assert_eq!(shop.query("P12345-1").body["trade_state"], "CLOSED");
    assert_eq!(place(&mut shop, "native", "P12345", &json!({})).refusal().1, "ORDER_CLOSED");
    let result = shop.gateway.pay(&order_ref("P12345-1"), &Payer::default(), shop.now);
    assert_eq!(result.err(), Some(PayError::Expired));
}

#[test]
fn combined_query_of_an_unknown_number_is_not_found() {
    let mut shop = Shop::open();
    shop.order("A12345");
    for target in ["out-trade-no/A12345", "id/4200000000000000000000000000"] {
        let reply = shop.get(&format!("{COMBINE}/{target}"));
        assert_eq!(reply.refusal(), (404, "ORDER_NOT_EXIST", 268_512_771));
    }
}
