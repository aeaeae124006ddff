//! Code payment and its reversal: the merchant scans a payment code that the payer shows.
//!
//! The last two of the code's eighteen digits choose what the payer does:
//!
//! | digits | result |
//! |---|---|
//! | `01` | the password is required and entered after [`password_takes`](crate::settings::V3::password_takes) |
//! | `02` | the password is required; the payer waits for [`Gateway::pay_transaction`] or `fail_transaction` |
//! | `03` | insufficient funds: 403 `NOT_ENOUGH` |
//! | `04` | the password is required; the payer cancels after the same time |
//! | `05` | the code is expired: 400 `AUTH_CODE_EXPIRED` |
//! | `06` | the code is not a WeChat Pay code: 400 `AUTH_CODE_INVALID` |
//! | others | paid at once |

use super::{
    AMOUNT, DETAIL, OUT_TRADE_NO, SETTLE_INFO, Terms, key_of, new_order, placed_before,
    transaction::transaction,
};
use crate::{
    gateway::{
        Gateway, Payer,
        agenda::Task,
        v3::{
            call::Call,
            errors::{self, Refusal},
            fields::{Alphabet, Field, Kind, may, must, text},
            operation::Operation,
            party::{self, APPID, MCHID},
            reply::Reply,
        },
    },
    ledger::v3::{Ended, OrderKey, TradeState, TradeType},
    settings::UserPaying,
};
use wxpay_proto::{UnixTime, id::MchId};

pub(in crate::gateway::v3) const OPERATIONS: &[Operation] = &[
    Operation::post("v3.pay.codepay", "/v3/pay/transactions/codepay", CODEPAY, codepay).also(OWN).at_most(33),
    Operation::post(
        "v3.pay.reverse",
        "/v3/pay/transactions/out-trade-no/{out_trade_no}/reverse",
        REVERSE,
        reverse,
    ),
];

const OWN: &[Field] = &[APPID, MCHID, SETTLE_INFO, may("time_expire", Kind::Time)];
/// The fields of both modes.
pub(super) const CODEPAY: &[Field] = &[
    must("description", text(127)),
    OUT_TRADE_NO,
    AMOUNT,
    must("payer", Kind::Object(&[must("auth_code", Kind::Text(18, 18, Alphabet::Digits))])),
    must(
        "scene_info",
        Kind::Object(&[
            may("device_id", text(32)),
            may("device_ip", text(45)),
            must("store_info", Kind::Object(&[may("id", text(32)), may("out_id", text(32))])),
        ]),
    ),
    may("attach", Kind::Text(0, 128, Alphabet::Any)),
    may("goods_tag", Kind::Text(0, 32, Alphabet::Any)),
    may("support_fapiao", Kind::Truth),
    DETAIL,
];
const REVERSE: &[Field] = &[APPID, MCHID];

pub(super) fn codepay(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let (appid, sub) = party::placing(gateway, call)?;
    let key = key_of(call)?;
    let code = call.text("/payer/auth_code").unwrap_or_default();
    if !matches!(code.get(..2), Some("10" | "11" | "12" | "13" | "14" | "15")) {
        return Err(errors::PARAM_ERROR.at("body", "/payer/auth_code", code.into(), "付款码以10至15开头"));
    }
    let store = ["/scene_info/store_info/id", "/scene_info/store_info/out_id"];
    if store.iter().all(|pointer| call.text(pointer).is_none()) {
        return Err(errors::PARAM_ERROR.at(
            "body",
            "/scene_info/store_info",
            "".into(),
            "id与out_id至少填一个",
        ));
    }
    let trade_type = TradeType::Micropay;
    if placed_before(gateway, call, &key, trade_type, &call.body)?.is_none() {
        let begun = Begun::by(code)?;
        let terms = Terms { key: key.clone(), appid, sub, trade_type, asked: call.body.clone() };
        let mut order = new_order(call, terms, gateway)?;
        order.ended = (!matches!(begun, Begun::Paid)).then_some(Ended::UserPaying);
        gateway.v3.ledger.place(order);
        begun.go_on(gateway, &key, call.now)?;
    }
    let order = gateway.v3.ledger.order(&key);
    let order = order.ok_or_else(|| errors::SYSTEM_ERROR.because("the order is missing from the ledger"))?;
    let is_open = order.state(call.now) == TradeState::UserPaying;
    if is_open && gateway.settings.v3.user_paying == UserPaying::Code {
        return Err(errors::USERPAYING.because("the payer is entering the password"));
    }
    Ok(Reply::json(&transaction(order, call.now)))
}

