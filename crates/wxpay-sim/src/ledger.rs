//! The gateway's record of orders and payments, to compare a merchant's books with in tests.
//!
//! This module holds the records of APIv1; [`v3`] holds those of APIv3.

mod v1;
pub mod v3;

pub use v1::{
    DeliveryRecord, FailedPayment, NotPaidReason, OrderRecord, OrderState, PaymentRecord, PrepayRecord,
};
pub(crate) use v1::{Ledger, Order, Prepay, TokenStatus};
