//! Refunds.

use crate::{
    ledger::{
        OrderKey, Prefix, Shard,
        table::{named, table},
    },
    merchants::MerchantName,
};
use wxpay_proto::{
    Fen, UnixTime,
    id::{OutRefundNo, OutTradeNo, TransactionId},
};

named! {
    /// The status of a refund.
    RefundStatus {
        /// Reserved; WeChat Pay has not yet confirmed that it accepted the refund.
        Pending = "pending",
        /// Accepted by WeChat Pay.
        Processing = "processing",
        /// The payer has the money.
        Success = "success",
        /// Closed: no money moved.
        Closed = "closed",
        /// Not possible on the account that paid. A case is open.
        Abnormal = "abnormal",
    }
}

named! {
    /// The origin of a refund.
    RefundSource {
        /// Requested through this server.
        Api = "api",
        /// Learned from WeChat Pay: made in its console, for example.
        WeChat = "wechat",
    }
}

table! {
    /// A refund of an order.
    RefundRow = "refunds" {
        key {
            /// The shard of the order number.
            shard: Shard,
            /// The merchant.
            merchant: MerchantName,
            /// The merchant's order number.
            out_trade_no: OutTradeNo,
            /// The merchant's refund number.
            out_refund_no: OutRefundNo,
        }
        columns {
            /// WeChat Pay's number of the payment.
            transaction_id: TransactionId,
            /// The amount, in fen.
            amount: Fen,
            /// The reason that the payer sees.
            reason: Option<String>,
            /// The goods and the rest of the request, as JSON.
            detail: Option<String>,
            /// The digest of the terms. `None` if it was not requested here.
            terms_digest: Option<String>,
            /// The origin.
            source: RefundSource,
            /// The status.
            status: RefundStatus,
            /// Whether the refund may exist at WeChat Pay.
            may_exist_upstream: bool,
            /// The number of calls begun.
            calls: u64,
            /// The time until which the last call may still be sent. `None` if it ended.
            call_until: Option<UnixTime>,
            /// Whether the fate of an earlier call is unknown: a later refusal then does not prove that no refund exists.
            in_doubt: bool,
            /// The first of the replies since the last call that say that the refund does not exist.
            absent_since: Option<UnixTime>,
            /// WeChat Pay's refund number.
            refund_id: Option<String>,
            /// The time at which it succeeded.
            success_at: Option<UnixTime>,
            /// The API key that requested it.
            requested_by: Option<String>,
            /// The time of the request.
            created_at: UnixTime,
            /// The time of the last write.
            updated_at: UnixTime,
        }
        indexes {}
    }
}

impl RefundRow {
    /// Returns the prefix of all refunds of an order.
    pub(crate) fn of(key: &OrderKey) -> Prefix<Self> {
        Prefix::all().and(&key.shard()).and(&key.merchant).and(&key.out_trade_no)
    }
}
