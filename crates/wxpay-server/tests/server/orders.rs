//! Orders: placed again, refused, not sent, lost, queried, closed, expired.

use crate::shop::{OPENID, Setup, Shop, jsapi, native, with};
use serde_json::json;

#[tokio::test]
async fn placing_again_returns_the_order_signed_anew_with_one_prepay_call() {
    let shop = Shop::open().await;
    let first = shop.post("/api/orders", &jsapi("ORDER1", 1999)).await.expect(201);
    let again = shop.post("/api/orders", &jsapi("ORDER1", 1999)).await.expect(200);
    let pay = shop.post("/api/orders/ORDER1/pay", &json!(null)).await.expect(200);
    for later in [&again, &pay] {
        let params = |placed: &serde_json::Value| placed["pay"]["params"].clone();
        assert_eq!(params(&first)["package"], params(later)["package"]);
        assert_ne!(params(&first)["paySign"], params(later)["paySign"], "the parameters are signed anew");
        assert_ne!(params(&first)["nonceStr"], params(later)["nonceStr"]);
        assert_eq!(first["order"], later["order"]);
    }
    assert_eq!(shop.requests("v3.pay.jsapi").await, 1);
    // After a restart, too.
    let shop = shop.restart().await;
    let later = shop.post("/api/orders", &jsapi("ORDER1", 1999)).await.expect(200);
    assert_eq!(first["pay"]["params"]["package"], later["pay"]["params"]["package"]);
    assert_eq!(shop.requests("v3.pay.jsapi").await, 1);
    shop.control("POST", "/payer/pay", later["pay"]["params"].clone()).await;
    shop.wait_for_status("ORDER1", "paid").await;
    // A paid order has no parameters.
    let paid = shop.post("/api/orders", &jsapi("ORDER1", 1999)).await.expect(200);
    assert_eq!((&paid["order"]["status"], paid.get("pay")), (&json!("paid"), None));
    shop.post("/api/orders/ORDER1/pay", &json!(null)).await.problem(409, "order_paid");
}

#[tokio::test]
async fn concurrent_placings_of_one_order_make_one_prepay_call() {
    let shop = Shop::open().await;
    let terms = jsapi("ORDER1", 1999);
    let placings = [0; 8].map(|_| shop.post("/api/orders", &terms));
    let mut statuses = Vec::new();
    let mut packages = std::collections::BTreeSet::new();
    for reply in futures(placings).await {
        statuses.push(reply.status);
        packages.insert(reply.json()["pay"]["params"]["package"].to_string());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 200, 201]);
    assert_eq!(packages.len(), 1);
    assert_eq!(shop.requests("v3.pay.jsapi").await, 1);
}

/// Awaits all futures at the same time.
pub(crate) async fn futures<F: Future, const N: usize>(futures: [F; N]) -> Vec<F::Output> {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none()
                && let std::task::Poll::Ready(ready) = future.as_mut().poll(context)
            {
                *output = Some(ready);
            }
        }
        if outputs.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    outputs.into_iter().flatten().collect()
}

#[tokio::test]
async fn number_with_other_terms_is_refused_and_the_first_field_that_differs_named() {
    let shop = Shop::open().await;
    let terms = with(&jsapi("ORDER1", 1999), &[("/attach", json!("stall 7"))]);
    let placed = shop.post("/api/orders", &terms).await.expect(201);
    for (pointer, value, field) in [
        ("/amount/total", json!(2000), "amount.total"),
        ("/description", json!("如意金箍棒"), "description"),
        ("/attach", json!("stall 8"), "attach"),
        ("/attach", json!(null), "attach"),
        ("/payer/openid", json!(format!("{OPENID}x")), "payer"),
        ("/channel", json!("mini_program"), "channel"),
        ("/profit_sharing", json!(true), "profit_sharing"),
        ("/time_expire", json!("2040-01-01T00:00:00+08:00"), "time_expire"),
    ] {
        let other = with(&terms, &[(pointer, value)]);
        let problem = shop.post("/api/orders", &other).await.problem(409, "terms_differ");
        let named = problem["field"].as_str().unwrap();
        assert!(named == field || named.starts_with(&format!("{field}.")), "{field}: {problem}");
        assert_eq!(problem["retryable"], false);
    }
    assert_eq!(shop.order("ORDER1").await, placed["order"]);
    // What is no term may differ, and so may what means the same.
    for same in [
        with(&terms, &[("/metadata", json!({ "cart": "10" }))]),
        with(&terms, &[("/profit_sharing", json!(false))]),
        with(&terms, &[("/amount/currency", json!("CNY"))]),
        with(&terms, &[("/merchant", json!("default"))]),
    ] {
        shop.post("/api/orders", &same).await.expect(200);
    }
    assert_eq!(shop.requests("v3.pay.jsapi").await, 1);
}

