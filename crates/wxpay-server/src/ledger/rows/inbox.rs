//! Messages: notifications received, and calls sent.

use crate::ledger::{
    Subject,
    table::{named, table},
};
use crate::merchants::MerchantName;
use wxpay_proto::UnixTime;

named! {
    /// The result of a notification.
    InboxResult {
        /// Verified, and applied to the ledger.
        Accepted = "accepted",
        /// Verified, and of no event that this server handles.
        Ignored = "ignored",
        /// Verified, and not readable.
        Unreadable = "unreadable",
    }
}

table! {
    /// A verified notification, as received. An unverified one is counted, and not stored.
    InboxRow = "inbox" {
        key {
            /// The month of the first receipt.
            month: u64,
            /// The digest of the content.
            digest: String,
        }
        columns {
            /// The result.
            result: InboxResult,
            /// The merchant.
            merchant: Option<MerchantName>,
            /// The kind, such as `payment` or `refund`.
            kind: Option<String>,
            /// The subject.
            subject: Option<Subject>,
            /// The headers that the signature needs, as JSON.
            headers: String,
            /// The body, encrypted as received.
            body: String,
            /// The time of the first receipt.
            received_at: UnixTime,
            /// The number of receipts.
            count: u64,
        }
        indexes {}
    }
}

table! {
    /// A call to WeChat Pay that failed or moved money.
    CallRow = "calls" {
        key {
            /// The month of the call.
            month: u64,
            /// The id.
            id: String,
        }
        columns {
            /// The merchant.
            merchant: MerchantName,
            /// The subject.
            subject: Subject,
            /// The name of the operation, such as `v3.pay.native`.
            label: String,
            /// The time of the call.
            at: UnixTime,
            /// The duration, in milliseconds.
            duration_ms: u64,
            /// The status of the last reply.
            http_status: Option<u64>,
            /// WeChat Pay's number of the request.
            wechat_request_id: Option<String>,
            /// The fate: `done`, `refused`, `not_sent` or `unknown`.
            fate: String,
            /// The error, without secrets.
            summary: String,
        }
        indexes {
            calls_by_subject(subject, at),
        }
    }
}
