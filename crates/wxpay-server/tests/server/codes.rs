//! Code payments at a counter: charged, polled, reversed.

use crate::{
    orders::futures,
    receiver::Webhook,
    shop::{Shop, code, native, with},
};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};
use wxpay_proto::{UnixTime, wire::time::format_rfc3339};

const PAYS_AT_ONCE: &str = "99";
const ENTERS_PASSWORD: &str = "01";
const HESITATES: &str = "02";
const HAS_NO_MONEY: &str = "03";

async fn charge(shop: &Shop, behaviour: &str) -> Value {
    let reply = shop.post("/api/orders", &code("ORDER1", 1999, behaviour)).await;
    assert!([200, 201].contains(&reply.status), "{}", reply.text());
    reply.json()
}

async fn state_at_gateway(shop: &Shop) -> String {
    let order = shop.control("GET", "/orders/ORDER1", json!(null)).await;
    order["trade_state"].as_str().unwrap().into()
}

/// Waits until an order is reversed. WeChat Pay's clock cannot be advanced for this, and the first 15 seconds of a charge
/// must pass.
async fn wait_for_reversal(shop: &Shop, number: &str) -> Value {
    for _ in 0..450 {
        let order = shop.order(number).await;
        if order["status"] == "reversed" {
            return order;
        }
        assert!(["open", "reversing"].contains(&order["status"].as_str().unwrap()), "{order}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the order is not reversed: {}", shop.order(number).await);
}

#[tokio::test]
async fn code_is_charged_once_and_reported_as_paid() {
    let shop = Shop::open().await;
    let (receiver, _, _) = shop.endpoint(json!({})).await;
    let placed = shop.post("/api/orders", &code("ORDER1", 1999, PAYS_AT_ONCE)).await.expect(201);
    assert_eq!(placed["pay"], json!({ "kind": "code", "status": "paid" }));
    let order = &placed["order"];
    assert_eq!((&order["status"], &order["channel"]), (&json!("paid"), &json!("code")), "{placed}");
    assert_eq!(order["payments"][0]["total"], 1999);
    let again = shop.post("/api/orders", &code("ORDER1", 1999, ENTERS_PASSWORD)).await.expect(200);
    assert_eq!(again, placed, "the code is no term, and is not charged");
    assert_eq!(shop.requests("v3.pay.codepay").await, 1);
    let webhooks = receiver.wait_for(2).await;
    assert_eq!(webhooks.iter().map(Webhook::kind).collect::<Vec<_>>(), ["order.created", "order.paid"]);
    shop.post("/api/orders/ORDER1/reverse", &json!(null)).await.problem(409, "order_paid");
    shop.refund("ORDER1", "R1", 5).await.expect(201);
}

#[tokio::test]
async fn concurrent_charges_of_one_order_charge_one_code() {
    let shop = Shop::open().await;
    let terms = [PAYS_AT_ONCE, "98", "97", "96"].map(|behaviour| code("ORDER1", 1999, behaviour));
    let replies = futures(terms.each_ref().map(|terms| shop.post("/api/orders", terms))).await;
    let mut statuses: Vec<u16> = replies.iter().map(|reply| reply.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 201]);
    assert!(replies.iter().all(|reply| reply.json()["pay"]["status"] == "paid"));
    assert_eq!(shop.requests("v3.pay.codepay").await, 1);
}

#[tokio::test]
async fn password_is_awaited_by_polling_across_a_restart() {
    let shop = Shop::open().await;
    assert_eq!(charge(&shop, ENTERS_PASSWORD).await["pay"]["status"], "user_paying");
    let shop = shop.restart().await;
    assert_eq!(charge(&shop, PAYS_AT_ONCE).await["pay"]["status"], "user_paying");
    shop.advance(11).await;
    shop.wait_for_status("ORDER1", "paid").await;
    shop.wait_for_events("ORDER1", &["order.created", "order.paid"]).await;
    assert_eq!(shop.requests("v3.pay.codepay").await, 1);
}

#[tokio::test]
async fn password_that_is_not_entered_in_time_is_reversed() {
    let shop = Shop::open().await;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let until = format_rfc3339(UnixTime::from_secs(now + 4));
    let terms = with(&code("ORDER1", 1999, HESITATES), &[("/time_expire", json!(until))]);
    let placed = shop.post("/api/orders", &terms).await.expect(201);
    assert_eq!(placed["pay"]["status"], "user_paying");
    wait_for_reversal(&shop, "ORDER1").await;
    shop.wait_for_events("ORDER1", &["order.created", "order.reversed"]).await;
    assert_eq!(state_at_gateway(&shop).await, "REVOKED");
    let again = shop.post("/api/orders", &terms).await.expect(200);
    assert_eq!((&again["order"]["status"], again.get("pay")), (&json!("reversed"), None));
    assert_eq!(shop.requests("v3.pay.codepay").await, 1);
}

#[tokio::test]
async fn lost_reply_of_a_charge_is_resolved_by_a_query() {
    let shop = Shop::open().await;
    shop.inject("commit_then_drop_response", "v3.pay.codepay").await;
    assert_eq!(charge(&shop, PAYS_AT_ONCE).await["pay"]["status"], "paid");
    assert_eq!(shop.requests("v3.pay.codepay").await, 1);
}

