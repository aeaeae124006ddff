//! Numbering events: the outbox becomes the event log.

use super::leases::{EVENT_LOG, Leases};
use crate::{
    app::App,
    engine::LedgerError,
    ledger::{
        Scan,
        events::{MAX_NUMBERED, NumberEvents, NumberedEvents},
        rows::event::OutboxRow,
    },
};
use std::time::Duration;
use tokio::time::sleep;

/// The longest pause between two looks at the outbox: other processes fill it without waking this one.
const PAUSE: Duration = Duration::from_secs(1);

/// Numbers events until the shutdown, then those that are left.
pub(super) async fn run(app: App, leases: Leases) {
    loop {
        let is_last = tokio::select! {
            biased;
            () = app.shutdown().started() => true,
            () = app.outbox_changed() => false,
            () = leases.taken() => false,
            () = sleep(PAUSE) => false,
        };
        if let Err(error) = number(&app, &leases).await {
            if app.log().permits("numbering") {
                tracing::warn!(reason = %error, "events cannot be numbered; they will be later");
            }
            if !is_last {
                sleep(PAUSE).await;
            }
        }
        if is_last {
            return;
        }
    }
}

/// Numbers all events of the outbox.
pub(super) async fn number(app: &App, leases: &Leases) -> Result<(), LedgerError> {
    loop {
        let Some(lease) = leases.claim(EVENT_LOG) else { return Ok(()) };
        let outbox = app.ledger().scan(Scan::<OutboxRow>::of("", MAX_NUMBERED)).await?;
        if outbox.is_empty() {
            return Ok(());
        }
        let is_full = outbox.len() >= MAX_NUMBERED;
        let number = NumberEvents { outbox, lease: Some(lease) };
        // Not with `App::run`, which would wake this loop.
        match app.ledger().run(number, app.context()).await? {
            NumberedEvents::Numbered(events) => {
                if let Some(last) = events.last() {
                    app.events_numbered(last.position);
                }
            }
            NumberedEvents::NotHeld => return Ok(()),
        }
        if !is_full {
            return Ok(());
        }
    }
}
