//! Profit sharing: paying parts of a payment to receivers, such as suppliers or staff.
//!
//! ```text
//!  account.rs ─▶ receiver.rs                                               adding and deleting receivers
//!             ─▶ create.rs  unfreeze.rs ─▶ profit_sharing.rs ◀─ query.rs   sharing, unfreezing, and the result
//!                returns.rs                                                returns from a receiver
//!                limits.rs                                                 the unsplit amount and the maximum ratio
//!                notification.rs                                           notifications about shared amounts
//! ```
//!
//! A payment can be shared if its order was [marked](crate::v3::pay::Order::profit_sharing) for it. The paid
//! amount is then frozen until it is shared or [unfrozen](UnfreezeRemainder), for at most 30 days. **A successful reply
//! only means that WeChat Pay accepted the request**: query until the status is [`Finished`](SharingState::Finished).
//! If the reply is lost, do not share again under another number.
//!
//! The operations are those of `/v3/profitsharing/…`. In partner mode, they contain `sub_mchid`. The bill is
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
pub use query::QueryProfitSharing;
pub use receiver::{AddReceiver, DeleteReceiver, RelationType};
pub use returns::{ProfitSharingReturn, QueryProfitSharingReturn, ReturnAmount, ReturnProfitSharing};
pub use unfreeze::UnfreezeRemainder;
