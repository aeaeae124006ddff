//! Refunds and cases.

use crate::{
    elsewhere,
    shop::{Setup, Shop},
};
use serde_json::{Value, json};

/// Opens a shop with a paid order of 1999 fen.
async fn paid() -> Shop {
    paid_with(Setup::default()).await
}

async fn paid_with(setup: Setup) -> Shop {
    let shop = setup.open().await;
    shop.place("ORDER1", 1999).await.expect(201);
    shop.pay("ORDER1").await;
    shop.wait_for_status("ORDER1", "paid").await;
    shop
}

fn refund_path(number: &str) -> String {
    format!("/api/orders/ORDER1/refunds/{number}")
}

#[tokio::test]
async fn partial_refunds_add_up_to_the_payment() {
    let shop = paid().await;
    let first = shop.refund("ORDER1", "R1", 1000).await.expect(201);
    assert_eq!(
        (&first["status"], &first["amount"]["refund"]),
        (&json!("processing"), &json!(1000)),
        "{first}"
    );
    let order = shop.order("ORDER1").await;
    assert_eq!(order["refunds"], json!({ "reserved": 1000, "succeeded": 0 }));
    // What is reserved is not refunded twice.
    let problem = shop.refund("ORDER1", "R2", 1000).await.problem(422, "invalid_field");
    assert!(problem["field"].as_str().unwrap().starts_with("amount"), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("999"), "{problem}");
    shop.refund("ORDER1", "R2", 999).await.expect(201);
    shop.advance(60).await;
    let is_refunded = |order: &Value| order["refunds"] == json!({ "reserved": 0, "succeeded": 1999 });
    shop.wait("ORDER1", is_refunded).await;
    let refund = shop.get(&refund_path("R1")).await.expect(200);
    assert_eq!(refund["status"], "success");
    assert!(refund["success_time"].is_string() && refund["refund_id"].is_string(), "{refund}");
    shop.refund("ORDER1", "R3", 1).await.problem(422, "invalid_field");
    assert_eq!(shop.requests("v3.refund.create").await, 2);
    let mut types = shop.event_types("ORDER1").await;
    for _ in 0..200 {
        if types.len() == 4 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
        types = shop.event_types("ORDER1").await;
    }
    assert_eq!(types, ["order.created", "order.paid", "refund.succeeded", "refund.succeeded"]);
}

#[tokio::test]
async fn repeated_refund_is_the_same_refund_and_other_terms_are_refused() {
    let shop = paid().await;
    let first = shop.refund("ORDER1", "R1", 1000).await.expect(201);
    let again = shop.refund("ORDER1", "R1", 1000).await.expect(200);
    assert_eq!(first["created_at"], again["created_at"]);
    let problem = shop.refund("ORDER1", "R1", 999).await.problem(409, "terms_differ");
    assert!(problem["field"].as_str().unwrap().starts_with("amount"), "{problem}");
    let body = json!({ "out_refund_no": "R1", "amount": { "refund": 1000 }, "reason": "broken" });
    let problem = shop.post("/api/orders/ORDER1/refunds", &body).await.problem(409, "terms_differ");
    assert_eq!(problem["field"], "reason");
    assert_eq!(shop.requests("v3.refund.create").await, 1);
    assert_eq!(shop.order("ORDER1").await["refunds"]["reserved"], 1000);
    // The number belongs to that order.
    shop.place("ORDER2", 5).await.expect(201);
    shop.pay("ORDER2").await;
    shop.wait_for_status("ORDER2", "paid").await;
    let problem = shop.refund("ORDER2", "R1", 5).await.problem(409, "terms_differ");
    assert!(problem["field"].is_string(), "{problem}");
    assert_eq!(shop.order("ORDER2").await["refunds"]["reserved"], 0);
    // Orders and refunds have numbers of their own.
    shop.refund("ORDER1", "ORDER1", 5).await.expect(201);
}

#[tokio::test]
async fn concurrent_refunds_never_exceed_the_payment() {
    let shop = paid().await;
    let numbers: [String; 8] = std::array::from_fn(|number| format!("R{number}"));
    let refunds = numbers.each_ref().map(|number| shop.refund("ORDER1", number, 500));
    let replies = crate::orders::futures(refunds).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 201).count(), 3);
    assert!(replies.iter().all(|reply| [201, 422].contains(&reply.status)), "{replies:?}");
    assert_eq!(shop.order("ORDER1").await["refunds"]["reserved"], 1500);
}

