//! Being paid: orders by each way of paying, asking after them, closing them.
//!
//! ```text
//!  order.rs ─▶ jsapi.rs app.rs h5.rs native.rs     what the payer's side gets, signed where it must be
//!  transaction.rs ◀─ query.rs, notices             what became of it
//!  close.rs                                        nobody shall pay it any more
//!
//!  code.rs                                         the payer's code is scanned, and charged at once
//!  charge.rs ─▶ code.rs query.rs reverse.rs        the same, until the outcome is certain
//!  combine/                                        several orders, paid at once
//!  scanned_pos.rs                                  the payer scans the merchant's device
//! ```
//!
//! The contracts are those of `POST /v3/pay/transactions/…` and `/v3/pay/partner/transactions/…`.

mod app;
pub mod charge;
mod close;
pub mod code;
pub mod combine;
mod goods;
mod h5;
mod jsapi;
mod more;
mod native;
pub mod order;
mod query;
mod reverse;
mod scanned_pos;
mod shop;
pub mod transaction;

pub use app::{App, AppParams};
pub use charge::{ChargeCode, Charged};
pub use close::Close;
pub use code::{AuthCode, CodePay, Scanned, Shop};
pub use h5::{H5, H5Info};
pub use jsapi::{IdentityKind, Jsapi, JsapiParams, Payer};
pub use more::Builder;
pub use native::Native;
pub use order::Order;
pub use query::{Queried, Query};
pub use reverse::Reverse;
pub use scanned_pos::ScannedPos;
pub use transaction::{TradeState, TradeType, Transaction};
