//! Orders beyond the limit: what is forgotten is found by no number, and nothing still due for it happens.

use super::{
    bill::bill_at,
    combine,
    profitsharing::{ORDERS, RETURNS, SHOP, add_receiver, share, unsplit},
    shop::{NOTIFY, Shop},
};
use serde_json::json;
use wxpay_sim::gateway::{OrderRef, PayError, Payer};

const REFUNDS: &str = "/v3/refund/domestic/refunds";
/// 2026-05-29 in China, 04:26:40: `date -d @1780000000`.
const DAY: &str = "2026-05-29";

fn refund(shop: &mut Shop, number: &str) {
    let body = json!({ "out_trade_no": "A12345", "out_refund_no": number, "notify_url": NOTIFY,
        "amount": { "refund": 100, "total": 1999, "currency": "CNY" } });
    assert_eq!(shop.post(REFUNDS, &body).status, 200);
}

fn order_ref(number: &str) -> OrderRef {
    OrderRef::OutTradeNo(number.parse().unwrap())
}

/// Returns the statuses of a query by each number of the order `A12345`, of its refunds and its profit sharing.
fn look_up(shop: &mut Shop, id: &str, refund_id: &str) -> Vec<u16> {
    let mchid = shop.mchid();
    let targets = [
        format!("/v3/pay/transactions/out-trade-no/A12345?mchid={mchid}"),
        format!("/v3/pay/transactions/id/{id}?mchid={mchid}"),
        format!("{REFUNDS}/F1"),
        format!("{ORDERS}/P1?transaction_id={id}"),
        format!("{RETURNS}/R1?out_order_no=P1"),
        format!("/v3/profitsharing/transactions/{id}/amounts"),
    ];
    let mut statuses: Vec<u16> = targets.iter().map(|target| shop.get(target).status).collect();
    // The refund of another number: the same refusal as for an unknown one, if the order is forgotten.
    let apply = json!({ "out_refund_no": "F1", "type": "MERCHANT_BANK_CARD" });
    let applied = shop.post(&format!("{REFUNDS}/{refund_id}/apply-abnormal-refund"), &apply);
    statuses.push(if applied.message() == "退款单不存在" { 404 } else { 200 });
    statuses
}

#[test]
fn forgotten_orders_are_found_by_no_number_and_skipped_by_bills() {
    let mut shop = Shop::with(|settings| settings.max_orders = 5);
    // A paid order with profit sharing, a return and refunds: one of each is finished, one is pending.
    let goods = shop.goods_with("A12345", &json!({ "settle_info": { "profit_sharing": true } }));
    let code_url = shop.post("/v3/pay/transactions/native", &goods).body["code_url"].clone();
    let code_url = code_url.as_str().unwrap().to_owned();
    let id = shop.pay("A12345").payments[0].transaction_id.to_string();
    let name = shop.encrypt("某某有限公司");
    assert_eq!(add_receiver(&mut shop, "MERCHANT_ID", SHOP, Some(&name)).status, 200);
    shop.wait(60);
    assert_eq!(share(&mut shop, &id, "P1", 200).status, 200);
    refund(&mut shop, "F1");
    shop.wait(3);
    for (number, amount) in [("R1", 50), ("R2", 50)] {
        let body = json!({ "out_order_no": "P1", "out_return_no": number, "return_mchid": SHOP,
            "amount": amount, "description": "退回" });
        assert_eq!(shop.post(RETURNS, &body).status, 200);
        shop.wait(if number == "R1" { 3 } else { 0 });
    }
    assert_eq!(share(&mut shop, &id, "P2", 200).status, 200);
    refund(&mut shop, "F2");
    let refund_id = shop.record("A12345").refunds[0].refund_id.to_string();
    assert_eq!(look_up(&mut shop, &id, &refund_id), [200; 7]);
    assert_eq!(unsplit(&mut shop, &id), 1999 - 200 - 200 - 200);
    // A closed order, a paid combined order and an open one.
    shop.order("B12345");
    assert_eq!(shop.close("B12345").status, 204);
    assert_eq!(combine::place(&mut shop, "native", "C12345", &json!({})).status, 200);
    let paid = shop.gateway.pay(&order_ref("C12345"), &Payer::default(), shop.now).unwrap();
    let combined_id = paid.order.payments[0].transaction_id.to_string();
    let open_url = shop.order("D12345");
    assert!(!shop.due().is_empty());

    for number in 1..=5 {
        shop.order(&format!("E{number}2345"));
    }
    let orders: Vec<String> =
        shop.gateway.orders(shop.now).map(|order| order.out_trade_no.to_string()).collect();
    assert_eq!(orders, ["E12345", "E22345", "E32345", "E42345", "E52345"]);
    assert_eq!(look_up(&mut shop, &id, &refund_id), [404; 7]);
    let mchid = shop.mchid();
    for target in [
        format!("/v3/pay/transactions/out-trade-no/B12345?mchid={mchid}"),
        format!("/v3/pay/transactions/out-trade-no/C12345-1?mchid={mchid}"),
        format!("/v3/pay/transactions/id/{combined_id}?mchid={mchid}"),
        String::from("/v3/combine-transactions/out-trade-no/C12345"),
    ] {
        assert_eq!(shop.get(&target).status, 404, "{target}");
    }
    for number in ["A12345", "B12345", "C12345", "C12345-2", "D12345"] {
        assert!(shop.gateway.order(&order_ref(number), shop.now).is_none(), "{number}");
        assert!(shop.gateway.combined(&order_ref(number), shop.now).is_none(), "{number}");
    }
    for handle in [code_url, open_url] {
        let paid = shop.gateway.pay(&OrderRef::Handle(handle), &Payer::default(), shop.now);
        assert_eq!(paid.err(), Some(PayError::NoSuchOrder));
    }
    assert_eq!(shop.gateway.sharings(shop.now), []);
    assert_eq!(shop.gateway.notifications().len(), 0, "they are forgotten with their orders");

    // The number is free again: its new order takes the place of the oldest open one.
    shop.order("A12345");
    // The pending refund, share and return were due: nothing is left that they could change.
    shop.wait(60);
    shop.pay("E22345");
    assert_eq!(shop.due().len(), 1, "the notification of the payment");
    assert_eq!(shop.record("A12345").refunds, []);
    shop.wait(86_400 + 6 * 3600);
    let trades = bill_at(&mut shop, &format!("/v3/bill/tradebill?bill_date={DAY}"));
    assert_eq!((trades.lines().count(), trades.contains("E22345")), (4, true), "{trades}");
    let flow = bill_at(&mut shop, &format!("/v3/bill/fundflowbill?bill_date={DAY}"));
    assert_eq!(flow.lines().count(), 5, "the payment and its fee: {flow}");
    let sharings = shop.get(&format!("/v3/profitsharing/bills?bill_date={DAY}"));
    assert_eq!(sharings.code(), "NO_STATEMENT_EXIST", "{sharings:?}");
}

#[test]
fn closed_order_is_forgotten_before_an_older_open_one() {
    let mut shop = Shop::with(|settings| settings.max_orders = 2);
    for number in ["A12345", "B12345"] {
        shop.order(number);
    }
    assert_eq!(shop.close("B12345").status, 204);
    shop.order("C12345");
    assert_eq!([shop.query("A12345").status, shop.query("B12345").status], [200, 404]);
    shop.order("D12345");
    assert_eq!([shop.query("A12345").status, shop.query("C12345").status], [404, 200]);
}
