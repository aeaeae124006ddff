//! Code payment and its reversal: the merchant scans a payment code that the payer shows.
//!
//! The last two of the code's eighteen digits choose what the payer does:
//!
//! | digits | result |
//! |---|---|
//! | `01` | the password is required and entered after [`password_delay`](crate::settings::V3::password_delay) |
//! | `02` | the password is required; the order waits for [`Gateway::pay`] or [`Gateway::fail`] |
//! | `03` | insufficient funds: 403 `NOT_ENOUGH` |
//! | `04` | the password is required; the payer cancels after `password_delay` |
//! | `05` | the code is expired: 400 `AUTH_CODE_EXPIRED` |
//! | `06` | the code is not a WeChat Pay code: 400 `AUTH_CODE_INVALID` |
//! | others | paid at once |

use super::{
    AMOUNT, DETAIL, OUT_TRADE_NO, OrderParts, SETTLE_INFO, existing_order, new_order, order_key,
    transaction::transaction,
};
use crate::{
    gateway::{Gateway, OrderRef, Payer, tasks::Task},
    ledger::{NotPaidReason, OrderKey, TradeState, TradeType},
    settings::UserPayingReply,
    v3::{
        call::Call,
        errors::{self, Refusal},
        fields::{Alphabet, Field, Kind, bytes, optional, required, text, text_or_empty},
        form::Form,
        operation::Operation,
        party::{self, APPID, MCHID, PartyMembers},
        reply::Reply,
    },
};
use serde::Serialize;
use wxpay_proto::{
    UnixTime,
    id::{MchId, OutTradeNo},
};

pub(in crate::v3) const OPERATIONS: &[Operation] = &[
    Operation::post("v3.pay.codepay", "/v3/pay/transactions/codepay", CODEPAY, codepay)
        .with_fields(DIRECT)
        .calls_per_second(33),
    Operation::post(
        "v3.pay.reverse",
        "/v3/pay/transactions/out-trade-no/{out_trade_no}/reverse",
        REVERSE,
        reverse,
    ),
];

const DIRECT: &[Field] = &[APPID, MCHID, SETTLE_INFO, optional("time_expire", "交易结束时间", Kind::Time)];
/// The fields of both modes.
pub(super) const CODEPAY: &[Field] = &[
    required("description", "商品描述", text(127)),
    OUT_TRADE_NO,
    AMOUNT,
    required(
        "payer",
        "支付者",
        Kind::Object(&[required("auth_code", "授权码", Kind::Text(bytes(18, 18), Alphabet::Digits))]),
    ),
    required(
        "scene_info",
        "场景信息",
        Kind::Object(&[
            optional("device_id", "商户端设备号", text(32)),
            optional("device_ip", "商户端设备 IP", text(45)),
            required(
                "store_info",
                "商户门店信息",
                Kind::Object(&[
                    optional("id", "门店ID", text(32)),
                    optional("out_id", "商家自定义编码", text(32)),
                ]),
            ),
        ]),
    ),
    optional("attach", "附加数据", Kind::Text(bytes(0, 128), Alphabet::Any)),
    optional("goods_tag", "订单优惠标记", text_or_empty(32)),
    optional("support_fapiao", "电子发票入口开放标识", Kind::Boolean),
    DETAIL,
];
const REVERSE: &[Field] = &[APPID, MCHID];

pub(super) fn codepay(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let (appid, sub) = party::check_order_party(gateway, call)?;
    let key = order_key(call)?;
    let code = call.text("/payer/auth_code").unwrap_or_default();
    if !matches!(code.get(..2), Some("10" | "11" | "12" | "13" | "14" | "15")) {
        return Err(errors::PARAM_ERROR.with_message("auth_code应以10至15开头"));
    }
    let store = ["/scene_info/store_info/id", "/scene_info/store_info/out_id"];
    if store.iter().all(|pointer| call.text(pointer).is_none()) {
        return Err(errors::PARAM_ERROR.with_message("store_info的id与out_id至少填一个"));
    }
    let trade_type = TradeType::Micropay;
    if existing_order(gateway, call, &key, trade_type)?.is_none() {
        let action = CodeAction::from_code(code)?;
        let awaits_password = !matches!(action, CodeAction::Pay);
        let form = Form::of(gateway, call);
        let parts =
            OrderParts { key: key.clone(), appid, sub, trade_type, handle: None, awaits_password, form };
        let order = new_order(call, parts, gateway)?;
        gateway.place(order, call.now);
        action.run(gateway, &key, call.now)?;
    }
    let order = gateway.ledger.order(&key);
    let order =
        order.ok_or_else(|| errors::SYSTEM_ERROR.with_reason("the order is missing from the ledger"))?;
    let is_user_paying = order.state(call.now) == TradeState::UserPaying;
    let transaction = transaction(order, call.now);
    match gateway.settings().v3.user_paying {
        _ if !is_user_paying => Ok(Reply::json(&transaction)),
        UserPayingReply::AcceptedTransaction => Ok(Reply::of(202, &transaction, 0)),
        UserPayingReply::Transaction => Ok(Reply::json(&transaction)),
        UserPayingReply::Code => Err(errors::USERPAYING.with_reason("the payer is entering the password")),
    }
}

