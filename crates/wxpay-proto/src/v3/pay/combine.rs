//! Combined orders: one payment for the orders of several merchants.
//!
//! ```text
//!  order.rs ─▶ prepay.rs                         the order, and the parameters for the payer's client
//!  transaction.rs ◀─ query.rs, notifications     the status of each sub-order
//!  close.rs                                      closing an unpaid combined order
//! ```
//!
//! Each sub-order has a number and a payment of its own: there is [evidence](SubTransaction::evidence) for each, and
//! each is refunded separately. The operations are those of `/v3/combine-transactions/…`. Names omit the prefix
//! `combine_` where the module implies it.

mod close;
pub mod order;
mod prepay;
mod query;
mod sub_order;
mod subsidy;
pub mod transaction;

pub use close::{CloseOrder, CloseSubOrder};
pub use order::{Order, SubOrder};
pub use prepay::{AppOrder, H5Order, JsapiOrder, MiniProgramOrder, NativeOrder};
pub use query::QueryOrder;
pub use transaction::{SubTransaction, Transaction};
