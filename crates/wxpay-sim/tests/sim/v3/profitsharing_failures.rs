//! Closed receiver amounts, failed returns, and the refundable amount of a shared payment.

use super::{
    profitsharing::{
        ORDERS, RETURNS, SHOP, add_receiver, share, sharing_request, shop_with_paid_order, unsplit,
    },
    shop::{ParsedReply, Shop},
};
use serde_json::{Value, json};
use wxpay_proto::wire::time::format_rfc3339;
use wxpay_sim::ledger::{ReturnFailure, ReturnResult, SharingDetailFailure, SharingDetailResult};

fn create_return(shop: &mut Shop, number: &str, amount: u64) -> ParsedReply {
    let body = json!({
        "out_order_no": "P1", "out_return_no": number, "return_mchid": SHOP, "amount": amount,
        "description": "退回",
    });
    shop.post(RETURNS, &body)
}

fn refund(shop: &mut Shop, number: &str, amount: u64) -> ParsedReply {
    let body = json!({
        "out_trade_no": "A12345", "out_refund_no": number,
        "amount": { "refund": amount, "total": 1999, "currency": "CNY" },
    });
    shop.post("/v3/refund/domestic/refunds", &body)
}

/// Waits until sharings, returns and refunds are finished. Acknowledges their notifications and returns the event
/// types.
fn pass_due_time(shop: &mut Shop) -> Vec<Value> {
    shop.wait(3);
    let due = shop.due();
    due.iter()
        .map(|delivery| {
            shop.acknowledge(delivery, 200);
            shop.read_notification(delivery).0["event_type"].clone()
        })
        .collect()
}

#[test]
fn closed_receiver_amount_shows_its_reason_and_can_be_shared_again() {
    let (mut shop, id) = shop_with_paid_order();
    shop.wait(60);
    let mut body = sharing_request(&shop, &id, "P1", SHOP, 400);
    let person = sharing_request(&shop, &id, "P1", "oPerson", 100)["receivers"][0].clone();
    body["receivers"].as_array_mut().unwrap().push(person);
    assert_eq!(shop.post(ORDERS, &body).status, 200);
    assert_eq!(unsplit(&mut shop, &id), 1499);
    let (mchid, now) = (shop.merchant.mchid().clone(), shop.now);
    for (number, account) in [("P2", "oPerson"), ("P1", "oNobody")] {
        let reason = SharingDetailFailure::AccountAbnormal;
        assert_eq!(shop.gateway.close_receiver_amount(&mchid, number, account, reason, now), None);
    }
    let reason = SharingDetailFailure::ReceiverRealNameNotVerified;
    let record = shop.gateway.close_receiver_amount(&mchid, "P1", "oPerson", reason, now).unwrap();
    assert_eq!((record.state, record.receivers[1].result), ("PROCESSING", SharingDetailResult::Pending));
    assert_eq!(pass_due_time(&mut shop), ["PROFITSHARING.SUCCESS"]);
    let body = shop.get(&format!("{ORDERS}/P1?transaction_id={id}")).body;
    let [shop_part, person] = body["receivers"].as_array().unwrap().as_slice() else { panic!("{body}") };
    assert_eq!((&body["state"], &shop_part["result"]), (&json!("FINISHED"), &json!("SUCCESS")));
    assert_eq!(shop_part.get("fail_reason"), None);
    assert_eq!((&person["result"], &person["amount"]), (&json!("CLOSED"), &json!(100)));
    assert_eq!(person["fail_reason"], "RECEIVER_REAL_NAME_NOT_VERIFIED");
    assert_eq!(person["finish_time"], format_rfc3339(shop.now));
    assert_eq!(unsplit(&mut shop, &id), 1599, "a closed amount stays frozen");
    assert_eq!(
        share(&mut shop, &id, "P2", 199).status,
        200,
        "a closed amount does not count towards the 30 % limit"
    );
    let now = shop.now;
    assert_eq!(
        shop.gateway.close_receiver_amount(&mchid, "P1", SHOP, reason, now),
        None,
        "the payment to the receiver has succeeded"
    );
}

#[test]
fn failed_return_shows_its_reason_and_moves_no_money() {
    let (mut shop, id) = shop_with_paid_order();
    shop.wait(60);
    assert_eq!(share(&mut shop, &id, "P1", 500).status, 200);
    pass_due_time(&mut shop);
    assert_eq!(create_return(&mut shop, "R1", 500).status, 200);
    let (mchid, now) = (shop.merchant.mchid().clone(), shop.now);
    let reason = ReturnFailure::BalanceNotEnough;
    assert_eq!(shop.gateway.fail_return(&mchid, "R2", reason, now), None);
    assert!(shop.gateway.fail_return(&mchid, "R1", reason, now).is_some());
    assert!(pass_due_time(&mut shop).is_empty(), "a failed return sends no notification");
    let body = shop.get(&format!("{RETURNS}/R1?out_order_no=P1")).body;
    assert_eq!(
        (&body["result"], &body["fail_reason"]),
        (&json!("FAILED"), &json!("BALANCE_NOT_ENOUGH")),
        "{body}"
    );
    assert_eq!(refund(&mut shop, "F1", 1500).refusal(), (403, "NOT_ENOUGH", 268_435_461));
    let now = shop.now;
    assert_eq!(shop.gateway.fail_return(&mchid, "R1", reason, now), None, "the return is final");
    assert_eq!(
        create_return(&mut shop, "R2", 500).status,
        200,
        "a new return under another number is allowed"
    );
    assert_eq!(pass_due_time(&mut shop), ["PROFITSHARING.RETURN"]);
    let record = shop.gateway.sharing(&mchid, "P1", now).unwrap();
    let results: Vec<_> = record
        .returns
        .iter()
        .map(|sharing_return| (sharing_return.result, sharing_return.fail_reason))
        .collect();
    assert_eq!(results, [(ReturnResult::Failed, Some(reason)), (ReturnResult::Success, None)]);
}

