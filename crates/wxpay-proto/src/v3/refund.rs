//! Refunds: full or partial, within a year of the payment.
//!
//! ```text
//!  create.rs ─▶ refund.rs ◀─ query.rs      creating and querying a refund, and its status in a reply
//!  abnormal.rs ─▶ refund.rs                another destination for an abnormal refund
//!  notification.rs                         the status of a refund in a notification
//! ```
//!
//! A successful reply means that WeChat Pay accepted the refund, not that the payer has the money. Check the
//! [status](Refund::status), query the refund, or wait for the notification. A notification may arrive before the reply,
//! so do not replace a final status by the one in a reply. **If the reply is lost or is an error, do
//! not create the refund again under another number**: that would be a second refund. Query it, or send it again under
//! the same number.
//!
//! The operations are those of `/v3/refund/domestic/refunds…`. In partner mode, they contain `sub_mchid`.

mod abnormal;
mod create;
pub mod notification;
mod query;
#[allow(clippy::module_inception, reason = "WeChat Pay calls this object a refund")]
pub mod refund;

pub use abnormal::{ApplyAbnormalRefund, BankCard};
pub use create::{CreateRefund, RefundAmount, RefundGoods, RefundOf};
pub use notification::RefundNotification;
pub use query::QueryRefund;
pub use refund::{FundsAccount, FundsSource, Refund, RefundStatus};
