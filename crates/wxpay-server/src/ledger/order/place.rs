//! Placing an order.

use super::{OrderState, apply::task_load, facts::Facts, learn::unknown_payment, prepay::PrepayCall};
use crate::ledger::{
    Changes, Context, Corrupt, Decision, Load, Operation, OrderKey, Rows,
    rows::{
        case::{CaseRow, CaseStatus},
        event::EventType,
        order::{ApiVersion, OrderRow, OrderStatus},
        payment::EvidenceRow,
        task::TaskRow,
    },
    schedule::Schedule,
};
use std::fmt;
use wxpay_proto::{Fen, UnixTime};

/// The terms of an order, as stored.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PlacedTerms {
    /// The terms, as canonical JSON.
    pub(crate) json: String,
    /// The digest of the terms. Orders with the same digest are the same order.
    pub(crate) digest: String,
    /// The API version.
    pub(crate) api_version: ApiVersion,
    /// The channel.
    pub(crate) channel: String,
    /// The app.
    pub(crate) appid: Option<String>,
    /// The sub-merchant, in partner mode.
    pub(crate) sub_mchid: Option<String>,
    /// The price, in fen.
    pub(crate) total: Fen,
    /// The currency of the price.
    pub(crate) currency: String,
    /// The payer's openid. Personal data.
    pub(crate) payer: Option<String>,
}

/// Prints no personal data: neither the payer nor the terms, which name the payer.
impl fmt::Debug for PlacedTerms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlacedTerms")
            .field("digest", &self.digest)
            .field("channel", &self.channel)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

/// Places an order, or finds it placed, and begins its prepay call if it needs one. The call must not be sent before this
/// is committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PlaceOrder {
    /// The identity.
    pub(crate) key: OrderKey,
    /// The terms.
    pub(crate) terms: PlacedTerms,
    /// The shop's own data, as JSON. It is no term.
    pub(crate) metadata: Option<String>,
    /// The time from which the order can no longer be paid.
    pub(crate) expires_at: UnixTime,
    /// The time until which the prepay call may be sent or repeated.
    pub(crate) call_until: UnixTime,
    /// The polling schedule.
    pub(crate) schedule: Schedule,
}

/// The result of placing an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Placed {
    /// The order is new. It may be paid already: a payment of the number was known before.
    Created {
        /// The order.
        state: OrderState,
        /// The prepay call to send, and then to end. `None` if the order needs none.
        call: Option<PrepayCall>,
    },
    /// The order was placed before, with these terms, or it could not exist at WeChat Pay and now has these terms.
    Existing {
        /// The order.
        state: OrderState,
        /// The prepay call to send, and then to end. `None` if the order needs none.
        call: Option<PrepayCall>,
    },
    /// The order was placed before with other terms, and may exist at WeChat Pay.
    Differs {
        /// The terms of the order, as canonical JSON.
        stored_terms: String,
    },
}

impl Operation for PlaceOrder {
    type Output = Placed;

    fn loads(&self) -> Vec<Load> {
        let mut loads = OrderState::loads(&self.key);
        loads.push(EvidenceRow::of(&self.key).load());
        loads.push(task_load(&self.key));
        loads.push(unknown_payment(&self.key).load());
        loads
    }

