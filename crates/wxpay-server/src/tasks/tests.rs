//! Background work in virtual time.

mod codes;

use crate::{
    ambient::Ambient as _,
    ledger::{
        Changes, Prefix,
        rows::{
            event::{EventRow, OutboxRow},
            inbox::{CallRow, InboxRow},
            order::OrderStatus,
            payment::PaymentRow,
            refund::RefundStatus,
            task::{LeaseRow, TaskRow},
        },
    },
    tasks,
    testing::{NetFault, START, TestWorld},
};
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;
use wxpay_proto::wire::time::format_rfc3339;
use wxpay_sim::ledger::TradeState;

#[tokio::test(start_paused = true)]
async fn a_payment_without_notification_is_found_by_polling() {
    let world = TestWorld::new();
    let tasks = tasks::start(&world.app);
    world.place("ORDER1", 1999).await.unwrap();
    world.pay("ORDER1");
    sleep(Duration::from_secs(17)).await;
    assert_eq!(world.state("ORDER1").await.order.status, OrderStatus::Paid);
    assert_eq!(world.rows::<TaskRow>().await, []);
    assert!(world.app.metrics().render().contains("paid_total{source=\"query\"} 1"));
    let events = world.rows::<EventRow>().await;
    assert_eq!(events.iter().map(|event| event.position).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(world.rows::<OutboxRow>().await, []);
    world.app.shutdown().begin_shutdown();
    tasks.finish().await;
}

#[tokio::test(start_paused = true)]
async fn an_order_that_expires_is_closed_at_wechat_pay() {
    let world = TestWorld::new();
    let _tasks = tasks::start(&world.app);
    world.place("ORDER1", 1999).await.unwrap();
    sleep(Duration::from_mins(121)).await;
    assert_eq!(world.state("ORDER1").await.order.status, OrderStatus::Closed);
    assert_eq!(world.recorded("ORDER1").unwrap().trade_state, TradeState::Closed);
    assert_eq!(world.sent("v3.pay.close"), 1);
    assert_eq!(world.rows::<TaskRow>().await, []);
}

#[tokio::test(start_paused = true)]
async fn only_the_signed_time_closes_an_order() {
    let world = TestWorld::new();
    let _tasks = tasks::start(&world.app);
    let minute = Duration::from_mins(1);
    let terms = TestWorld::terms_of(json!({
        "channel": "native", "out_trade_no": "ORDER1", "description": "Image", "amount": {"total": 1},
        "time_expire": format_rfc3339(START.after(10 * minute)),
    }));
    world.place_terms(terms).await.unwrap();
    sleep(7 * minute).await;
    // By the server's clock the order has expired.
    world.ambient.set_ahead(4 * minute);
    world.app.query(&TestWorld::key("ORDER1")).await.unwrap();
    sleep(2 * minute).await;
    assert_eq!(
        (world.state("ORDER1").await.order.status, world.sent("v3.pay.close")),
        (OrderStatus::Open, 0)
    );
    assert!(world.sent("v3.pay.query") > 1);
    sleep(60 * minute).await;
    assert_eq!(world.state("ORDER1").await.order.status, OrderStatus::Closed);
    // Replies outside the window of signatures prove nothing.
    world.place("ORDER2", 1).await.unwrap();
    world.ambient.set_ahead(24 * 60 * minute);
    sleep(10 * minute).await;
    assert_eq!(world.state("ORDER2").await.order.status, OrderStatus::Open);
}

#[tokio::test(start_paused = true)]
async fn a_close_whose_fate_is_unknown_is_repeated_until_it_is_known() {
    let world = TestWorld::new();
    let _tasks = tasks::start(&world.app);
    world.place("ORDER1", 1999).await.unwrap();
    world.inject_many("v3.pay.close", NetFault::RequestLost, 6);
    sleep(Duration::from_hours(3)).await;
    assert_eq!(world.state("ORDER1").await.order.status, OrderStatus::Closed);
    assert_eq!(world.sent("v3.pay.close"), 7);
    let calls = world.rows::<CallRow>().await;
    assert!(calls.iter().any(|call| call.label == "v3.pay.close" && call.fate == "done"), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn a_payment_learned_while_closing_wins_over_the_close() {
    let world = TestWorld::new();
    let _tasks = tasks::start(&world.app);
    world.place("ORDER1", 1999).await.unwrap();
    world.inject_many("v3.pay.close", NetFault::RequestLost, 4);
    world.app.close(&TestWorld::key("ORDER1")).await.unwrap_err();
    assert_eq!(world.state("ORDER1").await.order.status, OrderStatus::Closing);
    world.pay("ORDER1");
    assert_eq!(world.deliver().await, [204]);
    assert_eq!(world.state("ORDER1").await.order.status, OrderStatus::Closing);
    sleep(Duration::from_mins(10)).await;
    assert_eq!(world.state("ORDER1").await.order.status, OrderStatus::Paid);
}

#[tokio::test(start_paused = true)]
async fn a_refund_that_was_lost_is_sent_again_and_polled_to_its_end() {
    let world = TestWorld::new();
    let _tasks = tasks::start(&world.app);
    world.place("ORDER1", 1999).await.unwrap();
    world.pay("ORDER1");
    world.deliver().await;
    world.inject_many("v3.refund.create", NetFault::RequestLost, 4);
    world.refund("ORDER1", "R1", 500).await.unwrap_err();
    sleep(Duration::from_hours(2)).await;
    assert_eq!(world.state("ORDER1").await.refunds[0].status, RefundStatus::Success);
    assert_eq!(world.recorded("ORDER1").unwrap().refunds.len(), 1);
    assert_eq!(world.rows::<TaskRow>().await, []);
}

#[tokio::test(start_paused = true)]
async fn polling_goes_on_after_the_gateway_or_the_ledger_was_away() {
    let world = TestWorld::new();
    let _tasks = tasks::start(&world.app);
    world.place("ORDER1", 1999).await.unwrap();
    world.pay("ORDER1");
    world.set_down(true);
    sleep(Duration::from_mins(2)).await;
    assert_eq!(world.state("ORDER1").await.order.status, OrderStatus::Open);
    world.set_down(false);
    world.model.fail_next(5);
    sleep(Duration::from_mins(20)).await;
    assert_eq!(world.state("ORDER1").await.order.status, OrderStatus::Paid);
}

#[tokio::test(start_paused = true)]
async fn leases_are_given_back_and_another_process_holds_off() {
    let world = TestWorld::new();
    let tasks = tasks::start(&world.app);
    sleep(Duration::from_secs(30)).await;
    let leases = world.rows::<LeaseRow>().await;
    assert_eq!(leases.len(), 65);
    assert!(leases.iter().all(|lease| lease.owner == "test" && lease.until > world.ambient.now()));
    world.app.shutdown().begin_shutdown();
    tasks.finish().await;
    let leases = world.rows::<LeaseRow>().await;
    assert!(leases.iter().all(|lease| lease.until <= world.ambient.now()), "{leases:?}");
}

/// 10,000 orders in 60 s are polled on schedule: the lag of the slowest hundredth is below five seconds.
#[tokio::test(start_paused = true)]
async fn ten_thousand_open_orders_are_polled_on_schedule() {
    const ORDERS: u32 = 10_000;
    let world = TestWorld::new();
    let _tasks = tasks::start(&world.app);
    for number in 0..ORDERS {
        let app = world.app.clone();
        let terms = TestWorld::terms(&format!("L{number:05}"), 1);
        let (merchant, shop_app) = app.merchants().find(None, None, terms.channel, |_| true).unwrap();
        tokio::spawn(async move {
            app.place(crate::actions::PlaceRequest {
                merchant,
                app: shop_app,
                terms,
                metadata: None,
                auth_code: None,
            })
            .await
        });
        sleep(Duration::from_millis(6)).await;
    }
    sleep(Duration::from_mins(1)).await;
    let metrics = world.app.metrics().render();
    let count = |bucket: &str| -> u64 {
        let name = format!("wxpay_task_lag_seconds_bucket{{le=\"{bucket}\",kind=\"order_polling\"}} ");
        let line = metrics.lines().find_map(|line| line.strip_prefix(&name));
        line.unwrap_or_else(|| panic!("{name}: {metrics}")).parse().unwrap()
    };
    let (all, punctual) = (count("+Inf"), count("5.0"));
    assert!(all >= 2 * u64::from(ORDERS), "{all} polls");
    assert!(punctual * 100 >= all * 99, "{punctual} of {all} within 5 s");
}

/// Returns the violations of an invariant that the metrics show after the next audit.
async fn violations_after_an_audit(world: &TestWorld, invariant: &str) -> String {
    sleep(Duration::from_secs(61)).await;
    let prefix = format!("wxpay_invariant_violations{{name=\"{invariant}\"}} ");
    let text = world.app.metrics().render();
    text.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_audit_sees_an_acknowledged_notification_that_is_not_in_the_ledger() {
    let world = TestWorld::new();
    let _tasks = tasks::start(&world.app);
    for number in ["ORDER1", "ORDER2"] {
        world.place(number, 1999).await.unwrap();
        world.pay(number);
    }
    assert_eq!(world.deliver().await, [204, 204]);
    let lost = world.rows::<InboxRow>().await.remove(0);
    let mut changes = Changes::default();
    changes.delete(Prefix::of_row(&lost));
    world.model.tamper(&changes);
    for _ in 0..2 {
        assert_eq!(violations_after_an_audit(&world, "ack_before_commit").await, "1");
    }
    let mut changes = Changes::default();
    changes.put(&lost);
    world.model.tamper(&changes);
    assert_eq!(violations_after_an_audit(&world, "ack_before_commit").await, "0");
}

#[tokio::test(start_paused = true)]
async fn the_audit_sees_a_second_payment_without_a_case() {
    let world = TestWorld::new();
    let _tasks = tasks::start(&world.app);
    world.place("ORDER1", 1999).await.unwrap();
    world.pay("ORDER1");
    world.deliver().await;
    let first = world.rows::<PaymentRow>().await.remove(0);
    assert_eq!(violations_after_an_audit(&world, "double_charge").await, "0");
    let second = PaymentRow { transaction_id: "4200000000000000000000000099".parse().unwrap(), ..first };
    let mut changes = Changes::default();
    changes.put(&second);
    world.model.tamper(&changes);
    assert_eq!(violations_after_an_audit(&world, "double_charge").await, "1");
}