/// The payer's action, as chosen by the code.
enum Begun {
    Paid,
    Password(Option<fn(&mut Gateway, &MchId, &str, UnixTime)>),
}

impl Begun {
    fn by(code: &str) -> Result<Self, Refusal> {
        match code.get(16..) {
            Some("01") => Ok(Self::Password(Some(types_password))),
            Some("02") => Ok(Self::Password(None)),
            Some("03") => Err(errors::NOT_ENOUGH.because("the last digits of the code request NOT_ENOUGH")),
            Some("04") => Ok(Self::Password(Some(gives_up))),
            Some("05") => {
                Err(errors::AUTH_CODE_EXPIRED
                    .because("the last digits of the code request AUTH_CODE_EXPIRED"))
            }
            Some("06") => {
                Err(errors::AUTH_CODE_INVALID
                    .because("the last digits of the code request AUTH_CODE_INVALID"))
            }
            _ => Ok(Self::Paid),
        }
    }

    fn go_on(self, gateway: &mut Gateway, key: &OrderKey, now: UnixTime) -> Result<(), Refusal> {
        match self {
            Self::Paid => {
                let due = now.after(gateway.settings.notify_delay);
                let charged = gateway.charge_transaction(key, &Payer::default(), false, due, now);
                charged.map_err(|cannot| errors::TRADE_ERROR.because(cannot.to_string()))
            }
            Self::Password(then) => {
                let at = now.after(gateway.settings.v3.password_takes);
                if let Some(run) = then {
                    let task = Task { run, mchid: key.0.clone(), number: key.1.to_string() };
                    gateway.v3.agenda.add(at, task);
                }
                Ok(())
            }
        }
    }
}

fn types_password(gateway: &mut Gateway, mchid: &MchId, number: &str, now: UnixTime) {
    let Some(key) = still_paying(gateway, mchid, number) else { return };
    let due = now.after(gateway.settings.notify_delay);
    // The order may have been closed or have expired in the meantime: then nothing is paid.
    gateway.charge_transaction(&key, &Payer::default(), false, due, now).ok();
}

fn gives_up(gateway: &mut Gateway, mchid: &MchId, number: &str, _: UnixTime) {
    let Some(key) = still_paying(gateway, mchid, number) else { return };
    if let Some(order) = gateway.v3.ledger.order_mut(&key) {
        order.ended = Some(Ended::PayError);
    }
}

fn still_paying(gateway: &Gateway, mchid: &MchId, number: &str) -> Option<OrderKey> {
    let key = (mchid.clone(), number.parse().ok()?);
    let order = gateway.v3.ledger.order(&key)?;
    (order.ended == Some(Ended::UserPaying)).then_some(key)
}

/// Reverses a code payment, whether it is paid or not. The money of a paid one is returned at once.
pub(super) fn reverse(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let (_, sub) = party::placing(gateway, call)?;
    let key = (call.mchid.clone(), call.order_number()?);
    let order = gateway.v3.ledger.order(&key);
    let order = order.ok_or_else(|| errors::ORDER_NOT_EXIST.because("the merchant has no such order"))?;
    party::is_of(order, sub.as_ref().map(|sub| &sub.mchid))?;
    if order.trade_type != TradeType::Micropay {
        return Err(errors::INVALID_REQUEST.saying("仅付款码支付的订单可以撤销"));
    }
    if !order.refunds.is_empty() {
        return Err(errors::TRADE_ERROR.saying("订单已发生退款，不能撤销"));
    }
    let mut shown = party::shown(order);
    shown.insert("out_trade_no".into(), order.out_trade_no.as_str().into());
    gateway.v3.ledger.reverse(&key, call.now);
    Ok(Reply::json(&shown.into()))
}
