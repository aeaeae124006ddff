//! The objects of a refund: in replies, and in notifications, where some members have other names.

use crate::{
    ledger::{Order, Payment, RefundRecord},
    time,
    v3::{
        errors::{self, Refusal},
        party::PartyMembers,
        reply::{Reply, to_json},
    },
};
use serde::Serialize;
use serde_json::{Value, json};
use wxpay_proto::{
    Fen, UnixTime,
    id::{OutRefundNo, OutTradeNo, RefundId, TransactionId},
};

/// The content of a notification.
#[derive(Serialize)]
struct RefundNotification<'a> {
    amount: NotifiedAmount,
    #[serde(flatten)]
    merchants: PartyMembers<'a>,
    out_refund_no: &'a OutRefundNo,
    out_trade_no: &'a OutTradeNo,
    refund_id: &'a RefundId,
    refund_status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    success_time: Option<String>,
    transaction_id: &'a TransactionId,
    user_received_account: &'static str,
}

#[derive(Serialize)]
struct NotifiedAmount {
    payer_refund: Fen,
    payer_total: Fen,
    refund: Fen,
    total: Fen,
}

/// Builds the content of the notification.
pub(super) fn notification_content(order: &Order, number: &OutRefundNo) -> Option<Vec<u8>> {
    let refund = order.refund(number)?;
    let (payment, record) = (order.refunded_payment(&refund.request)?, &refund.record);
    Some(to_json(&RefundNotification {
        amount: NotifiedAmount {
            payer_refund: record.payer_refund,
            payer_total: payment.payer_total,
            refund: record.refund,
            total: order.total(),
        },
        merchants: PartyMembers::merchants_of(order),
        out_refund_no: &record.out_refund_no,
        out_trade_no: &order.out_trade_no,
        refund_id: &record.refund_id,
        refund_status: record.status.as_str(),
        success_time: success_time(record),
        transaction_id: &payment.transaction_id,
        user_received_account: user_received_account(payment),
    }))
}

/// The object of a refund in replies.
#[derive(Serialize)]
struct RefundReply<'a> {
    amount: RefundAmount<'a>,
    channel: &'static str,
    create_time: String,
    funds_account: &'a str,
    out_refund_no: &'a OutRefundNo,
    out_trade_no: &'a OutTradeNo,
    promotion_detail: Vec<Value>,
    refund_id: &'a RefundId,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    success_time: Option<String>,
    transaction_id: &'a TransactionId,
    user_received_account: &'static str,
}

#[derive(Serialize)]
struct RefundAmount<'a> {
    currency: &'static str,
    discount_refund: Fen,
    from: &'a [Value],
    payer_refund: Fen,
    payer_total: Fen,
    refund: Fen,
    refund_fee: Fen,
    settlement_refund: Fen,
    settlement_total: Fen,
    total: Fen,
}

/// Returns a refund as a reply.
pub(super) fn refund_reply(order: &Order, number: &OutRefundNo) -> Result<Reply, Refusal> {
    let missing = || errors::SYSTEM_ERROR.with_reason("the refund is missing from the ledger");
    let refund = order.refund(number).ok_or_else(missing)?;
    let payment = order.refunded_payment(&refund.request).ok_or_else(missing)?;
    let record = &refund.record;
    let discount_refund = record.refund.checked_sub(record.payer_refund).unwrap_or(Fen::ZERO);
    let promotion = payment.coupon_id.as_ref().map(|coupon_id| {
        json!({
            "promotion_id": coupon_id,
            "scope": "GLOBAL",
            "type": "COUPON",
            "amount": payment.discount,
            "refund_amount": discount_refund,
        })
    });
    Ok(Reply::json(&RefundReply {
        amount: RefundAmount {
            currency: "CNY",
            discount_refund,
            from: refund.request.pointer("/amount/from").and_then(Value::as_array).map_or(&[], Vec::as_slice),
            payer_refund: record.payer_refund,
            payer_total: payment.payer_total,
            refund: record.refund,
            refund_fee: refund.fee,
            settlement_refund: record.refund,
            settlement_total: order.total(),
            total: order.total(),
        },
        channel: "ORIGINAL",
        create_time: time::rfc3339(UnixTime::from_secs(record.created_at)),
        funds_account: &refund.funds_account,
        out_refund_no: &record.out_refund_no,
        out_trade_no: &order.out_trade_no,
        promotion_detail: promotion.into_iter().collect(),
        refund_id: &record.refund_id,
        status: record.status.as_str(),
        success_time: success_time(record),
        transaction_id: &payment.transaction_id,
        user_received_account: user_received_account(payment),
    }))
}

fn user_received_account(payment: &Payment) -> &'static str {
    if payment.bank_type == "OTHERS" { "支付用户零钱" } else { "银行卡0403" }
}

fn success_time(record: &RefundRecord) -> Option<String> {
    record.success_at.map(|at| time::rfc3339(UnixTime::from_secs(at)))
}
