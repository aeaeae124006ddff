//! The transaction object of queries and notifications.

use crate::{
    gateway::v3::party,
    ledger::v3::{Order, Payment, TradeState},
    time,
};
use serde_json::{Value, json};
use wxpay_proto::UnixTime;

/// Builds the object for queries, code payments and notifications. Fields of the payment are present only if there is
/// one.
pub(in crate::gateway::v3) fn transaction(order: &Order, now: UnixTime) -> Value {
    transaction_of(order, order.payment(), now)
}

/// Builds the object for the notification of the latest payment, which may be the second one of the order.
pub(in crate::gateway::v3) fn latest_transaction(order: &Order, now: UnixTime) -> Value {
    transaction_of(order, order.payments.last(), now)
}

fn transaction_of(order: &Order, payment: Option<&Payment>, now: UnixTime) -> Value {
    let state = order.state(now);
    let device = order.request_text("/scene_info/device_id").unwrap_or_default();
    let mut value = json!({
        "amount": { "payer_currency": "CNY", "total": order.total },
        "out_trade_no": order.out_trade_no,
        "promotion_detail": [],
        "scene_info": { "device_id": device },
        "trade_state": state.as_str(),
        "trade_state_desc": state.description(),
    });
    if let Some(members) = value.as_object_mut() {
        members.extend(party::party_members(order));
    }
    if let (Some(payment), Some(members)) = (payment, value.as_object_mut()) {
        let paid = json!({
            "amount": {
                "currency": "CNY",
                "payer_currency": "CNY",
                "payer_total": payment.payer_total,
                "total": order.total,
            },
            "attach": order.request_text("/attach").unwrap_or_default(),
            "bank_type": payment.bank_type,
            "payer": payer(order, payment),
            "promotion_detail": promotions(payment),
            "success_time": time::rfc3339(UnixTime::from_secs(payment.success_at)),
            "trade_type": order.trade_type.as_str(),
            "transaction_id": payment.transaction_id,
        });
        members.extend(paid.as_object().cloned().unwrap_or_default());
    } else if let (TradeState::UserPaying | TradeState::PayError, Some(members)) =
        (state, value.as_object_mut())
    {
        members.insert("trade_type".into(), order.trade_type.as_str().into());
    }
    value
}

fn payer(order: &Order, payment: &Payment) -> Value {
    let openid = payment.openid.as_str();
    match (&order.sub_merchant, &payment.sub_openid) {
        (None, _) => json!({ "openid": openid }),
        (Some(_), None) => json!({ "sp_openid": openid }),
        (Some(_), Some(sub_openid)) => json!({ "sp_openid": openid, "sub_openid": sub_openid.as_str() }),
    }
}

/// Builds the promotion details. The platform pays the coupon: the merchant receives the whole amount.
pub(in crate::gateway::v3) fn promotions(payment: &Payment) -> Vec<Value> {
    let Some(coupon_id) = &payment.coupon_id else { return Vec::new() };
    vec![json!({
        "coupon_id": coupon_id,
        "name": "立减券",
        "scope": "GLOBAL",
        "type": "CASH",
        "amount": payment.discount,
        "stock_id": "931386",
        "wechatpay_contribute": payment.discount,
        "merchant_contribute": 0,
        "other_contribute": 0,
        "currency": "CNY",
    })]
}
