//! The watch of merchants: changes by API, made in this or another process, are seen by all within two seconds.

use crate::app::App;
use std::time::Duration;
use tokio::time::sleep;

/// The pause between two looks at the versions.
const PAUSE: Duration = Duration::from_millis(1900);

/// Follows the merchants of the ledger until the shutdown.
pub(super) async fn run(app: App) {
    loop {
        tokio::select! {
            biased;
            () = app.shutdown().started() => return,
            () = sleep(PAUSE) => {}
        }
        if let Err(error) = app.reload_merchants().await
            && app.log().permits("merchants_unreadable")
        {
            tracing::warn!(%error, "the merchants cannot be read; trying again");
        }
    }
}
