//! What the gateway knows of its notices, to look at.

use super::DeliveryId;
use serde::Serialize;
use wxpay_proto::id::NotifyId;

/// What the gateway knows of one notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NotificationRecord {
    /// Its number.
    pub notify_id: NotifyId,
    /// Whose it is: the merchant's number; in the first generation its `partner`.
    pub mchid: String,
    /// The order it is about; for a notice that is about none, the merchant's own number of what it is about.
    pub out_trade_no: String,
    /// What it tells: `TRANSACTION.SUCCESS` and the like. The first generation has one kind without a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event_type: Option<&'static str>,
    /// Where it stands.
    pub state: NotificationState,
    /// When the next delivery is due, in seconds of the virtual clock.
    pub next_at: Option<u64>,
    /// What was delivered, and how it was answered.
    pub deliveries: Vec<Attempt>,
}

/// Where a notice stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum NotificationState {
    /// A delivery is due later.
    Waiting,
    /// A delivery is being made.
    OnTheWay,
    /// The merchant answered as it must.
    Accepted,
    /// The schedule is at its end, or was ended.
    GivenUp,
}

impl NotificationState {
    /// The word of the records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "WAITING",
            Self::OnTheWay => "ON_THE_WAY",
            Self::Accepted => "ACCEPTED",
            Self::GivenUp => "GIVEN_UP",
        }
    }
}

/// One delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Attempt {
    /// Its name; none if it was lost.
    pub id: Option<DeliveryId>,
    /// When, in seconds of the virtual clock.
    pub at: u64,
    /// What became of it.
    pub result: AttemptResult,
    /// Whether it was a tampered copy.
    pub forged: bool,
}

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AttemptResult {
    /// Not known yet.
    OnTheWay,
    /// Answered as it must be: `success`, or in the third generation the status alone.
    Success,
    /// Answered something else, with this status.
    Refused(u16),
    /// Not answered.
    NoAnswer,
    /// Lost by a fault.
    Lost,
}
