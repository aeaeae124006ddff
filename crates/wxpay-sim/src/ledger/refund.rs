//! Refunding a paid order, in one or more parts.

use super::{EntryKind, JournalEntry, Ledger, Order, OrderKey, Payment, TradeState, journal::platform_fee};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;
use wxpay_proto::{
    Fen, UnixTime,
    id::{OutRefundNo, RefundId},
};

/// The maximum number of refunds of one order.
const MAX_REFUNDS: usize = 50;

/// A refund as the gateway recorded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RefundRecord {
    /// WeChat Pay's refund number.
    pub refund_id: RefundId,
    /// The merchant's refund number.
    pub out_refund_no: OutRefundNo,
    /// The refund's state.
    pub status: RefundStatus,
    /// The refunded amount, in fen.
    pub refund: Fen,
    /// The part of it that the payer receives, in fen; the rest returns to the coupon.
    pub payer_refund: Fen,
    /// The time of the request, in seconds of the business clock.
    pub created_at: u64,
    /// The time of the success, in seconds of the business clock.
    pub success_at: Option<u64>,
}

/// The state of a refund.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
#[non_exhaustive]
pub enum RefundStatus {
    /// The refund is being processed.
    Processing,
    /// The payer has received the money.
    Success,
    /// The refund was closed; the money stays with the merchant.
    Closed,
    /// The payer's account cannot receive the money; the merchant must name another account.
    Abnormal,
}

impl RefundStatus {
    /// Returns the protocol's name of the state.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Success => "SUCCESS",
            Self::Closed => "CLOSED",
            Self::Abnormal => "ABNORMAL",
        }
    }
}

/// A refund as stored.
#[derive(Clone, Debug)]
pub(crate) struct Refund {
    pub(crate) record: RefundRecord,
    /// The request. A different request under the same number is refused.
    pub(crate) request: Value,
    pub(crate) notify_url: Option<String>,
    pub(crate) funds_account: String,
    /// The part of WeChat Pay's fee that the merchant gets back.
    pub(crate) fee: Fen,
    /// The state that the refund takes when its processing time is over.
    pub(crate) final_status: RefundStatus,
}

/// A refund to make.
pub(crate) struct NewRefund {
    pub(crate) refund_id: RefundId,
    pub(crate) out_refund_no: OutRefundNo,
    pub(crate) refund: Fen,
    /// The amount of the order, as the request states it.
    pub(crate) total: Fen,
    pub(crate) request: Value,
    pub(crate) notify_url: Option<String>,
    pub(crate) funds_account: String,
    pub(crate) final_status: RefundStatus,
}

/// The reason why an order cannot be refunded. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefundError {
    /// The order does not exist or is not paid.
    NotPaid,
    /// The code payment was reversed.
    Revoked,
    /// The stated amount of the order is not the paid one.
    OtherTotal,
    /// The payment is too old.
    TooLate,
    /// The refunds would exceed the payment.
    ExceedsTotal,
    /// The amount was shared with receivers that have not returned it.
    Shared,
    /// The order has the maximum number of refunds.
    TooMany,
}

impl Ledger {
    /// Makes a refund, which is pending until [`complete_refund`](Self::complete_refund). `window` is the time after
    /// the payment in which it can be refunded.
    pub(crate) fn refund(
        &mut self,
        key: &OrderKey,
        new: NewRefund,
        window: Duration,
        now: UnixTime,
    ) -> Result<(), RefundError> {
        let id = self.id_of(key).ok_or(RefundError::NotPaid)?;
        let order = self.orders.get_mut(&id).ok_or(RefundError::NotPaid)?;
        let payment = order.refunded_payment(&new.request).ok_or(RefundError::NotPaid)?;
        order.check_refundable(payment, &new, window, self.sharings.held_by_receivers(key), now)?;
        let payer_refund = order.payer_refund(payment, new.refund);
        // The returned fee is a difference of totals, so that partial refunds add up to the exact fee.
        let (before, _) = order.refund_totals();
        let after = platform_fee(before.saturating_add(new.refund.get()));
        let fee = after.checked_sub(platform_fee(before)).unwrap_or_default();
        self.journal.add(JournalEntry {
            at: now,
            key: key.clone(),
            sub_mchid: order.sub_mchid().cloned(),
            kind: EntryKind::Refund(new.out_refund_no.clone()),
            amount: new.refund,
            fee,
            balance: 0,
        });
        self.refund_ids.insert(new.refund_id.clone(), id);
        if let Some(account) = self.accounts.get_mut(&key.0) {
            account.refunds.insert(new.out_refund_no.clone(), id);
        }
        let record = RefundRecord {
            refund_id: new.refund_id,
            out_refund_no: new.out_refund_no,
            status: RefundStatus::Processing,
            refund: new.refund,
            payer_refund,
            created_at: now.as_secs(),
            success_at: None,
        };
        let NewRefund { request, notify_url, funds_account, final_status, .. } = new;
        order.history_mut().refunds.push(Refund {
            record,
            request,
            notify_url,
            funds_account,
            fee,
            final_status,
        });
        Ok(())
    }