    fn decide(&self, rows: &Rows, context: &Context) -> Result<Decision<Placed>, Corrupt> {
        let now = context.now;
        let mut state = OrderState::read_or_unplaced(rows, &self.key, now)?;
        let mut facts = Facts::read(rows)?;
        let mut changes = Changes::default();
        if state.order.status == OrderStatus::Unplaced {
            self.create(&mut state, &facts, rows.one()?, &mut changes, now);
            let task = state.task_or_new(None, &self.schedule, now);
            self.write_new_task(&state, &facts, task, &mut changes, now);
            let call = state.begin_prepay(self.call_until, now);
            let state = state.commit(&mut changes, now);
            return Ok(Decision { changes, output: Placed::Created { state, call } });
        }
        let is_same = state.order.terms_digest.as_ref() == Some(&self.terms.digest);
        if self.may_renew(&state.order, is_same, now) {
            // The order never existed at WeChat Pay, so nobody can have paid it, and nobody can.
            facts.remove_end(&mut changes, &self.key);
            self.write_terms(&mut state.order);
            state.order.status = OrderStatus::Open;
            let task = state.task_or_new(rows.one()?, &self.schedule, now);
            self.write_new_task(&state, &facts, task, &mut changes, now);
            let call = state.begin_prepay(self.call_until, now);
            let state = state.commit(&mut changes, now);
            return Ok(Decision { changes, output: Placed::Existing { state, call } });
        }
        if !is_same {
            let stored_terms = state.order.terms.unwrap_or_default();
            return Ok(Decision::unchanged(Placed::Differs { stored_terms }));
        }
        let Some(call) = state.begin_prepay(self.call_until, now) else {
            return Ok(Decision::unchanged(Placed::Existing { state, call: None }));
        };
        changes.put(&state.task_of_prepay(rows.one()?, &self.schedule, now));
        let state = state.commit(&mut changes, now);
        Ok(Decision { changes, output: Placed::Existing { state, call: Some(call) } })
    }
}

impl PlaceOrder {
    /// Places the order for the first time. A payment may be known already: the order was placed elsewhere, its
    /// notification was faster than this, or the ledger was restored from a backup.
    fn create(
        &self,
        state: &mut OrderState,
        facts: &Facts,
        unknown_payment: Option<CaseRow>,
        changes: &mut Changes,
        now: UnixTime,
    ) {
        let before = facts.conclude(&state.order);
        self.write_terms(&mut state.order);
        state.order.status = OrderStatus::Open;
        state.emit(changes, EventType::OrderCreated, now);
        if let Some(mut case) = unknown_payment.filter(|case| case.status == CaseStatus::Open) {
            case.status = CaseStatus::Resolved;
            case.resolved_at = Some(now);
            case.resolved_by = Some("server".into());
            case.note = Some("the order was placed".into());
            changes.put(&case);
            state.emit_object(changes, EventType::CaseResolved, now, |_| case.to_json());
        }
        state.apply(changes, facts, &before, now);
    }

    /// Returns whether the terms may be written again: other terms in place of those of an order that cannot exist at
    /// WeChat Pay, or the same after it expired without having existed.
    fn may_renew(&self, order: &OrderRow, is_same: bool, now: UnixTime) -> bool {
        let is_replaceable =
            !order.may_exist_upstream && matches!(order.status, OrderStatus::Open | OrderStatus::Expired);
        let has_expired = order.status == OrderStatus::Expired || order.has_expired(now);
        is_replaceable && (!is_same || (has_expired && self.expires_at > now))
    }

    fn write_terms(&self, order: &mut OrderRow) {
        let terms = self.terms.clone();
        order.api_version = Some(terms.api_version);
        order.channel = Some(terms.channel);
        order.appid = terms.appid;
        order.sub_mchid = terms.sub_mchid;
        order.total = Some(terms.total);
        order.currency = Some(terms.currency);
        order.terms = Some(terms.json);
        order.terms_digest = Some(terms.digest);
        order.payer = terms.payer.or_else(|| order.payer.take());
        order.metadata.clone_from(&self.metadata);
        order.expires_at = Some(self.expires_at);
        order.prepay = None;
        order.prepay_expires_at = None;
        order.absent_since = None;
    }

    fn write_new_task(
        &self,
        state: &OrderState,
        facts: &Facts,
        mut task: TaskRow,
        changes: &mut Changes,
        now: UnixTime,
    ) {
        task.due_at = state.first_query(&self.schedule, now);
        task.attempts = 0;
        task.until = self.schedule.until(self.expires_at);
        task.last_error = None;
        state.write_task(changes, facts, &task);
    }
}
