//! Delivery reports.

use super::{Failure, Ledger, column, evidence};
use crate::time::ChinaTime;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;
use wxpay_proto::{
    UnixTime,
    id::{OpenId, OutTradeNo, TransactionId},
    payment::PaymentStatus,
};

/// A delivery report of the shop and its acknowledgement by WeChat Pay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Delivery {
    /// `true` if the goods were delivered.
    pub delivered: bool,
    /// The reason why not, or `ok`.
    pub message: String,
    /// The time of the shop's report.
    pub reported_at: ChinaTime,
    /// The time of WeChat Pay's acknowledgement. If `None`, report the delivery again.
    pub acknowledged_at: Option<ChinaTime>,
}

/// A delivery report as received from the shop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub(crate) delivered: bool,
    pub(crate) message: String,
    /// The payer's openid; overrides the one of the notification.
    pub(crate) openid: Option<OpenId>,
}

/// The next step for a delivery report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reported {
    /// The report is on disk and must be sent to WeChat Pay.
    Send { transaction_id: TransactionId, openid: OpenId, reported_at: UnixTime },
    /// WeChat Pay acknowledged the same report before.
    Acknowledged,
    /// The order is not paid.
    NotPaid,
    /// Neither a notification nor the shop named the payer.
    NoPayer,
    /// No order has this number.
    NoOrder,
}

impl Ledger {
    /// Records a delivery report; it replaces an earlier one.
    pub(crate) async fn record_delivery(
        &self,
        number: OutTradeNo,
        report: Report,
        now: UnixTime,
    ) -> Result<Reported, Failure> {
        self.writer().write(move |db| record(db, &number, &report, now)).await
    }

    /// Records that WeChat Pay acknowledged the report made at `reported_at`, unless a newer one replaced it.
    pub(crate) async fn acknowledge_delivery(
        &self,
        number: OutTradeNo,
        reported_at: UnixTime,
        now: UnixTime,
    ) -> Result<(), Failure> {
        self.writer()
            .write(move |db| {
                db.prepare_cached(
                    "UPDATE deliveries SET acknowledged_at = ?3 WHERE out_trade_no = ?1 AND reported_at = ?2",
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

fn record(db: &Connection, number: &OutTradeNo, report: &Report, now: UnixTime) -> Result<Reported, Failure> {
    let Some(terms) = super::Terms::select(db, number)? else { return Ok(Reported::NoOrder) };
    let PaymentStatus::Paid(payment) = evidence::state(db, number, terms.total_fee)?.status() else {
        return Ok(Reported::NotPaid);
    };
    let transaction_id = payment.transaction_id().clone();
    let Some(openid) = payer(db, number, &transaction_id, report)? else { return Ok(Reported::NoPayer) };
    let stored = select(db, number)?;
    if stored.as_ref().is_some_and(|stored| {
        (stored.delivered, &stored.message) == (report.delivered, &report.message)
            && stored.acknowledged_at.is_some()
    }) {
        return Ok(Reported::Acknowledged);
    }
    db.prepare_cached(
        "INSERT INTO deliveries (out_trade_no, transaction_id, openid, delivered, message, reported_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (out_trade_no) DO UPDATE SET transaction_id = ?2, openid = ?3, delivered = ?4,
             message = ?5, reported_at = ?6, acknowledged_at = NULL",
    )?
    .execute(params![
        number.as_str(),
        transaction_id.as_str(),
        openid.as_str(),
        report.delivered,
        report.message,
        column::from_time(now),
    ])?;
    Ok(Reported::Send { transaction_id, openid, reported_at: now })
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
        "SELECT openid FROM notifications WHERE out_trade_no = ?1 AND transaction_id = ?2 AND paid = 1
         ORDER BY received_at LIMIT 1",
    )?;
    let openid: Option<String> =
        select.query_row([number.as_str(), transaction_id.as_str()], |row| row.get(0)).optional()?;
    openid.map(|openid| column::to_value(&openid, "openid")).transpose()
}

pub(super) fn select(db: &Connection, number: &OutTradeNo) -> Result<Option<Delivery>, Failure> {
    let mut select = db.prepare_cached(
        "SELECT delivered, message, reported_at, acknowledged_at FROM deliveries WHERE out_trade_no = ?1",
    )?;
    let row = select
        .query_row([number.as_str()], |row| {
            let (reported_at, acknowledged_at): (i64, Option<i64>) = (row.get(2)?, row.get(3)?);
            Ok((row.get(0)?, row.get(1)?, reported_at, acknowledged_at))
        })
        .optional()?;
    row.map(|(delivered, message, reported_at, acknowledged_at)| {
        let acknowledged_at = acknowledged_at.map(column::to_time).transpose()?.map(ChinaTime::from);
        Ok(Delivery {
            delivered,
            message,
            reported_at: column::to_time(reported_at)?.into(),
            acknowledged_at,
        })
    })
    .transpose()
}
