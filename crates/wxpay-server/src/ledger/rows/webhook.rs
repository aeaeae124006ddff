//! Webhook endpoints and their deliveries.

use crate::{
    ledger::{
        Prefix, Subject,
        table::{named, table},
    },
    merchants::MerchantName,
};
use wxpay_proto::UnixTime;

named! {
    /// The status of an endpoint.
    EndpointStatus {
        /// Events are delivered.
        Enabled = "enabled",
        /// Nothing is delivered: disabled by the shop, by a reply 410, or after five days without success.
        Disabled = "disabled",
    }
}

table! {
    /// A webhook endpoint.
    EndpointRow = "endpoints" {
        key {
            /// The id, `we_…`.
            endpoint: String,
        }
        columns {
            /// The merchant whose events are delivered. `None`: those of all merchants.
            merchant: Option<MerchantName>,
            /// The URL.
            url: String,
            /// The types of events, separated by commas. Empty: all types.
            types: String,
            /// The signing secrets, newest first, sealed.
            sealed_secrets: String,
            /// The status.
            status: EndpointStatus,
            /// The time of the first failure since the last success.
            failing_since: Option<UnixTime>,
            /// Grows with every write.
            version: u64,
            /// The time of its creation.
            created_at: UnixTime,
        }
        indexes {}
    }
}

impl EndpointRow {
    /// Returns the key of an endpoint.
    pub(crate) fn of(endpoint: &str) -> Prefix<Self> {
        Prefix::all().and(&String::from(endpoint))
    }
}

table! {
    /// The position up to which an endpoint's events are delivered or deferred.
    CursorRow = "cursors" {
        key {
            /// The endpoint.
            endpoint: String,
            /// The log.
            log: u64,
        }
        columns {
            /// The month of the position.
            month: u64,
            /// The position.
            position: u64,
        }
        indexes {}
    }
}

impl CursorRow {
    /// Returns the prefix of an endpoint's cursors.
    pub(crate) fn of(endpoint: &str) -> Prefix<Self> {
        Prefix::all().and(&String::from(endpoint))
    }
}

table! {
    /// An event whose delivery waits. Later events of its subject wait for it.
    DeferredRow = "deferred" {
        key {
            /// The endpoint.
            endpoint: String,
            /// The subject.
            subject: Subject,
            /// The log.
            log: u64,
            /// The position.
            position: u64,
        }
        columns {
            /// The month of the position.
            month: u64,
            /// Whether it was given up. It is visible, and can be replayed.
            gave_up: bool,
            /// The time of the next attempt.
            next_at: UnixTime,
            /// The number of attempts so far.
            attempts: u64,
            /// The time of the first failure.
            first_failed_at: UnixTime,
            /// The last response, shortened.
            last_response: Option<String>,
        }
        indexes {
            deferred_due(endpoint, gave_up, next_at),
        }
    }
}

impl DeferredRow {
    /// Returns the prefix of the deferred events of an endpoint.
    pub(crate) fn of(endpoint: &str) -> Prefix<Self> {
        Prefix::all().and(&String::from(endpoint))
    }
}

table! {
    /// An attempt to deliver an event.
    AttemptRow = "attempts" {
        key {
            /// The month of the attempt.
            month: u64,
            /// The endpoint.
            endpoint: String,
            /// The log.
            log: u64,
            /// The position of the event.
            position: u64,
            /// The time.
            at: UnixTime,
        }
        columns {
            /// The status of the response. `None` if there was none.
            http_status: Option<u64>,
            /// The duration, in milliseconds.
            duration_ms: u64,
            /// The response or the failure, shortened.
            response: Option<String>,
        }
        indexes {
            attempts_recent(endpoint, at),
        }
    }
}
