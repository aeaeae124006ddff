//! Learning a payment: one operation for notifications, queries and bills.

use super::{
    OrderState,
    apply::task_load,
    facts::{Fact, Facts},
    query::CallBegun,
};
use crate::ledger::{
    Changes, Context, Corrupt, Decision, Load, Operation, OrderKey, Prefix, Rows, Subject,
    emit::digest_id,
    rows::{
        case::{CaseKind, CaseRow, CaseStatus},
        inbox::InboxRow,
        order::OrderStatus,
        payment::{EvidenceRow, Source},
        task::TaskRow,
    },
    schedule::Schedule,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::fmt;
use wxpay_proto::{Fen, UnixTime, id::TransactionId};

/// A payment, as WeChat Pay reported it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct LearnedPayment {
    /// WeChat Pay's number.
    #[serde(with = "transaction_id")]
    pub(crate) transaction_id: TransactionId,
    /// The price that was paid, coupons included: `amount.total` of APIv3, `total_fee + discount` of APIv1.
    #[serde(with = "fen")]
    pub(crate) total: Fen,
    /// The amount that the payer paid.
    #[serde(with = "optional_fen")]
    pub(crate) payer_total: Option<Fen>,
    /// The currency of `total`.
    pub(crate) currency: String,
    /// The app.
    pub(crate) appid: Option<String>,
    /// The bank.
    pub(crate) bank_type: Option<String>,
    /// The payer's openid. Personal data.
    pub(crate) payer: Option<String>,
    /// The time of payment.
    #[serde(with = "unix_millis")]
    pub(crate) success_at: UnixTime,
}

/// Prints number and amount only: the payer is personal data.
impl fmt::Debug for LearnedPayment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LearnedPayment")
            .field("transaction_id", &self.transaction_id)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

/// Learns a payment. The transaction must be claimed before, with [`ClaimNumber`](crate::ledger::number::ClaimNumber).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LearnPayment {
    /// The order number that the evidence names.
    pub(crate) key: OrderKey,
    /// The payment.
    pub(crate) payment: LearnedPayment,
    /// The owner of the transaction. If it is not this order, the payment is an anomaly and pays nothing.
    pub(crate) owner: Subject,
    /// The source.
    pub(crate) source: Source,
    /// The point at which the query began that reported it. `None` for another source.
    pub(crate) begun: Option<CallBegun>,
    /// The notification that reported it.
    pub(crate) inbox: Option<InboxRow>,
    /// The polling schedule.
    pub(crate) schedule: Schedule,
}

/// The result of learning a payment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Learned {
    /// The order. It is `unplaced` if the shop has placed none. While it is `closing` or `reversing`, the payment is
    /// stored and not yet applied: send the close again, and end it.
    pub(crate) state: OrderState,
    /// Whether this content was unknown.
    pub(crate) is_new: bool,
}

impl Operation for LearnPayment {
    type Output = Learned;

    fn loads(&self) -> Vec<Load> {
        let mut loads = OrderState::loads(&self.key);
        loads.push(EvidenceRow::of(&self.key).load());
        loads.push(task_load(&self.key));
        loads.push(unknown_payment(&self.key).load());
        let inbox = self.inbox.iter().map(|row| Prefix::<InboxRow>::all().and(&row.month).and(&row.digest));
        loads.extend(inbox.map(Prefix::load));
        loads
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<Learned>, Corrupt> {
        let now = context.now;
        let mut state = OrderState::read_or_unplaced(rows, &self.key, now)?;
        let mut facts = Facts::read(rows)?;
        let before = facts.conclude(&state.order);
        let mut changes = Changes::default();
        self.write_inbox(rows, &mut changes)?;
        let is_own = self.owner == self.key.subject();
        let owner = (!is_own).then(|| self.owner.as_str().into());
        let fact = Fact::Payment { payment: self.payment.clone(), owner };
        let is_new = facts.add(&mut changes, &self.key, fact, self.source, now);
        if is_new {
            if is_own {
                state.order.may_exist_upstream = true;
                state.order.absent_since = None;
                state.order.payer = state.order.payer.take().or_else(|| self.payment.payer.clone());
            }
            state.apply(&mut changes, &facts, &before, now);
            if is_own && state.order.status == OrderStatus::Unplaced {
                report_unknown_payment(&mut state, &facts, rows.one()?, &mut changes, now);
            }
        }
        // A reply to a query that began after the reversal: the payment was not returned.
        let stays = self.begun.is_some_and(|begun| begun.status == OrderStatus::Reversed);
        if is_own && stays && state.order.status == OrderStatus::Reversed {
            state.keep_payment(&mut changes, &mut facts, now);
        }
        let task: Option<TaskRow> = rows.one()?;
        if is_own && is_new && state.order.status == OrderStatus::Reversed {
            changes.put(&state.verification_task(task, &self.schedule, now));
        } else if let Some(task) = task {
            self.write_task(&state, &facts, task, &mut changes, context);
        }
        // A duplicate changes the root only if it moves the task: then nobody else may move it at the same time.
        if is_new || self.source == Source::Query {
            state = state.commit(&mut changes, now);
        }
        Ok(Decision { changes, output: Learned { state, is_new } })
    }
}

impl LearnPayment {
    /// Writes the notification, or counts a duplicate.
    fn write_inbox(&self, rows: &Rows, changes: &mut Changes) -> Result<(), Corrupt> {
        let Some(received) = &self.inbox else { return Ok(()) };
        let mut row = received.clone();
        if let Some(known) = rows.one::<InboxRow>()? {
            row = InboxRow { count: known.count.saturating_add(1), ..known };
        }
        changes.put(&row);
        Ok(())
    }

