//! App: the payer pays from the merchant's app.

use super::{order::Placement, prepay::PrepayCall};
use crate::invalid::Invalid;
use wxpay_proto::v3::pay::{AppOrder, PrepayOrder};

pub(super) fn call(placement: &Placement<'_>) -> Result<PrepayCall, Invalid> {
    let order = AppOrder::new(placement.order()?);
    Ok(PrepayCall::PrepayId(placement.v3()?.call(PrepayOrder::from(order))))
}
