//! Native: the payer scans a QR code.

use super::{order::Placement, prepay::PrepayCall};
use crate::invalid::Invalid;
use serde_json::{Value, json};
use wxpay_proto::v3::pay::NativeOrder;

pub(super) fn call(placement: &Placement<'_>) -> Result<PrepayCall, Invalid> {
    Ok(PrepayCall::Native(placement.v3()?.call(NativeOrder::new(placement.order()?))))
}

pub(super) fn pay(code_url: &str) -> Value {
    json!({"kind": "native", "code_url": code_url})
}
