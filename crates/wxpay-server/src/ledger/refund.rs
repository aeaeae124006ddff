//! Refunds: the operations on the refunds of one order.
//!
//! A refund is written, with its reservation, before it is sent. It stays reserved until its fate is known: a refund is
//! released only by a refusal or a reply of WeChat Pay that leaves no doubt.

mod call;
mod learn;
mod query;
mod reserve;
mod schedule;
mod sums;
#[cfg(test)]
mod tests;

pub(crate) use call::{BeginRefundCall, BegunRefundCall, EndRefundCall, RefundCall};
pub(crate) use learn::{LearnRefund, LearnedRefund, RefundReport, case_cause};
#[cfg(test)]
pub(crate) use query::RefundQueried;
pub(crate) use query::{RecordRefundQuery, RefundAnswer};
pub(crate) use reserve::{ReserveRefund, Reserved};
