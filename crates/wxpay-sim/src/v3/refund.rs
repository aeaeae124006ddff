//! Refunds: create, query, complete, apply for an abnormal refund.

mod object;
mod platform;

pub use platform::PlatformRefundError;

use super::{
    call::Call,
    errors::{self, Refusal},
    fields::{Alphabet, Field, Kind, bytes, optional, required, text},
    form::Form,
    notification::Event,
    operation::Operation,
    party::{self, SUB_MCHID},
    pay::OUT_TRADE_NO,
    reply::Reply,
};
use crate::{
    gateway::{Gateway, tasks::Task},
    ledger::{NewRefund, Order, RefundError, RefundRecord, RefundStatus},
    rng::DIGITS,
    settings::RefundOutcome,
    time,
};
use object::{notification_content, refund_reply};
use std::sync::Arc;
use wxpay_proto::{
    UnixTime,
    id::{MchId, OutRefundNo},
};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::post("v3.refund.create", "/v3/refund/domestic/refunds", FIELDS, create)
        .calls_per_second(150)
        .failures_per_second(6),
    Operation::get("v3.refund.query", "/v3/refund/domestic/refunds/{out_refund_no}", query)
        .with_query(&[SUB_MCHID]),
    Operation::post(
        "v3.refund.apply_abnormal",
        "/v3/refund/domestic/refunds/{refund_id}/apply-abnormal-refund",
        ABNORMAL,
        apply_abnormal_refund,
    ),
];

const MAX_AMOUNT_FEN: u64 = 10_000_000_000;
const OUT_REFUND_NO: Field =
    required("out_refund_no", "商户退款单号", Kind::Text(bytes(1, 64), Alphabet::RefundNumber));
const FIELDS: &[Field] = &[
    SUB_MCHID,
    optional("transaction_id", "微信支付订单号", text(32)),
    Field { is_required: false, ..OUT_TRADE_NO },
    OUT_REFUND_NO,
    optional("reason", "退款原因", text(80)),
    optional("notify_url", "退款结果回调url", Kind::Url),
    optional("funds_account", "退款资金来源", Kind::OneOf(&["AVAILABLE"])),
    required(
        "amount",
        "金额信息",
        Kind::Object(&[
            required("refund", "退款金额", Kind::Number(1, MAX_AMOUNT_FEN)),
            required("total", "原订单金额", Kind::Number(1, MAX_AMOUNT_FEN)),
            required("currency", "退款币种", Kind::OneOf(&["CNY"])),
            optional(
                "from",
                "退款出资账户及金额",
                Kind::List(
                    &Kind::Object(&[
                        required("account", "出资账户类型", Kind::OneOf(&["AVAILABLE", "UNAVAILABLE"])),
                        required("amount", "出资金额", Kind::Number(1, MAX_AMOUNT_FEN)),
                    ]),
                    0,
                    2,
                ),
            ),
        ]),
    ),
    optional(
        "goods_detail",
        "退款商品",
        Kind::List(
            &Kind::Object(&[
                required("merchant_goods_id", "商户侧商品编码", text(32)),
                optional("wechatpay_goods_id", "微信侧商品编码", text(32)),
                optional("goods_name", "商品名称", text(256)),
                required("unit_price", "商品单价", Kind::Number(0, MAX_AMOUNT_FEN)),
                required("refund_amount", "商品退款金额", Kind::Number(0, MAX_AMOUNT_FEN)),
                required("refund_quantity", "商品退货数量", Kind::Number(1, MAX_AMOUNT_FEN)),
            ]),
            0,
            500,
        ),
    ),
];
const ABNORMAL: &[Field] = &[
    SUB_MCHID,
    OUT_REFUND_NO,
    required("type", "异常退款处理方式", Kind::OneOf(&["USER_BANK_CARD", "MERCHANT_BANK_CARD"])),
    optional("bank_type", "开户银行", text(16)),
    optional("bank_account", "收款银行卡号", Kind::Encrypted),
    optional("real_name", "收款用户姓名", Kind::Encrypted),
];

