//! Polling of orders whose notifications never arrive, restarts, and shutdown.

use crate::shop::{Shop, call, order};
use serde_json::{Value, json};
use std::time::Duration;
use wxpay_sim::faults::{Fault, Operation};

#[tokio::test]
async fn a_payment_whose_notifications_are_all_lost_is_found_by_polling() {
    let shop = Shop::open_with(&[("poll_intervals", "200ms")]).await;
    shop.inject(Fault::NotificationLost, Operation::Notification, 100);
    shop.order("A1", 1999).await;
    shop.pay("A1");
    let view = shop.wait_for_status("A1", "paid").await;
    assert_eq!(view["next_query_at"], Value::Null);
    assert_eq!(shop.kinds("A1").await, ["order.paid"]);
}

#[tokio::test]
async fn an_order_of_unknown_fate_is_polled() {
    let shop = Shop::open_with(&[("poll_intervals", "200ms"), ("call_attempts", "1")]).await;
    shop.inject(Fault::NotificationLost, Operation::Notification, 100);
    shop.inject(Fault::CommitThenDropResponse, Operation::Genprepay, 1);
    assert_eq!(shop.order("A1", 1999).await.status, 504);
    shop.pay("A1");
    shop.wait_for_status("A1", "paid").await;
}

#[tokio::test]
async fn an_unpaid_order_expires_after_the_last_query_and_may_be_placed_again() {
    let settings = [("poll_intervals", "200ms"), ("prepay_lifetime", "700ms"), ("poll_margin", "100ms")];
    let shop = Shop::open_with(&settings).await;
    shop.order("A1", 1999).await;
    let view = shop.wait_for_status("A1", "expired").await;
    assert_eq!(view["next_query_at"], Value::Null);
    assert_eq!(shop.kinds("A1").await, ["order.expired"]);
    let again = shop.order("A1", 1999).await;
    assert_eq!((again.status, &again.json()["status"]), (200, &json!("open")));
    shop.pay("A1");
    shop.wait_for_status("A1", "paid").await;
}

#[tokio::test]
async fn a_payment_after_the_last_query_pays_the_order() {
    let settings = [("poll_intervals", "200ms"), ("prepay_lifetime", "500ms"), ("poll_margin", "100ms")];
    let shop = Shop::open_with(&settings).await;
    shop.order("A1", 1999).await;
    shop.wait_for_status("A1", "expired").await;
    // The simulated gateway keeps its orders payable for two hours.
    shop.pay("A1");
    shop.wait_for_status("A1", "paid").await;
    assert_eq!(shop.kinds("A1").await, ["order.expired", "order.paid"]);
}

#[tokio::test]
async fn an_order_does_not_expire_while_its_queries_fail() {
    let settings = [
        ("poll_intervals", "100ms"),
        ("prepay_lifetime", "500ms"),
        ("poll_margin", "100ms"),
        ("call_attempts", "1"),
    ];
    let shop = Shop::open_with(&settings).await;
    shop.order("A1", 1999).await;
    shop.inject(Fault::DropBeforeCommit, Operation::Orderquery, 1000);
    tokio::time::sleep(Duration::from_millis(1500)).await;
    assert_eq!(shop.view("A1").await["status"], "open");
    shop.sim.with(|sim, _| sim.gateway.clear_faults());
    shop.wait_for_status("A1", "expired").await;
}

#[tokio::test]
async fn a_payment_made_while_the_server_is_down_is_found_after_the_restart() {
    let shop = Shop::open_with(&[("poll_intervals", "200ms")]).await;
    shop.order("A1", 1999).await;
    let closed = shop.close().await;
    closed.pay("A1");
    let shop = closed.open().await;
    let view = shop.wait_for_status("A1", "paid").await;
    assert_eq!(view["total_fee"], 1999);
    // The new server has the old one's order: other terms under its number are a conflict.
    assert_eq!(shop.order("A1", 1998).await.status, 409);
}

#[tokio::test]
async fn a_restart_keeps_orders_and_events() {
    let shop = Shop::open().await;
    let placed = shop.order("A1", 1999).await.json();
    shop.order("A2", 5).await;
    shop.pay("A2");
    let paid = shop.wait_for_status("A2", "paid").await;
    let shop = shop.restart().await;
    assert_eq!(shop.view("A2").await, paid);
    assert_eq!(shop.kinds("A2").await, ["order.paid"]);
    let again = shop.order("A1", 1999).await.json();
    assert_eq!(again["app"]["prepayid"], placed["app"]["prepayid"]);
}

#[tokio::test]
async fn shutdown_waits_for_active_requests() {
    let shop = Shop::open().await;
    shop.inject(Fault::Delayed { millis: 500 }, Operation::Genprepay, 1);
    let address = shop.address();
    let active = tokio::spawn(async move {
        let head = [("content-type", "application/json")];
        call(address, "POST", "/api/orders", &head, order("A1", 1999).to_string().as_bytes()).await
    });
    tokio::time::sleep(Duration::from_millis(200)).await;
    let closed = shop.close().await;
    assert_eq!(active.await.unwrap().status, 201);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    let shop = closed.open().await;
    assert_eq!(shop.view("A1").await["status"], "open");
}

#[tokio::test]
async fn event_pages_have_no_gaps_and_no_duplicates() {
    let shop = Shop::open().await;
    for number in ["A1", "A2", "A3"] {
        shop.order(number, 1).await;
        shop.pay(number);
        shop.wait_for_status(number, "paid").await;
    }
    let (mut after, mut seen) = (json!(0), Vec::new());
    loop {
        let page = shop.get(&format!("/api/events?after={after}&limit=2")).await.json();
        let events = page["events"].as_array().unwrap().clone();
        if events.is_empty() {
            assert_eq!(page["next"], after);
            break;
        }
        seen.extend(events.iter().map(|event| event["out_trade_no"].clone()));
        after = page["next"].clone();
    }
    assert_eq!(seen, [json!("A1"), json!("A2"), json!("A3")]);
}
