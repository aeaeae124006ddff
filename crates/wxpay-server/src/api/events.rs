//! The event list over HTTP.

use crate::{app::App, ledger::Event, problem::Problem};
use axum::{
    Json,
    extract::{RawQuery, State},
};
use serde::Serialize;

/// Default number of events in one reply.
const DEFAULT_LIMIT: u16 = 100;
/// Limit of events in one reply.
const MAX_LIMIT: u16 = 1000;

#[derive(Debug, Serialize)]
pub(super) struct Events {
    events: Vec<Event>,
    /// The value of `after` for the next request.
    next: i64,
}

/// `GET /api/events?after=N&limit=M`: the events after number `N`, oldest first. Events are never deleted and never
/// repeated, so a shop that stores the number of the last event it processed misses none.
pub(super) async fn list(State(app): State<App>, RawQuery(query): RawQuery) -> Result<Json<Events>, Problem> {
    let (after, limit) = page(query.as_deref().unwrap_or_default())?;
    let events = app.ledger.events(after, limit).await?;
    let next = events.last().map_or(after, |event| event.number);
    Ok(Json(Events { events, next }))
}

fn page(query: &str) -> Result<(i64, u16), Problem> {
    let (mut after, mut limit) = (None, None);
    for part in query.split('&').filter(|part| !part.is_empty()) {
        match part.split_once('=').unwrap_or((part, "")) {
            ("after", value) if after.is_none() => after = Some(parse_integer(value).ok_or_else(bad_after)?),
            ("limit", value) if limit.is_none() => {
                let value = parse_integer(value).and_then(|value| u16::try_from(value).ok());
                limit = Some(value.filter(|value| (1..=MAX_LIMIT).contains(value)).ok_or_else(bad_limit)?);
            }
            _ => return Err(Problem::field("query", "must consist of after and limit, each at most once")),
        }
    }
    Ok((after.unwrap_or(0), limit.unwrap_or(DEFAULT_LIMIT)))
}

fn parse_integer(text: &str) -> Option<i64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}

fn bad_after() -> Problem {
    Problem::field("after", "must be the number of an event, or 0")
}

fn bad_limit() -> Problem {
    Problem::field("limit", "must be a whole number from 1 to 1000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_and_limit_must_be_whole_numbers() {
        assert_eq!(page("").unwrap(), (0, 100));
        assert_eq!(page("after=7&limit=1000").unwrap(), (7, 1000));
        for bad in [
            "after=-1",
            "after=+1",
            "after=1&after=2",
            "limit=0",
            "limit=1001",
            "limit=",
            "before=1",
            "after",
        ] {
            assert!(page(bad).is_err(), "{bad}");
        }
    }
}
