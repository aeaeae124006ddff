//! Placing orders: on disk before anything is sent.

use super::{Failure, Ledger, Schedule, Terms, column, evidence};
use rusqlite::{Connection, params};
use wxpay_proto::{
    Fate, UnixTime,
    id::{OutTradeNo, PrepayId},
    payment::PaymentState,
};

/// The next step for an order to place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// The order is on disk and must be sent to WeChat Pay.
    Send(Placement),
    /// WeChat Pay accepted the order before, and its `prepayid` is still valid.
    Ready(PrepayId),
    /// The order can no longer be paid: it is paid, anomalous, or past its `time_expire`.
    NotPayable {
        /// `true` if the order is new in the ledger.
        first: bool,
    },
    /// The number is used by an order that differs in this field.
    Conflict(&'static str),
}

/// An order that is about to be sent to WeChat Pay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placement {
    /// `true` if the order is new in the ledger.
    pub(crate) first: bool,
    /// `true` if WeChat Pay may have known the order before this placement.
    pub(crate) may_exist_upstream: bool,
}

impl Ledger {
    /// Places an order, or finds it already placed. When this returns, the order is on disk.
    ///
    /// If the order must be sent to WeChat Pay, two more facts are on disk: that WeChat Pay may know it, and the time
    /// of its first query.
    pub(crate) async fn place(
        &self,
        terms: Terms,
        schedule: Schedule,
        now: UnixTime,
    ) -> Result<Placed, Failure> {
        self.writer().write(move |db| place(db, &terms, &schedule, now)).await
    }

    /// Stores the `prepayid`. Polling restarts, since the order can be paid from now on.
    pub(crate) async fn prepaid(
        &self,
        number: OutTradeNo,
        prepayid: PrepayId,
        schedule: Schedule,
        now: UnixTime,
    ) -> Result<(), Failure> {
        self.writer()
            .write(move |db| {
                let Some(terms) = Terms::select(db, &number)? else { return Ok(()) };
                let until = schedule.payable_until(now, terms.time_expire);
                db.prepare_cached(
                    "UPDATE orders SET prepayid = ?2, prepayid_expires_at = ?3 WHERE out_trade_no = ?1",
                )?
                .execute(params![
                    number.as_str(),
                    prepayid.as_str(),
                    column::from_time(until)
                ])?;
                if is_open(db, &number)? { schedule.begin(db, &number, now, until) } else { Ok(()) }
            })
            .await
    }

    /// Records that WeChat Pay did not accept the order.
    ///
    /// If WeChat Pay certainly does not know the order, polling stops. If it refused an order that it may have known
    /// before, the order may be paid by now, so a query is due at once.
    pub(crate) async fn not_prepaid(
        &self,
        number: OutTradeNo,
        placement: Placement,
        fate: Fate,
        now: UnixTime,
    ) -> Result<(), Failure> {
        // Both statements use the time, `?2`, so that one call can execute either.
        let update = match (fate, placement.may_exist_upstream) {
            (Fate::Unknown, _) | (Fate::NotSent, true) => return Ok(()),
            (Fate::NotSent | Fate::Refused, false) => {
                "UPDATE orders SET may_exist_upstream = 0, next_query_at = NULL WHERE out_trade_no = ?1 AND ?2 > 0"
            }
            (Fate::Refused, true) => {
                "UPDATE orders SET next_query_at = ?2 WHERE out_trade_no = ?1 AND next_query_at IS NOT NULL"
            }
        };
        self.writer()
            .write(move |db| {
                db.prepare_cached(update)?.execute(params![number.as_str(), column::from_time(now)])?;
                Ok(())
            })
            .await
    }
}

fn place(db: &Connection, terms: &Terms, schedule: &Schedule, now: UnixTime) -> Result<Placed, Failure> {
    let number = &terms.out_trade_no;
    let stored = Terms::select(db, number)?;
    if let Some(field) = stored.as_ref().and_then(|stored| stored.difference(terms)) {
        return Ok(Placed::Conflict(field));
    }
    let first = stored.is_none();
    if first {
        terms.insert(db, now)?;
        // A notification may have arrived before the order: it was placed elsewhere, or the ledger was lost.
        let before = PaymentState::new(number.clone(), terms.total_fee);
        let after = evidence::state(db, number, terms.total_fee)?;
        evidence::apply_transitions(db, &before, &after, now)?;
    }
    let row = Row::select(db, number)?;
    let past = terms.time_expire.is_some_and(|expire| expire <= now);
    if past || !matches!(&*row.status, "open" | "expired") {
        return Ok(Placed::NotPayable { first });
    }
    if let Some(prepayid) = row.prepayid_valid_at(now)? {
        return Ok(Placed::Ready(prepayid));
    }
    db.prepare_cached("UPDATE orders SET status = 'open', may_exist_upstream = 1 WHERE out_trade_no = ?1")?
        .execute([number.as_str()])?;
    schedule.begin(db, number, now, schedule.payable_until(now, terms.time_expire))?;
    Ok(Placed::Send(Placement { first, may_exist_upstream: row.may_exist_upstream }))
}

/// Returns whether the order is open.
fn is_open(db: &Connection, number: &OutTradeNo) -> Result<bool, Failure> {
    Row::select(db, number).map(|row| row.status == "open")
}

struct Row {
    status: String,
    may_exist_upstream: bool,
    prepayid: Option<String>,
    prepayid_expires_at: Option<i64>,
}

impl Row {
    fn select(db: &Connection, number: &OutTradeNo) -> Result<Self, Failure> {
        let mut select = db.prepare_cached(
            "SELECT status, may_exist_upstream, prepayid, prepayid_expires_at FROM orders WHERE out_trade_no = ?1",
        )?;
        Ok(select.query_row([number.as_str()], |row| {
            let (status, may_exist_upstream) = (row.get(0)?, row.get(1)?);
            Ok(Self { status, may_exist_upstream, prepayid: row.get(2)?, prepayid_expires_at: row.get(3)? })
        })?)
    }

    fn prepayid_valid_at(&self, now: UnixTime) -> Result<Option<PrepayId>, Failure> {
        match (&self.prepayid, self.prepayid_expires_at) {
            (Some(prepayid), Some(until)) if now < column::to_time(until)? => {
                column::to_value(prepayid, "prepayid").map(Some)
            }
            (Some(_) | None, _) => Ok(None),
        }
    }
}
