//! Profit sharing: passing on parts of a payment to those who helped to earn it.
//!
//! ```text
//!  account.rs ─▶ receiver.rs                    who may get a part: added, deleted
//!             ─▶ share.rs  unfreeze.rs ─▶ sharing.rs ◀─ query.rs      the parts, and what became of them
//!                give_back.rs                   what a receiver gives back, before a refund
//!                limits.rs                      how much may be shared, and is left
//!                moved.rs                       what notices tell
//! ```
//!
//! A payment can be shared if it was [ordered](crate::v3::pay::order::Builder::profit_sharing) so: what is paid is then
//! frozen until all is shared or [unfrozen](Unfreeze), for 30 days at most. **What is answered is that it was taken up**: ask
//! until the state is [`Finished`](SharingState::Finished). A sharing whose answer was lost must not be asked for again under
//! another number.
//!
//! The contracts are those of `/v3/profitsharing/…`, in both modes: of a partner with `sub_mchid`. The bill is
//! [`bill::ProfitSharing`](crate::v3::bill::ProfitSharing).

mod account;
pub mod give_back;
mod limits;
pub mod moved;
mod query;
pub mod receiver;
pub mod share;
pub mod sharing;
mod unfreeze;

pub use account::Account;
pub use give_back::{GiveBack, GivenBack, QueryGivenBack};
pub use limits::{MaxRatio, UnsplitAmount};
pub use moved::Moved;
pub use query::{Queried, Query};
pub use receiver::{AddReceiver, DeleteReceiver, RelationType};
pub use share::{Portion, Rest, Share};
pub use sharing::{Receiver, Sharing, SharingState};
pub use unfreeze::Unfreeze;
