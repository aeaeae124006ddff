//! Orders as the ledger returns them.

use super::{Delivery, Failure, Ledger, Terms, column, deliveries, events, evidence};
use crate::time::ChinaTime;
use rusqlite::{Connection, OptionalExtension as _};
use serde::Serialize;
use serde_json::Value;
use wxpay_proto::{
    Fen,
    id::{OutTradeNo, TransactionId},
    payment::PaymentStatus,
};

/// An order with its status, payment and delivery.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Order {
    /// The merchant's order number.
    pub out_trade_no: OutTradeNo,
    /// The price, in fen.
    pub total_fee: Fen,
    /// The status of the order.
    pub status: Status,
    /// The time at which the shop placed it.
    pub placed_at: ChinaTime,
    /// The time until which it can be paid, if the shop set one.
    pub time_expire: Option<ChinaTime>,
    /// WeChat Pay's transaction number, if the order is paid.
    pub transaction_id: Option<TransactionId>,
    /// The time of the payment, if the order is paid.
    pub paid_at: Option<ChinaTime>,
    /// The discount by WeChat Pay, in fen; the payer paid `total_fee` minus this.
    pub discount: Option<Fen>,
    /// Anomalies of its payments, which need manual review.
    pub anomalies: Vec<Value>,
    /// The delivery report, if the shop made one.
    pub delivery: Option<Delivery>,
    /// The time of the next query; `None` if it is not polled.
    pub next_query_at: Option<ChinaTime>,
}

/// The status of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// Not paid yet.
    Open,
    /// Unpaid at the last query. Evidence that arrives later is still applied.
    Expired,
    /// Paid with the ordered amount.
    Paid,
    /// There is evidence of payments, but none pays this order: another amount, or a transaction of another order. Needs
    /// manual review.
    Anomalous,
}

impl Ledger {
    /// Returns an order; `None` if it was not placed here.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
    pub async fn order(&self, number: &OutTradeNo) -> Result<Option<Order>, Failure> {
        let number = number.clone();
        self.readers().read(move |db| select(db, number)).await
    }
}

fn select(db: &Connection, number: OutTradeNo) -> Result<Option<Order>, Failure> {
    let Some(terms) = Terms::select(db, &number)? else { return Ok(None) };
    let mut select =
        db.prepare_cached("SELECT placed_at, status, next_query_at FROM orders WHERE out_trade_no = ?1")?;
    let row = select
        .query_row([number.as_str()], |row| {
            let (placed_at, next): (i64, Option<i64>) = (row.get(0)?, row.get(2)?);
            Ok((placed_at, row.get::<_, String>(1)?, next))
        })
        .optional()?;
    let Some((placed_at, status_column, next)) = row else { return Ok(None) };
    let state = evidence::state(db, &number, terms.total_fee)?;
    let (status, payment) = match state.status() {
        PaymentStatus::Paid(payment) => (Status::Paid, Some(payment)),
        PaymentStatus::Open => match &*status_column {
            "open" => (Status::Open, None),
            "expired" => (Status::Expired, None),
            _ => return Err(Failure::corrupt("status")),
        },
        PaymentStatus::Anomalous => (Status::Anomalous, None),
        _ => return Err(Failure::corrupt("status")),
    };
    Ok(Some(Order {
        total_fee: terms.total_fee,
        status,
        placed_at: column::to_time(placed_at)?.into(),
        time_expire: terms.time_expire.map(ChinaTime::from),
        transaction_id: payment.as_ref().map(|payment| payment.transaction_id().clone()),
        paid_at: payment.as_ref().map(|payment| payment.time_end().into()),
        discount: payment.as_ref().map(wxpay_proto::payment::Payment::discount),
        anomalies: state.anomalies().iter().map(events::anomaly_json).collect(),
        delivery: deliveries::select(db, &number)?,
        next_query_at: next.map(column::to_time).transpose()?.map(ChinaTime::from),
        out_trade_no: number,
    }))
}
