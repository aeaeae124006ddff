//! Payments and the evidence of them.

use crate::{
    clock::UnixTime,
    id::{OutTradeNo, TransactionId},
    money::Fen,
};

/// A payment, as WeChat Pay reports it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Payment {
    // `Ord` is derived: `time_end` must be the first field, so that payments sort by time.
    time_end: UnixTime,
    pub(super) transaction_id: TransactionId,
    total_fee: Fen,
    discount: Fen,
}

impl Payment {
    /// Creates a payment: its number, the amount the payer paid, the discount that WeChat Pay added, and the time.
    pub fn new(transaction_id: TransactionId, total_fee: Fen, discount: Fen, time_end: UnixTime) -> Self {
        Self { time_end, transaction_id, total_fee, discount }
    }

    /// Returns WeChat Pay's number of the payment.
    pub fn transaction_id(&self) -> &TransactionId {
        &self.transaction_id
    }

    /// Returns the amount the payer paid.
    pub fn total_fee(&self) -> Fen {
        self.total_fee
    }

    /// Returns the discount on the price.
    pub fn discount(&self) -> Fen {
        self.discount
    }

    /// Returns the time of the payment, to the second.
    pub fn time_end(&self) -> UnixTime {
        self.time_end
    }

    /// Returns the amount that is compared with the order: `total_fee + discount`. `None` on overflow.
    pub fn amount(&self) -> Option<Fen> {
        self.total_fee.checked_add(self.discount)
    }
}

/// Evidence that an order was paid: from a verified notification, a query, or a stored record of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    pub(super) out_trade_no: OutTradeNo,
    pub(super) payment: Payment,
}

impl Evidence {
    pub(crate) fn new(out_trade_no: OutTradeNo, payment: Payment) -> Self {
        Self { out_trade_no, payment }
    }

    /// Restores evidence that a ledger stored. **Only for evidence that was verified when it was stored**: nothing is
    /// verified here.
    pub fn from_storage(out_trade_no: OutTradeNo, payment: Payment) -> Self {
        Self::new(out_trade_no, payment)
    }

    /// Returns the number of the order.
    pub fn out_trade_no(&self) -> &OutTradeNo {
        &self.out_trade_no
    }

    /// Returns the payment.
    pub fn payment(&self) -> &Payment {
        &self.payment
    }
}