#[tokio::test]
async fn lost_charge_is_unknown_and_not_sent_again() {
    let shop = Shop::open().await;
    shop.inject("drop_before_commit", "v3.pay.codepay").await;
    let placed = charge(&shop, PAYS_AT_ONCE).await;
    assert_eq!(placed["pay"], json!({ "kind": "code", "status": "unknown" }));
    assert_eq!(placed["order"]["status"], "open");
    assert_eq!(charge(&shop, PAYS_AT_ONCE).await["pay"]["status"], "unknown");
    let other = with(&code("ORDER1", 1999, PAYS_AT_ONCE), &[("/amount/total", json!(2000))]);
    shop.post("/api/orders", &other).await.problem(409, "terms_differ");
    assert_eq!(shop.requests("v3.pay.codepay").await, 1);
}

#[tokio::test]
async fn refused_code_can_be_followed_by_another_one() {
    let shop = Shop::open().await;
    let terms = code("ORDER1", 1999, HAS_NO_MONEY);
    let problem = shop.post("/api/orders", &terms).await.problem(422, "refused");
    assert_eq!((&problem["fate"], &problem["refusal"]["code"]), (&json!("refused"), &json!("NOT_ENOUGH")));
    assert!(!problem.to_string().contains("13456789"), "{problem}");
    let problem = shop.post("/api/orders/ORDER1/pay", &json!(null)).await.problem(409, "auth_code_required");
    assert!(problem["detail"].as_str().unwrap().contains("auth_code"), "{problem}");
    assert_eq!(charge(&shop, PAYS_AT_ONCE).await["pay"]["status"], "paid");
}

#[tokio::test]
async fn cashier_reverses_a_charge_that_the_payer_does_not_confirm() {
    let shop = Shop::open().await;
    charge(&shop, HESITATES).await;
    let path = "/api/orders/ORDER1/reverse";
    // WeChat Pay does not accept it at once: the decision is written all the same.
    let reversing = shop.post(path, &json!(null)).await.expect(202);
    assert_eq!(reversing["status"], "reversing");
    assert_eq!(shop.requests("v3.pay.reverse").await, 0);
    // The payer pays too late, and gets the money back.
    shop.pay("ORDER1").await;
    let reversed = wait_for_reversal(&shop, "ORDER1").await;
    assert_eq!(shop.post(path, &json!(null)).await.expect(200), reversed);
    assert_eq!(state_at_gateway(&shop).await, "REVOKED");
    shop.wait_for_events("ORDER1", &["order.created", "order.reversed"]).await;
    shop.refund("ORDER1", "R1", 5).await.problem(409, "order_not_paid");
    let cases = shop.get("/api/cases").await.expect(200);
    assert_eq!(cases["data"], json!([]), "our own reversal is no anomaly");
}

#[tokio::test]
async fn crash_between_the_decision_and_its_answer_is_healed() {
    let shop = Shop::open().await;
    charge(&shop, HESITATES).await;
    // The server stops after the decision; another one sends the call, whose reply is lost.
    shop.inject("commit_then_drop_response", "v3.pay.reverse").await;
    let reversing = shop.post("/api/orders/ORDER1/reverse", &json!(null)).await.expect(202);
    assert_eq!(reversing["status"], "reversing");
    let shop = shop.restart().await;
    wait_for_reversal(&shop, "ORDER1").await;
    shop.wait_for_events("ORDER1", &["order.created", "order.reversed"]).await;
}

#[tokio::test]
async fn only_a_code_payment_is_reversed() {
    let shop = Shop::open().await;
    shop.post("/api/orders/ORDER1/reverse", &json!(null)).await.problem(404, "not_found");
    shop.post("/api/orders", &native("ORDER1", 5)).await.expect(201);
    let problem =
        shop.post("/api/orders/ORDER1/reverse", &json!(null)).await.problem(409, "not_code_payment");
    assert!(problem["detail"].as_str().unwrap().contains("close"), "{problem}");
    shop.post("/api/orders", &code("ORDER2", 5, HESITATES)).await.expect(201);
    let problem = shop.post("/api/orders/ORDER2/close", &json!(null)).await.problem(409, "code_payment");
    assert!(problem["detail"].as_str().unwrap().contains("reverse"), "{problem}");
}

/// The file of the ledger, and everything beside it, never has the code.
#[tokio::test]
async fn code_is_not_stored() {
    let shop = Shop::open().await;
    let headers = [("idempotency-key", "key-1")];
    let body = code("ORDER1", 1999, HESITATES).to_string();
    shop.send(&shop.token, "POST", "/api/orders", &headers, body.as_bytes()).await.expect(201);
    let mut is_stored = false;
    for file in std::fs::read_dir(shop.dir.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(16).any(|window| window == b"1345678901234567"), "the code is stored");
        is_stored |= bytes.windows(6).any(|window| window == b"ORDER1");
    }
    assert!(is_stored, "the order is in one of the files");
}

#[tokio::test]
async fn partner_charges_and_reverses_for_its_sub_merchant() {
    let shop = Shop::of_partner().await;
    let of = |number, behaviour| with(&code(number, 5, behaviour), &[("/sub_mchid", json!("1900000109"))]);
    let placed = shop.post("/api/orders", &of("ORDER1", PAYS_AT_ONCE)).await.expect(201);
    assert_eq!(placed["pay"]["status"], "paid");
    shop.post("/api/orders", &of("ORDER2", HESITATES)).await.expect(201);
    shop.post("/api/orders/ORDER2/reverse", &json!(null)).await.expect(202);
    wait_for_reversal(&shop, "ORDER2").await;
}
