//! Code payments: charged, polled, reversed.

use super::*;
use crate::actions::ActionError;
use wxpay_proto::Fate;

/// The payer's behaviours, by the last digits of the code.
const PAYS_AT_ONCE: &str = "99";
const ENTERS_PASSWORD: &str = "01";
const HESITATES: &str = "02";
const HAS_NO_MONEY: &str = "03";
const CANCELS: &str = "04";

async fn status(world: &TestWorld) -> OrderStatus {
    world.state("ORDER1").await.order.status
}

/// Charges a code, and returns the status of the payment.
async fn charge(world: &TestWorld, behaviour: &str) -> String {
    let placed = world.charge("ORDER1", 1999, behaviour).await.unwrap();
    let pay = placed.pay.unwrap();
    assert_eq!(pay["kind"], "code");
    pay["status"].as_str().unwrap().into()
}

async fn assert_reversed(world: &TestWorld) {
    assert_eq!(status(world).await, OrderStatus::Reversed);
    assert_eq!(world.recorded("ORDER1").unwrap().trade_state, TradeState::Revoked);
    assert_eq!(world.rows::<TaskRow>().await, []);
    let mut types = world.rows::<EventRow>().await;
    types.sort_by_key(|event| event.position);
    let types: Vec<_> = types.iter().map(|event| event.event_type.as_str()).collect();
    assert_eq!(types, ["order.created", "order.reversed"]);
}

#[tokio::test(start_paused = true)]
async fn a_code_is_charged_once_and_the_payment_returned_with_every_reply() {
    let world = TestWorld::new();
    let _tasks = tasks::start(&world.app);
    assert_eq!(charge(&world, PAYS_AT_ONCE).await, "paid");
    assert_eq!(charge(&world, PAYS_AT_ONCE).await, "paid");
    assert_eq!(charge(&world, ENTERS_PASSWORD).await, "paid");
    assert_eq!((world.sent("v3.pay.codepay"), world.sent("v3.pay.query")), (1, 0));
    assert_eq!(world.rows::<TaskRow>().await, []);
    let error = world.app.reverse(&TestWorld::key("ORDER1")).await.unwrap_err();
    assert!(matches!(error, ActionError::Conflict { code: "order_paid", .. }), "{error:?}");
    sleep(Duration::from_mins(5)).await;
    assert_eq!((status(&world).await, world.sent("v3.pay.reverse")), (OrderStatus::Paid, 0));
}

