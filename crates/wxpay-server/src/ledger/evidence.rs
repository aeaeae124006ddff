//! Evidence in: joined to what is known, in one transaction with all that follows from it.

use super::{Failure, Ledger, column, events};
use rusqlite::{Connection, OptionalExtension as _, params};
use wxpay_proto::{
    Fen, UnixTime,
    id::{NotifyId, OpenId, OutTradeNo},
    payment::{Evidence, Payment, PaymentState, PaymentStatus, Transition},
};

/// A verified notice, as far as the ledger keeps it.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// The digest of all it says: two notices with the same digest are one.
    pub(crate) digest: String,
    pub(crate) notify_id: NotifyId,
    pub(crate) openid: OpenId,
    pub(crate) out_trade_no: OutTradeNo,
    pub(crate) payment: Payment,
    /// `None` if it does not tell that the payment succeeded: it is kept then, and credits nothing.
    pub(crate) evidence: Option<Evidence>,
}

/// What came of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Joined {
    /// It said nothing new.
    Nothing,
    /// It is about an order that nobody placed here, and is kept.
    UnknownOrder,
    /// This follows from it, for the first and only time.
    Effects(Vec<Transition>),
}

impl Ledger {
    /// Takes a verified notice in. When this returns, the notice and all that follows from it are on the disk.
    ///
    /// # Errors
    ///
    /// When it could not be written; then nothing of it was, and the notice must not be answered `success`.
    pub(crate) async fn verify_notification(&self, told: Told, now: UnixTime) -> Result<Joined, Failure> {
        self.writer()
            .write(move |db| {
                let payment = &told.payment;
                db.prepare_cached(
                    "INSERT INTO notices (digest, out_trade_no, transaction_id, notify_id, openid, total_fee,
                         discount, paid, heard_at)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
                )?
                .execute(params![
                    told.digest,
                    told.out_trade_no.as_str(),
                    payment.transaction_id().as_str(),
                    told.notify_id.as_str(),
                    told.openid.as_str(),
                    column::from_fen(payment.total_fee())?,
                    column::from_fen(payment.discount())?,
                    told.evidence.is_some(),
                    column::from_time(now),
                ])?;
                match &told.evidence {
                    Some(evidence) => merge(db, evidence, Source::Notification, now),
                    None => Ok(Joined::Nothing),
                }
            })
            .await
    }
}

/// Where evidence came from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Source {
    Notification,
    Query,
}

/// Joins evidence to what is known of its order, and does what follows.
pub(super) fn merge(
    db: &Connection,
    evidence: &Evidence,
    source: Source,
    now: UnixTime,
) -> Result<Joined, Failure> {
    let (number, payment) = (evidence.out_trade_no(), evidence.payment());
    let ordered = ordered(db, number)?;
    let before = ordered.map(|ordered| state(db, number, ordered)).transpose()?;
    if !insert(db, evidence, source, now)? {
        return Ok(Joined::Nothing);
    }
    let Some(before) = before else {
        events::unknown_order(db, number, payment, now)?;
        return Ok(Joined::UnknownOrder);
    };
    let mut after = before.clone();
    after.merge(evidence).map_err(|_| Failure::corrupt("out_trade_no"))?;
    follow(db, &before, &after, now).map(Joined::Effects)
}

/// Does what follows from the way from `before` to `after`: the order's standing, the end of its chase, its
/// events.
pub(super) fn follow(
    db: &Connection,
    before: &PaymentState,
    after: &PaymentState,
    now: UnixTime,
) -> Result<Vec<Transition>, Failure> {
    let number = after.out_trade_no();
    let effects = after.transitions_since(before);
    match after.status() {
        PaymentStatus::Paid(_) => {
            db.prepare_cached(
                "UPDATE orders SET standing = 'paid', next_query_at = NULL WHERE out_trade_no = ?1",
            )?
            .execute([number.as_str()])?;
        }
        // Still chased: a query may tell what the dispute is about.
        PaymentStatus::Anomalous => {
            db.prepare_cached("UPDATE orders SET standing = 'disputed' WHERE out_trade_no = ?1")?
                .execute([number.as_str()])?;
        }
        PaymentStatus::Open => {}
        // What a later core may add must not be passed over in silence.
        _ => return Err(Failure::corrupt("standing")),
    }
    for effect in &effects {
        events::effect(db, number, effect, now)?;
    }
    Ok(effects)
}

/// All that is known of an order's payment.
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
        let recalled = Evidence::from_storage(number.clone(), payment);
        state.merge(&recalled).map_err(|_| Failure::corrupt("out_trade_no"))?;
    }
    Ok(state)
}

fn ordered(db: &Connection, number: &OutTradeNo) -> Result<Option<Fen>, Failure> {
    let mut select = db.prepare_cached("SELECT total_fee FROM orders WHERE out_trade_no = ?1")?;
    let fee: Option<i64> = select.query_row([number.as_str()], |row| row.get(0)).optional()?;
    fee.map(column::to_fen).transpose()
}

/// Whether the evidence is new.
fn insert(db: &Connection, evidence: &Evidence, source: Source, now: UnixTime) -> Result<bool, Failure> {
    let payment = evidence.payment();
    let source = match source {
        Source::Notification => "notice",
        Source::Query => "query",
    };
    let inserted = db
        .prepare_cached(
            "INSERT INTO payments (out_trade_no, transaction_id, total_fee, discount, time_end, source, first_seen)
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
