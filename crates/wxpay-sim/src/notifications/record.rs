//! Public records of notifications.

use super::{DeliveryId, DeliveryResult};
use serde::Serialize;
use wxpay_proto::id::NotifyId;

/// A notification as the gateway recorded it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NotificationRecord {
    /// The notification's number.
    pub notify_id: NotifyId,
    /// The merchant's number; in APIv1 its `partner`.
    pub mchid: String,
    /// The order's number, or the merchant's number of the subject if the notification is not about an order.
    pub out_trade_no: String,
    /// The event type, such as `TRANSACTION.SUCCESS`. APIv1 has one kind of notification, without a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<&'static str>,
    /// The notification's state.
    pub state: NotificationState,
    /// The time of the next delivery, in seconds of the business clock.
    pub next_at: Option<u64>,
    /// The deliveries and the merchant's responses to them.
    pub deliveries: Vec<Attempt>,
}

/// The state of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum NotificationState {
    /// The next delivery is due later.
    Waiting,
    /// A delivery is in progress.
    InProgress,
    /// The merchant accepted the notification.
    Accepted,
    /// The schedule is exhausted or was cancelled.
    Stopped,
}

impl NotificationState {
    /// Returns the name in the records.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::InProgress => "IN_PROGRESS",
            Self::Accepted => "ACCEPTED",
            Self::Stopped => "STOPPED",
        }
    }
}

/// A delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Attempt {
    /// The delivery's number; `None` if a fault lost it.
    pub id: Option<DeliveryId>,
    /// The time of the delivery, in seconds of the business clock.
    pub at: u64,
    /// The result.
    pub result: AttemptResult,
    /// The HTTP status of the response, if its head was received.
    pub status: Option<u16>,
    /// The reason why the delivery is not a success.
    pub reason: Option<String>,
    /// True for a tampered copy.
    pub forged: bool,
}

impl Attempt {
    /// Sets the result. `rule` is the rule by which a response accepts the notification.
    pub(super) fn complete(&mut self, result: AttemptResult, response: &DeliveryResult, rule: &str) {
        self.result = result;
        self.status = response.status();
        self.reason = match response {
            DeliveryResult::Failed { reason, .. } => Some(reason.clone()),
            DeliveryResult::Response { status, .. } => {
                (result != AttemptResult::Success).then(|| format!("not accepted, HTTP {status}: {rule}"))
            }
        };
    }
}

/// The result of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AttemptResult {
    /// The delivery is in progress.
    InProgress,
    /// Accepted: in APIv1 with the body `success`, in APIv3 by the status 200 or 204 alone.
    Success,
    /// Not accepted; the response had this HTTP status.
    Rejected(u16),
    /// No complete response.
    NoResponse,
    /// Lost by a fault.
    Lost,
}
