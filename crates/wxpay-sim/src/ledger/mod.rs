//! The gateway's own record: what a test compares the merchant's ledger with.
//!
//! The first generation's is here; the third generation's in [`v3`].

mod v1;
pub mod v3;

pub use v1::{DeliveryRecord, NotPaid, OrderRecord, PayerRefusal, PaymentRecord, PrepayRecord, State};
pub(crate) use v1::{Ledger, Order, Prepay, Standing};
