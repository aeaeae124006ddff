//! Evidence: stored, and merged into the payment state, in one transaction with everything that follows from it.

use super::{Failure, Ledger, column, events, owners};
use rusqlite::{Connection, OptionalExtension as _, params};
use wxpay_proto::{
    Fen, UnixTime,
    id::{NotifyId, OpenId, OutTradeNo},
    payment::{Evidence, Payment, PaymentState, PaymentStatus, Transition},
};

/// A verified notification, as the ledger stores it.
#[derive(Clone, Debug)]
pub(crate) struct ReceivedNotification {
    /// The digest of the content: notifications with the same digest are duplicates.
    pub(crate) digest: String,
    pub(crate) notify_id: NotifyId,
    pub(crate) openid: OpenId,
    pub(crate) out_trade_no: OutTradeNo,
    pub(crate) payment: Payment,
    /// The evidence of the payment. `None` if the notification does not report success: it is stored and pays nothing.
    pub(crate) evidence: Option<Evidence>,
}

/// The result of merging evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Merged {
    /// Nothing new.
    Nothing,
    /// The order was not placed here; the evidence is stored.
    UnknownOrder,
    /// The transitions that follow, each reported only this once.
    Transitions(Vec<Transition>),
}

impl Ledger {
    /// Records a verified notification. When this returns `Ok`, the notification and everything that follows from it
    /// are on disk.
    ///
    /// # Errors
    ///
    /// If it could not be written. Nothing was changed then, and the notification must not be answered `success`.
    pub(crate) async fn record_notification(
        &self,
        received: ReceivedNotification,
        now: UnixTime,
    ) -> Result<Merged, Failure> {
        if let Some(evidence) = &received.evidence {
            self.claim_transaction(evidence, now).await?;
        }
        self.writer()
            .write(move |db| {
                let payment = &received.payment;
                db.prepare_cached(
                    "INSERT INTO notifications (digest, out_trade_no, transaction_id, notify_id, openid, total_fee,
                         discount, paid, received_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
                )?
                .execute(params![
                    received.digest,
                    received.out_trade_no.as_str(),
                    payment.transaction_id().as_str(),
                    received.notify_id.as_str(),
                    received.openid.as_str(),
                    column::from_fen(payment.total_fee())?,
                    column::from_fen(payment.discount())?,
                    received.evidence.is_some(),
                    column::from_time(now),
                ])?;
                match &received.evidence {
                    Some(evidence) => merge(db, evidence, Source::Notification, now),
                    None => Ok(Merged::Nothing),
                }
            })
            .await
    }
}

/// The source of evidence.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Notification,
    Query,
}

/// Merges evidence into the payment state of its order and applies the transitions. Its transaction must be claimed.
pub(super) fn merge(
    db: &Connection,
    evidence: &Evidence,
    source: Source,
    now: UnixTime,
) -> Result<Merged, Failure> {
    let (number, payment) = (evidence.out_trade_no(), evidence.payment());
    let owner = owners::owner(db, payment.transaction_id())?;
    let ordered = ordered_total(db, number)?;
    // Read before the insert: the transitions are the difference between the two states.
    let before = ordered.map(|ordered| state(db, number, ordered)).transpose()?;
    if !insert(db, evidence, source, now)? {
        return Ok(Merged::Nothing);
    }
    let Some(before) = before else {
        events::unknown_order(db, number, payment, &owner, now)?;
        return Ok(Merged::UnknownOrder);
    };
    let mut after = before.clone();
    after.merge(evidence, &owner).map_err(|_| Failure::corrupt("out_trade_no"))?;
    apply_transitions(db, &before, &after, now).map(Merged::Transitions)
}

/// Applies the transitions from `before` to `after`: updates the order's status, stops its polling, emits its events.
pub(super) fn apply_transitions(
    db: &Connection,
    before: &PaymentState,
    after: &PaymentState,
    now: UnixTime,
) -> Result<Vec<Transition>, Failure> {
    let number = after.out_trade_no();
    let transitions = after.transitions_since(before);
    match after.status() {
        PaymentStatus::Paid(_) => {
            db.prepare_cached(
                "UPDATE orders SET status = 'paid', next_query_at = NULL WHERE out_trade_no = ?1",
            )?
            .execute([number.as_str()])?;
        }
        // Still polled: a query may find a payment of the ordered amount.
        PaymentStatus::Anomalous => {
            db.prepare_cached("UPDATE orders SET status = 'anomalous' WHERE out_trade_no = ?1")?
                .execute([number.as_str()])?;
        }
        PaymentStatus::Open => {}
        // A status that a later version of the core adds must fail here, not be ignored.
        _ => return Err(Failure::corrupt("status")),
    }
    for transition in &transitions {
        events::transition(db, number, transition, now)?;
    }
    Ok(transitions)
}

/// Returns the payment state of an order, from all stored evidence.
pub(super) fn state(db: &Connection, number: &OutTradeNo, ordered: Fen) -> Result<PaymentState, Failure> {
    let mut state = PaymentState::new(number.clone(), ordered);
    let mut select = db.prepare_cached(
        "SELECT transaction_id, total_fee, discount, time_end FROM payments WHERE out_trade_no = ?1",
    )?;
    let rows = select.query_map([number.as_str()], |row| {
        let (id, columns): (String, (i64, i64, i64)) = (row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?));
        Ok((id, columns))
    })?;
    for row in rows {
        let (id, (total_fee, discount, time_end)) = row?;
        let payment = Payment::new(
            column::to_value(&id, "transaction_id")?,
            column::to_fen(total_fee)?,
            column::to_fen(discount)?,
            column::to_time(time_end)?,
        );
        let owner = owners::owner(db, payment.transaction_id())?;
        let stored = Evidence::from_storage(number.clone(), payment);
        state.merge(&stored, &owner).map_err(|_| Failure::corrupt("out_trade_no"))?;
    }
    Ok(state)
}

fn ordered_total(db: &Connection, number: &OutTradeNo) -> Result<Option<Fen>, Failure> {
    let mut select = db.prepare_cached("SELECT total_fee FROM orders WHERE out_trade_no = ?1")?;
    let fee: Option<i64> = select.query_row([number.as_str()], |row| row.get(0)).optional()?;
    fee.map(column::to_fen).transpose()
}

/// Stores evidence. Returns `false` if it is a duplicate.
fn insert(db: &Connection, evidence: &Evidence, source: Source, now: UnixTime) -> Result<bool, Failure> {
    let payment = evidence.payment();
    let source = match source {
        Source::Notification => "notification",
        Source::Query => "query",
    };
    let inserted = db
        .prepare_cached(
            "INSERT INTO payments (out_trade_no, transaction_id, total_fee, discount, time_end, source, first_seen_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            evidence.out_trade_no().as_str(),
            payment.transaction_id().as_str(),
            column::from_fen(payment.total_fee())?,
            column::from_fen(payment.discount())?,
            column::from_time(payment.time_end()),
            source,
            column::from_time(now),
        ])?;
    Ok(inserted > 0)
}
