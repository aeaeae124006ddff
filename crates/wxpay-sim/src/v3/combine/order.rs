//! Queries of a combined order by either number, and close.

use super::COMBINE_APPID;
use crate::{
    gateway::Gateway,
    ledger::{CombinedOrder, Ledger, Order, OrderKey, Payment, TradeState},
    settings::CloseUnknownOrder,
    time,
    v3::{
        call::Call,
        errors::{self, Refusal},
        fields::{Field, Kind, optional, required, text},
        form::Form,
        operation::Operation,
        party::{self, MCHID_KIND, SUB_APPID, SUB_MCHID},
        pay::{OUT_TRADE_NO, transaction::promotions},
        reply::Reply,
    },
};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use wxpay_proto::UnixTime;

pub(in crate::v3) const OPERATIONS: &[Operation] = &[
    Operation::get(
        "v3.combine.query",
        "/v3/combine-transactions/out-trade-no/{combine_out_trade_no}",
        by_number,
    ),
    Operation::get("v3.combine.query", "/v3/combine-transactions/id/{combine_transaction_id}", by_id),
    Operation::post(
        "v3.combine.close",
        "/v3/combine-transactions/out-trade-no/{combine_out_trade_no}/close",
        CLOSE,
        close,
    ),
];

const CLOSE: &[Field] = &[
    COMBINE_APPID,
    required(
        "sub_orders",
        "商品单信息",
        Kind::List(
            &Kind::Object(&[
                required("mchid", "子单商户号", MCHID_KIND),
                OUT_TRADE_NO,
                SUB_MCHID,
                SUB_APPID,
                optional("individual_auth_id", "商品单个人收款方受理授权ID", text(64)),
            ]),
            1,
            50,
        ),
    ),
];

fn by_number(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let combined = combined_key(call).and_then(|key| gateway.ledger.combined.get(&key));
    let not_found = || errors::ORDER_NOT_EXIST.with_reason("the merchant has no such combined order");
    Ok(Reply::json(&combined_value(
        &gateway.ledger,
        combined.ok_or_else(not_found)?,
        Order::payment,
        call.now,
    )))
}

fn by_id(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let ledger = &gateway.ledger;
    let combined = ledger.combined.by_transaction(&call.mchid, call.path("combine_transaction_id"));
    let not_found = || errors::ORDER_NOT_EXIST.with_reason("the merchant has no such payment");
    Ok(Reply::json(&combined_value(ledger, combined.ok_or_else(not_found)?, Order::payment, call.now)))
}

/// Closes all sub-orders; the request must name each of them. Closing twice has the same result as closing once.
fn close(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    party::caller_app(gateway, call, call.query_or_body("combine_appid"))?;
    let Some(combined) = combined_key(call).and_then(|key| gateway.ledger.combined.get(&key)) else {
        return match gateway.settings().v3.close_unknown_order {
            CloseUnknownOrder::NotFound => {
                Err(errors::ORDER_NOT_EXIST.with_reason("the merchant has no such combined order"))
            }
            CloseUnknownOrder::NoContent => Ok(Reply::no_content()),
        };
    };
    let sub_orders = combined.sub_orders.clone();
    let orders = || sub_orders.iter().filter_map(|key| gateway.ledger.order(key));
    let expected: BTreeSet<_> = orders().map(order_identity).collect();
    let requested = call.body.get("sub_orders").and_then(Value::as_array);
    let requested: BTreeSet<_> = requested.into_iter().flatten().map(requested_identity).collect();
    // Compared as sets: the order in which the sub-orders are named does not matter.
    if expected != requested {
        return Err(errors::PARAM_ERROR.with_message("sub_orders应为合单的全部子单"));
    }
    if orders().any(|order| matches!(order.state(call.now), TradeState::Success | TradeState::Refund)) {
        return Err(errors::ALREADY_PAID.with_reason("a paid order cannot be closed"));
    }
    for key in &sub_orders {
        // Sub-orders are not paid, and are no code payments: each can be closed.
        gateway.ledger.close(key, call.now).ok();
    }
    Ok(Reply::no_content())
}

