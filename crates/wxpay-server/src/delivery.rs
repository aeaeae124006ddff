//! Delivery reports to WeChat Pay.

use crate::{
    app::App,
    ledger::{Report, Reported},
    problem::{Problem, causes},
    time::now,
};
use axum::http::StatusCode;
use wxpay_proto::{id::OutTradeNo, v1::DeliveryReport};

/// The result of a delivery report.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// WeChat Pay acknowledged the report.
    Acknowledged,
    /// WeChat Pay did not acknowledge the report; it stays in the ledger and may be sent again.
    Failed(Problem),
}

/// Records a delivery report and sends it to WeChat Pay. A report that was acknowledged before is not sent again.
///
/// The work runs in its own task: if the client disconnects, the acknowledgement is still in the ledger.
///
/// # Errors
///
/// If the report is invalid, or the ledger is not available.
pub(crate) async fn notify_delivery(
    app: &App,
    number: &OutTradeNo,
    report: Report,
) -> Result<Outcome, Problem> {
    let (worker, number, active) = (app.clone(), number.clone(), app.shutdown.begin());
    let work = tokio::spawn(async move {
        let _active = active;
        send_report(&worker, &number, report).await
    });
    work.await.unwrap_or_else(|_| Err(Problem::interrupted()))
}

async fn send_report(app: &App, number: &OutTradeNo, report: Report) -> Result<Outcome, Problem> {
    let failure = (!report.delivered).then(|| report.message.clone());
    if let Some(reason) = &failure {
        check_reason(reason)?;
    }
    let (transaction_id, openid, reported_at) =
        match app.ledger.record_delivery(number.clone(), report, now()).await? {
            Reported::Send { transaction_id, openid, reported_at } => (transaction_id, openid, reported_at),
            Reported::Acknowledged => return Ok(Outcome::Acknowledged),
            Reported::NoOrder => return Err(Problem::no_order()),
            Reported::NotPaid => return Err(not_paid()),
            Reported::NoPayer => {
                let rule = "is required: no notification has named the payer";
                return Err(Problem::field("openid", rule));
            }
        };
    let mut delivery = DeliveryReport::succeeded(openid, transaction_id, number.clone());
    if let Some(reason) = failure {
        delivery = delivery.failed(&reason)?;
    }
    match app.gateway.run(app.gateway.merchant.notify_delivery(delivery)).await {
        Ok(()) => {
            app.ledger.acknowledge_delivery(number.clone(), reported_at, now()).await?;
            Ok(Outcome::Acknowledged)
        }
        Err(error) => {
            tracing::warn!(out_trade_no = %number, causes = causes(&error), "WeChat Pay did not acknowledge the delivery report");
            Ok(Outcome::Failed(Problem::gateway(&error)))
        }
    }
}

/// Checks the protocol's rule for `deliver_msg` before anything is written. The error names the field of this API,
/// `message`.
fn check_reason(reason: &str) -> Result<(), Problem> {
    if reason.is_empty() || reason.len() > 256 || reason.chars().any(char::is_control) {
        return Err(Problem::field("message", "must be 1 to 256 bytes without control characters"));
    }
    Ok(())
}

fn not_paid() -> Problem {
    let title = "The order is not paid";
    let detail = "a delivery can be reported only for a paid order";
    Problem::new(StatusCode::CONFLICT, "not-paid", title, detail)
}
