//! Telling WeChat Pay that the goods are on their way.

use crate::{
    app::App,
    ledger::{Report, Reported},
    problem::{Problem, causes},
    time::now,
};
use axum::http::StatusCode;
use wxpay_proto::{id::OutTradeNo, v1::Delivery};

/// What came of a report.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// WeChat Pay knows.
    Told,
    /// It does not, for this reason; the report is in the ledger where that can help.
    Failed(Problem),
}

/// Takes a report of delivery in and passes it on, in a task of its own. The same report again is not passed on
/// twice, unless it failed before.
///
/// # Errors
///
/// When the report breaks a rule, or the ledger is not available.
pub(crate) async fn notify_delivery(
    app: &App,
    number: &OutTradeNo,
    report: Report,
) -> Result<Outcome, Problem> {
    let (worker, number, busy) = (app.clone(), number.clone(), app.ending.busy());
    let work = tokio::spawn(async move {
        let _busy = busy;
        pass_on(&worker, &number, report).await
    });
    work.await.unwrap_or_else(|_| Err(Problem::ending()))
}

async fn pass_on(app: &App, number: &OutTradeNo, report: Report) -> Result<Outcome, Problem> {
    let failure = (!report.delivered).then(|| report.message.clone());
    if let Some(reason) = &failure {
        check_reason(reason)?;
    }
    let (transaction_id, openid, reported_at) = match app.ledger.report(number.clone(), report, now()).await?
    {
        Reported::Tell { transaction_id, openid, reported_at } => (transaction_id, openid, reported_at),
        Reported::Told => return Ok(Outcome::Told),
        Reported::NoOrder => return Err(Problem::no_order()),
        Reported::NotPaid => return Err(not_paid()),
        Reported::NoPayer => {
            let rule = "must be given: no notice has named the payer";
            return Err(Problem::field("openid", rule));
        }
    };
    let mut delivery = Delivery::made(openid, transaction_id, number.clone());
    if let Some(reason) = failure {
        delivery = delivery.failed(&reason)?;
    }
    match app.gateway.run(app.gateway.merchant.notify_delivery(delivery)).await {
        Ok(()) => {
            app.ledger.told(number.clone(), reported_at, now()).await?;
            Ok(Outcome::Told)
        }
        Err(error) => {
            tracing::warn!(out_trade_no = %number, causes = causes(&error), "the delivery could not be told");
            Ok(Outcome::Failed(Problem::gateway(&error)))
        }
    }
}

/// The protocol's rule, under the name it has here, before anything is written.
fn check_reason(reason: &str) -> Result<(), Problem> {
    if reason.is_empty() || reason.len() > 256 || reason.chars().any(char::is_control) {
        return Err(Problem::field("message", "must be 1 to 256 bytes without control characters"));
    }
    Ok(())
}

fn not_paid() -> Problem {
    let title = "The order is not paid";
    let detail = "there is no payment to deliver for";
    Problem::new(StatusCode::CONFLICT, "not-paid", title, detail)
}
