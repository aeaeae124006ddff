//! Calls that begin too late to be sent, and replies that say nothing about a call in progress.

use super::*;
use crate::{
    engine::model::{Gate, Model},
    ledger::Changes,
    upstream::CallError,
};
use std::{
    pin::Pin,
    sync::{Arc, Mutex},
};

/// A ledger that takes its time to answer to one kind of operation after its commit.
#[derive(Debug)]
struct SlowAnswer {
    operation: &'static str,
    delay: Duration,
    is_next: Mutex<bool>,
}

impl Gate for SlowAnswer {
    fn pass(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let is_slow = std::mem::take(&mut *self.is_next.lock().unwrap());
        Box::pin(async move {
            if is_slow {
                sleep(self.delay).await;
            }
        })
    }

    fn committed(&self, operation: &dyn std::fmt::Debug, _: &Changes) {
        *self.is_next.lock().unwrap() = format!("{operation:?}").starts_with(self.operation);
    }
}

/// Returns the world after a restart with a ledger that answers this operation after `seconds`.
fn slowed(world: TestWorld, operation: &'static str, seconds: u64) -> TestWorld {
    let gate = SlowAnswer { operation, delay: Duration::from_secs(seconds), is_next: Mutex::new(false) };
    let model: Model = world.model.through(Arc::new(gate));
    TestWorld { model, ..world }.restarted()
}

fn is_ledger_slow(error: &ActionError) -> bool {
    matches!(error, ActionError::Call(error) if error.to_string() == CallError::ledger_slow().to_string())
}

#[tokio::test(start_paused = true)]
async fn a_prepay_call_whose_beginning_took_too_long_is_not_sent() {
    let world = slowed(TestWorld::new(), "PlaceOrder", 11);
    let error = world.place("ORDER1", 1999).await.unwrap_err();
    assert!(is_ledger_slow(&error), "{error:?}");
    assert_eq!((fate(&error), world.sent("v3.pay.native")), (Some(Fate::NotSent), 0));
    assert!(!world.state("ORDER1").await.order.may_exist_upstream);
    let world = slowed(world, "PlaceOrder", 9);
    assert!(world.place("ORDER1", 2000).await.unwrap().pay.is_some());
}

#[tokio::test(start_paused = true)]
async fn a_refund_call_whose_beginning_took_too_long_is_not_sent() {
    let world = TestWorld::new();
    paid(&world, "ORDER1").await;
    for begin in ["ReserveRefund", "BeginRefundCall"] {
        let world = slowed(world.clone(), begin, 11);
        let error = world.refund("ORDER1", "R1", 100).await.unwrap_err();
        assert!(is_ledger_slow(&error), "{begin}: {error:?}");
        assert_eq!((fate(&error), world.sent("v3.refund.create")), (Some(Fate::NotSent), 0));
        let refund = world.state("ORDER1").await.refunds.remove(0);
        assert_eq!((refund.status, refund.may_exist_upstream), (RefundStatus::Pending, false));
    }
    let slow = slowed(world.clone(), "RecordRefundQuery", 11);
    let (_, error) = slow.app.query_refund(&TestWorld::key("ORDER1"), &"R1".parse().unwrap()).await.unwrap();
    assert!(is_ledger_slow(&error.unwrap().into()), "neither is it sent again by a query");
    let world = slowed(world, "BeginRefundCall", 9);
    world.refund("ORDER1", "R1", 100).await.unwrap();
    assert_eq!(world.sent("v3.refund.create"), 1);
}

/// The clock jumps ahead while the call is in progress: everything that the ledger dates seems to be over.
#[tokio::test(start_paused = true)]
async fn absence_does_not_count_while_the_prepay_call_is_in_progress() {
    for is_v1 in [false, true] {
        let world = TestWorld::new();
        let label = if is_v1 { "v1.genprepay" } else { "v3.pay.native" };
        world.inject_many(label, NetFault::RequestLost, 3);
        let placing = async {
            if is_v1 { world.place_v1("ORDER1", 1999).await } else { world.place("ORDER1", 1999).await }
        };
        let querying = async {
            let key = TestWorld::key("ORDER1");
            sleep(Duration::from_millis(800)).await;
            world.app.query(&key).await.unwrap();
            world.ambient.set_ahead(Duration::from_hours(1));
            world.app.query(&key).await.unwrap();
            let order = world.state("ORDER1").await.order;
            assert_eq!((order.may_exist_upstream, order.absent_since), (true, None), "{label}");
        };
        let (placed, ()) = tokio::join!(placing, querying);
        drop(placed);
    }
}

#[tokio::test(start_paused = true)]
async fn a_close_that_finds_no_order_proves_nothing_while_the_prepay_call_is_in_progress() {
    let world = TestWorld::new();
    world.inject_many("v3.pay.native", NetFault::RequestLost, 3);
    let closing = async {
        sleep(Duration::from_millis(800)).await;
        world.app.close_now(&TestWorld::key("ORDER1"), true, None).await.unwrap();
        let order = world.state("ORDER1").await.order;
        assert_eq!((order.status, order.absent_since), (OrderStatus::Closing, None));
    };
    let (placed, ()) = tokio::join!(world.place("ORDER1", 1999), closing);
    drop(placed);
}
