//! Metrics that are read from the ledger: its counters, open cases, and the audit of the latest orders.

use crate::{
    app::App,
    audit,
    engine::{LedgerError, LedgerMetrics},
    ledger::{
        Scan,
        rows::{
            case::{CaseRow, CaseStatus},
            order::OrderRow,
        },
    },
};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The pause between two readings: shorter than the interval at which metrics are collected.
const PAUSE: Duration = Duration::from_secs(5);
/// The interval of the audit.
const AUDIT_INTERVAL: Duration = Duration::from_mins(1);
/// The orders of one merchant that are audited, the latest.
const AUDITED_ORDERS: usize = 100;
/// The open cases of one merchant that are counted at most: the count reads them.
const MAX_COUNTED: usize = 1000;

/// Sets the metrics until the shutdown.
pub(super) async fn run(app: App) {
    let mut counted = LedgerMetrics::default();
    let mut audit_at = Instant::now();
    loop {
        let now = app.ledger().metrics();
        app.metrics().count_ledger(&counted, &now);
        counted = now;
        let is_audit_due = Instant::now() >= audit_at;
        if let Err(error) = read(&app, is_audit_due).await
            && app.log().permits("gauges")
        {
            tracing::warn!(reason = %error, "metrics cannot be read from the ledger; they will be later");
        }
        if is_audit_due {
            audit_at = Instant::now().checked_add(AUDIT_INTERVAL).unwrap_or(audit_at);
        }
        tokio::select! {
            biased;
            () = app.shutdown().started() => return,
            () = sleep(PAUSE) => {}
        }
    }
}

async fn read(app: &App, is_audit_due: bool) -> Result<(), LedgerError> {
    app.metrics().set_open_cases(open_cases(app).await?);
    if is_audit_due {
        let found = violations(app).await?;
        app.metrics().set_all_violations(&found);
    }
    Ok(())
}

/// Counts the cases that wait for a decision.
pub(super) async fn open_cases(app: &App) -> Result<usize, LedgerError> {
    let mut count = 0_usize;
    for merchant in app.merchants().all() {
        let scan = Scan::<CaseRow>::of("cases_by_status", MAX_COUNTED).equal(merchant.name());
        let open = app.ledger().scan(scan.equal(&CaseStatus::Open)).await?;
        count = count.saturating_add(open.len());
    }
    Ok(count)
}

/// Audits the latest orders, and the notifications that were acknowledged. Returns the invariant of each violation.
pub(super) async fn violations(app: &App) -> Result<Vec<&'static str>, LedgerError> {
    let mut found = Vec::new();
    for merchant in app.merchants().all() {
        let scan = Scan::<OrderRow>::of("orders_recent", AUDITED_ORDERS).equal(merchant.name());
        for order in app.ledger().scan(scan.descending()).await? {
            let key = order.key();
            for (invariant, rule) in audit::violations(app.ledger(), &key).await? {
                found.push(invariant);
                if app.log().permits("violation") {
                    tracing::error!(subject = %key.subject().as_str(), rule, "an order needs manual review");
                }
            }
        }
    }
    let unrecorded = app.acknowledged().unrecorded(app.ledger()).await?;
    if unrecorded > 0 && app.log().permits("violation") {
        tracing::error!(count = unrecorded, "acknowledged notifications are not in the ledger");
    }
    found.extend(std::iter::repeat_n("ack_before_commit", unrecorded));
    Ok(found)
}