#[tokio::test]
async fn unpaid_order_is_not_refunded() {
    let shop = Shop::open().await;
    shop.place("ORDER1", 5).await.expect(201);
    shop.refund("ORDER1", "R1", 5).await.problem(409, "order_not_paid");
    shop.get(&refund_path("R1")).await.problem(404, "not_found");
    // The number was not burnt.
    shop.pay("ORDER1").await;
    shop.wait_for_status("ORDER1", "paid").await;
    shop.refund("ORDER1", "R1", 5).await.expect(201);
}

#[tokio::test]
async fn refund_that_was_not_sent_or_whose_reply_was_lost_is_completed_by_the_same_request() {
    let shop = paid().await;
    // A new server has no open connection to the gateway.
    let shop = shop.restart().await;
    shop.gateway_down().await;
    let problem = shop.refund("ORDER1", "R1", 1000).await.problem(503, "not_sent");
    assert_eq!(problem["fate"], "not_sent");
    shop.gateway_up().await;
    shop.inject("commit_then_drop_response", "v3.refund.create").await;
    let problem = shop.refund("ORDER1", "R1", 1000).await.problem(504, "outcome_unknown");
    assert_eq!(problem["fate"], "unknown");
    assert_eq!(shop.order("ORDER1").await["refunds"]["reserved"], 1000, "an unknown outcome stays reserved");
    let refund = shop.refund("ORDER1", "R1", 1000).await.expect(200);
    assert_eq!(refund["status"], "processing", "{refund}");
    let list = shop.control("GET", "/refunds", Value::Null).await;
    assert_eq!(list.as_array().unwrap().len(), 1, "{list}");
}

#[tokio::test]
async fn refund_that_the_gateway_closed_releases_its_reservation() {
    let shop = paid().await;
    shop.refund("ORDER1", "R1", 1999).await.expect(201);
    shop.control("POST", "/refunds/R1/outcome", json!({ "outcome": "CLOSED" })).await;
    shop.advance(60).await;
    shop.wait_get(&refund_path("R1"), |refund| refund["status"] == "closed").await;
    assert_eq!(shop.order("ORDER1").await["refunds"], json!({ "reserved": 0, "succeeded": 0 }));
    shop.refund("ORDER1", "R2", 1999).await.expect(201);
    let types = ["order.created", "order.paid", "refund.closed"];
    shop.wait_for_events("ORDER1", &types).await;
}

#[tokio::test]
async fn abnormal_refund_opens_a_case_that_is_retried_or_accepted() {
    let shop = paid().await;
    shop.refund("ORDER1", "R1", 1000).await.expect(201);
    shop.control("POST", "/refunds/R1/outcome", json!({ "outcome": "ABNORMAL" })).await;
    shop.advance(60).await;
    shop.wait_get(&refund_path("R1"), |refund| refund["status"] == "abnormal").await;
    let case = shop.wait_for_case().await;
    assert_eq!(
        (&case["kind"], &case["subject"]),
        (&json!("refund_abnormal"), &json!("order:default:ORDER1")),
        "{case}"
    );
    assert_eq!(case["data"]["out_refund_no"], "R1", "{case}");
    assert_eq!(
        shop.order("ORDER1").await["refunds"]["reserved"],
        1000,
        "it stays reserved: it may still succeed"
    );
    let path = format!("/api/cases/{}/resolve", case["case_id"].as_str().unwrap());
    // A refund of the payment is no remedy of an abnormal refund.
    let problem = shop.post(&path, &json!({ "remedy": "refund" })).await.problem(422, "invalid_field");
    assert_eq!(problem["field"], "remedy", "{problem}");
    let retried = shop.post(&path, &json!({ "remedy": "retry" })).await.problem(409, "refund_abnormal");
    assert!(retried["detail"].as_str().unwrap().contains("queried, and not sent again"), "{retried}");
    assert_eq!(shop.requests("v3.refund.create").await, 1);
    let resolved = shop.post(&path, &json!({ "remedy": "accept", "note": "paid in cash" })).await.expect(200);
    assert_eq!(
        (&resolved["status"], &resolved["note"]),
        (&json!("resolved"), &json!("paid in cash")),
        "{resolved}"
    );
    assert!(resolved["resolved_by"].as_str().unwrap().starts_with("key_"), "{resolved}");
    let list = shop.get("/api/cases?status=open").await.expect(200);
    assert_eq!(list["data"], json!([]));
    let list = shop.get("/api/cases?status=resolved").await.expect(200);
    assert_eq!(list["data"][0], resolved);
    assert_eq!(shop.get(&path.replace("/resolve", "")).await.expect(200), resolved);
    let audit = shop.get("/api/audit?limit=200").await.expect(200);
    let actions: Vec<_> =
        audit["data"].as_array().unwrap().iter().map(|entry| entry["action"].clone()).collect();
    assert!(actions.iter().any(|action| action.as_str().unwrap().contains("case")), "{actions:?}");
    let events = shop.wait_get("/api/events?types=case.opened,case.resolved", |list| {
        list["data"].as_array().unwrap().len() == 2
    });
    let events = events.await;
    assert_eq!(events["data"][1]["data"]["object"]["case_id"], case["case_id"]);
}

