//! The work of one task.

use super::concurrency::Sample;
use crate::{
    actions::ActionError,
    app::App,
    ledger::{
        OrderKey,
        rows::{
            order::OrderStatus,
            task::{TaskKind, TaskRow},
        },
    },
    upstream::CallError,
};
use tokio::time::Instant;

/// The end of a task's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The ledger has the result, and the time of the next attempt.
    Recorded(Sample),
    /// The ledger is away: nothing is recorded.
    LedgerAway,
    /// The task does not fit the ledger; it must not be tried again at once.
    Stuck,
}

/// Does the work of a task.
pub(super) async fn work(app: &App, task: &TaskRow) -> Ended {
    let key =
        task.out_trade_no.parse().ok().map(|number| OrderKey::new(task.subject.merchant().clone(), number));
    let Some(key) = key else { return Ended::Stuck };
    let result = match task.kind {
        TaskKind::Order => work_on_order(app, &key).await,
        TaskKind::Refund => match task.subject.number().parse() {
            Ok(out_refund_no) => {
                let began = Instant::now();
                app.query_refund(&key, &out_refund_no).await.map(|(_, error)| sample(began, error.as_ref()))
            }
            Err(_) => return Ended::Stuck,
        },
    };
    match result {
        Ok(sample) => Ended::Recorded(sample),
        Err(ActionError::Ledger(_)) => Ended::LedgerAway,
        Err(error) => {
            if app.log().permits("task") {
                tracing::warn!(subject = %task.subject, reason = %error, "a task failed; it will be retried");
            }
            Ended::Stuck
        }
    }
}

/// Queries an order, and closes or reverses it if it is due, or if the decision is written already.
async fn work_on_order(app: &App, key: &OrderKey) -> Result<Sample, ActionError> {
    let began = Instant::now();
    let queried = app.query(key).await?;
    let sample = sample(began, queried.error.as_ref());
    let is_decided = match queried.state.order.status {
        OrderStatus::Closing => queried.error.is_none(),
        // Also without an answer, or with a payment: it is returned.
        OrderStatus::Reversing => true,
        OrderStatus::Unplaced
        | OrderStatus::Open
        | OrderStatus::Closed
        | OrderStatus::Paid
        | OrderStatus::Reversed
        | OrderStatus::Failed
        | OrderStatus::Expired
        | OrderStatus::Anomalous => false,
    };
    if queried.should_close || is_decided {
        let (app, key) = (app.clone(), key.clone());
        app.clone().spawn_call(async move { app.close_now(&key, false, queried.signed_at).await }).await??;
    }
    Ok(sample)
}

fn sample(began: Instant, error: Option<&CallError>) -> Sample {
    match error {
        None => Sample::Answered(began.elapsed()),
        Some(error) if error.is_congestion() => Sample::Congested,
        Some(_) => Sample::Neutral,
    }
}
