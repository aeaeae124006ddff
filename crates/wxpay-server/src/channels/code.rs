//! Code: the merchant scans the payer's code.

use super::{
    order::{Placement, at_path, under},
    prepay::PrepayCall,
    terms::StoreInfo,
};
use crate::{invalid::Invalid, ledger::order::OrderState, ledger::rows::order::OrderStatus};
use serde_json::{Value, json};
use wxpay_proto::{
    id::InvalidField,
    v3::pay::{AuthCode, CodePayment, StoreId},
};

pub(super) fn call(placement: &Placement<'_>, auth_code: Option<&AuthCode>) -> Result<PrepayCall, Invalid> {
    let auth_code = auth_code.ok_or_else(|| Invalid::new("auth_code", "is required for the channel code"))?;
    let store = placement.terms.scene_info.as_ref().and_then(|scene| scene.store_info.as_ref());
    let store =
        store.ok_or_else(|| Invalid::new("scene_info.store_info", "is required for the channel code"))?;
    let store = store_id(store).map_err(|error| under("scene_info.store_info", &error))?;
    let payment =
        CodePayment::new(placement.order_at_counter()?, auth_code.clone(), store).map_err(at_path)?;
    Ok(PrepayCall::Code(Box::new(placement.v3()?.call(payment))))
}

/// Returns the object `pay` of the API. `None` if the payment is being reversed, or cannot come about any more.
pub(crate) fn pay(state: &OrderState) -> Option<Value> {
    let order = &state.order;
    let status = match order.status {
        OrderStatus::Paid => "paid",
        OrderStatus::Open if order.is_user_paying() => "user_paying",
        OrderStatus::Open if order.is_charging() => "unknown",
        OrderStatus::Open
        | OrderStatus::Unplaced
        | OrderStatus::Closing
        | OrderStatus::Closed
        | OrderStatus::Reversing
        | OrderStatus::Reversed
        | OrderStatus::Failed
        | OrderStatus::Expired
        | OrderStatus::Anomalous => return None,
    };
    Some(json!({"kind": "code", "status": status}))
}

fn store_id(terms: &StoreInfo) -> Result<StoreId, InvalidField> {
    match (&terms.id, &terms.out_id) {
        (Some(id), _) => StoreId::id(id),
        (None, out_id) => StoreId::out_id(out_id.as_deref().unwrap_or_default()),
    }
}