#[tokio::test]
async fn abnormal_refund_is_redirected_to_another_account() {
    let shop = paid().await;
    shop.refund("ORDER1", "R1", 1000).await.expect(201);
    shop.control("POST", "/refunds/R1/outcome", json!({ "outcome": "ABNORMAL" })).await;
    shop.advance(60).await;
    let case = shop.wait_for_case().await;
    let path = format!("/api/cases/{}/resolve", case["case_id"].as_str().unwrap());
    let card = |bank_type: &str, bank_account: &str| {
        json!({
            "type": "USER_BANK_CARD", "bank_type": bank_type, "bank_account": bank_account, "real_name": "planted",
        })
    };
    for (field, body) in [
        ("destination", json!({ "remedy": "redirect" })),
        ("destination", json!({ "remedy": "accept", "destination": { "type": "MERCHANT_BANK_CARD" } })),
        ("destination.type", json!({ "remedy": "redirect", "destination": { "type": "CASH" } })),
        (
            "destination.bank_type",
            json!({ "remedy": "redirect", "destination": { "type": "USER_BANK_CARD" } }),
        ),
        ("destination.bank_type", json!({ "remedy": "redirect", "destination": card("cmb", "6222021") })),
        (
            "destination.bank_account",
            json!({ "remedy": "redirect", "destination": card("CMB_DEBIT", "6222…") }),
        ),
    ] {
        assert_eq!(shop.post(&path, &body).await.problem(422, "invalid_field")["field"], field, "{body}");
    }
    assert_eq!(shop.requests("v3.refund.apply_abnormal").await, 0);

    let body =
        json!({ "remedy": "redirect", "destination": card("CMB_DEBIT", "6222021"), "note": "by phone" });
    let redirected = shop.post(&path, &body).await.expect(200);
    assert_eq!(redirected["status"], "open", "it may become abnormal again: {redirected}");
    assert_eq!(redirected["data"]["redirect"]["destination"], "USER_BANK_CARD", "{redirected}");
    assert_eq!(shop.order("ORDER1").await["refunds"]["reserved"], 1000);
    // WeChat Pay refuses it, because the refund is on its way.
    let again = shop.post(&path, &body).await.expect(200);
    assert_eq!(again["status"], "open", "{again}");
    let audit = shop.get("/api/audit?limit=200").await.expect(200);
    let audit = audit.to_string();
    assert!(audit.contains("case.redirect"), "{audit}");
    assert!(!audit.contains("planted") && !audit.contains("6222021"), "{audit}");

    shop.advance(60).await;
    shop.wait_get(&refund_path("R1"), |refund| refund["status"] == "success").await;
    assert_eq!(shop.order("ORDER1").await["refunds"], json!({ "reserved": 0, "succeeded": 1000 }));
    let case = shop.get(&path.replace("/resolve", "")).await.expect(200);
    assert_eq!((&case["status"], &case["resolved_by"]), (&json!("resolved"), &json!("server")), "{case}");
    shop.wait_for_events("ORDER1", &["order.created", "order.paid", "refund.abnormal", "refund.succeeded"])
        .await;
}

