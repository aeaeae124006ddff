//! The ledger's view of one order.

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

/// Where an order stands, and why, as far as this ledger knows.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Order {
    /// The shop's number.
    pub out_trade_no: OutTradeNo,
    /// What was ordered, in fen.
    pub total_fee: Fen,
    /// Where it stands.
    pub status: Status,
    /// When the shop placed it.
    pub placed_at: ChinaTime,
    /// Until when it may be paid, if the shop said so.
    pub time_expire: Option<ChinaTime>,
    /// WeChat Pay's number of the payment that settled it.
    pub transaction_id: Option<TransactionId>,
    /// When that was.
    pub paid_at: Option<ChinaTime>,
    /// What WeChat Pay took off the price; the payer paid `total_fee` less this.
    pub discount: Option<Fen>,
    /// What must never happen, and did. For a person to see.
    pub anomalies: Vec<Value>,
    /// What was told of the delivery.
    pub delivery: Option<Delivery>,
    /// When it will be queried next, while it is chased.
    pub next_query_at: Option<ChinaTime>,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Status {
    /// Nobody has paid it yet.
    Open,
    /// The last query found it unpaid. Evidence that comes after all still counts.
    Expired,
    /// Paid, with the ordered amount.
    Paid,
    /// There are payments, but none that settles it. A person must look.
    Disputed,
}

impl Ledger {
    /// What is known of an order; `None` if it was not placed here.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn order(&self, number: &OutTradeNo) -> Result<Option<Order>, Failure> {
        let number = number.clone();
        self.readers().read(move |db| select(db, number)).await
    }
}

fn select(db: &Connection, number: OutTradeNo) -> Result<Option<Order>, Failure> {
    let Some(terms) = Terms::select(db, &number)? else { return Ok(None) };
    let mut select =
        db.prepare_cached("SELECT placed_at, standing, next_query_at FROM orders WHERE out_trade_no = ?1")?;
    let row = select
        .query_row([number.as_str()], |row| {
            let (placed_at, next): (i64, Option<i64>) = (row.get(0)?, row.get(2)?);
            Ok((placed_at, row.get::<_, String>(1)?, next))
        })
        .optional()?;
    let Some((placed_at, standing, next)) = row else { return Ok(None) };
    let state = evidence::state(db, &number, terms.total_fee)?;
    let (status, payment) = match state.status() {
        PaymentStatus::Paid(payment) => (Status::Paid, Some(payment)),
        PaymentStatus::Open => match &*standing {
            "open" => (Status::Open, None),
            "expired" => (Status::Expired, None),
            _ => return Err(Failure::corrupt("standing")),
        },
        PaymentStatus::Anomalous => (Status::Disputed, None),
        _ => return Err(Failure::corrupt("standing")),
    };
    Ok(Some(Order {
        total_fee: terms.total_fee,
        status,
        placed_at: column::to_time(placed_at)?.into(),
        time_expire: terms.time_expire.map(ChinaTime::from),
        transaction_id: payment.as_ref().map(|payment| payment.transaction_id().clone()),
        paid_at: payment.as_ref().map(|payment| payment.time_end().into()),
        discount: payment.as_ref().map(wxpay_proto::payment::Payment::discount),
        anomalies: state.anomalies().iter().map(events::disputed).collect(),
        delivery: deliveries::select(db, &number)?,
        next_query_at: next.map(column::to_time).transpose()?.map(ChinaTime::from),
        out_trade_no: number,
    }))
}
