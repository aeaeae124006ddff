//! An event: a try, and the record of its result.

use super::Shared;
use crate::{
    engine::LedgerError,
    ledger::{
        Context, Operation, Subject,
        rows::{
            event::{EVENT_LOG, EventRow},
            webhook::{DeferredRow, EndpointRow},
        },
        webhook::{DeferEvent, DeliveryFailure, DisableEndpoint, EventRef, GiveUpEvent, RecordDelivered},
    },
    observe::metrics::DeliveryOutcome,
    webhooks::{
        attempt::{Target, Try},
        body::event_json,
        context,
        events::{EventPosition, event_at},
        retry::{self, Next, Outcome},
    },
};
use std::sync::Arc;
use tracing::Instrument as _;

/// The work on one event.
#[derive(Debug)]
pub(super) enum Work {
    /// An event of the log that the cursor has not passed.
    New(Box<EventRow>),
    /// A deferred event that is due.
    Retry(Box<DeferredRow>),
}

/// The end of the work on one event: it is delivered, deferred or given up, durably.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) subject: Subject,
    /// The position in the log, if the cursor has not passed it.
    pub(super) position: Option<u64>,
    pub(super) result: Tried,
}

/// The result of the work, for the worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tried {
    Delivered,
    /// The endpoint replied with another status.
    Refused,
    NoResponse,
    /// Nothing was sent.
    Nothing,
    /// The endpoint was disabled or deleted.
    EndpointGone,
}

/// The recipient of the event.
#[derive(Clone, Debug)]
pub(super) struct Recipient {
    pub(super) shared: Arc<Shared>,
    pub(super) endpoint: String,
    pub(super) target: Arc<Target>,
}

impl Work {
    pub(super) fn subject(&self) -> &Subject {
        match self {
            Self::New(event) => &event.subject,
            Self::Retry(row) => &row.subject,
        }
    }

    /// Does the work. Only one work per subject may be in progress.
    pub(super) async fn run(self, to: Recipient) -> Result<Finished, LedgerError> {
        match self {
            Self::New(event) => {
                let result = to.deliver_new(&event).await?;
                Ok(Finished { subject: event.subject, position: Some(event.position), result })
            }
            Self::Retry(row) => {
                let result = to.retry(&row).await?;
                Ok(Finished { subject: row.subject, position: None, result })
            }
        }
    }
}

impl Recipient {
    async fn deliver_new(&self, event: &EventRow) -> Result<Tried, LedgerError> {
        let queue = DeferredRow::of(&self.endpoint).and(&event.subject);
        let queue = self.shared.parts.ledger.load(queue).await?;
        if queue.iter().any(|row| (row.log, row.position) == (event.log, event.position)) {
            // It was deferred before the cursor was recorded, or is replayed.
            return Ok(Tried::Nothing);
        }
        if queue.iter().any(|row| !row.gave_up && row.position < event.position) {
            let waiting =
                DeferEvent { endpoint: self.endpoint.clone(), event: EventRef::to(event), failure: None };
            let deferred = self.run(waiting).await?;
            return Ok(if deferred.is_some() { Tried::Nothing } else { Tried::EndpointGone });
        }
        self.try_once(event, 0).await
    }

    async fn retry(&self, row: &DeferredRow) -> Result<Tried, LedgerError> {
        debug_assert_eq!(row.log, EVENT_LOG);
        let position = EventPosition { month: row.month, position: row.position };
        let Some(event) = self.shared.parts.ledger.load(event_at(position)).await?.pop() else {
            // It is older than the time for which events are kept.
            let event = EventRef::to_deferred(row);
            self.run(GiveUpEvent { endpoint: self.endpoint.clone(), event, attempt: None }).await?;
            return Ok(Tried::Nothing);
        };
        self.try_once(&event, row.attempts).await
    }

    async fn try_once(&self, event: &EventRow, earlier: u64) -> Result<Tried, LedgerError> {
        let parts = &self.shared.parts;
        let tried = {
            // The semaphore is never closed; without a permit the limit would not hold, but the event would be sent.
            let _permit = self.shared.tries.acquire().await;
            self.target
                .send(&*parts.transport, &*parts.ambient, &event.id, event_json(event))
                .instrument(tracing::info_span!("webhook", event = event.id))
                .await
        };
        self.record(event, earlier, &tried).await
    }

    async fn record(&self, event: &EventRow, earlier: u64, tried: &Try) -> Result<Tried, LedgerError> {
        let metrics = &self.shared.parts.metrics;
        let attempt = tried.row(&self.endpoint, event);
        let (endpoint, event) = (self.endpoint.clone(), EventRef::to(event));
        let Context { now, random } = context(&*self.shared.parts.ambient);
        let attempts = u32::try_from(earlier).unwrap_or(u32::MAX).saturating_add(1);
        let next = retry::next(attempts, now, tried.outcome, random);
        match (tried.outcome, next) {
            (Outcome::Delivered, _) => {
                metrics.webhook_delivery(DeliveryOutcome::Delivered);
                self.run(RecordDelivered { endpoint, event, attempt }).await?;
                Ok(Tried::Delivered)
            }
            (Outcome::Gone, _) => {
                metrics.webhook_delivery(DeliveryOutcome::Disabled);
                // Due as soon as the endpoint is enabled again.
                let failure = Some(DeliveryFailure { attempt, next_at: now });
                self.run(DeferEvent { endpoint, event, failure }).await?;
                self.disable("the endpoint replied 410").await
            }
            (Outcome::Failed { .. }, Next::At(next_at)) => {
                metrics.webhook_delivery(DeliveryOutcome::Failed);
                let failure = Some(DeliveryFailure { attempt, next_at });
                let deferred = self.run(DeferEvent { endpoint, event, failure }).await?;
                self.check_failing(deferred.map(|deferred| deferred.endpoint), tried).await
            }
            (Outcome::Failed { .. }, Next::GiveUp) => {
                metrics.webhook_delivery(DeliveryOutcome::Exhausted);
                self.run(GiveUpEvent { endpoint, event, attempt: Some(attempt) }).await?;
                let known = self.shared.parts.ledger.load(EndpointRow::of(&self.endpoint)).await?.pop();
                self.check_failing(known, tried).await
            }
        }
    }

    /// Disables the endpoint if it has failed for too long.
    async fn check_failing(&self, endpoint: Option<EndpointRow>, tried: &Try) -> Result<Tried, LedgerError> {
        let Some(endpoint) = endpoint else { return Ok(Tried::EndpointGone) };
        if !retry::must_disable(endpoint.failing_since, self.shared.parts.ambient.now()) {
            return Ok(if tried.http_status.is_some() { Tried::Refused } else { Tried::NoResponse });
        }
        self.shared.parts.metrics.webhook_delivery(DeliveryOutcome::Disabled);
        self.disable("no delivery succeeded in 5 days").await
    }

    async fn disable(&self, reason: &str) -> Result<Tried, LedgerError> {
        self.run(DisableEndpoint { endpoint: self.endpoint.clone(), reason: reason.into() }).await?;
        tracing::warn!(endpoint = %self.endpoint, reason, "webhook endpoint disabled");
        Ok(Tried::EndpointGone)
    }

    async fn run<O: Operation>(&self, operation: O) -> Result<O::Output, LedgerError> {
        let parts = &self.shared.parts;
        parts.ledger.run(operation, context(&*parts.ambient)).await
    }
}
