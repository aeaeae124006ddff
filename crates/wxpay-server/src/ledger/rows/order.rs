//! Orders: the root rows.

use crate::{
    ledger::{
        OrderKey, Prefix, Shard,
        table::{named, table},
    },
    merchants::MerchantName,
};
use wxpay_proto::{Fen, UnixTime, id::OutTradeNo};

named! {
    /// The status of an order.
    OrderStatus {
        /// Something is known of the number, but the shop has placed no order under it.
        Unplaced = "unplaced",
        /// Placed, and not yet paid.
        Open = "open",
        /// The decision to close is written; WeChat Pay has not yet confirmed it.
        Closing = "closing",
        /// Closed: it can no longer be paid.
        Closed = "closed",
        /// Paid with the ordered amount. Refunds do not change it.
        Paid = "paid",
        /// The decision to reverse is written; WeChat Pay has not yet confirmed it.
        Reversing = "reversing",
        /// Reversed: a payment, if there was one, was returned.
        Reversed = "reversed",
        /// The payment failed for good.
        Failed = "failed",
        /// Known not to exist at WeChat Pay after it expired.
        Expired = "expired",
        /// Evidence contradicts the order. A case is open.
        Anomalous = "anomalous",
    }
}

named! {
    /// The API version that an order is placed with.
    ApiVersion {
        /// The app payment of 2013 and 2014, closed to new merchants.
        V1 = "v1",
        /// JSON and RSA.
        V3 = "v3",
    }
}

table! {
    /// Everything decided about one order number.
    OrderRow = "orders" {
        key {
            /// The shard of the number.
            shard: Shard,
            /// The merchant.
            merchant: MerchantName,
            /// The merchant's order number.
            out_trade_no: OutTradeNo,
        }
        columns {
            /// Grows with every write.
            version: u64,
            /// The status.
            status: OrderStatus,
            /// Whether the order may exist at WeChat Pay. While it may, its terms cannot be replaced.
            may_exist_upstream: bool,
            /// The number of prepay calls begun.
            prepay_calls: u64,
            /// The time until which the last prepay call that did not end may still be sent, by the clock of the process
            /// that began it. `None` if all ended.
            prepay_call_until: Option<UnixTime>,
            /// The first of the signed replies since the last prepay call that say that the order does not exist.
            absent_since: Option<UnixTime>,
            /// The API version. `None` while unplaced, as the other terms.
            api_version: Option<ApiVersion>,
            /// The channel, such as `native`.
            channel: Option<String>,
            /// The app.
            appid: Option<String>,
            /// The sub-merchant, in partner mode.
            sub_mchid: Option<String>,
            /// The price, in fen.
            total: Option<Fen>,
            /// The currency of the price.
            currency: Option<String>,
            /// The terms, as canonical JSON.
            terms: Option<String>,
            /// The digest of the terms.
            terms_digest: Option<String>,
            /// The payer's openid. Personal data.
            payer: Option<String>,
            /// The shop's own data, as JSON.
            metadata: Option<String>,
            /// The result of the prepay call, as JSON. For a code payment, that the payer is entering the password.
            prepay: Option<String>,
            /// The time from which `prepay` is no longer valid. For a code payment, the time at which its charge is
            /// reversed.
            prepay_expires_at: Option<UnixTime>,
            /// The number of events of the order so far.
            seq: u64,
            /// The time from which the order can no longer be paid.
            expires_at: Option<UnixTime>,
            /// The time of the first knowledge of the number.
            created_at: UnixTime,
            /// The time of the last write.
            updated_at: UnixTime,
        }
        indexes {
            orders_recent(merchant, created_at),
            orders_by_payer(payer, created_at),
        }
    }
}

impl OrderRow {
    /// Returns the key of an order's row.
    pub(crate) fn of(key: &OrderKey) -> Prefix<Self> {
        Prefix::all().and(&key.shard()).and(&key.merchant).and(&key.out_trade_no)
    }

    /// Returns the identity of the order.
    pub(crate) fn key(&self) -> OrderKey {
        OrderKey::new(self.merchant.clone(), self.out_trade_no.clone())
    }

    /// Creates the root of a number of which something is known, before the shop places an order under it.
    pub(crate) fn unplaced(key: &OrderKey, now: UnixTime) -> Self {
        Self {
            shard: key.shard(),
            merchant: key.merchant.clone(),
            out_trade_no: key.out_trade_no.clone(),
            version: 0,
            status: OrderStatus::Unplaced,
            may_exist_upstream: false,
            prepay_calls: 0,
            prepay_call_until: None,
            absent_since: None,
            api_version: None,
            channel: None,
            appid: None,
            sub_mchid: None,
            total: None,
            currency: None,
            terms: None,
            terms_digest: None,
            payer: None,
            metadata: None,
            prepay: None,
            prepay_expires_at: None,
            seq: 0,
            expires_at: None,
            created_at: now,
            updated_at: now,
        }
    }
}

table! {
    /// The delivery report of an APIv1 order.
    DeliveryRow = "deliveries" {
        key {
            /// The shard of the order number.
            shard: Shard,
            /// The merchant.
            merchant: MerchantName,
            /// The merchant's order number.
            out_trade_no: OutTradeNo,
        }
        columns {
            /// Whether the goods were delivered.
            delivered: bool,
            /// The reason of a failed delivery; empty for a successful one.
            message: String,
            /// The time of the shop's report.
            reported_at: UnixTime,
            /// The time at which WeChat Pay accepted the report.
            acknowledged_at: Option<UnixTime>,
        }
        indexes {}
    }
}

impl DeliveryRow {
    /// Returns the key of an order's delivery report.
    pub(crate) fn of(key: &OrderKey) -> Prefix<Self> {
        Prefix::all().and(&key.shard()).and(&key.merchant).and(&key.out_trade_no)
    }
}
