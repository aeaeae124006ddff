//! Which delivery of which notice is due when.
//!
//! ```text
//!            due, pause by pause                answered as it must be
//!  WAITING ───────────────────────► ON_THE_WAY ──────────────────► ACCEPTED
//!     ▲                                  │
//!     └──────── anything else ───────────┤ after the last pause
//!                                        └──────────────────────► GIVEN_UP
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

/// What the making of deliveries needs besides the notices.
pub(crate) struct Means<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) merchants: &'a Merchants,
    pub(crate) faults: &'a mut Faults,
    pub(crate) chance: &'a mut Chance,
    pub(crate) warnings: &'a mut Warnings,
    pub(crate) now: UnixTime,
}
