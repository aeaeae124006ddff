//! Payments, and the evidence that they were concluded from.

use crate::{
    ledger::{
        OrderKey, Prefix, Shard,
        table::{named, table},
    },
    merchants::MerchantName,
};
use wxpay_proto::{
    Fen, UnixTime,
    id::{OutTradeNo, TransactionId},
};

named! {
    /// The source of knowledge about a payment or a refund.
    Source {
        /// A notification.
        Notification = "notification",
        /// A query, or the reply to another call.
        Query = "query",
        /// A bill.
        Bill = "bill",
    }
}

table! {
    /// A payment (transaction) of an order. It bounds the refunds.
    PaymentRow = "payments" {
        key {
            /// The shard of the order number.
            shard: Shard,
            /// The merchant.
            merchant: MerchantName,
            /// The merchant's order number.
            out_trade_no: OutTradeNo,
            /// WeChat Pay's number.
            transaction_id: TransactionId,
        }
        columns {
            /// The price that was paid, coupons included, in fen.
            total: Fen,
            /// The amount that the payer paid, in fen.
            payer_total: Option<Fen>,
            /// The currency.
            currency: String,
            /// The app.
            appid: Option<String>,
            /// The bank.
            bank_type: Option<String>,
            /// The time of payment.
            success_at: UnixTime,
            /// The sum of pending refunds, in fen.
            refund_reserved: Fen,
            /// The sum of succeeded refunds, in fen.
            refunded: Fen,
        }
        indexes {
            payments_by_transaction(transaction_id),
        }
    }
}

impl PaymentRow {
    /// Returns the prefix of all payments of an order.
    pub(crate) fn of(key: &OrderKey) -> Prefix<Self> {
        Prefix::all().and(&key.shard()).and(&key.merchant).and(&key.out_trade_no)
    }

    /// Returns the part of the payment that is neither refunded nor reserved for a refund.
    pub(crate) fn refundable(&self) -> Fen {
        let taken = self.refund_reserved.checked_add(self.refunded);
        taken.and_then(|taken| self.total.checked_sub(taken)).unwrap_or(Fen::ZERO)
    }
}

table! {
    /// Verified evidence of a payment, each content once.
    EvidenceRow = "payment_evidence" {
        key {
            /// The shard of the order number.
            shard: Shard,
            /// The merchant.
            merchant: MerchantName,
            /// The merchant's order number.
            out_trade_no: OutTradeNo,
            /// The digest of the content.
            digest: String,
        }
        columns {
            /// The first source.
            source: Source,
            /// The content, as JSON.
            evidence: String,
            /// The time at which it was first seen.
            first_seen: UnixTime,
        }
        indexes {}
    }
}

impl EvidenceRow {
    /// Returns the prefix of all evidence of an order.
    pub(crate) fn of(key: &OrderKey) -> Prefix<Self> {
        Prefix::all().and(&key.shard()).and(&key.merchant).and(&key.out_trade_no)
    }
}
