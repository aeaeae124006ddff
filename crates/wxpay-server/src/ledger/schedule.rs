//! The polling schedule. The query times are in the ledger, so they survive a restart.

use super::{Failure, Ledger, column, events, evidence};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::{sync::Arc, time::Duration};
use wxpay_proto::{UnixTime, id::OutTradeNo, payment::Evidence};

/// The polling schedule of open orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The intervals between queries; the last one repeats. Never empty.
    pub(crate) intervals: Arc<[Duration]>,
    /// Time for which an order can be paid after it was placed. Its `time_expire` may end this earlier.
    pub(crate) prepay_lifetime: Duration,
    /// Time between the end of that period and the last query: a payment that was started in time may complete late.
    pub(crate) margin: Duration,
}

/// Intervals from 15 seconds to 30 minutes, a lifetime of 2 hours, and a margin of 5 minutes.
impl Default for Schedule {
    fn default() -> Self {
        let intervals = [15, 30, 60, 120, 300, 600, 1800].map(Duration::from_secs);
        Self {
            intervals: Arc::new(intervals),
            prepay_lifetime: Duration::from_hours(2),
            margin: Duration::from_mins(5),
        }
    }
}

impl Schedule {
    /// Returns the interval after `queries` queries, shortened by up to a fifth in proportion to `jitter`, a random
    /// number. Without jitter, orders placed together would be queried together for ever.
    fn interval(&self, queries: usize, jitter: u16) -> Duration {
        let full = self
            .intervals
            .get(queries)
            .or_else(|| self.intervals.last())
            .copied()
            .unwrap_or(Duration::from_mins(1));
        let fifth = full.checked_div(5).unwrap_or_default();
        let reduction = fifth.saturating_mul(jitter.into()).checked_div(u16::MAX.into()).unwrap_or_default();
        full.saturating_sub(reduction)
    }

    /// Returns the time from which an order placed now can no longer be paid.
    pub(super) fn payable_until(&self, now: UnixTime, time_expire: Option<UnixTime>) -> UnixTime {
        let until = now.after(self.prepay_lifetime);
        time_expire.map_or(until, |expire| expire.min(until))
    }

    /// Starts, or restarts, the polling of an order.
    pub(super) fn begin(
        &self,
        db: &Connection,
        number: &OutTradeNo,
        now: UnixTime,
        payable_until: UnixTime,
    ) -> Result<(), Failure> {
        db.prepare_cached(
            "UPDATE orders SET queries = 0, next_query_at = ?2, poll_until = ?3 WHERE out_trade_no = ?1",
        )?
        .execute(params![
            number.as_str(),
            column::from_time(now.after(self.interval(0, 0))),
            column::from_time(payable_until.after(self.margin)),
        ])?;
        Ok(())
    }
}

/// The result of a query.
#[derive(Clone, Debug)]
pub(crate) enum QueryResult {
    /// The order is paid; the evidence of the payment.
    Paid(Evidence),
    /// The order is not paid, or unknown to WeChat Pay.
    Unpaid,
    /// The query failed.
    Failed,
}

impl Ledger {
    /// Returns at most `limit` orders whose query is due, the longest overdue first.
    pub(crate) async fn due(&self, now: UnixTime, limit: usize) -> Result<Vec<OutTradeNo>, Failure> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        self.readers()
            .read(move |db| {
                let mut select = db.prepare_cached(
                    "SELECT out_trade_no FROM orders WHERE next_query_at <= ?1 ORDER BY next_query_at LIMIT ?2",
                )?;
                let rows = select.query_map((column::from_time(now), limit), |row| row.get::<_, String>(0))?;
                rows.map(|row| column::to_value(&row?, "out_trade_no")).collect()
            })
            .await
    }

    /// Records the result of a query: merges its evidence, and schedules the next query or expires the order.
    pub(crate) async fn record_query(
        &self,
        number: OutTradeNo,
        result: QueryResult,
        schedule: Schedule,
        now: UnixTime,
        jitter: u16,
    ) -> Result<evidence::Merged, Failure> {
        if let QueryResult::Paid(evidence) = &result {
            self.claim_transaction(evidence, now).await?;
        }
        self.writer()
            .write(move |db| {
                let merged = match &result {
                    QueryResult::Paid(evidence) => {
                        evidence::merge(db, evidence, evidence::Source::Query, now)?
                    }
                    QueryResult::Unpaid | QueryResult::Failed => evidence::Merged::Nothing,
                };
                schedule_next(db, &number, &result, &schedule, now, jitter)?;
                Ok(merged)
            })
            .await
    }
}

fn schedule_next(
    db: &Connection,
    number: &OutTradeNo,
    result: &QueryResult,
    schedule: &Schedule,
    now: UnixTime,
    jitter: u16,
) -> Result<(), Failure> {
    let mut select = db.prepare_cached(
        "SELECT next_query_at, queries, poll_until, status FROM orders WHERE out_trade_no = ?1",
    )?;
    let row = select
        .query_row([number.as_str()], |row| {
            let (next, queries, until): (Option<i64>, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok((next, queries, until, row.get::<_, String>(3)?))
        })
        .optional()?;
    // The order was not placed here, or it was paid or expired in the meantime: it is no longer polled.
    let Some((Some(_), queries, until, status)) = row else { return Ok(()) };
    let until = column::to_time(until)?;
    let queries = usize::try_from(queries).unwrap_or(usize::MAX).saturating_add(1);
    let interval = schedule.interval(queries, jitter);
    // A failed query never ends the polling: only a successful query after `poll_until` proves that the order is
    // unpaid.
    let next = match result {
        QueryResult::Failed => Some(now.after(interval)),
        QueryResult::Paid(_) | QueryResult::Unpaid if now >= until => None,
        QueryResult::Paid(_) | QueryResult::Unpaid => Some(now.after(interval).min(until)),
    };
    let status = if next.is_none() && status == "open" {
        events::expired(db, number, now)?;
        "expired"
    } else {
        &*status
    };
    db.prepare_cached(
        "UPDATE orders SET queries = queries + 1, last_query_at = ?2, next_query_at = ?3, status = ?4
         WHERE out_trade_no = ?1",
    )?
    .execute(params![number.as_str(), column::from_time(now), next.map(column::from_time), status])?;
    Ok(())
}
