//! Profit sharing: passing on parts of a payment to those who helped to earn it.
//!
//! ```text
//!  account.rs ─▶ receiver.rs                    who may get a part: added, deleted
//!             ─▶ create.rs  unfreeze.rs ─▶ profit_sharing.rs ◀─ query.rs      the parts, and what became of them
//!                returns.rs                   what a receiver gives back, before a refund
//!                limits.rs                      how much may be shared, and is left
//!                notification.rs                       what notifications tell
//! ```
//!
//! A payment can be shared if it was [ordered](crate::v3::pay::order::Builder::profit_sharing) so: what is paid is then
//! frozen until all is shared or [unfrozen](UnfreezeRemainder), for 30 days at most. **What is answered is that it was taken up**: ask
//! until the state is [`Finished`](SharingState::Finished). A sharing whose answer was lost must not be asked for again under
//! another number.
//!
//! The contracts are those of `/v3/profitsharing/…`, in both modes: of a partner with `sub_mchid`. The bill is
//! [`bill::ProfitSharingBill`](crate::v3::bill::ProfitSharingBill).

mod account;
pub mod create;
mod limits;
pub mod notification;
pub mod profit_sharing;
mod query;
pub mod receiver;
pub mod returns;
mod unfreeze;

pub use account::Account;
pub use create::{CreateProfitSharing, ReceiverAmount, Remainder};
pub use limits::{QueryMaxRatio, QueryUnsplitAmount};
pub use notification::ProfitSharingNotification;
pub use profit_sharing::{ProfitSharing, Receiver, SharingState};
pub use query::{ProfitSharingLookup, QueryProfitSharing};
pub use receiver::{AddReceiver, DeleteReceiver, RelationType};
pub use returns::{ProfitSharingReturn, QueryProfitSharingReturn, ReturnProfitSharing};
pub use unfreeze::UnfreezeRemainder;
