//! The outbox: events for the shop, each emitted once, in commit order.

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

/// An event: one transition of one order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Event {
    /// The position in the outbox, increasing. Pass the last one processed as `after`.
    pub number: i64,
    /// The time of the commit.
    pub happened_at: ChinaTime,
    /// The kind: `order.paid`, `order.anomalous`, `order.expired` or `payment.unknown_order`.
    pub kind: String,
    /// The order number.
    pub out_trade_no: OutTradeNo,
    /// The payment, or the anomaly with its payment; empty for `order.expired`.
    pub data: Value,
}

impl Ledger {
    /// Returns at most `limit` events after number `after`, oldest first.
    ///
    /// # Errors
    ///
    /// If the ledger cannot be read.
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

pub(super) fn transition(
    db: &Connection,
    number: &OutTradeNo,
    transition: &Transition,
    now: UnixTime,
) -> Result<(), Failure> {
    match transition {
        Transition::Paid(payment) => insert(db, number, "order.paid", &payment_json(payment), now),
        Transition::Anomaly(anomaly) => insert(db, number, "order.anomalous", &anomaly_json(anomaly), now),
        // APIv1 has no refund notifications. A transition that a later version of the core adds must fail here: a
        // transition without an event would be lost.
        Transition::Refunded(_) | _ => Err(Failure::corrupt("transition")),
    }
}

pub(super) fn unknown_order(
    db: &Connection,
    number: &OutTradeNo,
    payment: &Payment,
    owner: &OutTradeNo,
    now: UnixTime,
) -> Result<(), Failure> {
    let mut data = payment_json(payment);
    if let Some(data) = data.as_object_mut().filter(|_| owner != number) {
        // The money belongs to another order: whoever reviews this must not refund it.
        data.insert("owner".to_owned(), json!(owner));
    }
    insert(db, number, "payment.unknown_order", &data, now)
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

fn payment_json(payment: &Payment) -> Value {
    json!({
        "transaction_id": payment.transaction_id(),
        "total_fee": payment.total_fee(),
        "discount": payment.discount(),
        "paid_at": ChinaTime::from(payment.time_end()),
    })
}

/// Renders an anomaly as JSON: its name, its payment, and the order that the payment belongs to if it is another one.
pub(super) fn anomaly_json(anomaly: &Anomaly) -> Value {
    let (name, payment) = match anomaly {
        Anomaly::TransactionOfAnotherOrder { payment, owner } => {
            let payment = payment_json(payment);
            return json!({ "anomaly": "transaction_of_another_order", "owner": owner, "payment": payment });
        }
        Anomaly::SecondPayment(payment) => ("second_payment", payment),
        Anomaly::AmountMismatch(payment) => ("amount_mismatch", payment),
        Anomaly::ConflictingPayment(payment) => ("conflicting_payment", payment),
        Anomaly::RefundsExceedPayment(_) | Anomaly::ConflictingRefund(_) | _ => {
            return json!({ "anomaly": "other" });
        }
    };
    json!({ "anomaly": name, "payment": payment_json(payment) })
}
