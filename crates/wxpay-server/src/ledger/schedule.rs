//! When which order is queried. The times are in the ledger, so a restart forgets none.

use super::{Failure, Ledger, column, events, evidence};
use rusqlite::{Connection, OptionalExtension as _, params};
use std::{sync::Arc, time::Duration};
use wxpay_proto::{UnixTime, id::OutTradeNo, payment::Evidence};

/// How open orders are chased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The pauses between queries; the last one repeats. Never empty.
    pub(crate) pauses: Arc<[Duration]>,
    /// How long an order can be paid after it was placed, unless it says so itself.
    pub(crate) prepay_lifetime: Duration,
    /// How long after that the last query is made: a payment begun in time may end late.
    pub(crate) margin: Duration,
}

/// Grows from a quarter of a minute to half an hour; two hours; five minutes.
impl Default for Schedule {
    fn default() -> Self {
        let pauses = [15, 30, 60, 120, 300, 600, 1800].map(Duration::from_secs);
        Self {
            pauses: Arc::new(pauses),
            prepay_lifetime: Duration::from_hours(2),
            margin: Duration::from_mins(5),
        }
    }
}

impl Schedule {
    /// The pause after so many queries, shortened by up to a fifth so that orders placed together are not
    /// queried together for ever. `chance` is any number.
    fn pause(&self, queries: usize, chance: u16) -> Duration {
        let full = self
            .pauses
            .get(queries)
            .or_else(|| self.pauses.last())
            .copied()
            .unwrap_or(Duration::from_mins(1));
        let fifth = full.checked_div(5).unwrap_or_default();
        let share = fifth.saturating_mul(chance.into()).checked_div(u16::MAX.into()).unwrap_or_default();
        full.saturating_sub(share)
    }

    /// When an order that is placed now can no longer be paid.
    pub(super) fn payable_until(&self, now: UnixTime, time_expire: Option<UnixTime>) -> UnixTime {
        let until = now.after(self.prepay_lifetime);
        time_expire.map_or(until, |expire| expire.min(until))
    }

    /// Begins the chase of an order from now.
    pub(super) fn begin(
        &self,
        db: &Connection,
        number: &OutTradeNo,
        now: UnixTime,
        payable_until: UnixTime,
    ) -> Result<(), Failure> {
        db.prepare_cached(
            "UPDATE orders SET queries = 0, next_query_at = ?2, chase_until = ?3 WHERE out_trade_no = ?1",
        )?
        .execute(params![
            number.as_str(),
            column::from_time(now.after(self.pause(0, 0))),
            column::from_time(payable_until.after(self.margin)),
        ])?;
        Ok(())
    }
}

/// What a query came to.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// It is paid, and this tells so.
    Paid(Evidence),
    /// It is not paid, or not known.
    Unpaid,
    /// There was no answer.
    None,
}

impl Ledger {
    /// At most `limit` orders whose query is due, the longest due first.
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

    /// Takes in what a query came to: evidence if there is some, and when to ask next, or that this was the
    /// last time.
    pub(crate) async fn asked(
        &self,
        number: OutTradeNo,
        answer: Answer,
        schedule: Schedule,
        now: UnixTime,
        chance: u16,
    ) -> Result<evidence::Joined, Failure> {
        self.writer()
            .write(move |db| {
                let joined = match &answer {
                    Answer::Paid(evidence) => evidence::merge(db, evidence, evidence::Source::Query, now)?,
                    Answer::Unpaid | Answer::None => evidence::Joined::Nothing,
                };
                put_off(db, &number, &answer, &schedule, now, chance)?;
                Ok(joined)
            })
            .await
    }
}

fn put_off(
    db: &Connection,
    number: &OutTradeNo,
    answer: &Answer,
    schedule: &Schedule,
    now: UnixTime,
    chance: u16,
) -> Result<(), Failure> {
    let mut select = db.prepare_cached(
        "SELECT next_query_at, queries, chase_until, standing FROM orders WHERE out_trade_no = ?1",
    )?;
    let row = select
        .query_row([number.as_str()], |row| {
            let (next, queries, until): (Option<i64>, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
            Ok((next, queries, until, row.get::<_, String>(3)?))
        })
        .optional()?;
    // Not ours, or certain by now: there is nothing more to ask.
    let Some((Some(_), queries, until, standing)) = row else { return Ok(()) };
    let until = column::to_time(until)?;
    let done = usize::try_from(queries).unwrap_or(usize::MAX).saturating_add(1);
    let pause = schedule.pause(done, chance);
    let next = match answer {
        Answer::None => Some(now.after(pause)),
        Answer::Paid(_) | Answer::Unpaid if now >= until => None,
        Answer::Paid(_) | Answer::Unpaid => Some(now.after(pause).min(until)),
    };
    let standing = if next.is_none() && standing == "open" {
        events::expired(db, number, now)?;
        "expired"
    } else {
        &*standing
    };
    db.prepare_cached(
        "UPDATE orders SET queries = queries + 1, last_query_at = ?2, next_query_at = ?3, standing = ?4
         WHERE out_trade_no = ?1",
    )?
    .execute(params![number.as_str(), column::from_time(now), next.map(column::from_time), standing])?;
    Ok(())
}
