//! The sums of refunds that bound each payment.

use crate::ledger::{
    Changes,
    order::OrderState,
    rows::{
        case::CaseKind,
        payment::PaymentRow,
        refund::{RefundRow, RefundStatus},
    },
};
use serde_json::json;
use wxpay_proto::{
    Fen, UnixTime,
    id::{OutRefundNo, TransactionId},
};

impl RefundStatus {
    /// Returns whether the amount is reserved: the money may still move.
    pub(crate) fn is_reserved(self) -> bool {
        match self {
            Self::Pending | Self::Processing | Self::Abnormal => true,
            Self::Success | Self::Closed => false,
        }
    }

    /// Returns whether nothing more is expected of the refund.
    pub(crate) fn is_final(self) -> bool {
        !self.is_reserved()
    }

    /// Returns the place of the status in the order that reports are merged by: the larger one wins, so that reports give
    /// the same status in any order.
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::Pending => 0,
            Self::Processing => 1,
            Self::Abnormal => 2,
            Self::Closed => 3,
            Self::Success => 4,
        }
    }
}

impl PaymentRow {
    pub(crate) fn is_exceeded(&self) -> bool {
        self.refund_reserved.get().saturating_add(self.refunded.get()) > self.total.get()
    }
}

impl OrderState {
    /// Writes a refund, in the place of the one with its number.
    pub(crate) fn put_refund(&mut self, changes: &mut Changes, refund: RefundRow) {
        changes.put(&refund);
        match self.refunds.binary_search_by(|each| each.out_refund_no.cmp(&refund.out_refund_no)) {
            Ok(position) => {
                if let Some(place) = self.refunds.get_mut(position) {
                    *place = refund;
                }
            }
            Err(position) => self.refunds.insert(position, refund),
        }
    }

    /// Returns the number of the last call of a refund, for [`EndRefundCall`](super::EndRefundCall). Zero if there was
    /// none.
    pub(crate) fn refund_call(&self, out_refund_no: &OutRefundNo) -> u64 {
        self.refund(out_refund_no).map_or(0, |refund| refund.calls)
    }

    /// Computes the sums of every payment from the refunds, and writes the payments whose sums changed. Opens a case for
    /// a payment that its refunds begin to exceed. Call it after a refund or a payment was added or changed.
    pub(crate) fn recount_refunds(&mut self, changes: &mut Changes, now: UnixTime) {
        let mut exceeded: Vec<PaymentRow> = Vec::new();
        for payment in &mut self.payments {
            let reserved = sum(&self.refunds, &payment.transaction_id, RefundStatus::is_reserved);
            let refunded =
                sum(&self.refunds, &payment.transaction_id, |status| status == RefundStatus::Success);
            if (payment.refund_reserved, payment.refunded) == (reserved, refunded) {
                continue;
            }
            let was_exceeded = payment.is_exceeded();
            payment.refund_reserved = reserved;
            payment.refunded = refunded;
            changes.put(payment);
            if payment.is_exceeded() && !was_exceeded {
                exceeded.push(payment.clone());
            }
        }
        for payment in exceeded {
            let data = json!({
                "transaction_id": payment.transaction_id.as_str(),
                "total": payment.total.get(),
                "reserved": payment.refund_reserved.get(),
                "refunded": payment.refunded.get(),
            });
            let cause = payment.transaction_id.as_str();
            self.open_case(changes, CaseKind::RefundExceedsPayment, cause, &data, now);
        }
    }
}

fn sum(refunds: &[RefundRow], transaction_id: &TransactionId, counts: impl Fn(RefundStatus) -> bool) -> Fen {
    let of_payment = refunds.iter().filter(|refund| refund.transaction_id == *transaction_id);
    let amounts = of_payment.filter(|refund| counts(refund.status)).map(|refund| refund.amount.get());
    Fen::new(amounts.fold(0, u64::saturating_add))
}