    /// Moves the task after a query, and deletes it once nothing more is expected.
    fn write_task(
        &self,
        state: &OrderState,
        facts: &Facts,
        mut task: TaskRow,
        changes: &mut Changes,
        context: &Context,
    ) {
        let is_over = state.order.status == OrderStatus::Anomalous && context.now > task.until;
        // A duplicate says nothing new about the payment of a reversed order, which is being verified.
        if state.order.status == OrderStatus::Reversed {
            return;
        }
        if state.is_over(facts) || is_over {
            return state.delete_task(changes);
        }
        // The task of an order that is closing repeats the close, at the time that was set for it.
        let is_polled = matches!(state.order.status, OrderStatus::Open | OrderStatus::Anomalous);
        if self.source == Source::Query && is_polled {
            task.attempts = task.attempts.saturating_add(1);
            task.due_at = self.schedule.next(task.attempts, context);
            task.last_error = None;
            changes.put(&task);
        }
    }
}

/// Returns the key of the case of a payment of a number under which no order was placed. A number has at most one, so
/// that placing the order finds it.
pub(super) fn unknown_payment(key: &OrderKey) -> Prefix<CaseRow> {
    let id = digest_id("case", &[key.subject().as_str(), CaseKind::UnknownPayment.as_str(), ""]);
    CaseRow::of(key.shard(), &id)
}

/// Opens the case of a payment of an unknown number, or adds the payment to it.
fn report_unknown_payment(
    state: &mut OrderState,
    facts: &Facts,
    known: Option<CaseRow>,
    changes: &mut Changes,
    now: UnixTime,
) {
    let payments: Vec<&LearnedPayment> = facts.own_payments().collect();
    let Some(first) = payments.iter().min_by_key(|payment| (payment.success_at, **payment)) else { return };
    let mut data = first.case_data(&state.order.out_trade_no);
    let mut ids: Vec<&str> = payments.iter().map(|payment| payment.transaction_id.as_str()).collect();
    ids.dedup();
    if let Value::Object(data) = &mut data {
        data.insert("transactions".into(), json!(ids));
    }
    match known {
        Some(case) if case.status == CaseStatus::Open => {
            changes.put(&CaseRow { data: data.to_string(), ..case });
        }
        // A case that was decided is opened again: the decision was about another payment.
        Some(_) | None => state.open_case(changes, CaseKind::UnknownPayment, "", &data, now),
    }
}

macro_rules! serde_as {
    ($($module:ident: $type:ty, $wire:ty, $to:expr, $from:expr;)+) => {$(
        mod $module {
            use super::*;
            use serde::{Deserializer, Serializer, de::Error as _};

            pub(super) fn serialize<S: Serializer>(value: &$type, serializer: S) -> Result<S::Ok, S::Error> {
                let to: fn(&$type) -> $wire = $to;
                to(value).serialize(serializer)
            }

            pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<$type, D::Error> {
                let from: fn($wire) -> Option<$type> = $from;
                from(<$wire>::deserialize(deserializer)?).ok_or_else(|| D::Error::custom("an invalid value"))
            }
        }
    )+};
}

serde_as! {
    transaction_id: TransactionId, String, |id| id.as_str().into(), |text| text.parse().ok();
    fen: Fen, u64, |fen| fen.get(), |fen| Some(Fen::new(fen));
    optional_fen: Option<Fen>, Option<u64>, |fen| fen.map(Fen::get), |fen| Some(fen.map(Fen::new));
    unix_millis: UnixTime, u64, |time| time.as_millis(), |time| Some(UnixTime::from_millis(time));
}