fn create(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let sub_mchid = party::check_sub_mchid(gateway, call)?;
    let number = out_refund_no(call.text("/out_refund_no"))?;
    // A repeated request is answered even if the order can no longer be refunded.
    if let Some(order) = gateway.ledger.order_by_refund(&call.mchid, &number) {
        return existing_refund(order, &number, call);
    }
    let order = order_of(gateway, call)?;
    party::check_order_owner(order, sub_mchid.as_ref())?;
    let key = order.key();
    let serial = gateway.next_serial();
    let id = format!("50{}{}{serial:010}", gateway.rng.text(DIGITS, 8), time::yyyymmdd(call.now));
    let refund = NewRefund {
        refund_id: id.parse().map_err(|_| errors::SYSTEM_ERROR.with_reason("cannot generate a refund_id"))?,
        out_refund_no: number.clone(),
        refund: call.fen("/amount/refund"),
        total: call.fen("/amount/total"),
        request: call.body.clone(),
        notify_url: call.text("/notify_url").map(String::from),
        funds_account: String::from(call.text("/funds_account").unwrap_or("UNSETTLED")),
        final_status: status_of(gateway.settings().v3.refund_outcome),
    };
    let window = gateway.settings().v3.refund_window;
    gateway.ledger.refund(&key, refund, window, call.now).map_err(refused)?;
    schedule_completion(gateway, call, &number);
    let order = gateway.ledger.order(&key);
    order.map_or_else(
        || Err(errors::SYSTEM_ERROR.with_reason("the order is missing from the ledger")),
        |order| refund_reply(order, &number),
    )
}

fn refused(error: RefundError) -> Refusal {
    match error {
        RefundError::NotPaid => errors::INVALID_REQUEST.with_message("订单未支付，不能退款"),
        RefundError::Revoked => errors::TRADE_ERROR.with_message("订单已撤销"),
        RefundError::OtherTotal => {
            errors::INVALID_REQUEST.with_message("订单金额或退款金额与之前请求不一致，请核实后再试")
        }
        RefundError::TooLate => errors::RULE_LIMIT.with_message("订单已超过可退款的最大期限"),
        RefundError::ExceedsTotal => errors::OUT_OF_RANGE.with_message("退款金额超过可退金额"),
        RefundError::Shared => errors::NOT_ENOUGH.with_message("已分账的金额尚未回退，可退余额不足"),
        RefundError::TooMany => errors::RULE_LIMIT.with_message("一笔订单最多支持50次部分退款"),
    }
}

const fn status_of(outcome: RefundOutcome) -> RefundStatus {
    match outcome {
        RefundOutcome::Success => RefundStatus::Success,
        RefundOutcome::Closed => RefundStatus::Closed,
        RefundOutcome::Abnormal => RefundStatus::Abnormal,
        RefundOutcome::Processing => RefundStatus::Processing,
    }
}

/// Returns the current state of an existing refund. The request must be identical to the first one.
fn existing_refund(order: &Order, number: &OutRefundNo, call: &Call) -> Result<Reply, Refusal> {
    match order.refund(number) {
        Some(refund) if refund.request == call.body => refund_reply(order, number),
        _ => Err(errors::REENTRY_MISMATCH
            .with_reason("out_refund_no belongs to a refund with different parameters")),
    }
}

/// Finds the order by either number. If both are given, they must name the same order.
fn order_of<'a>(gateway: &'a Gateway, call: &Call) -> Result<&'a Order, Refusal> {
    let not_found = || errors::RESOURCE_NOT_EXISTS.with_message("订单号不存在");
    let (id, number) = (call.text("/transaction_id"), call.text("/out_trade_no"));
    let by_id = id
        .map(|id| gateway.ledger.order_by_transaction(&call.mchid, id).ok_or_else(not_found))
        .transpose()?;
    let by_number = number
        .map(|number| {
            let number = number.parse().map_err(|_| not_found())?;
            gateway.ledger.order(&(call.mchid.clone(), number)).ok_or_else(not_found)
        })
        .transpose()?;
    match (by_id, by_number) {
        (Some(one), Some(other)) if one.key() != other.key() => {
            Err(errors::MCHID_MISMATCH
                .with_reason("transaction_id and out_trade_no must name the same order"))
        }
        (Some(order), _) | (None, Some(order)) => Ok(order),
        (None, None) => Err(errors::PARAM_ERROR.with_message("transaction_id与out_trade_no至少填一个")),
    }
}

fn query(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let not_found = || errors::RESOURCE_NOT_EXISTS.with_message("退款单不存在");
    let number = call.path("out_refund_no").parse().map_err(|_| not_found())?;
    let sub_mchid = party::check_sub_mchid(gateway, call)?;
    let order = gateway.ledger.order_by_refund(&call.mchid, &number).ok_or_else(not_found)?;
    party::check_order_owner(order, sub_mchid.as_ref())?;
    refund_reply(order, &number)
}

