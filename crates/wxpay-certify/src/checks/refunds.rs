//! Checks of refunds.

use crate::trial::{SHOW_WITHIN, Step, Trial, fail};
use std::time::{Duration, Instant};
use wxpay_proto::id::{OutRefundNo, OutTradeNo};
use wxpay_sim::{
    faults::Fault,
    ledger::{RefundRecord, RefundStatus},
};

/// The operation that refunds.
const CREATE: &str = "v3.refund.create";
/// Interval between two looks at the gateway.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

pub(super) async fn completed(trial: &mut Trial<'_>) -> Step {
    trial.refund_calls()?;
    let order = trial.place_and_pay().await?;
    trial.refund(&order).await?;
    let is_pending = trial.stage.refunds(&order.out_trade_no).iter().all(is_processing);
    let shown = trial.refund_state(&order).await?;
    let (_, state) = trial.refund_calls()?;
    // Looked at before and after: the refund may end in between.
    if is_pending
        && state.succeeded.contains(&shown)
        && trial.stage.refunds(&order.out_trade_no).iter().all(is_processing)
    {
        return fail("the shop shows a refund as a success that is PROCESSING at the gateway");
    }
    trial.expect_refunded(&order, trial.shop.query.within).await
}

fn is_processing(refund: &RefundRecord) -> bool {
    refund.status == RefundStatus::Processing
}

pub(super) async fn failed(trial: &mut Trial<'_>) -> Step {
    let (_, state) = trial.refund_calls()?;
    let order = trial.place_and_pay().await?;
    let number = trial.refund(&order).await?;
    if trial.stage.finish_refund(&number, RefundStatus::Abnormal).is_none() {
        return fail("the gateway has no pending refund");
    }
    wait_for_end(trial, &order.out_trade_no, &number).await?;
    trial.note("the gateway ends the refund as ABNORMAL, and notifies it");
    wait_for_notification(trial, &order.out_trade_no).await;
    trial.settle().await;
    let shown = trial.refund_state(&order).await?;
    if state.succeeded.contains(&shown) {
        return fail("the shop shows a refund as a success whose money did not arrive");
    }
    Ok(())
}

/// Waits until the gateway has ended a refund.
async fn wait_for_end(trial: &Trial<'_>, order: &OutTradeNo, number: &OutRefundNo) -> Step {
    let began = Instant::now();
    let is_pending = |refund: &RefundRecord| refund.out_refund_no == *number && is_processing(refund);
    while trial.stage.refunds(order).iter().any(is_pending) {
        if began.elapsed() >= SHOW_WITHIN {
            return fail("the gateway does not end the refund");
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    Ok(())
}

/// Waits for the first answer of the shop to the notification of a refund. A shop without a URL for it gets none.
async fn wait_for_notification(trial: &mut Trial<'_>, number: &OutTradeNo) {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(5) {
        if let Some(shown) = trial.stage.refund_notification(number) {
            return trial.note(shown);
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    trial.note("no notification of the refund was answered");
}

pub(super) async fn queried(trial: &mut Trial<'_>) -> Step {
    trial.refund_calls()?;
    let order = trial.place_and_pay().await?;
    trial.stage.lose_notifications();
    trial.note("the gateway loses every notification");
    let number = trial.refund(&order).await?;
    let shop = trial.shop;
    if let Some(query) = &shop.query.refund {
        wait_for_end(trial, &order.out_trade_no, &number).await?;
        trial.call(query, &order.values).await;
    }
    trial.expect_refunded(&order, shop.query.within).await?;
    trial.expect_queries(&[number.as_str()])
}

pub(super) async fn reply_lost(trial: &mut Trial<'_>) -> Step {
    trial.refund_calls()?;
    let order = trial.place_and_pay().await?;
    trial.stage.inject_once(Fault::CommitThenDropResponse, CREATE);
    trial.note(format!("the gateway carries out the next refund, and drops its reply ({CREATE})"));
    trial.refund(&order).await?;
    trial.expect_refunded(&order, trial.shop.query.within).await
}
