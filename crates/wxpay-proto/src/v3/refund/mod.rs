//! Giving money back: in whole or in parts, within a year of the payment.
//!
//! ```text
//!  create.rs ─▶ refund.rs ◀─ query.rs            what became of it, as answers tell
//!  abnormal.rs ─▶                                where the way back was closed
//!  notification.rs                                   the same as notifications tell
//! ```
//!
//! That a refund was answered does not mean that the money is back: look at its [status](Refund::status), ask, or wait
//! for the notice. **A refund whose answer was lost or was no success must not be asked for again under another number**:
//! that would be a second refund. Ask after it, or ask for it again under the same.
//!
//! The contracts are those of `/v3/refund/domestic/refunds…`, in both modes: of a partner with `sub_mchid`.

mod abnormal;
mod create;
pub mod notification;
mod query;
#[allow(clippy::module_inception, reason = "it is the object that WeChat Pay calls a refund")]
pub mod refund;

pub use abnormal::ApplyAbnormalRefund;
pub use create::{Builder, CreateRefund, RefundOf};
pub use notification::RefundNotification;
pub use query::{QueryRefund, RefundLookup};
pub use refund::{FundsAccount, Refund, RefundStatus};
