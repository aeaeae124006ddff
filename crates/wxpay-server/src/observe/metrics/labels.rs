//! The labels of the metrics, each a closed set.

use crate::serve::StandardMethod;
use hyper::StatusCode;

/// The labels of one series: names and values are constants.
pub(super) type Labels<const N: usize> = [(&'static str, &'static str); N];

/// A label value of a closed set.
pub(super) trait Label: Copy + 'static {
    /// The label's name.
    const NAME: &'static str;
    /// All values.
    const ALL: &'static [Self];

    /// Returns the label's value.
    fn label(self) -> &'static str;
}

/// Returns the labels of a series with one label.
pub(super) fn labels<L: Label>(value: L) -> Labels<1> {
    [(L::NAME, value.label())]
}

/// Calls `each` with every value of a label.
pub(super) fn all<L: Label>(each: impl FnMut(L)) {
    L::ALL.iter().copied().for_each(each);
}

macro_rules! label {
    ($(#[$doc:meta])* $type:ident = $name:literal { $($(#[$variant_doc:meta])* $variant:ident = $value:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $type {
            $($(#[$variant_doc])* $variant,)*
        }

        impl Label for $type {
            const NAME: &'static str = $name;
            const ALL: &'static [Self] = &[$(Self::$variant),*];

            fn label(self) -> &'static str {
                match self {
                    $(Self::$variant => $value,)*
                }
            }
        }
    };
}

label! {
    /// The class of a response's status.
    StatusClass = "status" {
        Informational = "1xx",
        Success = "2xx",
        Redirection = "3xx",
        ClientError = "4xx",
        ServerError = "5xx",
        /// The client left before the response.
        Aborted = "aborted",
    }
}

label! {
    /// The source that reported a payment first.
    PaidSource = "source" {
        Notification = "notification",
        Query = "query",
        /// The reply to the request itself, as with a code payment.
        Reply = "reply",
        Bill = "bill",
    }
}

label! {
    /// The result of a notification.
    NotificationResult = "result" {
        Accepted = "accepted",
        Duplicate = "duplicate",
        /// Rejected: the signature is not WeChat Pay's.
        Forged = "forged",
        /// Rejected: the timestamp is too old.
        Stale = "stale",
        /// Rejected: of another merchant or kind than its path.
        Misdirected = "misdirected",
        /// WeChat Pay's test of the signature check.
        Probe = "probe",
        /// Verified, but the content is not understood.
        Unreadable = "unreadable",
        /// Not recorded; WeChat Pay retries.
        Failed = "failed",
    }
}

label! {
    /// The fate of a call to WeChat Pay.
    GatewayFate = "fate" {
        Answered = "answered",
        NotSent = "not_sent",
        Refused = "refused",
        Unknown = "unknown",
    }
}

label! {
    /// The outcome of an attempt to deliver an event.
    DeliveryOutcome = "outcome" {
        Delivered = "delivered",
        /// To be retried.
        Failed = "failed",
        /// The last attempt failed.
        Exhausted = "exhausted",
        /// The endpoint answered 410, or failed for days.
        Disabled = "disabled",
    }
}

label! {
    /// The kind of a background task.
    TaskKind = "kind" {
        OrderPolling = "order_polling",
        OrderClosing = "order_closing",
        RefundPolling = "refund_polling",
        WebhookDelivery = "webhook_delivery",
        EventNumbering = "event_numbering",
        Retention = "retention",
    }
}

label! {
    /// The place that an access token of APIv1 came from.
    TokenSource = "source" {
        /// WeChat Pay: fetched by this process.
        Gateway = "gateway",
        Redis = "redis",
        Ledger = "ledger",
    }
}

label! {
    /// An invariant of the ledger.
    Invariant = "name" {
        DoubleCharge = "double_charge",
        LostPayment = "lost_payment",
        Phantom = "phantom",
        RefundBound = "refund_bound",
        MonotoneStatus = "monotone_status",
        AckBeforeCommit = "ack_before_commit",
    }
}

impl StatusClass {
    pub(super) fn of(status: Option<StatusCode>) -> Self {
        match status.map(|status| status.as_u16()) {
            None => Self::Aborted,
            Some(..=199) => Self::Informational,
            Some(200..=299) => Self::Success,
            Some(300..=399) => Self::Redirection,
            Some(400..=499) => Self::ClientError,
            Some(500..) => Self::ServerError,
        }
    }
}

impl StandardMethod {
    pub(super) fn label(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::Other => "other",
        }
    }
}