#[test]
fn shared_amount_cannot_be_refunded_before_its_return() {
    let (mut shop, id) = shop_with_paid_order();
    shop.wait(60);
    assert_eq!(share(&mut shop, &id, "P1", 500).status, 200);
    assert_eq!(refund(&mut shop, "F1", 1500).refusal().1, "NOT_ENOUGH", "a pending sharing counts as well");
    assert_eq!(refund(&mut shop, "F1", 1499).status, 200);
    assert_eq!(unsplit(&mut shop, &id), 0, "a refund takes the frozen amount first");
    assert_eq!(refund(&mut shop, "F2", 1).refusal().1, "NOT_ENOUGH");
    pass_due_time(&mut shop);
    assert_eq!(create_return(&mut shop, "R1", 300).status, 200);
    assert_eq!(refund(&mut shop, "F2", 300).refusal().1, "NOT_ENOUGH", "the return is still pending");
    pass_due_time(&mut shop);
    assert_eq!(refund(&mut shop, "F2", 301).refusal().1, "NOT_ENOUGH");
    assert_eq!(refund(&mut shop, "F2", 300).status, 200);
    assert_eq!(refund(&mut shop, "F3", 201).refusal().2, 268_435_464, "the refunds exceed the payment");
}

#[test]
fn unfrozen_amount_can_be_refunded() {
    let (mut shop, id) = shop_with_paid_order();
    shop.wait(60);
    let body = json!({ "transaction_id": id, "out_order_no": "U1", "description": "解冻" });
    assert_eq!(shop.post(&format!("{ORDERS}/unfreeze"), &body).status, 200);
    assert_eq!(refund(&mut shop, "F1", 1999).status, 200);
}

#[test]
fn amount_of_a_closed_refund_can_be_shared() {
    let (mut shop, id) = shop_with_paid_order();
    shop.wait(60);
    assert_eq!(refund(&mut shop, "F1", 1999).status, 200);
    assert_eq!(unsplit(&mut shop, &id), 0);
    let (mchid, now) = (shop.merchant.mchid().clone(), shop.now);
    let closed = wxpay_sim::ledger::RefundStatus::Closed;
    assert!(shop.gateway.set_refund_outcome(&mchid, &"F1".parse().unwrap(), closed, now).is_some());
    pass_due_time(&mut shop);
    assert_eq!(unsplit(&mut shop, &id), 1999);
}

#[test]
fn sharing_record_holds_receiver_amounts_and_returns() {
    let (mut shop, id) = shop_with_paid_order();
    shop.wait(60);
    let (created_at, mchid) = (shop.now, shop.merchant.mchid().clone());
    assert_eq!(share(&mut shop, &id, "P1", 500).status, 200);
    let unfreeze = json!({ "transaction_id": id, "out_order_no": "U1", "description": "解冻" });
    assert_eq!(shop.post(&format!("{ORDERS}/unfreeze"), &unfreeze).status, 200);
    pass_due_time(&mut shop);
    let (now, finished_at) = (shop.now, shop.now);
    assert_eq!(create_return(&mut shop, "R1", 200).status, 200);
    let records = shop.gateway.sharings(now);
    let value = serde_json::to_value(&records).unwrap();
    let expected = json!([
        {
            "out_order_no": "P1", "order_id": records[0].order_id, "mchid": mchid, "sub_mchid": null,
            "out_trade_no": "A12345", "transaction_id": id, "state": "FINISHED", "is_last": false,
            "receivers": [{
                "type": "MERCHANT_ID", "account": SHOP, "amount": 500, "description": "分给",
                "detail_id": records[0].receivers[0].detail_id, "result": "SUCCESS", "fail_reason": null,
                "finished_at": finished_at.as_secs(),
            }],
            "returns": [{
                "out_return_no": "R1", "return_id": records[0].returns[0].return_id, "out_order_no": "P1",
                "return_mchid": SHOP, "amount": 200, "description": "退回", "result": "PROCESSING",
                "fail_reason": null, "created_at": now.as_secs(), "finished_at": null,
            }],
            "created_at": created_at.as_secs(),
        },
        {
            "out_order_no": "U1", "order_id": records[1].order_id, "mchid": mchid, "sub_mchid": null,
            "out_trade_no": "A12345", "transaction_id": id, "state": "FINISHED", "is_last": true,
            "receivers": [{
                "type": "MERCHANT_ID", "account": mchid, "amount": 1499, "description": "解冻",
                "detail_id": records[1].receivers[0].detail_id, "result": "SUCCESS", "fail_reason": null,
                "finished_at": finished_at.as_secs(),
            }],
            "returns": [],
            "created_at": created_at.as_secs(),
        },
    ]);
    assert_eq!(value, expected);
    assert_eq!(shop.gateway.sharing(&mchid, "P1", now).as_ref(), records.first());
    assert_eq!(shop.gateway.sharing(&mchid, "P9", now), None);
    let receivers: Vec<_> = shop.gateway.receivers().map(|receiver| receiver.account.clone()).collect();
    assert_eq!(receivers, [SHOP, "oPerson"]);
    assert_eq!(add_receiver(&mut shop, "PERSONAL_OPENID", "oPerson", None).status, 200);
    assert_eq!(shop.gateway.receivers().count(), 2, "adding a receiver again adds none");
}