fn combined_key(call: &Call) -> Option<OrderKey> {
    Some((call.mchid.clone(), call.path("combine_out_trade_no").parse().ok()?))
}

/// Returns the values that identify a sub-order in a close request.
fn order_identity(order: &Order) -> [String; 3] {
    let sub_mchid = order.sub_mchid().map(ToString::to_string).unwrap_or_default();
    [order.mchid().to_string(), order.out_trade_no.to_string(), sub_mchid]
}

fn requested_identity(sub_order: &Value) -> [String; 3] {
    ["mchid", "out_trade_no", "sub_mchid"]
        .map(|name| sub_order.get(name).and_then(Value::as_str).map(String::from).unwrap_or_default())
}

/// Builds the object of the notification of the latest payment, which may be the second one.
pub(in crate::v3) fn latest_combined_value(
    ledger: &Ledger,
    combined: &CombinedOrder,
    now: UnixTime,
) -> Value {
    combined_value(ledger, combined, |order| order.history().payments.last(), now)
}

fn individual_auth_id(order: &Order) -> Option<&str> {
    order.prepay.terms.form.of::<Form>()?.individual_auth_id.as_deref()
}

/// Builds the object of queries and notifications. `payment` selects the payment of each sub-order to show.
fn combined_value(
    ledger: &Ledger,
    combined: &CombinedOrder,
    payment: fn(&Order) -> Option<&Payment>,
    now: UnixTime,
) -> Value {
    let sub_orders: Vec<Value> = combined
        .sub_orders
        .iter()
        .filter_map(|key| ledger.order(key))
        .map(|order| sub_order(order, payment(order), now))
        .collect();
    let mut value = json!({
        "combine_appid": combined.appid,
        "combine_mchid": combined.key.0,
        "combine_out_trade_no": combined.key.1,
        "scene_info": { "device_id": combined.device_id.as_deref().unwrap_or_default() },
        "sub_orders": sub_orders,
    });
    if let Some(members) = value.as_object_mut() {
        if let Some(paid) = combined.payments.first() {
            members.insert("combine_transaction_id".into(), paid.transaction_id.as_str().into());
            members.insert("combine_payer_info".into(), json!({ "openid": paid.openid.as_str() }));
        }
        if let Some(scenario) = combined.trade_scenario.as_deref() {
            members.insert("trade_scenario".into(), scenario.into());
        }
    }
    value
}

fn sub_order(order: &Order, payment: Option<&Payment>, now: UnixTime) -> Value {
    let mut value = json!({
        "mchid": order.mchid(),
        "out_trade_no": order.out_trade_no,
        "trade_state": order.state(now).as_str(),
        "attach": order.terms().attach.as_deref().unwrap_or_default(),
        "amount": { "total_amount": order.total(), "currency": "CNY" },
    });
    let Some(members) = value.as_object_mut() else { return value };
    if let Some(sub) = order.sub_merchant() {
        members.insert("sub_mchid".into(), sub.mchid.as_str().into());
        if let Some(appid) = &sub.appid {
            members.insert("sub_appid".into(), appid.as_str().into());
        }
    }
    if let Some(id) = individual_auth_id(order) {
        members.insert("individual_auth_id".into(), id.into());
    }
    let Some(payment) = payment else { return value };
    let paid = json!({
        "trade_type": order.trade_type.as_str(),
        "transaction_id": payment.transaction_id,
        "bank_type": payment.bank_type,
        "success_time": time::rfc3339(UnixTime::from_secs(payment.success_at)),
        "amount": {
            "total_amount": order.total(),
            "currency": "CNY",
            "payer_amount": payment.payer_total,
            "payer_currency": "CNY",
        },
        "promotion_detail": promotions(payment),
    });
    members.extend(paid.as_object().cloned().unwrap_or_default());
    if let Some(openid) = &payment.sub_openid {
        members.insert("sub_openid".into(), openid.as_str().into());
    }
    value
}
