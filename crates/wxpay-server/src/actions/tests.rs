//! Placing, paying, closing and refunding, with every outcome of the call.

mod windows;

use crate::{
    actions::{ActionError, CaseDecision, Delivery},
    ledger::rows::{
        case::{CaseKind, CaseRow, CaseStatus, Remedy},
        inbox::CallRow,
        order::OrderStatus,
        refund::RefundStatus,
        task::TaskRow,
    },
    testing::{NetFault, TestWorld},
};
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;
use wxpay_proto::{Fate, Fen};
use wxpay_sim::ledger::TradeState;

fn fate(error: &ActionError) -> Option<Fate> {
    match error {
        ActionError::Call(error) => error.fate(),
        error @ (ActionError::Invalid(_)
        | ActionError::NotFound(_)
        | ActionError::Differs { .. }
        | ActionError::Conflict { .. }
        | ActionError::Ledger(_)
        | ActionError::Interrupted) => panic!("{error:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_is_placed_once_and_returned_again_with_the_same_code() {
    let world = TestWorld::new();
    let placed = world.place("ORDER1", 1999).await.unwrap();
    assert!(placed.is_new);
    let pay = placed.pay.unwrap();
    assert_eq!(pay["kind"], "native");
    let again = world.place("ORDER1", 1999).await.unwrap();
    assert!(!again.is_new);
    assert_eq!(again.pay.unwrap(), pay);
    assert_eq!(world.sent("v3.pay.native"), 1, "the live result is reused");
    assert_eq!(world.events().await, ["order.created"]);
    assert_eq!(world.rows::<TaskRow>().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn concurrent_requests_share_one_prepay_call() {
    let world = TestWorld::new();
    let (one, two, three) =
        tokio::join!(world.place("ORDER1", 1999), world.place("ORDER1", 1999), world.place("ORDER1", 1999));
    let new = [&one, &two, &three].into_iter().filter(|placed| placed.as_ref().unwrap().is_new).count();
    assert_eq!((new, world.sent("v3.pay.native")), (1, 1));
    assert_eq!(one.unwrap().pay, three.unwrap().pay);
}

#[tokio::test(start_paused = true)]
async fn other_terms_are_refused_with_the_field_that_differs() {
    let world = TestWorld::new();
    world.place("ORDER1", 1999).await.unwrap();
    let error = world.place("ORDER1", 2000).await.unwrap_err();
    assert!(matches!(&error, ActionError::Differs { field, .. } if field == "amount.total"), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_number_that_was_not_sent_can_be_placed_with_other_terms() {
    let world = TestWorld::new();
    world.set_down(true);
    let error = world.place("ORDER1", 1999).await.unwrap_err();
    assert_eq!(fate(&error), Some(Fate::NotSent));
    assert!(!world.state("ORDER1").await.order.may_exist_upstream);
    world.set_down(false);
    assert!(world.place("ORDER1", 2000).await.unwrap().pay.is_some());
    assert_eq!(world.recorded("ORDER1").unwrap().total, Fen::new(2000));
}

#[tokio::test(start_paused = true)]
async fn an_unsigned_refusal_does_not_free_the_number_of_an_order_that_exists() {
    let world = TestWorld::new();
    world.inject("v3.pay.native", NetFault::UnsignedRefusal);
    let error = world.place("ORDER1", 1999).await.unwrap_err();
    assert_eq!(fate(&error), Some(Fate::Refused));
    assert!(world.state("ORDER1").await.order.may_exist_upstream);
    assert_eq!(world.sent("v3.pay.query"), 1);
    sleep(Duration::from_secs(30)).await;
    world.app.query(&TestWorld::key("ORDER1")).await.unwrap();
    assert!(matches!(world.place("ORDER1", 2000).await, Err(ActionError::Differs { .. })));
    assert!(world.place("ORDER1", 1999).await.unwrap().pay.is_some());
    assert_eq!(world.recorded("ORDER1").unwrap().total, Fen::new(1999));
}

#[tokio::test(start_paused = true)]
async fn an_unsigned_refusal_of_a_refund_releases_nothing() {
    let world = TestWorld::new();
    paid(&world, "ORDER1").await;
    world.inject("v3.refund.create", NetFault::UnsignedRefusal);
    let error = world.refund("ORDER1", "R1", 1999).await.unwrap_err();
    assert_eq!(fate(&error), Some(Fate::Unknown));
    let state = world.state("ORDER1").await;
    assert_eq!(state.payments[0].refund_reserved, Fen::new(1999), "it may have been made");
    assert!(world.refund("ORDER1", "R2", 1).await.is_err());
    world.app.query_refund(&TestWorld::key("ORDER1"), &"R1".parse().unwrap()).await.unwrap();
    assert_ne!(world.state("ORDER1").await.refunds[0].status, RefundStatus::Pending, "it was made");
}

#[tokio::test(start_paused = true)]
async fn an_unsigned_refusal_of_a_close_call_leads_to_a_query() {
    let world = TestWorld::new();
    world.place("ORDER1", 1999).await.unwrap();
    world.inject("v3.pay.close", NetFault::UnsignedRefusal);
    drop(world.app.close_now(&TestWorld::key("ORDER1"), true, None).await);
    assert_eq!(world.sent("v3.pay.query"), 1);
    assert_eq!(world.state("ORDER1").await.order.status, OrderStatus::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_number_that_the_check_of_fields_refused_is_free_once_queries_show_that_it_is_unknown() {
    let world = TestWorld::new();
    world.inject("v3.pay.native", NetFault::RefusedByFieldCheck);
    assert_eq!(fate(&world.place("ORDER1", 1999).await.unwrap_err()), Some(Fate::Refused));
    assert!(matches!(world.place("ORDER1", 2000).await, Err(ActionError::Differs { .. })));
    sleep(Duration::from_secs(21)).await;
    world.app.query(&TestWorld::key("ORDER1")).await.unwrap();
    assert!(world.place("ORDER1", 2000).await.unwrap().pay.is_some());
    assert_eq!(world.recorded("ORDER1").unwrap().total, Fen::new(2000));
}

#[tokio::test(start_paused = true)]
async fn a_lost_reply_is_sent_again_within_the_call_and_gives_the_order() {
    let world = TestWorld::new();
    world.inject("v3.pay.native", NetFault::ReplyLost);
    assert!(world.place("ORDER1", 1999).await.unwrap().pay.is_some());
    assert_eq!(world.sent("v3.pay.native"), 2);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_fate_keeps_the_terms_until_the_order_is_known_not_to_exist() {
    let world = TestWorld::new();
    world.inject_many("v3.pay.native", NetFault::RequestLost, 4);
    let error = world.place("ORDER1", 1999).await.unwrap_err();
    assert_eq!(fate(&error), Some(Fate::Unknown));
    assert_eq!(world.sent("v3.pay.query"), 1, "the doubt is queried at once");
    let error = world.place("ORDER1", 2000).await.unwrap_err();
    assert!(matches!(error, ActionError::Differs { .. }), "{error:?}");
    sleep(Duration::from_mins(1)).await;
    world.app.query(&TestWorld::key("ORDER1")).await.unwrap();
    sleep(Duration::from_secs(21)).await;
    world.app.query(&TestWorld::key("ORDER1")).await.unwrap();
    assert!(!world.state("ORDER1").await.order.may_exist_upstream);
    assert!(world.place("ORDER1", 2000).await.unwrap().pay.is_some());
    let calls: Vec<CallRow> = world.app.upstream().log().take();
    assert!(calls.iter().any(|call| call.fate == "unknown" && call.label == "v3.pay.native"), "{calls:?}");
}

#[tokio::test(start_paused = true)]
async fn an_order_that_was_paid_meanwhile_is_returned_as_paid() {
    let world = TestWorld::new();
    world.inject_many("v3.pay.native", NetFault::ReplyLost, 4);
    let error = world.place("ORDER1", 1999).await.unwrap_err();
    assert_eq!(fate(&error), Some(Fate::Unknown));
    world.pay("ORDER1");
    // The number is refused as paid: that proves that the order exists, and a query finds the payment.
    let placed = world.place("ORDER1", 1999).await.unwrap();
    assert_eq!((placed.state.order.status, placed.pay), (OrderStatus::Paid, None));
    assert_eq!(world.events().await, ["order.created", "order.paid"]);
}

#[tokio::test(start_paused = true)]
async fn invalid_terms_reach_neither_the_ledger_nor_the_gateway() {
    let world = TestWorld::new();
    let terms = TestWorld::terms_of(json!({
        "channel": "h5", "out_trade_no": "ORDER1", "description": "Image", "amount": {"total": 1},
    }));
    let error = world.place_terms(terms).await.unwrap_err();
    assert!(matches!(&error, ActionError::Invalid(invalid) if invalid.field().starts_with("scene_info")));
    assert_eq!(world.app.order(&TestWorld::key("ORDER1")).await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_does_not_lose_the_result() {
    let world = TestWorld::new();
    let left = tokio::time::timeout(Duration::from_millis(10), world.place("ORDER1", 1999)).await;
    assert!(left.is_err());
    sleep(Duration::from_secs(5)).await;
    assert!(world.state("ORDER1").await.order.prepay.is_some());
    assert_eq!(world.sent("v3.pay.native"), 1);
}

#[tokio::test(start_paused = true)]
async fn pay_returns_parameters_for_an_open_order_only() {
    let world = TestWorld::new();
    let key = TestWorld::key("ORDER1");
    assert!(matches!(world.app.pay(&key).await, Err(ActionError::NotFound("order"))));
    world.place("ORDER1", 1999).await.unwrap();
    assert!(world.app.pay(&key).await.unwrap().pay.is_some());
    world.pay("ORDER1");
    world.app.query(&key).await.unwrap();
    let error = world.app.pay(&key).await.unwrap_err();
    assert!(matches!(error, ActionError::Conflict { code: "order_paid", .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn an_order_is_closed_on_request_and_a_paid_one_is_not() {
    let world = TestWorld::new();
    world.place("ORDER1", 1999).await.unwrap();
    let state = world.app.close(&TestWorld::key("ORDER1")).await.unwrap();
    assert_eq!(state.order.status, OrderStatus::Closed);
    assert_eq!(world.recorded("ORDER1").unwrap().trade_state, TradeState::Closed);
    assert_eq!(world.app.close(&TestWorld::key("ORDER1")).await.unwrap().order.status, OrderStatus::Closed);
    world.place("ORDER2", 1999).await.unwrap();
    world.pay("ORDER2");
    let error = world.app.close(&TestWorld::key("ORDER2")).await.unwrap_err();
    assert!(matches!(error, ActionError::Conflict { code: "order_paid", .. }), "{error:?}");
    assert_eq!(world.sent("v3.pay.close"), 1, "the query came first");
    assert_eq!(world.state("ORDER2").await.order.status, OrderStatus::Paid);
}

#[tokio::test(start_paused = true)]
async fn a_close_whose_reply_is_lost_is_repeated_by_its_task() {
    let world = TestWorld::new();
    world.place("ORDER1", 1999).await.unwrap();
    world.inject_many("v3.pay.close", NetFault::ReplyLost, 4);
    let error = world.app.close(&TestWorld::key("ORDER1")).await.unwrap_err();
    assert_eq!(fate(&error), Some(Fate::Unknown));
    assert_eq!(world.state("ORDER1").await.order.status, OrderStatus::Closing);
    let (state, error) = world.app.close_now(&TestWorld::key("ORDER1"), false, None).await.unwrap();
    assert!(error.is_none(), "{error:?}");
    assert_eq!(state.order.status, OrderStatus::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_refund_is_reserved_sent_once_and_succeeds() {
    let world = TestWorld::new();
    paid(&world, "ORDER1").await;
    let requested = world.refund("ORDER1", "R1", 500).await.unwrap();
    assert!(requested.is_new);
    let again = world.refund("ORDER1", "R1", 500).await.unwrap();
    assert!(!again.is_new);
    assert_eq!(world.sent("v3.refund.create"), 1);
    let error = world.refund("ORDER1", "R1", 600).await.unwrap_err();
    assert!(matches!(&error, ActionError::Differs { field, .. } if field == "amount"), "{error:?}");
    let error = world.refund("ORDER1", "R2", 1500).await.unwrap_err();
    assert!(matches!(&error, ActionError::Invalid(invalid) if invalid.field() == "amount"), "{error:?}");
    sleep(Duration::from_hours(1)).await;
    let key = TestWorld::key("ORDER1");
    let (state, error) = world.app.query_refund(&key, &"R1".parse().unwrap()).await.unwrap();
    assert!(error.is_none());
    assert_eq!(state.refunds[0].status, RefundStatus::Success);
    assert_eq!(state.payments[0].refunded, Fen::new(500));
    assert!(world.events().await.contains(&"refund.succeeded"));
}

#[tokio::test(start_paused = true)]
async fn a_refund_of_unknown_fate_stays_reserved_and_is_sent_again_under_its_number() {
    let world = TestWorld::new();
    paid(&world, "ORDER1").await;
    world.inject_many("v3.refund.create", NetFault::RequestLost, 4);
    let error = world.refund("ORDER1", "R1", 1999).await.unwrap_err();
    assert_eq!(fate(&error), Some(Fate::Unknown));
    assert_eq!(world.state("ORDER1").await.payments[0].refund_reserved, Fen::new(1999));
    let (key, number) = (TestWorld::key("ORDER1"), "R1".parse().unwrap());
    // The call may be sent until its deadline; then "not found" must hold for a while.
    for _ in 0..4 {
        sleep(Duration::from_mins(1)).await;
        world.app.query_refund(&key, &number).await.unwrap();
    }
    let recorded = world.recorded("ORDER1").unwrap();
    assert_eq!(recorded.refunds.len(), 1, "it was made once");
    assert_ne!(world.state("ORDER1").await.refunds[0].status, RefundStatus::Pending);
}

#[tokio::test(start_paused = true)]
async fn a_refund_whose_reply_is_lost_is_found_by_a_query() {
    let world = TestWorld::new();
    paid(&world, "ORDER1").await;
    world.inject_many("v3.refund.create", NetFault::ReplyLost, 4);
    world.refund("ORDER1", "R1", 100).await.unwrap_err();
    world.app.query_refund(&TestWorld::key("ORDER1"), &"R1".parse().unwrap()).await.unwrap();
    assert_ne!(world.state("ORDER1").await.refunds[0].status, RefundStatus::Pending);
    assert_eq!(world.recorded("ORDER1").unwrap().refunds.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_refund_that_was_not_sent_can_be_made_with_other_terms() {
    let world = TestWorld::new();
    paid(&world, "ORDER1").await;
    world.set_down(true);
    let error = world.refund("ORDER1", "R1", 100).await.unwrap_err();
    assert_eq!(fate(&error), Some(Fate::NotSent));
    world.set_down(false);
    world.refund("ORDER1", "R1", 200).await.unwrap();
    assert_eq!(world.recorded("ORDER1").unwrap().refunds[0].refund, Fen::new(200));
}

#[tokio::test(start_paused = true)]
async fn a_refund_number_belongs_to_one_order() {
    let world = TestWorld::new();
    paid(&world, "ORDER1").await;
    paid(&world, "ORDER2").await;
    world.refund("ORDER1", "R1", 100).await.unwrap();
    let error = world.refund("ORDER2", "R1", 100).await.unwrap_err();
    assert!(matches!(&error, ActionError::Differs { field, .. } if field == "out_trade_no"), "{error:?}");
    let error = world.refund("ORDER3", "R3", 100).await.unwrap_err();
    assert!(matches!(error, ActionError::NotFound("order")), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn refund_terms_are_checked_before_the_number_is_claimed() {
    let world = TestWorld::new();
    paid(&world, "ORDER1").await;
    let mut request = TestWorld::refund_request("ORDER1", "R1", 100);
    request.detail = Some(json!({"goods": []}).to_string());
    let error = world.app.refund(request.clone()).await.unwrap_err();
    assert!(matches!(&error, ActionError::Invalid(invalid) if invalid.field() == "detail"), "{error:?}");
    request.detail = None;
    request.reason = Some("x".repeat(81));
    let error = world.app.refund(request).await.unwrap_err();
    assert!(matches!(&error, ActionError::Invalid(invalid) if invalid.field() == "reason"), "{error:?}");
    assert_eq!(world.rows::<crate::ledger::rows::number::NumberRow>().await.len(), 1, "the transaction only");
}

#[tokio::test(start_paused = true)]
async fn the_case_of_an_unknown_payment_is_remedied_by_a_refund_once() {
    let world = TestWorld::new();
    world.place("ORDER1", 1999).await.unwrap();
    world.pay("ORDER1");
    let other = TestWorld { model: crate::engine::model::Model::new(), ..world };
    // The ledger that was restored from an old backup knows nothing of the order.
    let world = other.restarted();
    assert_eq!(world.deliver().await, [204]);
    let case = world.rows::<CaseRow>().await.remove(0);
    assert_eq!((case.kind, case.proposal), (CaseKind::UnknownPayment, Some(Remedy::Refund)));
    let decision = CaseDecision { case, remedy: None, card: None, actor: "key_1".into(), note: None };
    let resolved = world.app.resolve_case(decision.clone()).await.unwrap();
    assert_eq!(resolved.status, CaseStatus::Resolved);
    let again = CaseDecision { case: resolved.clone(), ..decision };
    assert_eq!(world.app.resolve_case(again).await.unwrap(), resolved);
    let refunds = world.recorded("ORDER1").unwrap().refunds;
    assert_eq!(refunds.iter().map(|refund| refund.refund).collect::<Vec<_>>(), [Fen::new(1999)]);
}

#[tokio::test(start_paused = true)]
async fn an_order_of_apiv1_is_paid_and_its_delivery_reported() {
    let world = TestWorld::new();
    let placed = world.place_v1("ORDER1", 1999).await.unwrap();
    assert_eq!(placed.pay.unwrap()["kind"], "app");
    world.pay("ORDER1");
    assert_eq!(world.deliver().await, [200]);
    assert_eq!(world.state("ORDER1").await.order.status, OrderStatus::Paid);
    let delivery = Delivery { key: TestWorld::key("ORDER1"), failure: None };
    let (row, _) = world.app.delivered(delivery.clone()).await.unwrap();
    assert!(row.acknowledged_at.is_some());
    world.app.delivered(delivery).await.unwrap();
    assert_eq!(world.sent("v1.delivernotify"), 1);
    assert_eq!(world.recorded("ORDER1").unwrap().deliveries.len(), 1);
    let error = world.refund("ORDER1", "R1", 1).await.unwrap_err();
    assert!(matches!(error, ActionError::Conflict { code: "not_in_api_v1", .. }), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_query_of_apiv1_finds_the_payment() {
    let world = TestWorld::new();
    world.place_v1("ORDER1", 1999).await.unwrap();
    world.pay("ORDER1");
    let queried = world.app.query(&TestWorld::key("ORDER1")).await.unwrap();
    assert_eq!(queried.state.order.status, OrderStatus::Paid);
}

async fn paid(world: &TestWorld, number: &str) {
    world.place(number, 1999).await.unwrap();
    world.pay(number);
    world.app.query(&TestWorld::key(number)).await.unwrap();
}