#[tokio::test]
async fn refused_order_does_not_burn_its_number() {
    let shop = Setup::default().without_merchant().open().await;
    let environment = shop.new_merchant("1900000108").await;
    let mut merchant = crate::merchants::body("shop1", &environment);
    let foreign = json!({ "appid": "wx0000000000000009", "name": "foreign" });
    merchant["apps"].as_array_mut().unwrap().push(foreign);
    shop.post("/api/merchants", &merchant).await.expect(201);
    let of = |app: &str, total| with(&native("ORDER1", total), &[("/app", json!(app))]);
    // The gateway signs that the app is not the merchant's: there is no order.
    let problem = shop.post("/api/orders", &of("foreign", 1999)).await.problem(422, "refused");
    let code = &problem["refusal"]["code"];
    assert_eq!((&problem["fate"], code), (&json!("refused"), &json!("APPID_MCHID_NOT_MATCH")));
    assert!(problem["wechat_request_id"].is_string(), "{problem}");
    assert_eq!(shop.order("ORDER1").await["status"], "open");
    shop.post("/api/orders", &of("shop", 2000)).await.expect(200);
    let order = shop.order("ORDER1").await;
    assert_eq!((&order["amount"]["total"], &order["status"]), (&json!(2000), &json!("open")));
    shop.pay("ORDER1").await;
    shop.wait_for_status("ORDER1", "paid").await;
    shop.wait_for_events("ORDER1", &["order.created", "order.paid"]).await;
}

#[tokio::test]
async fn attach_that_is_too_long_in_bytes_is_refused_before_the_number_is_used() {
    let shop = Shop::open().await;
    let attach = |count| with(&jsapi("ORDER1", 1999), &[("/attach", json!("摊".repeat(count)))]);
    let problem = shop.post("/api/orders", &attach(43)).await.problem(422, "invalid_field");
    assert_eq!(problem["field"], "attach", "{problem}");
    let rule = problem["rule"].as_str().unwrap();
    assert!(rule.starts_with("must be at most 128 bytes in UTF-8") && rule.contains("metadata"), "{problem}");
    shop.get("/api/orders/ORDER1").await.problem(404, "not_found");
    assert_eq!(shop.requests("v3.pay.jsapi").await, 0);
    shop.post("/api/orders", &attach(42)).await.expect(201);
}

#[tokio::test]
async fn order_that_was_not_sent_is_placed_by_the_same_request_or_with_other_terms() {
    let shop = Shop::open().await;
    shop.gateway_down().await;
    let reply = shop.place("ORDER1", 1999).await;
    let problem = reply.problem(503, "not_sent");
    assert_eq!((&problem["fate"], &problem["retryable"]), (&json!("not_sent"), &json!(true)));
    assert!(reply.header("retry-after").is_some());
    shop.place("ORDER2", 1999).await.problem(503, "not_sent");
    shop.gateway_up().await;
    let placed = shop.place("ORDER1", 1999).await.expect(200);
    assert_eq!(placed["pay"]["kind"], "native");
    // It certainly does not exist at WeChat Pay: its terms may be replaced.
    let placed = shop.place("ORDER2", 2000).await.expect(200);
    assert_eq!(placed["order"]["amount"]["total"], 2000);
}

#[tokio::test]
async fn lost_reply_leaves_the_outcome_unknown_until_the_same_request() {
    let shop = Shop::open().await;
    shop.inject("commit_then_drop_response", "v3.pay.native").await;
    let problem = shop.place("ORDER1", 1999).await.problem(504, "outcome_unknown");
    assert_eq!((&problem["fate"], &problem["retryable"]), (&json!("unknown"), &json!(true)));
    // It may exist at WeChat Pay: its terms are fixed.
    shop.place("ORDER1", 2000).await.problem(409, "terms_differ");
    shop.place("ORDER1", 1999).await.expect(200);
    shop.pay("ORDER1").await;
    shop.wait_for_status("ORDER1", "paid").await;
    shop.wait_for_events("ORDER1", &["order.created", "order.paid"]).await;
}

