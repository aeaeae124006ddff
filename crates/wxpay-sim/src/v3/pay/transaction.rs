//! The transaction object of queries and notifications.

use crate::{
    ledger::{Order, Payment, TradeState},
    time,
    v3::party::PartyMembers,
};
use serde::Serialize;
use serde_json::{Value, json};
use wxpay_proto::{
    Fen, UnixTime,
    id::{OpenId, OutTradeNo, TransactionId},
};

/// The object of queries, code payments and notifications. Fields of the payment are present only if there is one.
#[derive(Serialize)]
#[allow(clippy::struct_field_names, reason = "the names of the protocol")]
pub(in crate::v3) struct Transaction<'a> {
    amount: Amount,
    #[serde(skip_serializing_if = "Option::is_none")]
    attach: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bank_type: Option<&'a str>,
    out_trade_no: &'a OutTradeNo,
    #[serde(flatten)]
    party: PartyMembers<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer: Option<Payer<'a>>,
    promotion_detail: Vec<Value>,
    scene_info: SceneInfo<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    success_time: Option<String>,
    trade_state: &'static str,
    trade_state_desc: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trade_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transaction_id: Option<&'a TransactionId>,
}

#[derive(Serialize)]
struct Amount {
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'static str>,
    payer_currency: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer_total: Option<Fen>,
    total: Fen,
}

#[derive(Serialize)]
struct SceneInfo<'a> {
    device_id: &'a str,
}

#[derive(Serialize)]
#[allow(clippy::struct_field_names, reason = "the names of the protocol")]
struct Payer<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    openid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sp_openid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_openid: Option<&'a str>,
}

/// Builds the object for queries and code payments.
pub(in crate::v3) fn transaction(order: &Order, now: UnixTime) -> Transaction<'_> {
    transaction_of(order, order.payment(), now)
}

/// Builds the object for the notification of the latest payment, which may be the second one of the order.
pub(in crate::v3) fn latest_transaction(order: &Order, now: UnixTime) -> Transaction<'_> {
    transaction_of(order, order.history().payments.last(), now)
}

fn transaction_of<'a>(order: &'a Order, payment: Option<&'a Payment>, now: UnixTime) -> Transaction<'a> {
    let (state, terms) = (order.state(now), order.terms());
    let has_trade_type = payment.is_some() || matches!(state, TradeState::UserPaying | TradeState::PayError);
    Transaction {
        amount: Amount {
            currency: payment.map(|_| terms.currency.as_str()),
            payer_currency: terms.currency.as_str(),
            payer_total: payment.map(|payment| payment.payer_total),
            total: terms.total,
        },
        attach: payment.map(|_| terms.attach.as_deref().unwrap_or_default()),
        bank_type: payment.map(|payment| payment.bank_type.as_str()),
        out_trade_no: &order.out_trade_no,
        party: PartyMembers::of(order),
        payer: payment.map(|payment| payer(order, payment)),
        promotion_detail: payment.map(promotions).unwrap_or_default(),
        scene_info: SceneInfo { device_id: terms.device_id.as_deref().unwrap_or_default() },
        success_time: payment.map(|payment| time::rfc3339(UnixTime::from_secs(payment.success_at))),
        trade_state: state.as_str(),
        trade_state_desc: state.description(),
        trade_type: has_trade_type.then(|| order.trade_type.as_str()),
        transaction_id: payment.map(|payment| &payment.transaction_id),
    }
}

fn payer<'a>(order: &Order, payment: &'a Payment) -> Payer<'a> {
    let openid = Some(payment.openid.as_str());
    if order.sub_merchant().is_none() {
        return Payer { openid, sp_openid: None, sub_openid: None };
    }
    Payer { openid: None, sp_openid: openid, sub_openid: payment.sub_openid.as_ref().map(OpenId::as_str) }
}

/// Builds the promotion details. The platform pays the coupon: the merchant receives the whole amount.
pub(in crate::v3) fn promotions(payment: &Payment) -> Vec<Value> {
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
