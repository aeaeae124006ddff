//! Notifications: recorded before they are acknowledged, and refused if anything is wrong.

use super::Incoming;
use crate::{
    ledger::rows::{
        case::{CaseKind, CaseRow},
        inbox::{InboxResult, InboxRow},
        order::OrderStatus,
        refund::RefundStatus,
    },
    testing::TestWorld,
};
use std::time::Duration;
use tokio::time::sleep;

async fn placed(number: &str) -> TestWorld {
    let world = TestWorld::new();
    world.place(number, 1999).await.unwrap();
    world.pay(number);
    world
}

fn counted(world: &TestWorld, result: &str) -> bool {
    world.app.metrics().render().contains(&format!("notifications_total{{result=\"{result}\"}} 1"))
}

#[tokio::test(start_paused = true)]
async fn a_payment_is_recorded_once_and_acknowledged_each_time() {
    let world = placed("ORDER1").await;
    let (_, incoming) = world.due().remove(0);
    assert_eq!(world.app.receive(incoming.clone()).await.status(), 204);
    assert_eq!(world.app.receive(incoming).await.status(), 204);
    assert_eq!(world.state("ORDER1").await.order.status, OrderStatus::Paid);
    assert_eq!(world.events().await, ["order.created", "order.paid"]);
    let inbox = world.rows::<InboxRow>().await;
    assert_eq!((inbox.len(), inbox[0].count, inbox[0].result), (1, 2, InboxResult::Accepted));
    assert!(counted(&world, "accepted") && counted(&world, "duplicate"));
    world.app.query(&TestWorld::key("ORDER1")).await.unwrap();
    assert_eq!(world.events().await, ["order.created", "order.paid"], "the query tells nothing new");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_acknowledged_that_the_ledger_did_not_record() {
    let world = placed("ORDER1").await;
    let (_, incoming) = world.due().remove(0);
    world.model.fail_next(1);
    assert_eq!(world.app.receive(incoming.clone()).await.status(), 503);
    world.model.lose_next(3);
    assert_eq!(world.app.receive(incoming.clone()).await.status(), 503);
    world.model.lose_next(0);
    assert_eq!(world.app.receive(incoming).await.status(), 204);
    assert_eq!(world.events().await, ["order.created", "order.paid"]);
    assert_eq!(world.app.acknowledged().unrecorded(world.app.ledger()).await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_forged_a_stale_and_a_probing_notification_are_refused_counted_and_not_stored() {
    let world = placed("ORDER1").await;
    let (_, incoming) = world.due().remove(0);
    let mut forged = incoming.clone();
    let last = forged.body.len() - 2;
    forged.body[last] ^= 1;
    assert_eq!(world.app.receive(forged).await.status(), 401);
    let mut probe = incoming.clone();
    for (name, value) in &mut probe.headers {
        if name.eq_ignore_ascii_case("wechatpay-signature") {
            *value = [&b"WECHATPAY/SIGNTEST/"[..], value].concat();
        }
    }
    assert_eq!(world.app.receive(probe).await.status(), 401);
    sleep(Duration::from_secs(301)).await;
    assert_eq!(world.app.receive(incoming).await.status(), 401);
    for result in ["forged", "probe", "stale"] {
        assert!(counted(&world, result), "{result}: {}", world.app.metrics().render());
    }
    assert_eq!(world.rows::<InboxRow>().await, []);
    assert_eq!(world.state("ORDER1").await.order.status, OrderStatus::Open);
}

#[tokio::test(start_paused = true)]
async fn a_notification_for_another_merchant_or_kind_is_misdirected() {
    let world = placed("ORDER1").await;
    let (_, incoming) = world.due().remove(0);
    let to = |merchant: &str, kind: &str| Incoming {
        merchant: merchant.into(),
        kind: kind.into(),
        ..incoming.clone()
    };
    assert_eq!(world.app.receive(to("shop2", "payment")).await.status(), 404);
    assert_eq!(world.app.receive(to("shop1", "transfer")).await.status(), 404);
    assert_eq!(world.app.receive(to("shop1", "refund")).await.status(), 400);
    assert_eq!(world.state("ORDER1").await.order.status, OrderStatus::Open);
    assert_eq!(world.app.receive(incoming).await.status(), 204);
}

#[tokio::test(start_paused = true)]
async fn a_refund_notification_is_learned() {
    let world = placed("ORDER1").await;
    world.deliver().await;
    world.refund("ORDER1", "R1", 500).await.unwrap();
    sleep(Duration::from_hours(2)).await;
    assert_eq!(world.deliver().await, [204]);
    assert_eq!(world.state("ORDER1").await.refunds[0].status, RefundStatus::Success);
    assert!(world.events().await.contains(&"refund.succeeded"));
}

#[tokio::test(start_paused = true)]
async fn a_verified_notification_that_cannot_be_decrypted_opens_one_case() {
    let world = placed("ORDER1").await;
    // The key is changed on the merchant platform, and not here.
    world.gateway(|gateway| {
        let mchid = gateway.merchant().mchid().clone();
        gateway.merchant_mut(&mchid).unwrap().set_api_v3_key(Some("k".repeat(32)));
    });
    assert_eq!(world.deliver().await, [503]);
    sleep(Duration::from_mins(1)).await;
    assert_eq!(world.deliver().await, [503]);
    let cases = world.rows::<CaseRow>().await;
    assert_eq!(cases.iter().map(|case| case.kind).collect::<Vec<_>>(), [CaseKind::UnreadableNotification]);
    let inbox = world.rows::<InboxRow>().await;
    assert_eq!((inbox.len(), inbox[0].count, inbox[0].result), (1, 2, InboxResult::Unreadable));
    assert!(!cases[0].data.contains(&"k".repeat(32)));
}

#[tokio::test(start_paused = true)]
async fn a_notification_before_the_order_is_placed_pays_it_at_once() {
    let world = placed("ORDER1").await;
    let model = crate::engine::model::Model::new();
    let world = TestWorld { model, ..world }.restarted();
    assert_eq!(world.deliver().await, [204]);
    assert_eq!(world.state("ORDER1").await.order.status, OrderStatus::Unplaced);
    let placed = world.place("ORDER1", 1999).await.unwrap();
    assert_eq!((placed.state.order.status, placed.pay), (OrderStatus::Paid, None));
}

#[tokio::test(start_paused = true)]
async fn a_notification_of_apiv1_is_verified() {
    let world = TestWorld::new();
    world.place_v1("ORDER1", 1999).await.unwrap();
    world.pay("ORDER1");
    let (_, incoming) = world.due().remove(0);
    let forged = Incoming { query: [&incoming.query[..], b"&x=1"].concat(), ..incoming.clone() };
    assert!(world.app.receive(forged).await.status() >= 400);
    let response = world.app.receive(incoming.clone()).await;
    assert_eq!((response.status(), response.body()), (200, &b"success"[..]));
    assert_eq!(world.app.receive(incoming).await.status(), 200);
    assert_eq!(world.events().await, ["order.created", "order.paid"]);
}
