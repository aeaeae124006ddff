//! Refunds and their states.

use super::shop::{NOTIFY, ParsedReply, Shop};
use serde_json::{Value, json};
use wxpay_proto::{Fen, wire::time::format_rfc3339};
use wxpay_sim::{gateway::Payer, ledger::RefundStatus};

const REFUNDS: &str = "/v3/refund/domestic/refunds";

fn refund_request(number: &str, refund: u64) -> Value {
    json!({
        "out_trade_no": "A12345", "out_refund_no": number, "reason": "坏了", "notify_url": NOTIFY,
        "amount": { "refund": refund, "total": 1999, "currency": "CNY" },
    })
}

fn refund(shop: &mut Shop, number: &str, fen: u64) -> ParsedReply {
    shop.post(REFUNDS, &refund_request(number, fen))
}

/// Creates a shop with a paid order of 19.99 yuan. The payer paid 19.00 yuan, after a discount.
fn shop_with_paid_order() -> Shop {
    let mut shop = Shop::open();
    shop.order("A12345");
    shop.pay_as("A12345", &Payer::default().with_discount(Fen::new(99)));
    for delivery in shop.due() {
        shop.acknowledge(&delivery, 200);
    }
    shop
}

#[test]
fn refund_is_processing_then_success() {
    let mut shop = shop_with_paid_order();
    let reply = refund(&mut shop, "R-1|@*_", 1000);
    let record = shop.record("A12345");
    let expected = json!({
        "amount": {
            "currency": "CNY", "discount_refund": 50, "from": [], "payer_refund": 950, "payer_total": 1900,
            "refund": 1000, "refund_fee": 6, "settlement_refund": 1000, "settlement_total": 1999, "total": 1999,
        },
        "channel": "ORIGINAL", "create_time": format_rfc3339(shop.now), "funds_account": "UNSETTLED",
        "out_refund_no": "R-1|@*_", "out_trade_no": "A12345",
        "promotion_detail": [{
            "amount": 99, "promotion_id": record.payments[0].coupon_id, "refund_amount": 50, "scope": "GLOBAL",
            "type": "COUPON",
        }],
        "refund_id": record.refunds[0].refund_id, "status": "PROCESSING",
        "transaction_id": record.payments[0].transaction_id, "user_received_account": "支付用户零钱",
    });
    assert_eq!(reply.body, expected);
    assert_eq!(shop.query("A12345").body["trade_state"], "REFUND");
    assert!(shop.due().is_empty());
    shop.wait(3);
    let target = format!("{REFUNDS}/R-1%7C@*_");
    let body = shop.get(&target).body;
    assert_eq!(
        (&body["status"], &body["success_time"]),
        (&json!("SUCCESS"), &json!(format_rfc3339(shop.now)))
    );
    let [delivery] = shop.due().try_into().unwrap();
    let (envelope, content) = shop.read_notification(&delivery);
    assert_eq!(
        (&envelope["event_type"], &envelope["resource"]["associated_data"]),
        (&json!("REFUND.SUCCESS"), &json!("refund"))
    );
    let expected = json!({
        "amount": { "payer_refund": 950, "payer_total": 1900, "refund": 1000, "total": 1999 },
        "mchid": shop.mchid(), "out_refund_no": "R-1|@*_", "out_trade_no": "A12345",
        "refund_id": record.refunds[0].refund_id, "refund_status": "SUCCESS", "success_time": format_rfc3339(shop.now),
        "transaction_id": record.payments[0].transaction_id, "user_received_account": "支付用户零钱",
    });
    assert_eq!(content, expected);
}

#[test]
fn refunds_add_up_to_the_payment_to_the_fen() {
    let mut shop = shop_with_paid_order();
    let mut payer_refunds = 0;
    for (index, fen) in [333, 333, 333, 1000].into_iter().enumerate() {
        let reply = refund(&mut shop, &format!("R{index}"), fen);
        assert_eq!(reply.status, 200, "{reply:?}");
        payer_refunds += reply.body["amount"]["payer_refund"].as_u64().unwrap();
    }
    assert_eq!(payer_refunds, 1900);
    let reply = refund(&mut shop, "R9", 1);
    assert_eq!(
        (reply.refusal(), reply.message()),
        ((400, "PARAM_ERROR", 268_435_464), "退款金额超过可退金额")
    );
}

#[test]
fn repeated_refund_is_the_same_and_a_different_one_is_refused() {
    let mut shop = shop_with_paid_order();
    let first = refund(&mut shop, "R1", 100).body;
    assert_eq!(refund(&mut shop, "R1", 100).body, first);
    assert_eq!(refund(&mut shop, "R1", 101).refusal(), (400, "INVALID_REQUEST", 268_498_688));
    assert_eq!(shop.record("A12345").refunds.len(), 1);
    shop.wait(3);
    assert_eq!(refund(&mut shop, "R1", 100).body["status"], "SUCCESS");
}

