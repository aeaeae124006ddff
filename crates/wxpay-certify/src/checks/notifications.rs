//! Checks of notifications: forged, stale and foreign ones, genuine ones, and copies.

use crate::{
    client::{Answer, NOTIFICATION_TIMEOUT},
    trial::{Placed, SHOW_WITHIN, Step, Trial, fail, not_checked},
};
use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;
use wxpay_sim::notifications::Alteration;

/// Time in which a shop processes a notification that it has acknowledged first.
const QUEUE_TIME: Duration = Duration::from_secs(2);
/// Copies that are sent at the same time, and those that follow one after another.
const COPIES: (usize, usize) = (8, 7);

/// Sends a wrongly signed body that is valid, one that is not JSON, and one that is JSON and no notification: the answers
/// must be alike, or the body was read before its signature.
pub(super) async fn verified_first(trial: &mut Trial<'_>) -> Step {
    let order = trial.place().await?;
    let bodies = [
        (Alteration::WrongSignature, "with a wrong signature"),
        (Alteration::WrongSignatureOf(b"{not json".to_vec()), "with a wrong signature, not JSON"),
        (Alteration::WrongSignatureOf(b"{}".to_vec()), "with a wrong signature, without members"),
    ];
    let mut answers = Vec::new();
    for (alteration, what) in bodies {
        let answer = trial.notify(&order, &alteration, what).await?;
        expect_refusal(&answer)?;
        answers.push(refusal(&answer));
    }
    trial.expect_unpaid(&order).await?;
    answers.dedup();
    if answers.len() > 1 {
        return fail("the answers differ: the body is parsed before its signature is verified");
    }
    Ok(())
}

/// Returns the parts that identify a refusal: the status and, of a JSON body, `code` and `message`. Other members may be the
/// number of the request or the time.
fn refusal(answer: &Answer) -> (Option<u16>, Value) {
    let body = answer.value();
    let body = match body.as_object() {
        Some(members) => json!({ "code": members.get("code"), "message": members.get("message") }),
        None => body,
    };
    (answer.status.as_ref().ok().map(http::StatusCode::as_u16), body)
}

fn expect_refusal(answer: &Answer) -> Step {
    if answer.refuses() {
        return Ok(());
    }
    match &answer.status {
        Ok(status) => fail(format!("the answer must be 4xx or 5xx, and is {}", status.as_u16())),
        Err(reason) => fail(format!("the answer must be 4xx or 5xx: {reason}")),
    }
}

/// Sends one altered notification of a payment that was never made. It must be refused and have no effect.
pub(super) async fn refused(trial: &mut Trial<'_>, alteration: &Alteration, what: &str) -> Step {
    let order = trial.place().await?;
    let answer = trial.notify(&order, alteration, what).await?;
    // The effect is the worse fault, so it is reported first.
    trial.expect_unpaid(&order).await?;
    expect_refusal(&answer)
}

pub(super) async fn other_merchant(trial: &mut Trial<'_>) -> Step {
    let changes = vec![("/mchid".into(), json!("1900000001"))];
    without_effect(trial, changes, "that names the mchid 1900000001").await
}

pub(super) async fn other_amount(trial: &mut Trial<'_>) -> Step {
    let changes = vec![("/amount/total".into(), json!(1)), ("/amount/payer_total".into(), json!(1))];
    without_effect(trial, changes, "of 1 fen").await
}

/// Sends a validly signed notification with another content. The shop may acknowledge it, but the order is not paid.
async fn without_effect(trial: &mut Trial<'_>, changes: Vec<(String, Value)>, what: &str) -> Step {
    let order = trial.place().await?;
    let answer = trial.notify(&order, &Alteration::Content(changes), what).await?;
    if answer.is_success() {
        return trial.expect_unpaid_after(&order, QUEUE_TIME).await;
    }
    trial.expect_unpaid(&order).await
}

/// Places and pays an order whose notification the gateway does not send: the certifier sends it.
async fn paid_unnotified(trial: &mut Trial<'_>) -> Step<Placed> {
    let order = trial.place().await?;
    trial.stage.lose_notifications();
    trial.pay(&order)?;
    Ok(order)
}

pub(super) async fn accepted(trial: &mut Trial<'_>) -> Step {
    let order = paid_unnotified(trial).await?;
    let answer = trial.notify(&order, &Alteration::None, "genuine").await?;
    expect_acknowledgement(&answer)?;
    trial.expect_paid(&order, SHOW_WITHIN).await
}

fn expect_acknowledgement(answer: &Answer) -> Step {
    if !answer.acknowledges() {
        return fail(match &answer.status {
            Ok(status) => {
                format!("a genuine notification must be answered with 200 or 204, not {}", status.as_u16())
            }
            Err(reason) => format!("a genuine notification must be answered with 200 or 204: {reason}"),
        });
    }
    if answer.elapsed > NOTIFICATION_TIMEOUT {
        return fail("the answer must arrive within 5 s");
    }
    Ok(())
}

/// Sends copies at once, then one after another. Those at once may be refused, since the first may still be in progress;
/// each of the others must be acknowledged.
pub(super) async fn copies(trial: &mut Trial<'_>) -> Step {
    let order = paid_unnotified(trial).await?;
    let before = trial.effects(&order).await?;
    let (at_once, later) = COPIES;
    let copies: Vec<_> =
        std::iter::repeat_with(|| trial.stage.payment_notification(&order.out_trade_no, &Alteration::None))
            .take(at_once)
            .collect();
    let sending = copies.iter().flatten().map(|copy| trial.client.deliver("a genuine copy", copy));
    let answers = join_all(sending).await;
    let acknowledged = answers.iter().filter(|answer| answer.acknowledges()).count();
    trial.note(format!("{at_once} copies of TRANSACTION.SUCCESS at once: {acknowledged} acknowledged"));
    for _ in 0..later {
        let answer = trial.notify(&order, &Alteration::None, "again").await?;
        expect_acknowledgement(&answer)?;
    }
    trial.expect_paid(&order, SHOW_WITHIN).await?;
    trial.settle().await;
    let Some((before, after)) = before.zip(trial.effects(&order).await?) else {
        return Err(not_checked(
            "all copies were acknowledged; how often the order was fulfilled is not visible: add [effects] to the shop file",
        ));
    };
    trial.note(format!("the order was fulfilled {} times", after.saturating_sub(before)));
    if after.checked_sub(before) == Some(1) {
        return Ok(());
    }
    fail("15 copies of a notification must fulfil the order once")
}