#[tokio::test(start_paused = true)]
async fn a_payer_who_enters_the_password_is_found_by_polling() {
    let world = TestWorld::new();
    let _tasks = tasks::start(&world.app);
    assert_eq!(charge(&world, ENTERS_PASSWORD).await, "user_paying");
    assert_eq!(charge(&world, PAYS_AT_ONCE).await, "user_paying", "another code charges nothing");
    sleep(Duration::from_secs(17)).await;
    assert_eq!(status(&world).await, OrderStatus::Paid);
    assert_eq!((world.sent("v3.pay.codepay"), world.sent("v3.pay.reverse")), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_payer_who_hesitates_is_reversed_after_forty_five_seconds() {
    let world = TestWorld::new();
    let _tasks = tasks::start(&world.app);
    assert_eq!(charge(&world, HESITATES).await, "user_paying");
    sleep(Duration::from_secs(44)).await;
    assert_eq!((status(&world).await, world.sent("v3.pay.reverse")), (OrderStatus::Open, 0));
    assert!(world.sent("v3.pay.query") >= 7, "about every five seconds");
    sleep(Duration::from_secs(12)).await;
    assert_reversed(&world).await;
    let placed = world.charge("ORDER1", 1999, PAYS_AT_ONCE).await.unwrap();
    assert_eq!((placed.pay, world.sent("v3.pay.codepay")), (None, 1));
}

#[tokio::test(start_paused = true)]
async fn a_payer_who_cancels_fails_the_order() {
    let world = TestWorld::new();
    let _tasks = tasks::start(&world.app);
    assert_eq!(charge(&world, CANCELS).await, "user_paying");
    sleep(Duration::from_secs(20)).await;
    assert_eq!(status(&world).await, OrderStatus::Failed);
    assert_eq!(world.sent("v3.pay.reverse"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_charge_whose_reply_was_lost_is_queried_and_not_sent_again() {
    let world = TestWorld::new();
    let _tasks = tasks::start(&world.app);
    world.inject("v3.pay.codepay", NetFault::ReplyLost);
    assert_eq!(charge(&world, PAYS_AT_ONCE).await, "paid", "the query finds it");
    assert_eq!(world.sent("v3.pay.codepay"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_charge_that_was_lost_frees_the_number_for_another_code() {
    let world = TestWorld::new();
    let _tasks = tasks::start(&world.app);
    world.inject("v3.pay.codepay", NetFault::RequestLost);
    assert_eq!(charge(&world, PAYS_AT_ONCE).await, "unknown");
    sleep(Duration::from_secs(10)).await;
    assert_eq!(charge(&world, PAYS_AT_ONCE).await, "unknown");
    assert_eq!(world.sent("v3.pay.codepay"), 1);
    sleep(Duration::from_secs(25)).await;
    let error = world.app.pay(&TestWorld::key("ORDER1")).await.unwrap_err();
    assert!(matches!(error, ActionError::Conflict { code: "auth_code_required", .. }), "{error:?}");
    assert_eq!(charge(&world, PAYS_AT_ONCE).await, "paid");
    assert_eq!((world.sent("v3.pay.codepay"), world.sent("v3.pay.reverse")), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn a_refused_code_leaves_the_order_open_for_another_one() {
    let world = TestWorld::new();
    let _tasks = tasks::start(&world.app);
    let error = world.charge("ORDER1", 1999, HAS_NO_MONEY).await.unwrap_err();
    assert!(matches!(&error, ActionError::Call(call) if call.fate() == Some(Fate::Refused)), "{error:?}");
    assert!(!world.state("ORDER1").await.order.may_exist_upstream);
    assert_eq!(charge(&world, PAYS_AT_ONCE).await, "paid");
    assert_eq!(world.sent("v3.pay.codepay"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_cashier_reverses_at_once_and_the_call_waits_until_it_is_accepted() {
    let world = TestWorld::new();
    let _tasks = tasks::start(&world.app);
    charge(&world, HESITATES).await;
    sleep(Duration::from_secs(3)).await;
    let key = TestWorld::key("ORDER1");
    for _ in 0..2 {
        assert_eq!(world.app.reverse(&key).await.unwrap().order.status, OrderStatus::Reversing);
    }
    assert_eq!(world.sent("v3.pay.reverse"), 0);
    // The payer pays after the decision: the money goes back, and nobody is told that the order is paid.
    world.pay("ORDER1");
    sleep(Duration::from_secs(20)).await;
    assert_reversed(&world).await;
    assert_eq!(world.app.reverse(&key).await.unwrap().order.status, OrderStatus::Reversed);
    assert_eq!(world.sent("v3.pay.reverse"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_reversal_whose_fate_is_unknown_is_repeated_until_it_is_known() {
    for fault in [NetFault::RequestLost, NetFault::ReplyLost, NetFault::NotSent, NetFault::UnsignedRefusal] {
        let world = TestWorld::new();
        let _tasks = tasks::start(&world.app);
        charge(&world, HESITATES).await;
        world.inject_many("v3.pay.reverse", fault, 16);
        sleep(Duration::from_secs(58)).await;
        world.pay_if_possible("ORDER1");
        sleep(Duration::from_mins(45)).await;
        assert_reversed(&world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_at_any_second_leaves_no_charge_in_doubt() {
    for second in [0, 1, 5, 30, 46, 50, 56] {
        let world = TestWorld::new();
        let tasks = tasks::start(&world.app);
        world.inject_many("v3.pay.reverse", NetFault::RequestLost, 2);
        charge(&world, HESITATES).await;
        sleep(Duration::from_secs(second)).await;
        drop(tasks);
        let world = world.restarted();
        let _tasks = tasks::start(&world.app);
        sleep(Duration::from_mins(30)).await;
        assert_reversed(&world).await;
    }
}

/// The charge is committed and never sent: the process died in between.
#[tokio::test(start_paused = true)]
async fn a_crash_before_the_charge_is_sent_ends_as_reversed() {
    let world = TestWorld::new();
    let tasks = tasks::start(&world.app);
    world.inject("v3.pay.codepay", NetFault::RequestLost);
    let charging = {
        let world = world.clone();
        tokio::spawn(async move { world.charge("ORDER1", 1999, PAYS_AT_ONCE).await.map(drop) })
    };
    sleep(Duration::from_millis(1)).await;
    charging.abort();
    drop(tasks);
    let world = world.restarted();
    let _tasks = tasks::start(&world.app);
    sleep(Duration::from_mins(10)).await;
    assert!(matches!(status(&world).await, OrderStatus::Reversed | OrderStatus::Open));
    assert!(!world.state("ORDER1").await.order.may_exist_upstream, "nothing is in doubt");
    assert_eq!(world.recorded("ORDER1"), None);
}

#[tokio::test(start_paused = true)]
async fn only_a_code_payment_is_reversed_and_it_is_not_closed() {
    let world = TestWorld::new();
    let key = TestWorld::key("ORDER1");
    assert!(matches!(world.app.reverse(&key).await, Err(ActionError::NotFound("order"))));
    charge(&world, HESITATES).await;
    let error = world.app.close(&key).await.unwrap_err();
    assert!(matches!(error, ActionError::Conflict { code: "code_payment", .. }), "{error:?}");
    world.place("ORDER2", 1).await.unwrap();
    let error = world.app.reverse(&TestWorld::key("ORDER2")).await.unwrap_err();
    assert!(matches!(error, ActionError::Conflict { code: "not_code_payment", .. }), "{error:?}");
    assert_eq!(world.sent("v3.pay.close"), 0);
}
