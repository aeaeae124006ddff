//! Queries by either number, and close.

use super::transaction::transaction;
use crate::{
    gateway::Gateway,
    ledger::CloseError,
    settings::CloseUnknownOrder,
    v3::{
        call::Call,
        errors::{self, Refusal},
        fields::Field,
        operation::Operation,
        party::{self, MCHID},
        reply::Reply,
    },
};

pub(in crate::v3) const OPERATIONS: &[Operation] = &[
    Operation::get("v3.pay.query", "/v3/pay/transactions/out-trade-no/{out_trade_no}", by_number)
        .with_query(QUERY),
    Operation::get("v3.pay.query", "/v3/pay/transactions/id/{transaction_id}", by_id).with_query(QUERY),
    Operation::post("v3.pay.close", "/v3/pay/transactions/out-trade-no/{out_trade_no}/close", CLOSE, close),
];

const QUERY: &[Field] = &[MCHID];
const CLOSE: &[Field] = &[MCHID];

pub(super) fn by_number(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let sub_mchid = party::check_query_party(gateway, call)?;
    let order = gateway.ledger.order(&(call.mchid.clone(), call.out_trade_no()?));
    let order = order.ok_or_else(|| errors::ORDER_NOT_EXIST.with_reason("the merchant has no such order"))?;
    party::check_order_owner(order, sub_mchid.as_ref())?;
    Ok(Reply::json(&transaction(order, call.now)))
}

pub(super) fn by_id(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let sub_mchid = party::check_query_party(gateway, call)?;
    let order = gateway.ledger.order_by_transaction(&call.mchid, call.path("transaction_id"));
    let order =
        order.ok_or_else(|| errors::ORDER_NOT_EXIST.with_reason("the merchant has no such payment"))?;
    party::check_order_owner(order, sub_mchid.as_ref())?;
    Ok(Reply::json(&transaction(order, call.now)))
}

/// Closes an order. Closing twice has the same result as closing once.
pub(super) fn close(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let sub_mchid = party::check_query_party(gateway, call)?;
    let key = (call.mchid.clone(), call.out_trade_no()?);
    if let Some(order) = gateway.ledger.order(&key) {
        party::check_order_owner(order, sub_mchid.as_ref())?;
    }
    match gateway.ledger.close(&key, call.now) {
        Ok(()) => Ok(Reply::no_content()),
        Err(CloseError::NoSuchOrder) => match gateway.settings().v3.close_unknown_order {
            CloseUnknownOrder::NotFound => {
                Err(errors::ORDER_NOT_EXIST.with_reason("the merchant has no such order"))
            }
            CloseUnknownOrder::NoContent => Ok(Reply::no_content()),
        },
        Err(CloseError::Paid) => Err(errors::ALREADY_PAID.with_reason("a paid order cannot be closed")),
        Err(CloseError::CodePayment) => {
            Err(errors::CLOSE_NOT_ALLOWED.with_reason("a code payment must be reversed, not closed"))
        }
    }
}
