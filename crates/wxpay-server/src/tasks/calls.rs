//! Storing the calls that are worth keeping.

use crate::{app::App, ledger::inbox::RecordCalls};
use std::time::Duration;
use tokio::time::sleep;

/// The time in which calls are collected, to be stored together.
const COLLECTION: Duration = Duration::from_millis(200);
/// The pause after a failure.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// Stores calls until the shutdown, then those that are left.
pub(super) async fn run(app: App) {
    loop {
        let is_last = tokio::select! {
            biased;
            () = app.shutdown().started() => true,
            () = app.upstream().log().added() => false,
        };
        if !is_last {
            sleep(COLLECTION).await;
        }
        let is_stored = store(&app).await;
        if is_last {
            return;
        }
        if !is_stored {
            sleep(RETRY_DELAY).await;
        }
    }
}

/// Stores the calls that wait. Returns `false` if the ledger is away.
pub(super) async fn store(app: &App) -> bool {
    loop {
        let calls = app.upstream().log().take();
        if calls.is_empty() {
            return true;
        }
        if let Err(error) = app.ledger().run(RecordCalls { calls: calls.clone() }, app.context()).await {
            app.upstream().log().put_back(calls);
            if app.log().permits("call_log") {
                tracing::warn!(reason = %error, "calls cannot be logged; they will be later");
            }
            return false;
        }
    }
}
