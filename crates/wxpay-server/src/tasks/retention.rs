//! Retention: old messages and events are deleted once a day, and room is made for those of the next month.

use super::leases::{Leases, name_of};
use crate::{
    app::App,
    engine::LedgerError,
    ledger::{
        Scan, Shard,
        retention::{DeleteOld, Expiring, ExpiringByMonth},
        rows::{
            access::{AuditRow, IdempotencyRow},
            event::EventRow,
            inbox::{CallRow, InboxRow},
            webhook::{AttemptRow, DeferredRow},
        },
    },
};
use std::time::Duration;
use tokio::time::sleep;

/// The pause before the first run: a start has more urgent work.
const FIRST: Duration = Duration::from_mins(5);
/// The pause between runs.
const PAUSE: Duration = Duration::from_hours(24);
/// The pause between two operations, which leaves room for payments.
const BREATH: Duration = Duration::from_millis(50);

/// Makes room for the next month and deletes old rows, once a day, until the shutdown.
pub(super) async fn run(app: App, leases: Leases) {
    let mut pause = FIRST;
    loop {
        tokio::select! {
            biased;
            () = app.shutdown().started() => return,
            () = sleep(pause) => {}
        }
        pause = PAUSE;
        // One process is enough.
        let is_holder = Shard::all().next().is_some_and(|first| leases.claim(&name_of(first)).is_some());
        if !is_holder {
            pause = FIRST;
            continue;
        }
        let deleting = tokio::select! {
            biased;
            () = app.shutdown().started() => return,
            deleted = prepare_and_delete(&app) => deleted,
        };
        if let Err(error) = deleting {
            tracing::warn!(reason = %error, "old rows cannot be deleted; they will be later");
            pause = FIRST;
        }
    }
}

async fn prepare_and_delete(app: &App) -> Result<usize, LedgerError> {
    app.ledger().prepare_months(app.now()).await?;
    delete_all(app).await
}

/// Deletes every expired row. Returns the number of deletions: of rows, or of whole months.
pub(crate) async fn delete_all(app: &App) -> Result<usize, LedgerError> {
    let counts = [
        delete_months::<EventRow>(app).await?,
        delete_months::<AuditRow>(app).await?,
        delete_months::<InboxRow>(app).await?,
        delete_months::<CallRow>(app).await?,
        delete_months::<AttemptRow>(app).await?,
        delete::<IdempotencyRow>(app, true).await?,
        // Not in the order of age: all must be looked at.
        delete::<DeferredRow>(app, false).await?,
    ];
    Ok(counts.into_iter().fold(0, usize::saturating_add))
}

async fn delete_months<T: ExpiringByMonth>(app: &App) -> Result<usize, LedgerError> {
    let before = T::first_month(&app.settings().retention, app.now());
    match app.ledger().drop_months(T::INFO, before).await? {
        Some(months) => Ok(months),
        None => delete::<T>(app, true).await,
    }
}

async fn delete<T: Expiring>(app: &App, is_by_age: bool) -> Result<usize, LedgerError> {
    let retention = app.settings().retention;
    let (mut deleted, mut after) = (0_usize, None);
    loop {
        let scan: Scan<T> = T::oldest();
        let scan = match after.take() {
            Some(position) => scan.after(position),
            None => scan,
        };
        let page = app.ledger().scan(scan.clone()).await?;
        let Some(last) = page.last() else { return Ok(deleted) };
        after = Some(scan.position(last));
        let is_full = page.len() >= scan.limit;
        let now = app.now();
        let rows: Vec<T> = page.into_iter().filter(|row| row.is_expired(&retention, now)).collect();
        if rows.is_empty() && is_by_age {
            return Ok(deleted);
        }
        if !rows.is_empty() {
            let count = app.ledger().run(DeleteOld { rows, retention }, app.context()).await?;
            deleted = deleted.saturating_add(count);
        }
        if !is_full {
            return Ok(deleted);
        }
        sleep(BREATH).await;
    }
}