/// Sends a refund that the payer's account did not accept to a bank account of the payer or the merchant.
fn apply_abnormal_refund(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let not_found = || errors::RESOURCE_NOT_EXISTS.with_message("退款单不存在");
    let number = out_refund_no(call.text("/out_refund_no"))?;
    let sub_mchid = party::check_sub_mchid(gateway, call)?;
    let order =
        gateway.ledger.order_by_refund_id(&call.mchid, call.path("refund_id")).ok_or_else(not_found)?;
    party::check_order_owner(order, sub_mchid.as_ref())?;
    let refund = order.refund(&number).ok_or_else(not_found)?;
    if refund.record.refund_id.as_str() != call.path("refund_id") {
        return Err(not_found());
    }
    if refund.record.status != RefundStatus::Abnormal {
        return Err(errors::INVALID_REQUEST.with_message("退款单状态不是退款异常"));
    }
    if call.text("/type") == Some("USER_BANK_CARD") {
        for pointer in ["/bank_type", "/bank_account", "/real_name"] {
            if call.text(pointer).is_none_or(str::is_empty) {
                let message = "退款至用户银行卡时，bank_type、bank_account与real_name必填";
                return Err(errors::PARAM_ERROR.with_message(message));
            }
        }
    }
    call.opened("/bank_account")?;
    call.opened("/real_name")?;
    let key = order.key();
    if let Some(refund) = gateway.ledger.order_mut(&key).and_then(|order| order.refund_mut(&number)) {
        (refund.record.status, refund.final_status) = (RefundStatus::Processing, RefundStatus::Success);
    }
    schedule_completion(gateway, call, &number);
    gateway.ledger.order(&key).ok_or_else(not_found).and_then(|order| refund_reply(order, &number))
}

fn out_refund_no(text: Option<&str>) -> Result<OutRefundNo, Refusal> {
    let error = |_| errors::PARAM_ERROR.with_message("out_refund_no格式错误");
    text.unwrap_or_default().parse().map_err(error)
}

fn schedule_completion(gateway: &mut Gateway, call: &Call, number: &OutRefundNo) {
    let task = Task { run: complete_refund, mchid: call.mchid.clone(), number: number.to_string() };
    gateway.tasks.add(call.now.after(gateway.settings().v3.refund_duration), task);
}

/// Completes a refund that is due, and sends its notification.
fn complete_refund(gateway: &mut Gateway, mchid: &MchId, number: &str, now: UnixTime) {
    let Ok(number) = number.parse::<OutRefundNo>() else { return };
    let Some(key) = gateway.ledger.order_by_refund(mchid, &number).map(Order::key) else { return };
    let Some((order, final_status)) = gateway.ledger.complete_refund(&key, &number, now) else { return };
    let request_serial = Form::request_serial_of(order);
    let notify_url = order.refund(&number).and_then(|refund| refund.notify_url.clone());
    let (Some(notify_url), Some(plaintext)) = (notify_url, notification_content(order, &number)) else {
        return;
    };
    let (event_type, summary) = match final_status {
        RefundStatus::Closed => ("REFUND.CLOSED", "退款关闭"),
        RefundStatus::Abnormal => ("REFUND.ABNORMAL", "退款异常"),
        RefundStatus::Success | RefundStatus::Processing => ("REFUND.SUCCESS", "退款成功"),
    };
    let event = Event {
        mchid: mchid.clone(),
        notify_url,
        created_at: now,
        event_type,
        summary,
        original_type: "refund",
        plaintext,
        request_serial,
        retry_schedule: None,
    };
    let due = now.after(gateway.settings().notify_delay);
    gateway.notify(key.1.as_str(), Arc::new(event), due);
}

impl Gateway {
    /// Sets the final status of a pending refund, instead of the one in the settings. Returns `None` if there is no
    /// such pending refund.
    pub fn set_refund_outcome(
        &mut self,
        mchid: &MchId,
        number: &OutRefundNo,
        final_status: RefundStatus,
        now: UnixTime,
    ) -> Option<RefundRecord> {
        self.run_due_tasks(now);
        let key = self.ledger.order_by_refund(mchid, number).map(Order::key)?;
        let refund = self.ledger.order_mut(&key)?.refund_mut(number)?;
        if refund.record.status != RefundStatus::Processing {
            return None;
        }
        refund.final_status = final_status;
        Some(refund.record.clone())
    }
}