/// The payer's action, as chosen by the code.
enum CodeAction {
    Pay,
    Password(Option<fn(&mut Gateway, &MchId, &str, UnixTime)>),
}

impl CodeAction {
    fn from_code(code: &str) -> Result<Self, Refusal> {
        match code.get(16..) {
            Some("01") => Ok(Self::Password(Some(confirm_payment))),
            Some("02") => Ok(Self::Password(None)),
            Some("03") => {
                Err(errors::NOT_ENOUGH.with_reason("the last digits of the code request NOT_ENOUGH"))
            }
            Some("04") => Ok(Self::Password(Some(cancel_payment))),
            Some("05") => Err(errors::AUTH_CODE_EXPIRED
                .with_reason("the last digits of the code request AUTH_CODE_EXPIRED")),
            Some("06") => Err(errors::AUTH_CODE_INVALID
                .with_reason("the last digits of the code request AUTH_CODE_INVALID")),
            _ => Ok(Self::Pay),
        }
    }

    fn run(self, gateway: &mut Gateway, key: &OrderKey, now: UnixTime) -> Result<(), Refusal> {
        match self {
            Self::Pay => {
                let due = now.after(gateway.settings().notify_delay);
                let order_ref = OrderRef::OfMerchant(key.0.clone(), key.1.clone());
                let result = gateway.charge(&order_ref, &Payer::default(), false, due, now);
                result.map_err(|error| errors::TRADE_ERROR.with_reason(error.to_string()))
            }
            Self::Password(scheduled) => {
                let at = now.after(gateway.settings().v3.password_delay);
                if let Some(run) = scheduled {
                    let task = Task { run, mchid: key.0.clone(), number: key.1.to_string() };
                    gateway.tasks.add(at, task);
                }
                Ok(())
            }
        }
    }
}

fn confirm_payment(gateway: &mut Gateway, mchid: &MchId, number: &str, now: UnixTime) {
    let Some((mchid, number)) = awaiting_password(gateway, mchid, number) else { return };
    let due = now.after(gateway.settings().notify_delay);
    // The order may have been closed or have expired in the meantime: then nothing is paid.
    gateway.charge(&OrderRef::OfMerchant(mchid, number), &Payer::default(), false, due, now).ok();
}

fn cancel_payment(gateway: &mut Gateway, mchid: &MchId, number: &str, now: UnixTime) {
    let Some(key) = awaiting_password(gateway, mchid, number) else { return };
    gateway.ledger.record_failed_payment(&key, NotPaidReason::Cancelled, now);
}

fn awaiting_password(gateway: &Gateway, mchid: &MchId, number: &str) -> Option<OrderKey> {
    let key = (mchid.clone(), number.parse().ok()?);
    let order = gateway.ledger.order(&key)?;
    order.awaits_password().then_some(key)
}

/// The reply to a reversal.
#[derive(Serialize)]
struct Reversal<'a> {
    out_trade_no: &'a OutTradeNo,
    #[serde(flatten)]
    party: PartyMembers<'a>,
}

/// Reverses a code payment, paid or not. A paid amount is returned at once.
pub(super) fn reverse(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let (_, sub) = party::check_order_party(gateway, call)?;
    let key = (call.mchid.clone(), call.out_trade_no()?);
    let order = gateway.ledger.order(&key);
    let order = order.ok_or_else(|| errors::ORDER_NOT_EXIST.with_reason("the merchant has no such order"))?;
    party::check_order_owner(order, sub.as_ref().map(|sub| &sub.mchid))?;
    if order.trade_type != TradeType::Micropay {
        return Err(errors::INVALID_REQUEST.with_message("仅付款码支付的订单可以撤销"));
    }
    if !order.history().refunds.is_empty() {
        return Err(errors::TRADE_ERROR.with_message("订单已发生退款，不能撤销"));
    }
    let reply = Reply::json(&Reversal { out_trade_no: &order.out_trade_no, party: PartyMembers::of(order) });
    gateway.ledger.reverse(&key, call.now);
    Ok(reply)
}
