//! Code payments: the times of a charge, its polling, and its reversal.
//!
//! A code is valid for one charge. While the charge may exist at WeChat Pay, no other one is begun: its outcome is
//! queried, and it is reversed if it is not paid in time. The decision to reverse is never taken back, so that no goods
//! are delivered for a payment that is returned.

use super::{
    OrderState,
    facts::{Conclusion, Fact, Facts},
};
use crate::ledger::{
    Changes, Context,
    rows::{
        order::{OrderRow, OrderStatus},
        payment::Source,
        task::TaskRow,
    },
    schedule::Schedule,
};
use std::time::Duration;
use wxpay_proto::UnixTime;

/// The name of the channel.
pub(crate) const CHANNEL: &str = "code";
/// The time from a charge to its reversal.
const CHARGE_TIMEOUT: Duration = Duration::from_secs(45);
/// The time after a charge within which WeChat Pay does not accept its reversal.
const REVERSE_DELAY: Duration = Duration::from_secs(15);
/// The interval between queries of a charge, and between calls that reverse it.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// The number of attempts after which the intervals are those of the schedule. Of a reversal, both the query and the call
/// count.
const MAX_FAST_ATTEMPTS: u64 = 24;
/// The stored result of a charge that the payer has not confirmed yet.
const USER_PAYING: &str = r#""user_paying""#;

impl OrderRow {
    /// Returns whether the order is paid with the payer's code.
    pub(crate) fn is_code(&self) -> bool {
        self.channel.as_deref() == Some(CHANNEL)
    }

    /// Returns whether a charge was begun whose outcome is not known. Then no other one may be sent.
    pub(crate) fn is_charging(&self) -> bool {
        let is_undecided = matches!(self.status, OrderStatus::Open | OrderStatus::Reversing);
        self.is_code() && is_undecided && self.may_exist_upstream
    }

    /// Returns whether the payer is entering the password, as far as is known.
    pub(crate) fn is_user_paying(&self) -> bool {
        self.is_charging() && self.prepay.is_some()
    }

    /// Begins a charge. Its time is an estimate until WeChat Pay's own is known.
    pub(super) fn begin_charge(&mut self, now: UnixTime) {
        self.prepay = None;
        self.prepay_expires_at = Some(now.after(CHARGE_TIMEOUT));
    }

    /// Learns that the payer is entering the password.
    pub(super) fn set_user_paying(&mut self) {
        self.prepay = Some(USER_PAYING.into());
    }

    /// Learns the time that the reply to the charge is signed with: that of the charge.
    pub(super) fn set_charged_at(&mut self, signed_at: UnixTime) {
        self.prepay_expires_at = Some(signed_at.after(CHARGE_TIMEOUT));
    }

    /// Learns the time that a later reply is signed with: the charge is older. Our clock may have been ahead when the
    /// charge began.
    pub(super) fn limit_charged_at(&mut self, signed_at: UnixTime) {
        let latest = signed_at.after(CHARGE_TIMEOUT);
        self.prepay_expires_at = self.prepay_expires_at.map(|known| known.min(latest));
    }

    /// Returns whether the charge must be reversed at this time, unless it is paid.
    pub(super) fn must_reverse(&self, at: UnixTime) -> bool {
        let is_late = self.prepay_expires_at.is_none_or(|reverse_at| at >= reverse_at);
        self.is_charging() && (is_late || self.has_expired(at))
    }

    /// Returns the time for which the reversal must still wait, if WeChat Pay would not accept it at this time.
    pub(super) fn reverse_wait(&self, at: UnixTime) -> Option<Duration> {
        let charged_at = self.prepay_expires_at?.before(CHARGE_TIMEOUT);
        let wait = charged_at.after(REVERSE_DELAY).since(at).min(REVERSE_DELAY);
        (self.is_charging() && !wait.is_zero()).then_some(wait)
    }
}

impl OrderState {
    /// Returns the time of the first query of an order whose call begins or ends now.
    pub(super) fn first_query(&self, schedule: &Schedule, now: UnixTime) -> UnixTime {
        if self.order.is_code() { now.after(POLL_INTERVAL) } else { schedule.first(now) }
    }

    /// Returns the time of the next query of a charge, or of the next call that reverses it, after this number of
    /// attempts.
    pub(super) fn next_of_charge(attempts: u64, schedule: &Schedule, context: &Context) -> UnixTime {
        match attempts.checked_sub(MAX_FAST_ATTEMPTS) {
            None => context.now.after(POLL_INTERVAL),
            Some(later) => schedule.next(later, context),
        }
    }

    /// Returns whether WeChat Pay refuses to reverse a payment for so long that a person must decide.
    pub(super) fn is_irreversible(&self, task: &TaskRow) -> bool {
        !self.payments.is_empty() && task.attempts >= MAX_FAST_ATTEMPTS
    }

    /// Returns the task that verifies by a query that a payment was returned which became known after the reversal.
    pub(super) fn verification_task(
        &self,
        task: Option<TaskRow>,
        schedule: &Schedule,
        now: UnixTime,
    ) -> TaskRow {
        let task = self.task_or_new(task, schedule, now);
        TaskRow {
            attempts: 0,
            due_at: now.after(POLL_INTERVAL),
            until: schedule.until(now),
            last_error: None,
            ..task
        }
    }

    /// Learns that a payment stays although the order is reversed, or was to be: it pays nothing, and a person decides.
    pub(super) fn keep_payment(&mut self, changes: &mut Changes, facts: &mut Facts, now: UnixTime) {
        let before = match self.order.status {
            OrderStatus::Reversed => facts.conclude(&self.order),
            // Nothing was announced while the decision was unresolved.
            OrderStatus::Unplaced
            | OrderStatus::Open
            | OrderStatus::Closing
            | OrderStatus::Closed
            | OrderStatus::Paid
            | OrderStatus::Reversing
            | OrderStatus::Failed
            | OrderStatus::Expired
            | OrderStatus::Anomalous => Conclusion::default(),
        };
        self.order.status = OrderStatus::Reversed;
        let fact = Fact::Ended { status: OrderStatus::Reversed };
        facts.add(changes, &self.order.key(), fact, Source::Query, now);
        self.apply(changes, facts, &before, now);
    }
}