#[tokio::test]
async fn server_errors_of_the_gateway_are_unknown_outcomes_and_never_a_500() {
    let shop = Shop::open().await;
    for (number, kind) in
        ["bad_gateway", "server_error", "unavailable", "garbage", "unsigned_reply", "wrong_signature", "cut"]
            .into_iter()
            .enumerate()
    {
        let number = format!("ORDER{number}");
        let mut fault = json!({ "kind": kind, "operation": "v3.pay.native", "count": 1 });
        match kind {
            "cut" => fault["bytes"] = json!(5),
            "unsigned_reply" | "wrong_signature" => {}
            _ => fault["commits"] = json!(true),
        }
        shop.control("POST", "/faults", fault).await;
        let reply = shop.place(&number, 5).await;
        assert!([503, 504].contains(&reply.status), "{kind}: {} {}", reply.status, reply.text());
        shop.place(&number, 5).await.expect(200);
    }
}

#[tokio::test]
async fn query_learns_a_payment_whose_notification_was_lost() {
    let shop = Shop::open().await;
    shop.inject("notification_lost", "notification").await;
    shop.place("ORDER1", 1999).await.expect(201);
    assert_eq!(shop.post("/api/orders/ORDER1/query", &json!(null)).await.expect(200)["status"], "open");
    shop.pay("ORDER1").await;
    let paid = shop.post("/api/orders/ORDER1/query", &json!(null)).await.expect(200);
    assert_eq!(paid["status"], "paid");
    assert_eq!(shop.metric("wxpay_paid_total{source=\"query\"}").await, 1.0);
    shop.inject("reset_before_commit", "v3.pay.query").await;
    // A paid order needs no call, or reports that the reply was lost; it stays paid in any case.
    let again = shop.post("/api/orders/ORDER1/query", &json!(null)).await;
    assert!([200, 503].contains(&again.status), "{}", again.text());
    assert_eq!(shop.order("ORDER1").await, paid);
    shop.wait_for_events("ORDER1", &["order.created", "order.paid"]).await;
}

#[tokio::test]
async fn schedule_learns_a_payment_whose_notification_was_lost() {
    let shop = Setup::default().flag("poll_intervals", "200ms").open().await;
    shop.inject("notification_lost", "notification").await;
    shop.place("ORDER1", 1999).await.expect(201);
    shop.pay("ORDER1").await;
    shop.wait_for_status("ORDER1", "paid").await;
    assert_eq!(shop.metric("wxpay_paid_total{source=\"query\"}").await, 1.0);
}

#[tokio::test]
async fn closed_order_cannot_be_paid_and_closing_again_changes_nothing() {
    let shop = Shop::open().await;
    shop.place("ORDER1", 1999).await.expect(201);
    let closed = shop.post("/api/orders/ORDER1/close", &json!(null)).await.expect(200);
    assert_eq!(closed["status"], "closed");
    assert_eq!(shop.post("/api/orders/ORDER1/close", &json!(null)).await.expect(200), closed);
    let again = shop.place("ORDER1", 1999).await.expect(200);
    assert_eq!((&again["order"], again.get("pay")), (&closed, None));
    shop.post("/api/orders/ORDER1/pay", &json!(null)).await.problem(409, "order_not_open");
    assert_eq!(shop.requests("v3.pay.close").await, 1);
    shop.wait_for_events("ORDER1", &["order.created", "order.closed"]).await;
}

#[tokio::test]
async fn paid_order_is_not_closed() {
    let shop = Shop::open().await;
    shop.inject("notification_lost", "notification").await;
    shop.place("ORDER1", 1999).await.expect(201);
    shop.pay("ORDER1").await;
    // Closing queries first.
    shop.post("/api/orders/ORDER1/close", &json!(null)).await.problem(409, "order_paid");
    assert_eq!(shop.order("ORDER1").await["status"], "paid");
    assert_eq!(shop.requests("v3.pay.close").await, 0);
    shop.wait_for_events("ORDER1", &["order.created", "order.paid"]).await;
}

