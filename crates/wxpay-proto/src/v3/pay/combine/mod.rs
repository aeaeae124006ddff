//! Combined orders: one payment for the orders of several merchants.
//!
//! ```text
//!  order.rs ─▶ prepay.rs                     by each way of paying: what the payer's side gets
//!  transaction.rs ◀─ query.rs, notices       what became of each order
//!  close.rs                                  nobody shall pay them any more
//! ```
//!
//! Each order in it has a number and a payment of its own: there is [evidence](SubTransaction::evidence) for each, and each
//! is refunded by itself. The contracts are those of `/v3/combine-transactions/…`; names are without `combine_` where the
//! module says it.

mod body;
mod close;
pub mod order;
mod prepay;
mod query;
mod sub_order;
mod subsidy;
pub mod transaction;

pub use close::{Close, SubOrderToClose};
pub use order::{Order, SubOrder};
pub use prepay::{App, H5, Jsapi, MiniProgram, Native};
pub use query::{Queried, Query};
pub use transaction::{SubTransaction, Transaction};
