//! Replaying events.

use super::{Caller, EndpointError, Endpoints};
use crate::{
    ledger::{
        month::month_of,
        rows::webhook::EndpointRow,
        webhook::{EventRef, MAX_REPLAYED, ReplayEvents},
    },
    webhooks::{
        events::{EventPosition, find_event, read_events},
        filter::EventFilter,
    },
};
use serde_json::{Value, json};
use std::time::Duration;
use wxpay_proto::UnixTime;

/// The largest number of events of one replay.
const MAX_EVENTS: usize = 10_000;

/// The events that one read returns at most.
const PAGE: usize = 1000;

/// The time by which an event may be numbered later than events that are younger: the log is in order of numbering.
const MAX_DISORDER: Duration = Duration::from_hours(24);

/// The events of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Replayed {
    /// A single event, by its id.
    One(String),
    /// The events from a time on, before another.
    Between {
        from: UnixTime,
        /// Now, if it is `None`.
        until: Option<UnixTime>,
    },
}

impl Endpoints {
    /// Delivers events to an endpoint again: those of its merchants and types. Returns their number.
    ///
    /// # Errors
    ///
    /// If there is no such endpoint or event, there are more than 10,000 events, or the ledger fails.
    pub(crate) async fn replay(
        &self,
        caller: &Caller,
        endpoint: &str,
        replayed: Replayed,
    ) -> Result<Value, EndpointError> {
        let row = self.find(caller, endpoint).await?;
        let events = match replayed {
            Replayed::One(id) => vec![self.one(&row, &id).await?],
            Replayed::Between { from, until } => {
                self.between(&row, from, until.unwrap_or_else(|| self.ambient.now())).await?
            }
        };
        let mut count = 0_usize;
        for events in events.chunks(MAX_REPLAYED) {
            let (endpoint, events) = (row.endpoint.clone(), events.to_vec());
            let replay = ReplayEvents { endpoint, events, actor: caller.actor.clone() };
            let replayed = self.run(replay).await?.ok_or(EndpointError::NoEndpoint)?;
            count = count.saturating_add(replayed);
        }
        Ok(json!({ "events": count }))
    }

    async fn one(&self, endpoint: &EndpointRow, id: &str) -> Result<EventRef, EndpointError> {
        let event = find_event(&self.ledger, id).await?;
        let event = event.filter(|event| EventFilter::of(endpoint).matches(event));
        event.map(|event| EventRef::to(&event)).ok_or(EndpointError::NoEvent)
    }

    async fn between(
        &self,
        endpoint: &EndpointRow,
        from: UnixTime,
        until: UnixTime,
    ) -> Result<Vec<EventRef>, EndpointError> {
        let filter = EventFilter::of(endpoint);
        let mut events = Vec::new();
        // An event is numbered after it occurred, so in the month of that time or later.
        let mut after = EventPosition { month: month_of(from), position: 0 };
        loop {
            let rows = read_events(&self.ledger, after, PAGE).await?;
            let is_last = rows.len() < PAGE || rows.iter().all(|row| row.at >= until.after(MAX_DISORDER));
            for row in rows {
                after = EventPosition::of(&row);
                if (from..until).contains(&row.at) && filter.matches(&row) {
                    events.push(EventRef::to(&row));
                }
            }
            if events.len() > MAX_EVENTS {
                let rule =
                    format!("must select at most {MAX_EVENTS} events: narrow the time by from and until");
                return Err(EndpointError::invalid("from", rule));
            }
            if is_last {
                return Ok(events);
            }
        }
    }
}