    /// Gives a pending refund its final state. Returns `None` if no such refund is pending, or if it is to stay so.
    pub(crate) fn complete_refund(
        &mut self,
        key: &OrderKey,
        number: &OutRefundNo,
        now: UnixTime,
    ) -> Option<(&Order, RefundStatus)> {
        let refund = self.order_mut(key)?.refund_mut(number)?;
        let final_status = refund.final_status;
        if refund.record.status != RefundStatus::Processing || final_status == RefundStatus::Processing {
            return None;
        }
        refund.record.status = final_status;
        refund.record.success_at = (final_status == RefundStatus::Success).then_some(now.as_secs());
        Some((self.order(key)?, final_status))
    }
}

impl Order {
    fn check_refundable(
        &self,
        payment: &Payment,
        new: &NewRefund,
        window: Duration,
        held_by_receivers: u64,
        now: UnixTime,
    ) -> Result<(), RefundError> {
        if self.state(now) == TradeState::Revoked {
            return Err(RefundError::Revoked);
        }
        let total = self.total();
        if new.total != total {
            return Err(RefundError::OtherTotal);
        }
        if now.since(UnixTime::from_secs(payment.success_at)) > window {
            return Err(RefundError::TooLate);
        }
        let (refunded, _) = self.refund_totals_of(payment);
        if refunded.checked_add(new.refund.get()).is_none_or(|all| all > total.get()) {
            return Err(RefundError::ExceedsTotal);
        }
        // An amount that was shared with others must be returned before it can be refunded.
        let unavailable = refunded.saturating_add(held_by_receivers);
        if unavailable.saturating_add(new.refund.get()) > total.get() {
            return Err(RefundError::Shared);
        }
        if self.history().refunds.len() >= MAX_REFUNDS {
            return Err(RefundError::TooMany);
        }
        Ok(())
    }

    /// Returns the payer's part of a refund in fen. It is the difference of the totals before and after the refund: the
    /// rounded parts of all refunds then add up to the paid amount.
    fn payer_refund(&self, payment: &Payment, refund: Fen) -> Fen {
        let (before, payer_before) = self.refund_totals_of(payment);
        let after = u128::from(before).saturating_add(u128::from(refund.get()));
        let scaled = after.saturating_mul(u128::from(payment.payer_total.get()));
        let payer_after = scaled.checked_div(u128::from(self.total().get())).unwrap_or_default();
        Fen::new(u64::try_from(payer_after).unwrap_or_default().saturating_sub(payer_before))
    }

    /// Returns the sums of all refunds that are not closed, in fen: the sum of the refunded amounts, and the sum that
    /// the payer receives.
    pub(crate) fn refund_totals(&self) -> (u64, u64) {
        sums(&self.history().refunds, |_| true)
    }

    /// Returns the same sums of one payment's refunds.
    fn refund_totals_of(&self, payment: &Payment) -> (u64, u64) {
        let is_of_payment = |refund: &Refund| {
            self.refunded_payment(&refund.request)
                .is_some_and(|refunded| refunded.transaction_id == payment.transaction_id)
        };
        sums(&self.history().refunds, is_of_payment)
    }

    /// Returns the payment that a request refunds: the one that it names, or else the first.
    pub(crate) fn refunded_payment(&self, request: &Value) -> Option<&Payment> {
        let named = request.pointer("/transaction_id").and_then(Value::as_str);
        let find =
            |id: &str| self.history().payments.iter().find(|payment| payment.transaction_id.as_str() == id);
        named.and_then(find).or_else(|| self.payment())
    }

    pub(crate) fn refund(&self, number: &OutRefundNo) -> Option<&Refund> {
        self.history().refunds.iter().find(|refund| refund.record.out_refund_no == *number)
    }

    pub(crate) fn refund_mut(&mut self, number: &OutRefundNo) -> Option<&mut Refund> {
        self.history_mut().refunds.iter_mut().find(|refund| refund.record.out_refund_no == *number)
    }
}

/// Returns the sums of the refunds that are counted and not closed.
fn sums(refunds: &[Refund], is_counted: impl Fn(&Refund) -> bool) -> (u64, u64) {
    let not_closed = refunds.iter().filter(|refund| refund.record.status != RefundStatus::Closed);
    not_closed.filter(|refund| is_counted(refund)).fold((0, 0), |(total, payer), refund| {
        let record = &refund.record;
        (total.saturating_add(record.refund.get()), payer.saturating_add(record.payer_refund.get()))
    })
}
