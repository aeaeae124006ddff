//! The list of attempts.

use super::{Caller, EndpointError, Endpoints, RecordsPage, record};
use crate::{
    ledger::{
        Scan, Value,
        rows::{
            event::{EVENT_LOG, EventRow},
            webhook::AttemptRow,
        },
        table::Cell as _,
    },
    webhooks::events::{EventPosition, event_at},
};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use wxpay_proto::UnixTime;

/// The months before an attempt in which its event is looked for: as long as events are kept.
const MAX_MONTHS: usize = 14;

/// The position of an attempt in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AttemptPosition {
    /// The time, in milliseconds.
    at: u64,
    month: u64,
    position: u64,
}

impl AttemptPosition {
    fn of(row: &AttemptRow) -> Self {
        Self { at: row.at.as_millis(), month: row.month, position: row.position }
    }

    /// Returns the cells that order the rows of a scan.
    fn values(&self, scan: &Scan<AttemptRow>) -> Vec<Value> {
        let cell = |column| match column {
            "at" => Some(UnixTime::from_millis(self.at).to_value()),
            "month" => Some(self.month.to_value()),
            "log" => Some(EVENT_LOG.to_value()),
            "position" => Some(self.position.to_value()),
            _ => None,
        };
        scan.order().into_iter().filter_map(cell).collect()
    }
}

impl Endpoints {
    /// Lists the attempts of an endpoint, newest first, after this position.
    ///
    /// # Errors
    ///
    /// If there is no such endpoint, or the ledger fails.
    pub(crate) async fn attempts(
        &self,
        caller: &Caller,
        endpoint: &str,
        after: Option<AttemptPosition>,
        limit: usize,
    ) -> Result<RecordsPage<AttemptPosition>, EndpointError> {
        let endpoint = self.find(caller, endpoint).await?.endpoint;
        let mut scan =
            Scan::<AttemptRow>::of("attempts_recent", limit.saturating_add(1)).equal(&endpoint).descending();
        if let Some(after) = after {
            let after = after.values(&scan);
            scan = scan.after(after);
        }
        let mut rows = self.ledger.scan(scan).await?;
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next = rows.last().filter(|_| has_more).map(AttemptPosition::of);
        let events = self.events_of(&rows).await?;
        let data = rows.iter().map(|row| record::attempt(row, events.get(&row.position))).collect();
        Ok(RecordsPage { data, next })
    }

    /// Returns the events of attempts, by position. An attempt does not name the month of its event, which is that of
    /// the attempt or an earlier one.
    async fn events_of(&self, rows: &[AttemptRow]) -> Result<BTreeMap<u64, EventRow>, EndpointError> {
        let mut found = BTreeMap::new();
        let mut missing: BTreeSet<(u64, u64)> = rows.iter().map(|row| (row.month, row.position)).collect();
        for _ in 0..MAX_MONTHS {
            if missing.is_empty() {
                break;
            }
            let at = |(month, position): &(u64, u64)| EventPosition { month: *month, position: *position };
            let loads = missing.iter().map(|position| event_at(at(position)).load()).collect();
            for event in
                self.ledger.read(loads).await?.all::<EventRow>().map_err(crate::engine::LedgerError::from)?
            {
                found.insert(event.position, event);
            }
            missing = missing
                .into_iter()
                .filter(|(_, position)| !found.contains_key(position))
                .map(|(month, position)| (month_before(month), position))
                .collect();
        }
        Ok(found)
    }
}

/// Returns the month before one such as 202601.
fn month_before(month: u64) -> u64 {
    let is_january = month.checked_rem(100) == Some(1);
    month.saturating_sub(if is_january { 89 } else { 1 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn month_before_january_is_december() {
        assert_eq!((month_before(202_601), month_before(202_612)), (202_512, 202_611));
    }
}
