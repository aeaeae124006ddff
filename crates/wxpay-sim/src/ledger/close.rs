//! Closing an unpaid order, and reversing a code payment.

use super::{
    EntryKind, JournalEntry, Ledger, OrderKey, TradeState, TradeType, journal::platform_fee,
    order::RecordedState,
};
use wxpay_proto::UnixTime;

/// The reason why an order cannot be closed. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CloseError {
    /// The merchant has no such order.
    NoSuchOrder,
    /// The order is paid.
    Paid,
    /// A code payment is reversed, not closed.
    CodePayment,
}

impl Ledger {
    /// Closes an order. Closing it again has no effect.
    pub(crate) fn close(&mut self, key: &OrderKey, now: UnixTime) -> Result<(), CloseError> {
        let id = self.id_of(key).ok_or(CloseError::NoSuchOrder)?;
        let order = self.orders.get_mut(&id).ok_or(CloseError::NoSuchOrder)?;
        match order.state(now) {
            TradeState::Success | TradeState::Refund => return Err(CloseError::Paid),
            TradeState::NotPay | TradeState::UserPaying | TradeState::PayError | TradeState::Revoked
                if order.trade_type == TradeType::Micropay =>
            {
                return Err(CloseError::CodePayment);
            }
            TradeState::NotPay
            | TradeState::UserPaying
            | TradeState::PayError
            | TradeState::Revoked
            | TradeState::Closed => order.recorded_state = Some(RecordedState::Closed),
        }
        self.retention.finished(id, order.closes_at);
        Ok(())
    }

    /// Reverses a code payment. Does nothing if it was reversed before.
    pub(crate) fn reverse(&mut self, key: &OrderKey, now: UnixTime) {
        let Some(id) = self.id_of(key) else { return };
        let Some(order) = self.orders.get_mut(&id) else { return };
        if order.recorded_state == Some(RecordedState::Revoked) {
            return;
        }
        order.recorded_state = Some(RecordedState::Revoked);
        self.retention.finished(id, order.closes_at);
        let Some(payment) = order.history().payments.first() else { return };
        let (kind, amount) = (EntryKind::Reversal(payment.transaction_id.clone()), order.total());
        self.journal.add(JournalEntry {
            at: now,
            key: key.clone(),
            sub_mchid: order.sub_mchid().cloned(),
            kind,
            amount,
            fee: platform_fee(amount.get()),
            balance: 0,
        });
    }
}
