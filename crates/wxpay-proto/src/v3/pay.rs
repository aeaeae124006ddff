//! Payments: placing orders by each payment method, querying and closing them.
//!
//! ```text
//!  order.rs ─▶ jsapi.rs app.rs h5.rs native.rs     the order, and the parameters for the payer's client
//!  transaction.rs ◀─ query.rs, notifications       the status of an order
//!  prepay.rs                                       the bare prepay_id of jsapi.rs and app.rs, to store and sign later
//!  close.rs                                        closing an unpaid order
//!
//!  code.rs                                         code payment: the merchant scans the payer's code
//!  charge.rs ─▶ code.rs query.rs reverse.rs        code payment until the outcome is final
//!  combine/                                        combined orders: several orders, one payment
//!  scanned_pos.rs                                  the payer scans the merchant's device
//! ```
//!
//! The operations are those of `/v3/pay/transactions/…` and `/v3/pay/partner/transactions/…`.

mod app;
pub mod charge;
mod close;
pub mod code;
pub mod combine;
mod goods;
mod h5;
mod jsapi;
mod native;
pub mod order;
mod payer;
mod prepay;
mod query;
mod reverse;
mod scanned_pos;
mod scene;
pub mod transaction;

pub use app::{AppOrder, AppParams};
pub use charge::{ChargeByCode, ChargeOutcome};
pub use close::CloseOrder;
pub use code::{AuthCode, CodePayment, CodePaymentReply, StoreId};
pub use h5::H5Order;
pub use jsapi::{JsapiOrder, JsapiParams};
pub use native::NativeOrder;
pub use order::Order;
pub use payer::{IdentityKind, Payer};
pub use prepay::PrepayOrder;
pub use query::QueryOrder;
pub use reverse::ReverseOrder;
pub use scanned_pos::ScannedPosOrder;
pub use scene::H5Info;
pub use transaction::{TradeState, TradeType, Transaction};
