//! The queue of notifications: the schedule of deliveries, and the state that follows from each result.
//!
//! ```text
//!            due, interval by interval          accepted by the merchant
//!  WAITING ───────────────────────► IN_PROGRESS ─────────────────► ACCEPTED
//!     ▲                                  │
//!     └──────── anything else ───────────┤ after the last interval
//!                                        └──────────────────────► STOPPED
//! ```

mod alteration;
mod delivery;
mod due;
mod message;
mod queue;
mod queued;
mod record;

pub use alteration::{Alteration, NotificationCopy};
pub use delivery::{Delivery, DeliveryId, DeliveryResult};
pub(crate) use message::{Message, Tampering, UnsignedDelivery};
pub(crate) use queue::Notifications;
pub use record::{Attempt, AttemptResult, NotificationRecord, NotificationState};

use crate::{
    clock::Now, faults::FaultRules, merchant::MerchantRegistry, rng::Rng, settings::Settings,
    warnings::Warnings,
};
/// The parts of the gateway that deliveries need besides the notifications.
pub(crate) struct DeliveryContext<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) merchants: &'a MerchantRegistry,
    pub(crate) faults: &'a mut FaultRules,
    pub(crate) rng: &'a mut Rng,
    pub(crate) warnings: &'a mut Warnings,
    pub(crate) now: Now,
}