#[tokio::test]
async fn refund_of_the_merchants_console_is_learned() {
    let shop = paid().await;
    let payment = shop.order("ORDER1").await["payments"][0]["transaction_id"].as_str().unwrap().to_owned();
    // The same call as the server's, from elsewhere, with the notification to the server.
    elsewhere::refund(&shop, &payment, "CONSOLE1", 1500, 1999).await;
    shop.advance(60).await;
    let is_refunded = |order: &Value| order["refunds"]["succeeded"] == 1500;
    shop.wait("ORDER1", is_refunded).await;
    let refund = shop.get(&refund_path("CONSOLE1")).await.expect(200);
    assert_eq!(refund["status"], "success", "{refund}");
    // What is left is bounded by it.
    shop.refund("ORDER1", "R1", 500).await.problem(422, "invalid_field");
    shop.refund("ORDER1", "R1", 499).await.expect(201);
}

/// Opens a shop with an order that was paid twice.
async fn paid_twice() -> (Shop, Value) {
    let shop = Shop::open().await;
    shop.place("ORDER1", 1999).await.expect(201);
    shop.pay("ORDER1").await;
    shop.wait_for_status("ORDER1", "paid").await;
    shop.inject("second_payment", "pay").await;
    shop.pay("ORDER1").await;
    let case = shop.wait_for_case().await;
    (shop, case)
}

#[tokio::test]
async fn second_payment_opens_a_case_and_its_remedy_refunds_it() {
    let (shop, case) = paid_twice().await;
    assert_eq!((&case["kind"], &case["proposal"]), (&json!("second_payment"), &json!("refund")), "{case}");
    let order = shop.order("ORDER1").await;
    let payments = order["payments"].as_array().unwrap();
    assert_eq!(payments.len(), 2, "{order}");
    let second = case["data"]["transaction_id"].as_str().unwrap();
    assert!(payments.iter().any(|payment| payment["transaction_id"] == second), "{case} {order}");
    shop.wait_for_events("ORDER1", &["order.created", "order.paid", "order.anomalous"]).await;
    let path = format!("/api/cases/{}/resolve", case["case_id"].as_str().unwrap());
    for _ in 0..2 {
        let resolved = shop.post(&path, &json!({ "remedy": "refund" })).await.expect(200);
        assert_eq!(resolved["status"], "resolved", "{resolved}");
    }
    let refunds = shop.get("/api/orders/ORDER1/refunds").await.expect(200);
    let refunds = refunds["data"].as_array().unwrap();
    assert_eq!(refunds.len(), 1, "{refunds:?}");
    assert_eq!(
        (&refunds[0]["transaction_id"], &refunds[0]["amount"]["refund"]),
        (&json!(second), &json!(1999))
    );
    shop.advance(60).await;
    shop.wait("ORDER1", |order| order["refunds"]["succeeded"] == 1999).await;
}

#[tokio::test]
async fn refund_of_an_order_with_several_payments_must_name_one() {
    let (shop, _) = paid_twice().await;
    let problem = shop.refund("ORDER1", "R1", 5).await.problem(422, "invalid_field");
    assert_eq!(problem["field"], "transaction_id", "{problem}");
    let refund = |number: &str, transaction_id: &Value, amount: u64| json!({ "out_refund_no": number, "transaction_id": transaction_id, "amount": { "refund": amount } });
    let path = "/api/orders/ORDER1/refunds";
    let problem =
        shop.post(path, &refund("R1", &json!("420000000000000"), 5)).await.problem(422, "invalid_field");
    assert_eq!(problem["field"], "transaction_id", "{problem}");
    let payments = shop.order("ORDER1").await["payments"].clone();
    let ids = [&payments[0]["transaction_id"], &payments[1]["transaction_id"]];
    shop.post(path, &refund("R1", ids[0], 1999)).await.expect(201);
    // Each payment has its own bound.
    shop.post(path, &refund("R2", ids[0], 1)).await.problem(422, "invalid_field");
    shop.post(path, &refund("R2", ids[1], 1999)).await.expect(201);
    assert_eq!(shop.order("ORDER1").await["refunds"]["reserved"], 3998);
}

#[tokio::test]
async fn schedule_learns_a_refund_whose_notification_was_lost() {
    let shop = paid_with(Setup::default().flag("poll_intervals", "200ms")).await;
    shop.inject("notification_lost", "notification").await;
    shop.refund("ORDER1", "R1", 1000).await.expect(201);
    let refund = shop.post(&format!("{}/query", refund_path("R1")), &json!(null)).await.expect(200);
    assert_eq!(refund["status"], "processing");
    shop.advance(60).await;
    shop.wait("ORDER1", |order| order["refunds"]["succeeded"] == 1000).await;
}
