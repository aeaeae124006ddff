//! What WeChat Pay is told of the delivery.

use super::{Failure, Ledger, column, evidence};
use crate::time::ChinaTime;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;
use wxpay_proto::{
    UnixTime,
    id::{OpenId, OutTradeNo, TransactionId},
    payment::PaymentStatus,
};

/// What the shop said of a delivery, and whether WeChat Pay has heard it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Delivery {
    /// Whether the goods are on their way.
    pub delivered: bool,
    /// Why not, or `ok`.
    pub message: String,
    /// When the shop said so.
    pub reported_at: ChinaTime,
    /// When WeChat Pay acknowledged it. `None`: report it again.
    pub told_at: Option<ChinaTime>,
}

/// What the shop says of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) delivered: bool,
    pub(crate) message: String,
    /// The payer, where the shop knows better than the notices.
    pub(crate) openid: Option<OpenId>,
}

/// What is to be done about a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reported {
    /// WeChat Pay must be told of this payment by this payer; the report is on the disk.
    Tell { transaction_id: TransactionId, openid: OpenId, reported_at: UnixTime },
    /// WeChat Pay has acknowledged the same report before.
    Told,
    /// The order is not paid.
    NotPaid,
    /// No notice has named the payer, and neither did the shop.
    NoPayer,
    /// There is no such order.
    NoOrder,
}

impl Ledger {
    /// Takes a report of delivery in. The last one counts.
    pub(crate) async fn report(
        &self,
        number: OutTradeNo,
        report: Report,
        now: UnixTime,
    ) -> Result<Reported, Failure> {
        self.writer().write(move |db| take_in(db, &number, &report, now)).await
    }

    /// Notes that WeChat Pay has acknowledged the report made at that time, unless there is a newer one.
    pub(crate) async fn told(
        &self,
        number: OutTradeNo,
        reported_at: UnixTime,
        now: UnixTime,
    ) -> Result<(), Failure> {
        self.writer()
            .write(move |db| {
                db.prepare_cached(
                    "UPDATE deliveries SET told_at = ?3 WHERE out_trade_no = ?1 AND reported_at = ?2",
                )?
                .execute(params![
                    number.as_str(),
                    column::from_time(reported_at),
                    column::from_time(now),
                ])?;
                Ok(())
            })
            .await
    }
}

fn take_in(
    db: &Connection,
    number: &OutTradeNo,
    report: &Report,
    now: UnixTime,
) -> Result<Reported, Failure> {
    let Some(terms) = super::Terms::select(db, number)? else { return Ok(Reported::NoOrder) };
    let PaymentStatus::Paid(payment) = evidence::state(db, number, terms.total_fee)?.status() else {
        return Ok(Reported::NotPaid);
    };
    let transaction_id = payment.transaction_id().clone();
    let Some(openid) = payer(db, number, &transaction_id, report)? else { return Ok(Reported::NoPayer) };
    let stored = select(db, number)?;
    if stored.as_ref().is_some_and(|stored| {
        (stored.delivered, &stored.message) == (report.delivered, &report.message) && stored.told_at.is_some()
    }) {
        return Ok(Reported::Told);
    }
    db.prepare_cached(
        "INSERT INTO deliveries (out_trade_no, transaction_id, openid, delivered, message, reported_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (out_trade_no) DO UPDATE SET transaction_id = ?2, openid = ?3, delivered = ?4,
             message = ?5, reported_at = ?6, told_at = NULL",
    )?
    .execute(params![
        number.as_str(),
        transaction_id.as_str(),
        openid.as_str(),
        report.delivered,
        report.message,
        column::from_time(now),
    ])?;
    Ok(Reported::Tell { transaction_id, openid, reported_at: now })
}

fn payer(
    db: &Connection,
    number: &OutTradeNo,
    transaction_id: &TransactionId,
    report: &Report,
) -> Result<Option<OpenId>, Failure> {
    if report.openid.is_some() {
        return Ok(report.openid.clone());
    }
    let mut select = db.prepare_cached(
        "SELECT openid FROM notices WHERE out_trade_no = ?1 AND transaction_id = ?2 AND paid = 1
         ORDER BY heard_at LIMIT 1",
    )?;
    let openid: Option<String> =
        select.query_row([number.as_str(), transaction_id.as_str()], |row| row.get(0)).optional()?;
    openid.map(|openid| column::to_value(&openid, "openid")).transpose()
}

pub(super) fn select(db: &Connection, number: &OutTradeNo) -> Result<Option<Delivery>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT delivered, message, reported_at, told_at FROM deliveries WHERE out_trade_no = ?1",
    )?;
    let row = select
        .query_row([number.as_str()], |row| {
            let (reported_at, told_at): (i64, Option<i64>) = (row.get(2)?, row.get(3)?);
            Ok((row.get(0)?, row.get(1)?, reported_at, told_at))
        })
        .optional()?;
    row.map(|(delivered, message, reported_at, told_at)| {
        let told_at = told_at.map(column::to_time).transpose()?.map(ChinaTime::from);
        Ok(Delivery { delivered, message, reported_at: column::to_time(reported_at)?.into(), told_at })
    })
    .transpose()
}
