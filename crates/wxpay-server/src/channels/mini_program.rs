//! Mini program: the payer pays in a mini program. The parameters are those of JSAPI.

use super::{
    order::{Placement, at_path},
    prepay::PrepayCall,
};
use crate::invalid::Invalid;
use wxpay_proto::v3::pay::{JsapiOrder, PrepayOrder};

pub(super) fn call(placement: &Placement<'_>) -> Result<PrepayCall, Invalid> {
    let order = JsapiOrder::mini_program(placement.order()?, placement.payer()?).map_err(at_path)?;
    Ok(PrepayCall::PrepayId(placement.v3()?.call(PrepayOrder::from(order))))
}
