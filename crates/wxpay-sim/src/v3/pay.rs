//! Orders: place, pay, query, close.

pub(super) mod code;
pub(super) mod order;
pub(super) mod partner;
pub(super) mod prepay;
pub(super) mod transaction;

use super::{
    call::Call,
    errors::{self, Refusal},
    fields::{Alphabet, Field, Kind, bytes, optional, required, text},
    form::Form,
};
use crate::{
    gateway::Gateway,
    ledger::{
        Currency, NewOrder, Order, OrderKey, Party, PlacedFor, SubMerchant, Terms, TradeState, TradeType,
    },
};
use serde_json::Value;
use std::sync::Arc;
use wxpay_proto::id::{AppId, OutTradeNo};

/// The merchant's order number.
pub(in crate::v3) const OUT_TRADE_NO: Field =
    required("out_trade_no", "商户订单号", Kind::Text(bytes(6, 32), Alphabet::OrderNumber));
/// The maximum amount of an order in fen: a hundred million yuan.
pub(super) const MAX_AMOUNT_FEN: u64 = 10_000_000_000;
/// The amount to pay.
const AMOUNT: Field = required(
    "amount",
    "订单金额",
    Kind::Object(&[
        required("total", "总金额", Kind::Number(1, MAX_AMOUNT_FEN)),
        optional("currency", "货币类型", Kind::OneOf(&["CNY"])),
    ]),
);
/// The details of the goods.
const DETAIL: Field = optional(
    "detail",
    "优惠功能",
    Kind::Object(&[
        optional("cost_price", "订单原价", Kind::Number(0, MAX_AMOUNT_FEN)),
        optional("invoice_id", "商品小票ID", text(32)),
        optional(
            "goods_detail",
            "单品列表",
            Kind::List(
                &Kind::Object(&[
                    required("merchant_goods_id", "商户侧商品编码", text(32)),
                    optional("wechatpay_goods_id", "微信侧商品编码", text(32)),
                    optional("wxpay_goods_id", "微信支付商品编码", text(32)),
                    optional("goods_name", "商品名称", text(256)),
                    required("quantity", "商品数量", Kind::Number(1, MAX_AMOUNT_FEN)),
                    required("unit_price", "商品单价", Kind::Number(0, MAX_AMOUNT_FEN)),
                ]),
                0,
                6000,
            ),
        ),
    ]),
);
/// The settlement options.
const SETTLE_INFO: Field = optional(
    "settle_info",
    "结算信息",
    Kind::Object(&[optional("profit_sharing", "是否指定分账", Kind::Boolean)]),
);
/// The settlement options of a sub-merchant's order.
pub(super) const SUB_SETTLE_INFO: Field = optional(
    "settle_info",
    "结算信息",
    Kind::Object(&[
        optional("profit_sharing", "是否指定分账", Kind::Boolean),
        optional("subsidy_amount", "补差金额", Kind::Number(0, MAX_AMOUNT_FEN)),
    ]),
);
/// The store.
const STORE_INFO: Field = optional(
    "store_info",
    "商户门店信息",
    Kind::Object(&[
        required("id", "门店编号", text(32)),
        optional("name", "门店名称", text(256)),
        optional("area_code", "地区编码", text(32)),
        optional("address", "详细地址", text(512)),
    ]),
);

/// Returns the ledger key of the order in a request.
fn order_key(call: &Call) -> Result<OrderKey, Refusal> {
    let number = call.text("/out_trade_no").unwrap_or_default().parse::<OutTradeNo>();
    let number = number.map_err(|_| errors::PARAM_ERROR.with_reason("out_trade_no is invalid"))?;
    Ok((call.mchid.clone(), number))
}

/// Returns the existing order with this number, if there is one. The request must be identical to the first one, and
/// the order still payable.
fn existing_order<'a>(
    gateway: &'a Gateway,
    call: &Call,
    key: &OrderKey,
    trade_type: TradeType,
) -> Result<Option<&'a Order>, Refusal> {
    let Some(order) = gateway.ledger.order(key) else { return Ok(None) };
    let is_code = trade_type == TradeType::Micropay;
    match order.state(call.now) {
        TradeState::Success | TradeState::Refund if is_code => {
            return Err(errors::CODE_ALREADY_PAID.with_reason("the order is paid"));
        }
        TradeState::Success | TradeState::Refund => {
            return Err(errors::ALREADY_PAID.with_reason("the order is paid"));
        }
        TradeState::Closed | TradeState::Revoked => {
            return Err(errors::ORDER_CLOSED.with_reason("the order is closed"));
        }
        TradeState::NotPay | TradeState::UserPaying | TradeState::PayError => {}
    }
    if order.trade_type != trade_type {
        return Err(
            errors::OUT_TRADE_NO_USED.with_reason("out_trade_no belongs to an order of another trade type")
        );
    }
    if order.prepay.terms.request != call.request_digest()? {
        return Err(errors::REENTRY_MISMATCH
            .with_reason("out_trade_no belongs to an order with different parameters"));
    }
    Ok(Some(order))
}

/// The data of a new order besides its request.
struct OrderParts {
    key: OrderKey,
    appid: AppId,
    sub: Option<SubMerchant>,
    trade_type: TradeType,
    handle: Option<String>,
    awaits_password: bool,
    form: Arc<Form>,
}

/// Builds a new order from its request.
fn new_order(call: &Call, parts: OrderParts, gateway: &Gateway) -> Result<NewOrder, Refusal> {
    let requested = call.time_expire()?;
    let latest_expiry = call.now.after(gateway.settings().v3.prepay_ttl);
    let OrderParts { key: (mchid, out_trade_no), appid, sub, trade_type, handle, awaits_password, form } =
        parts;
    let text = |pointer| call.text(pointer).map(Box::from);
    let openid = |pointer| call.text(pointer).and_then(|openid| openid.parse().ok());
    Ok(NewOrder {
        party: Party { mchid, appid, sub_merchant: sub },
        out_trade_no,
        combined: None,
        trade_type,
        handle,
        expires_at: requested.map_or(latest_expiry, |expiry| expiry.min(latest_expiry)),
        closes_at: call.now.after(gateway.settings().v3.order_ttl),
        awaits_password,
        terms: Terms {
            total: call.fen("/amount/total"),
            currency: Currency::Cny,
            description: text("/description").unwrap_or_default(),
            attach: text("/attach"),
            device_id: text("/scene_info/device_id"),
            placed_for: PlacedFor {
                openid: openid("/payer/openid").or_else(|| openid("/payer/sp_openid")),
                sub_openid: openid("/payer/sub_openid"),
            },
            is_profit_sharing: call.body.pointer("/settle_info/profit_sharing") == Some(&Value::Bool(true)),
            notify_url: call.text("/notify_url").map(Arc::from),
            request: call.request_digest()?,
            form,
        },
    })
}
