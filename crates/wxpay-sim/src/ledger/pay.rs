//! Paying an order, and attempts that lead to no payment.

use super::{
    EntryKind, FailedPayment, JournalEntry, Ledger, NotPaidReason, OrderKey, Payment, journal::platform_fee,
    order::RecordedState,
};
use wxpay_proto::UnixTime;

impl Ledger {
    /// Records a payment. A second payment does not replace the first.
    pub(crate) fn pay(&mut self, key: &OrderKey, payment: Payment) {
        let Some(id) = self.id_of(key) else { return };
        let Some(order) = self.orders.get_mut(&id) else { return };
        self.transactions.insert(payment.transaction_id.clone(), id);
        let amount = order.terms_of(&payment).total;
        self.journal.add(JournalEntry {
            at: UnixTime::from_secs(payment.success_at),
            key: key.clone(),
            sub_mchid: order.sub_mchid().cloned(),
            kind: EntryKind::Payment(payment.transaction_id.clone()),
            amount,
            fee: platform_fee(amount.get()),
            balance: 0,
        });
        order.recorded_state = order.recorded_state.filter(|state| *state != RecordedState::UserPaying);
        order.history_mut().payments.push(payment);
        self.retention.finished(id, order.closes_at);
    }

    /// Records an attempt that led to no payment. A code payment that waits for its password ends with it
    /// (`PAYERROR`), unless the payer may try again; any other order stays open.
    pub(crate) fn record_failed_payment(&mut self, key: &OrderKey, outcome: NotPaidReason, now: UnixTime) {
        let Some(id) = self.id_of(key) else { return };
        let Some(order) = self.orders.get_mut(&id) else { return };
        order.history_mut().failed_attempts.push(FailedPayment { at: now.as_secs(), outcome });
        if order.awaits_password() && !outcome.may_try_again() {
            order.recorded_state = Some(RecordedState::PayError);
            self.retention.finished(id, order.closes_at);
        }
    }
}