#[tokio::test]
async fn payer_who_pays_while_the_order_is_being_closed_has_paid() {
    let shop = Shop::open().await;
    shop.place("ORDER1", 1999).await.expect(201);
    shop.inject("paid_during_close", "v3.pay.close").await;
    shop.post("/api/orders/ORDER1/close", &json!(null)).await.problem(409, "order_paid");
    let paid = shop.wait_for_status("ORDER1", "paid").await;
    assert_eq!(paid["payments"].as_array().unwrap().len(), 1);
    shop.wait_for_events("ORDER1", &["order.created", "order.paid"]).await;
}

#[tokio::test]
async fn close_whose_reply_is_lost_is_completed_by_the_schedule() {
    let shop = Setup::default().flag("poll_intervals", "200ms").open().await;
    shop.place("ORDER1", 1999).await.expect(201);
    shop.inject("commit_then_drop_response", "v3.pay.close").await;
    let reply = shop.post("/api/orders/ORDER1/close", &json!(null)).await;
    assert!([202, 504].contains(&reply.status), "{} {}", reply.status, reply.text());
    let status = shop.order("ORDER1").await["status"].clone();
    assert!(["closing", "closed"].contains(&status.as_str().unwrap()), "{status}");
    shop.wait_for_status("ORDER1", "closed").await;
    shop.wait_for_events("ORDER1", &["order.created", "order.closed"]).await;
}

#[tokio::test]
async fn expired_order_is_closed_at_the_gateway() {
    let shop = Setup::default().flag("poll_intervals", "200ms").flag("order_lifetime", "1s").open().await;
    let placed = shop.place("ORDER1", 1999).await.expect(201);
    assert!(placed["order"]["time_expire"].as_str().unwrap().ends_with("+08:00"));
    let ended = shop.wait("ORDER1", |order| order["status"] != "open" && order["status"] != "closing").await;
    assert!(["closed", "expired"].contains(&ended["status"].as_str().unwrap()), "{ended}");
    shop.wait_for_events("ORDER1", &["order.created", "order.closed"]).await;
}

#[tokio::test]
async fn unknown_order_is_not_found() {
    let shop = Shop::open().await;
    shop.get("/api/orders/ORDER1").await.problem(404, "not_found");
    for action in ["query", "close", "pay"] {
        shop.post(&format!("/api/orders/ORDER1/{action}"), &json!(null)).await.problem(404, "not_found");
    }
    shop.refund("ORDER1", "R1", 1).await.problem(404, "not_found");
    shop.get("/api/orders/ORDER1/refunds").await.problem(404, "not_found");
    assert_eq!(shop.requests("v3.pay.query").await, 0);
}

#[tokio::test]
async fn two_merchants_use_one_number() {
    let shop = Shop::open().await;
    crate::merchants::create(&shop, "other", "1900000108").await;
    let of = |merchant: &str, total: u64| with(&native("ORDER1", total), &[("/merchant", json!(merchant))]);
    shop.post("/api/orders", &of("default", 5)).await.expect(201);
    shop.post("/api/orders", &of("other", 7)).await.expect(201);
    let problem = shop.get("/api/orders/ORDER1").await.problem(422, "invalid_field");
    assert_eq!(problem["field"], "merchant");
    let problem = shop.post("/api/orders", &native("ORDER1", 5)).await.problem(422, "invalid_field");
    assert_eq!(problem["field"], "merchant");
    shop.get("/api/orders/ORDER1?merchant=nobody").await.problem(404, "not_found");
    for (merchant, total) in [("default", 5), ("other", 7)] {
        let order = shop.get(&format!("/api/orders/ORDER1?merchant={merchant}")).await.expect(200);
        assert_eq!((&order["merchant"], &order["amount"]["total"]), (&json!(merchant), &json!(total)));
    }
    shop.control("POST", "/orders/ORDER1/pay?mchid=1900000108", json!({})).await;
    let is_paid = |order: &serde_json::Value| order["status"] == "paid";
    shop.wait_get("/api/orders/ORDER1?merchant=other", is_paid).await;
    assert_eq!(shop.get("/api/orders/ORDER1?merchant=default").await.expect(200)["status"], "open");
    let refund = json!({ "out_refund_no": "ORDER1", "amount": { "refund": 7 } });
    shop.post("/api/orders/ORDER1/refunds", &refund).await.problem(422, "invalid_field");
    shop.post("/api/orders/ORDER1/refunds?merchant=other", &refund).await.expect(201);
    shop.post("/api/orders/ORDER1/refunds?merchant=default", &refund).await.problem(409, "order_not_paid");
}
