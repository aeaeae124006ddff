//! Events: written into the outbox with the change that they report, and numbered afterwards.

use crate::{
    ledger::{
        Prefix, Shard, Subject,
        table::{named, table},
    },
    merchants::MerchantName,
};
use wxpay_proto::UnixTime;

named! {
    /// The type of an event.
    EventType {
        /// An order was placed.
        OrderCreated = "order.created",
        /// An order was paid.
        OrderPaid = "order.paid",
        /// An order was closed, expired or failed.
        OrderClosed = "order.closed",
        /// An order was reversed.
        OrderReversed = "order.reversed",
        /// Evidence contradicts an order.
        OrderAnomalous = "order.anomalous",
        /// A refund succeeded.
        RefundSucceeded = "refund.succeeded",
        /// A refund was closed.
        RefundClosed = "refund.closed",
        /// A refund is not possible on the account that paid.
        RefundAbnormal = "refund.abnormal",
        /// A case was opened.
        CaseOpened = "case.opened",
        /// A case was decided.
        CaseResolved = "case.resolved",
        /// A webhook endpoint was disabled.
        EndpointDisabled = "endpoint.disabled",
    }
}

table! {
    /// An event that has no position yet.
    OutboxRow = "outbox" {
        key {
            /// The shard of the subject's number.
            shard: Shard,
            /// The subject whose events are delivered in order.
            subject: Subject,
            /// The number of the event among those of the subject.
            seq: u64,
        }
        columns {
            /// The id: `evt_` and the digest of subject and `seq`.
            id: String,
            /// The merchant.
            merchant: MerchantName,
            /// The type.
            event_type: EventType,
            /// The object as of the event, as JSON.
            data: String,
            /// The time of the event.
            at: UnixTime,
        }
        indexes {}
    }
}

impl OutboxRow {}

/// The only event log. The column is there for later ones.
pub(crate) const EVENT_LOG: u64 = 0;

table! {
    /// The last position of an event log.
    EventLogRow = "event_logs" {
        key {
            /// The log.
            log: u64,
        }
        columns {
            /// The last position.
            last: u64,
            /// The month of the last position: a clock set back does not break the order of months.
            month: u64,
            /// Grows with every write.
            version: u64,
        }
        indexes {}
    }
}

impl EventLogRow {
    /// Returns the key of the event log.
    pub(crate) fn only() -> Prefix<Self> {
        Prefix::all().and(&EVENT_LOG)
    }
}

table! {
    /// An event with its position.
    EventRow = "events" {
        key {
            /// The month of the numbering, such as 202611, never less than that of an earlier position.
            month: u64,
            /// The log.
            log: u64,
            /// The position in the log, from 1, without gaps.
            position: u64,
        }
        columns {
            /// The id.
            id: String,
            /// The merchant.
            merchant: MerchantName,
            /// The subject.
            subject: Subject,
            /// The number of the event among those of the subject.
            seq: u64,
            /// The type.
            event_type: EventType,
            /// The object as of the event, as JSON.
            data: String,
            /// The time of the event.
            at: UnixTime,
        }
        indexes {
            events_by_id(id),
        }
    }
}