#[test]
fn refund_that_is_not_allowed_is_refused() {
    let mut shop = Shop::open();
    assert_eq!(refund(&mut shop, "R1", 1).refusal().1, "RESOURCE_NOT_EXISTS");
    shop.order("A12345");
    assert_eq!(refund(&mut shop, "R1", 1).refusal().1, "INVALID_REQUEST");
    shop.pay("A12345");
    let mut without = refund_request("R1", 1);
    without.as_object_mut().unwrap().remove("out_trade_no");
    let reply = shop.post(REFUNDS, &without);
    assert_eq!(reply.message(), "transaction_id与out_trade_no至少填一个");
    let mut total = refund_request("R1", 1);
    total["amount"]["total"] = 2000.into();
    assert_eq!(shop.post(REFUNDS, &total).refusal().1, "INVALID_REQUEST");
    assert_eq!(shop.get(&format!("{REFUNDS}/R1")).refusal(), (404, "RESOURCE_NOT_EXISTS", 268_512_771));
    for index in 0..50 {
        assert_eq!(refund(&mut shop, &format!("R{index}"), 1).status, 200);
    }
    assert_eq!(refund(&mut shop, "R50", 1).refusal().1, "RULE_LIMIT");
    shop.order("B12345");
    shop.pay("B12345");
    shop.wait(365 * 86_400 + 1);
    let mut late = refund_request("S1", 1);
    late["out_trade_no"] = "B12345".into();
    assert_eq!(shop.post(REFUNDS, &late).refusal().1, "RULE_LIMIT");
}

#[test]
fn refund_numbers_must_name_one_order() {
    let mut shop = shop_with_paid_order();
    shop.order("B12345");
    let other = shop.pay("B12345").payments[0].transaction_id.to_string();
    let mut both = refund_request("R1", 1);
    both["transaction_id"] = other.into();
    assert_eq!(shop.post(REFUNDS, &both).refusal(), (400, "INVALID_REQUEST", 268_447_843));
    both["transaction_id"] = shop.record("A12345").payments[0].transaction_id.as_str().into();
    assert_eq!(shop.post(REFUNDS, &both).status, 200);
}

#[test]
fn abnormal_refund_is_applied_to_a_bank_card() {
    let mut shop = shop_with_paid_order();
    let id = refund(&mut shop, "R1", 100).body["refund_id"].as_str().unwrap().to_owned();
    let target = format!("{REFUNDS}/{id}/apply-abnormal-refund");
    let body = json!({ "out_refund_no": "R1", "type": "MERCHANT_BANK_CARD" });
    assert_eq!(shop.post(&target, &body).refusal().1, "INVALID_REQUEST");
    let mchid = shop.merchant.mchid().clone();
    let number = "R1".parse().unwrap();
    shop.gateway.set_refund_outcome(&mchid, &number, RefundStatus::Abnormal, shop.now).unwrap();
    shop.wait(3);
    let [delivery] = shop.due().try_into().unwrap();
    let (envelope, content) = shop.read_notification(&delivery);
    assert_eq!(
        (&envelope["event_type"], &content["refund_status"]),
        (&json!("REFUND.ABNORMAL"), &json!("ABNORMAL"))
    );
    assert_eq!(content.get("success_time"), None);
    shop.acknowledge(&delivery, 200);
    assert_eq!(shop.gateway.set_refund_outcome(&mchid, &number, RefundStatus::Closed, shop.now), None);
    let user_card = json!({ "out_refund_no": "R1", "type": "USER_BANK_CARD" });
    assert!(shop.post(&target, &user_card).message().contains("bank_type"));
    let reply = shop.post(&target, &body);
    assert_eq!((reply.status, &reply.body["status"]), (200, &json!("PROCESSING")));
    shop.wait(3);
    assert_eq!(shop.get(&format!("{REFUNDS}/R1")).body["status"], "SUCCESS");
    let [delivery] = shop.due().try_into().unwrap();
    assert_eq!(shop.read_notification(&delivery).0["event_type"], "REFUND.SUCCESS");
}

#[test]
fn closed_refund_frees_its_amount_for_a_new_refund() {
    let mut shop = shop_with_paid_order();
    refund(&mut shop, "R1", 1999);
    let mchid = shop.merchant.mchid().clone();
    shop.gateway.set_refund_outcome(&mchid, &"R1".parse().unwrap(), RefundStatus::Closed, shop.now).unwrap();
    shop.wait(3);
    assert_eq!(shop.query("A12345").body["trade_state"], "SUCCESS");
    let [delivery] = shop.due().try_into().unwrap();
    assert_eq!(shop.read_notification(&delivery).0["event_type"], "REFUND.CLOSED");
    assert_eq!(refund(&mut shop, "R2", 1999).status, 200);
}
