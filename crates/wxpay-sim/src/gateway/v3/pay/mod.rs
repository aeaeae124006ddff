//! Orders: place, pay, query, close.

pub(super) mod code;
pub(super) mod order;
pub(super) mod partner;
pub(super) mod payer;
pub(super) mod prepay;
pub(super) mod transaction;

pub use payer::{Named, PaidTransaction};

use super::{
    call::Call,
    errors::{self, Refusal},
    fields::{Alphabet, Field, Kind, may, must, text},
};
use crate::{
    gateway::Gateway,
    ledger::v3::{Order, OrderKey, Sub, TradeState, TradeType},
    time,
};
use serde_json::Value;
use wxpay_proto::{
    UnixTime,
    id::{AppId, OutTradeNo},
};

/// The merchant's order number.
pub(in crate::gateway::v3) const OUT_TRADE_NO: Field =
    must("out_trade_no", Kind::Text(6, 32, Alphabet::OrderNumber));
/// The maximum amount of an order in fen: a hundred million yuan.
pub(super) const MOST: u64 = 10_000_000_000;
/// The amount to pay.
const AMOUNT: Field = must(
    "amount",
    Kind::Object(&[must("total", Kind::Number(1, MOST)), may("currency", Kind::OneOf(&["CNY"]))]),
);
/// The details of the goods.
const DETAIL: Field = may(
    "detail",
    Kind::Object(&[
        may("cost_price", Kind::Number(0, MOST)),
        may("invoice_id", text(32)),
        may(
            "goods_detail",
            Kind::List(
                &Kind::Object(&[
                    must("merchant_goods_id", text(32)),
                    may("wechatpay_goods_id", text(32)),
                    may("wxpay_goods_id", text(32)),
                    may("goods_name", text(256)),
                    must("quantity", Kind::Number(1, MOST)),
                    must("unit_price", Kind::Number(0, MOST)),
                ]),
                6000,
            ),
        ),
    ]),
);
/// The settlement options.
const SETTLE_INFO: Field = may("settle_info", Kind::Object(&[may("profit_sharing", Kind::Truth)]));
/// The settlement options of a sub-merchant's order.
pub(super) const SUB_SETTLE_INFO: Field = may(
    "settle_info",
    Kind::Object(&[may("profit_sharing", Kind::Truth), may("subsidy_amount", Kind::Number(0, MOST))]),
);
/// The store.
const STORE_INFO: Field = may(
    "store_info",
    Kind::Object(&[
        must("id", text(32)),
        may("name", text(256)),
        may("area_code", text(32)),
        may("address", text(512)),
    ]),
);

/// Returns the ledger key of the order in a request.
fn key_of(call: &Call) -> Result<OrderKey, Refusal> {
    let number = call.text("/out_trade_no").unwrap_or_default().parse::<OutTradeNo>();
    let number = number.map_err(|_| errors::PARAM_ERROR.because("out_trade_no is invalid"))?;
    Ok((call.mchid.clone(), number))
}

/// Returns the order that exists under this number, if the request is identical to the first one and the order can
/// still be paid.
fn placed_before<'a>(
    gateway: &'a Gateway,
    call: &Call,
    key: &OrderKey,
    trade_type: TradeType,
    asked: &Value,
) -> Result<Option<&'a Order>, Refusal> {
    let Some(order) = gateway.v3.ledger.order(key) else { return Ok(None) };
    let is_code = trade_type == TradeType::Micropay;
    match order.state(call.now) {
        TradeState::Success | TradeState::Refund if is_code => {
            return Err(errors::CODE_ALREADY_PAID.because("the order is paid"));
        }
        TradeState::Success | TradeState::Refund => {
            return Err(errors::ALREADY_PAID.because("the order is paid"));
        }
        TradeState::Closed | TradeState::Revoked => {
            return Err(errors::ORDER_CLOSED.because("the order is closed"));
        }
        TradeState::NotPay | TradeState::UserPaying | TradeState::PayError => {}
    }
    if order.trade_type != trade_type {
        return Err(
            errors::OUT_TRADE_NO_USED.because("out_trade_no belongs to an order of another trade type")
        );
    }
    if order.placed != *asked {
        return Err(
            errors::REENTRY_DIFFERS.because("out_trade_no belongs to an order with different parameters")
        );
    }
    Ok(Some(order))
}

/// Returns `time_expire`, which must be in the future.
pub(super) fn time_expire(call: &Call) -> Result<Option<UnixTime>, Refusal> {
    let Some(said) = call.text("/time_expire") else { return Ok(None) };
    let time = time::parse_rfc3339(said).filter(|time| *time > call.now);
    let passed = || errors::PARAM_ERROR.at("body", "/time_expire", said.into(), "应晚于当前时间");
    time.map(Some).ok_or_else(passed)
}

/// The data of a new order besides its request.
struct Terms {
    key: OrderKey,
    appid: AppId,
    sub: Option<Sub>,
    trade_type: TradeType,
    /// The request body, with a hash in place of each encrypted field.
    asked: Value,
}

/// Builds the ledger entry of a new order.
fn new_order(call: &Call, terms: Terms, gateway: &Gateway) -> Result<Order, Refusal> {
    let expire = time_expire(call)?;
    let lasting = call.now.after(gateway.settings.v3.prepay_ttl);
    let Terms { key: (mchid, out_trade_no), appid, sub, trade_type, asked } = terms;
    Ok(Order {
        mchid,
        appid,
        sub,
        out_trade_no,
        combined: None,
        trade_type,
        total: call.fen("/amount/total"),
        placed: asked,
        asked: call.asked.clone(),
        notify_url: call.text("/notify_url").map(String::from),
        handle: None,
        expires: expire.map_or(lasting, |expire| expire.min(lasting)),
        dies: call.now.after(gateway.settings.v3.order_ttl),
        created: call.now,
        ended: None,
        payments: Vec::new(),
        refunds: Vec::new(),
    })
}
