//! The queue of notifications: when each delivery is due, and what follows from its result.
//!
//! ```text
//!            due, interval by interval          accepted by the merchant
//!  WAITING ───────────────────────► IN_PROGRESS ─────────────────► ACCEPTED
//!     ▲                                  │
//!     └──────── anything else ───────────┤ after the last interval
//!                                        └──────────────────────► STOPPED
//! ```

mod calendar;
mod delivery;
mod notification;
mod queue;
mod record;

pub use delivery::{Delivery, DeliveryId, DeliveryResult};
pub(crate) use notification::{Forgery, Made, Notification, Says};
pub(crate) use queue::Notifications;
pub use record::{Attempt, AttemptResult, NotificationRecord, NotificationState};

use crate::{chance::Chance, faults::Faults, merchant::Merchants, settings::Settings, warnings::Warnings};
use wxpay_proto::UnixTime;

/// The parts of the gateway that deliveries need besides the notifications.
pub(crate) struct Means<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) merchants: &'a Merchants,
    pub(crate) faults: &'a mut Faults,
    pub(crate) chance: &'a mut Chance,
    pub(crate) warnings: &'a mut Warnings,
    pub(crate) now: UnixTime,
}
