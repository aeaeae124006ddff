//! The outbox: what the shop must hear of, each once, in the order of the commits.

use super::{Failure, Ledger, column};
use crate::time::ChinaTime;
use rusqlite::{Connection, params};
use serde::Serialize;
use serde_json::{Value, json};
use wxpay_proto::{
    UnixTime,
    id::OutTradeNo,
    payment::{Anomaly, Payment, Transition},
};

/// One transition of one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// Its place in the outbox. Grows; ask for what comes after the last one you dealt with.
    pub number: i64,
    /// When it was committed.
    pub happened_at: ChinaTime,
    /// `order.paid`, `order.disputed`, `order.expired` or `payment.unknown_order`.
    pub kind: String,
    /// The order.
    pub out_trade_no: OutTradeNo,
    /// The payment it is about, and for a dispute which.
    pub data: Value,
}

impl Ledger {
    /// At most `limit` events after that number, oldest first.
    ///
    /// # Errors
    ///
    /// When the ledger cannot be read.
    pub async fn events(&self, after: i64, limit: u16) -> Result<Vec<Event>, Failure> {
        self.readers()
            .read(move |db| {
                let mut select = db.prepare_cached(
                    "SELECT number, happened_at, kind, out_trade_no, data
                     FROM events WHERE number > ?1 ORDER BY number LIMIT ?2",
                )?;
                let rows = select.query_map((after, limit), |row| {
                    let (happened_at, number): (i64, String) = (row.get(1)?, row.get(3)?);
                    Ok((row.get(0)?, happened_at, row.get(2)?, number, row.get::<_, String>(4)?))
                })?;
                rows.map(|row| {
                    let (number, happened_at, kind, out_trade_no, data) = row?;
                    Ok(Event {
                        number,
                        happened_at: column::to_time(happened_at)?.into(),
                        kind,
                        out_trade_no: column::to_value(&out_trade_no, "out_trade_no")?,
                        data: column::to_value(&data, "data")?,
                    })
                })
                .collect()
            })
            .await
    }
}

pub(super) fn effect(
    db: &Connection,
    number: &OutTradeNo,
    effect: &Transition,
    now: UnixTime,
) -> Result<(), Failure> {
    match effect {
        Transition::Paid(payment) => insert(db, number, "order.paid", &about(payment), now),
        Transition::Anomaly(anomaly) => insert(db, number, "order.disputed", &disputed(anomaly), now),
        // This generation has no refunds, and what a later core may add must not be dropped in silence.
        Transition::Refunded(_) | _ => Err(Failure::corrupt("effect")),
    }
}

pub(super) fn unknown_order(
    db: &Connection,
    number: &OutTradeNo,
    payment: &Payment,
    now: UnixTime,
) -> Result<(), Failure> {
    insert(db, number, "payment.unknown_order", &about(payment), now)
}

pub(super) fn expired(db: &Connection, number: &OutTradeNo, now: UnixTime) -> Result<(), Failure> {
    insert(db, number, "order.expired", &json!({}), now)
}

fn insert(
    db: &Connection,
    number: &OutTradeNo,
    kind: &str,
    data: &Value,
    now: UnixTime,
) -> Result<(), Failure> {
    db.prepare_cached("INSERT INTO events (happened_at, kind, out_trade_no, data) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![column::from_time(now), kind, number.as_str(), data.to_string()])?;
    Ok(())
}

fn about(payment: &Payment) -> Value {
    json!({
        "transaction_id": payment.transaction_id(),
        "total_fee": payment.total_fee(),
        "discount": payment.discount(),
        "paid_at": ChinaTime::from(payment.time_end()),
    })
}

/// A dispute as JSON: its name, and the payment it is about.
pub(super) fn disputed(anomaly: &Anomaly) -> Value {
    let (name, payment) = match anomaly {
        Anomaly::SecondPayment(payment) => ("second_payment", payment),
        Anomaly::AmountMismatch(payment) => ("amount_differs", payment),
        Anomaly::ConflictingPayment(payment) => ("contradiction", payment),
        Anomaly::RefundsExceedPayment(_) | Anomaly::ConflictingRefund(_) | _ => {
            return json!({ "dispute": "unnamed" });
        }
    };
    json!({ "dispute": name, "payment": about(payment) })
}
