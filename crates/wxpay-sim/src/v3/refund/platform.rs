//! Refunds that the merchant makes in the merchant platform, without its program.

use super::{complete_refund, status_of};
use crate::{
    faults::ApiVersion,
    gateway::{Gateway, OrderRef, tasks::Task},
    ledger::{NewRefund, RefundError, RefundRecord},
    rng::DIGITS,
    time,
};
use serde_json::Value;
use std::fmt;
use wxpay_proto::{Fen, UnixTime, id::OutRefundNo};

/// The reason why the merchant platform does not refund an order. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PlatformRefundError {
    /// The order does not exist.
    NoSuchOrder,
    /// The order is one of APIv1, which has no refunds here.
    OtherApiVersion,
    /// The order is not paid, or was reversed.
    NotPaid,
    /// The payment is too old.
    TooLate,
    /// The amount exceeds what is left, or is shared with receivers.
    TooMuch,
    /// The order has the maximum number of refunds.
    TooMany,
}

impl fmt::Display for PlatformRefundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoSuchOrder => "the order does not exist",
            Self::OtherApiVersion => "only APIv3 orders can be refunded",
            Self::NotPaid => "the order is not paid, or was reversed",
            Self::TooLate => "the time for refunds is over",
            Self::TooMuch => "the amount exceeds what is not refunded yet and not shared",
            Self::TooMany => "the order has the maximum number of refunds",
        })
    }
}

impl std::error::Error for PlatformRefundError {}

impl From<RefundError> for PlatformRefundError {
    fn from(error: RefundError) -> Self {
        match error {
            RefundError::NotPaid | RefundError::Revoked | RefundError::OtherTotal => Self::NotPaid,
            RefundError::TooLate => Self::TooLate,
            RefundError::ExceedsTotal | RefundError::Shared => Self::TooMuch,
            RefundError::TooMany => Self::TooMany,
        }
    }
}

impl Gateway {
    /// Refunds an order as the merchant does in the merchant platform: without a request of its program. The default
    /// amount is what is not refunded yet. A notification is sent only to a `notify_url`, which in reality the merchant
    /// platform is configured with.
    ///
    /// # Errors
    ///
    /// [`PlatformRefundError`] for an order that cannot be refunded by this amount.
    pub fn refund_by_platform(
        &mut self,
        order_ref: &OrderRef,
        amount: Option<Fen>,
        notify_url: Option<String>,
        now: UnixTime,
    ) -> Result<RefundRecord, PlatformRefundError> {
        self.run_due_tasks(now);
        let order = self.find_order(order_ref).ok_or(PlatformRefundError::NoSuchOrder)?;
        if order.terms().form.api_version() != ApiVersion::V3 {
            return Err(PlatformRefundError::OtherApiVersion);
        }
        let (key, total) = (order.key(), order.total());
        let (refunded, _) = order.refund_totals();
        let rest = Fen::new(total.get().saturating_sub(refunded));
        let amount = amount.unwrap_or(rest);
        if amount == Fen::ZERO {
            return Err(PlatformRefundError::TooMuch);
        }
        // Restored if the refund is refused: a failed call must not change the values generated later.
        let (rng, serial) = (self.rng.clone(), self.serial);
        let (id, number) = loop {
            let serial = self.next_serial();
            let id = format!("50{}{}{serial:010}", self.rng.text(DIGITS, 8), time::yyyymmdd(now));
            let number = format!("MP{}", self.rng.text(DIGITS, 18));
            if let (Ok(id), Ok(number)) = (id.parse(), number.parse::<OutRefundNo>())
                && self.ledger.order_by_refund(&key.0, &number).is_none()
            {
                break (id, number);
            }
        };
        let refund = NewRefund {
            refund_id: id,
            out_refund_no: number.clone(),
            refund: amount,
            total,
            request: Value::Null,
            notify_url,
            funds_account: String::from("UNSETTLED"),
            final_status: status_of(self.settings().v3.refund_outcome),
        };
        let window = self.settings().v3.refund_window;
        if let Err(error) = self.ledger.refund(&key, refund, window, now) {
            (self.rng, self.serial) = (rng, serial);
            return Err(error.into());
        }
        let task = Task { run: complete_refund, mchid: key.0.clone(), number: number.to_string() };
        self.tasks.add(now.after(self.settings().v3.refund_duration), task);
        let record = self.ledger.order(&key).and_then(|order| order.refund(&number));
        record.map(|refund| refund.record.clone()).ok_or(PlatformRefundError::NoSuchOrder)
    }
}
