//! Reading the event log.

use super::filter::EventFilter;
use crate::{
    engine::{Ledger, LedgerError},
    ledger::{
        Prefix, Scan,
        rows::event::{EVENT_LOG, EventLogRow, EventRow},
        table::Cell as _,
    },
};
use serde::{Deserialize, Serialize};

/// The events that one read returns at most.
const PAGE: usize = 500;

/// The pages that a list reads for one request: a filter that selects nothing must not read the whole log.
const MAX_PAGES: usize = 20;

/// A position in the event log. Later events have greater ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct EventPosition {
    /// The month, or an earlier one that has no later events.
    pub(crate) month: u64,
    pub(crate) position: u64,
}

impl EventPosition {
    /// Returns the position of an event.
    pub(crate) fn of(event: &EventRow) -> Self {
        Self { month: event.month, position: event.position }
    }
}

/// A part of the event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EventsPage {
    pub(crate) events: Vec<EventRow>,
    /// The position after which the next page begins, also if there is none yet.
    pub(crate) next: EventPosition,
    pub(crate) has_more: bool,
}

/// Returns the events after a position, in order, at most `limit`.
///
/// # Errors
///
/// If they cannot be read.
pub(crate) async fn read_events(
    ledger: &Ledger,
    after: EventPosition,
    limit: usize,
) -> Result<Vec<EventRow>, LedgerError> {
    let after = vec![after.month.to_value(), EVENT_LOG.to_value(), after.position.to_value()];
    ledger.scan(Scan::of("", limit).after(after)).await
}

/// Returns the position of the last event.
///
/// # Errors
///
/// If it cannot be read.
pub(crate) async fn last_position(ledger: &Ledger) -> Result<EventPosition, LedgerError> {
    let log = ledger.load(EventLogRow::only()).await?.pop();
    Ok(log.map_or_else(EventPosition::default, |log| EventPosition { month: log.month, position: log.last }))
}

/// Lists the events that a filter selects, after a position, in order, at most `limit`. A page may have fewer, or none,
/// although there are more.
///
/// # Errors
///
/// If they cannot be read.
pub(crate) async fn list_events(
    ledger: &Ledger,
    filter: &EventFilter,
    after: Option<EventPosition>,
    limit: usize,
) -> Result<EventsPage, LedgerError> {
    let mut page = EventsPage { events: Vec::new(), next: after.unwrap_or_default(), has_more: false };
    for _ in 0..MAX_PAGES {
        let rows = read_events(ledger, page.next, PAGE).await?;
        page.has_more = rows.len() == PAGE;
        for row in rows {
            let is_selected = filter.matches(&row);
            if is_selected && page.events.len() >= limit {
                page.has_more = true;
                return Ok(page);
            }
            page.next = EventPosition::of(&row);
            if is_selected {
                page.events.push(row);
            }
        }
        if !page.has_more {
            break;
        }
    }
    Ok(page)
}

/// Returns the event at a position.
pub(super) fn event_at(position: EventPosition) -> Prefix<EventRow> {
    Prefix::all().and(&position.month).and(&EVENT_LOG).and(&position.position)
}

/// Returns the event with this id.
pub(super) async fn find_event(ledger: &Ledger, id: &str) -> Result<Option<EventRow>, LedgerError> {
    Ok(ledger.scan(Scan::<EventRow>::of("events_by_id", 1).equal(&id.to_owned())).await?.pop())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::rows::event::EventType,
        webhooks::{
            filter::Merchants,
            testing::{Fixture, NOW},
        },
    };
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn pages_of_a_filtered_list_join_without_gap_or_repetition() {
        let fixture = Fixture::new();
        for number in 0..1200_u64 {
            fixture.emit(
                &format!("A{number}"),
                1,
                if number % 100 == 7 { EventType::OrderClosed } else { EventType::OrderPaid },
            );
        }
        fixture.number().await;
        let filter = EventFilter::new(Merchants::All, &[EventType::OrderClosed]);
        let (mut after, mut seen, mut pages) = (None, Vec::new(), 0);
        loop {
            let page = list_events(&fixture.ledger(), &filter, after, 5).await.unwrap();
            assert!(page.events.len() <= 5);
            seen.extend(page.events.iter().map(|event| event.position));
            after = Some(page.next);
            pages += 1;
            if !page.has_more {
                break;
            }
        }
        assert_eq!(seen.len(), 12);
        assert!(seen.is_sorted_by(|one, other| one < other) && pages == 3, "{seen:?} {pages}");
        let nothing = list_events(&fixture.ledger(), &filter, after, 5).await.unwrap();
        assert!(nothing.events.is_empty() && Some(nothing.next) == after);
    }

    #[tokio::test(start_paused = true)]
    async fn positions_go_on_across_months_and_ids_are_found() {
        let fixture = Fixture::new();
        fixture.emit("A1", 1, EventType::OrderPaid);
        fixture.number().await;
        fixture.advance(Duration::from_hours(40 * 24)).await;
        fixture.emit("A2", 1, EventType::OrderPaid);
        fixture.number().await;
        let all = read_events(&fixture.ledger(), EventPosition::default(), 10).await.unwrap();
        assert_eq!(all.iter().map(|event| event.position).collect::<Vec<_>>(), [1, 2]);
        assert!(all[0].month < all[1].month && all[0].at == NOW);
        let after = read_events(&fixture.ledger(), EventPosition::of(&all[0]), 10).await.unwrap();
        assert_eq!(after, all[1..]);
        // The month of a later event with the position of an earlier one is a position between them.
        let between = EventPosition { month: all[1].month, position: 1 };
        assert_eq!(read_events(&fixture.ledger(), between, 10).await.unwrap(), all[1..]);
        assert_eq!(last_position(&fixture.ledger()).await.unwrap(), EventPosition::of(&all[1]));
        assert_eq!(find_event(&fixture.ledger(), &all[1].id).await.unwrap().as_ref(), Some(&all[1]));
        assert_eq!(find_event(&fixture.ledger(), "evt_0").await.unwrap(), None);
    }
}
