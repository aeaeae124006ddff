//! Combined orders: several merchants' orders, placed together and paid by one payment.
//!
//! Each sub-order is an ordinary order: it is queried, refunded and shared by its own number. This module handles the
//! combined order.

pub(super) mod order;

use super::{
    call::Call,
    errors::{self, Refusal},
    fields::{Alphabet, Field, Kind, bytes, optional, required, text},
    form::Form,
    operation::Operation,
    party::{self, MCHID_KIND, SUB_APPID, SUB_MCHID},
    pay::{
        MAX_AMOUNT_FEN, OUT_TRADE_NO, SUB_SETTLE_INFO,
        prepay::{
            DESCRIPTION, GOODS_TAG, H5_SCENE, IDENTITY, NOTIFY_URL, SUBSIDY_INFO, TIME_EXPIRE, new_handle,
        },
    },
    reply::Reply,
};
use crate::{
    gateway::Gateway,
    ledger::{
        CombinedOrder, Currency, NewOrder, OrderKey, Party, PlacedFor, RequestDigest, Terms, TradeState,
        TradeType,
    },
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, sync::Arc};
use wxpay_proto::{
    Fen, UnixTime,
    id::{AppId, MchId, OutTradeNo},
};

pub(super) const OPERATIONS: &[Operation] = &[
    Operation::post("v3.combine.jsapi", "/v3/combine-transactions/jsapi", COMBINED_ORDER, jsapi)
        .with_fields(JSAPI),
    Operation::post("v3.combine.miniprogram", "/v3/combine-transactions/miniprogram", COMBINED_ORDER, jsapi)
        .with_fields(JSAPI),
    Operation::post("v3.combine.app", "/v3/combine-transactions/app", COMBINED_ORDER, app).with_fields(APP),
    Operation::post("v3.combine.h5", "/v3/combine-transactions/h5", COMBINED_ORDER, h5).with_fields(H5),
    Operation::post("v3.combine.native", "/v3/combine-transactions/native", COMBINED_ORDER, native)
        .with_fields(APP),
];

/// The number of the combined order.
pub(super) const COMBINE_OUT_TRADE_NO: Field =
    required("combine_out_trade_no", "合单商户订单号", Kind::Text(bytes(6, 32), Alphabet::OrderNumber));
pub(super) const COMBINE_APPID: Field = required("combine_appid", "合单商户appid", text(32));
const COMBINED_ORDER: &[Field] = &[
    COMBINE_APPID,
    required("combine_mchid", "合单商户号", MCHID_KIND),
    COMBINE_OUT_TRADE_NO,
    NOTIFY_URL,
    optional("time_start", "交易起始时间", Kind::Time),
    TIME_EXPIRE,
    optional(
        "limit_pay",
        "指定支付方式",
        Kind::List(&Kind::OneOf(&["no_balance", "no_credit", "no_debit", "balance_only"]), 0, 4),
    ),
    optional("trade_scenario", "交易场景", Kind::OneOf(&["RECOMMERCE"])),
    SUBSIDY_INFO,
    required("sub_orders", "商品单信息", Kind::List(&Kind::Object(SUB_ORDER), 1, MAX_SUB_ORDERS)),
];
const SUB_ORDER: &[Field] = &[
    required("mchid", "子单商户号", MCHID_KIND),
    SUB_MCHID,
    SUB_APPID,
    OUT_TRADE_NO,
    required(
        "amount",
        "订单金额",
        Kind::Object(&[
            required("total_amount", "标价金额", Kind::Number(1, MAX_AMOUNT_FEN)),
            required("currency", "标价币种", Kind::OneOf(&["CNY"])),
        ]),
    ),
    required("attach", "附加数据", Kind::Text(bytes(1, 128), Alphabet::Any)),
    DESCRIPTION,
    optional("detail", "商品详情", text(6000)),
    GOODS_TAG,
    SUB_SETTLE_INFO,
    optional("profit_sharing", "是否指定分账", Kind::Boolean),
    optional("order_service_type", "商品服务类型", Kind::OneOf(&["INDIVIDUALTRADE"])),
    optional("individual_auth_id", "商品单个人收款方受理授权ID", text(64)),
    optional("individual_name", "商品单个人收款方平台昵称", text(64)),
];
const SCENE_INFO: Field = optional(
    "scene_info",
    "场景信息",
    Kind::Object(&[
        required("payer_client_ip", "用户终端IP", text(45)),
        optional("device_id", "商户端设备号", text(32)),
    ]),
);
const PAYER: Field = optional(
    "combine_payer_info",
    "支付者",
    Kind::Object(&[
        optional("openid", "用户标识", text(128)),
        optional("sub_openid", "用户子标识", text(128)),
        IDENTITY,
    ]),
);
const JSAPI: &[Field] = &[SCENE_INFO, Field { is_required: true, ..PAYER }];
const APP: &[Field] = &[SCENE_INFO, PAYER];
const H5: &[Field] = &[H5_SCENE, PAYER];

/// The maximum number of sub-orders.
const MAX_SUB_ORDERS: usize = 50;

fn jsapi(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let openids = ["/combine_payer_info/openid", "/combine_payer_info/sub_openid"];
    if openids.iter().all(|pointer| call.text(pointer).is_none_or(str::is_empty)) {
        return Err(errors::OPENID_MISSING.with_reason("openid or sub_openid is required"));
    }
    place_or_find(gateway, call, TradeType::Jsapi).map(|handle| Reply::json(&json!({ "prepay_id": handle })))
}

fn app(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    place_or_find(gateway, call, TradeType::App).map(|handle| Reply::json(&json!({ "prepay_id": handle })))
}

fn h5(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    place_or_find(gateway, call, TradeType::Mweb).map(|handle| Reply::json(&json!({ "h5_url": handle })))
}

fn native(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    place_or_find(gateway, call, TradeType::Native).map(|handle| Reply::json(&json!({ "code_url": handle })))
}

/// Places a combined order, or finds the existing one. Returns its handle. A repeated request returns the same handle
/// while it is valid.
fn place_or_find(gateway: &mut Gateway, call: &Call, trade_type: TradeType) -> Result<String, Refusal> {
    call.check_mchid(call.query_or_body("combine_mchid"))?;
    let appid = party::caller_app(gateway, call, call.query_or_body("combine_appid"))?;
    let number = call.text("/combine_out_trade_no").unwrap_or_default().parse::<OutTradeNo>();
    let number = number.map_err(|_| errors::PARAM_ERROR.with_reason("combine_out_trade_no is invalid"))?;
    let key = (call.mchid.clone(), number);
    let request = call.request_digest()?;
    let Some(combined) = existing_combined(gateway, call, &key, trade_type, request)? else {
        let form = Form::of(gateway, call);
        return place(gateway, call, CombinedParts { key, appid, trade_type, request, form });
    };
    if call.now < combined.expires_at {
        return Ok(combined.handle.clone());
    }
    if call.time_expire().is_err() {
        return Err(errors::ORDER_EXPIRED.with_reason("the order's time_expire has passed"));
    }
    let sub_orders = combined.sub_orders.clone();
    let handle = new_handle(gateway, trade_type, call.now);
    let expires_at = call.now.after(gateway.settings().v3.prepay_ttl);
    gateway.ledger.combined.replace_handle(&key, handle.clone(), expires_at);
    for key in &sub_orders {
        gateway.ledger.renew(key, None, expires_at, call.now);
    }
    Ok(handle)
}

/// Returns the existing combined order with this number, if there is one. The request must be identical to the first
/// one, and the order still payable.
fn existing_combined<'a>(
    gateway: &'a Gateway,
    call: &Call,
    key: &OrderKey,
    trade_type: TradeType,
    request: RequestDigest,
) -> Result<Option<&'a CombinedOrder>, Refusal> {
    let Some(combined) = gateway.ledger.combined.get(key) else { return Ok(None) };
    let first = combined.sub_orders.first().and_then(|key| gateway.ledger.order(key));
    match first.map(|order| order.state(call.now)) {
        Some(TradeState::Success | TradeState::Refund) => {
            return Err(errors::ALREADY_PAID.with_reason("the combined order is paid"));
        }
        Some(TradeState::Closed | TradeState::Revoked) => {
            return Err(errors::ORDER_CLOSED.with_reason("the combined order is closed"));
        }
        Some(TradeState::NotPay | TradeState::UserPaying | TradeState::PayError) | None => {}
    }
    if combined.trade_type != trade_type {
        return Err(errors::OUT_TRADE_NO_USED
            .with_reason("combine_out_trade_no belongs to an order of another trade type"));
    }
    if combined.request != request {
        return Err(errors::REENTRY_MISMATCH
            .with_reason("combine_out_trade_no belongs to an order with different parameters"));
    }
    Ok(Some(combined))
}

/// The data of a new combined order.
struct CombinedParts {
    key: OrderKey,
    appid: AppId,
    trade_type: TradeType,
    request: RequestDigest,
    form: Arc<Form>,
}

fn place(gateway: &mut Gateway, call: &Call, parts: CombinedParts) -> Result<String, Refusal> {
    let latest_expiry = call.now.after(gateway.settings().v3.prepay_ttl);
    let expires_at = call.time_expire()?.map_or(latest_expiry, |expire| expire.min(latest_expiry));
    let values = call.body.get("sub_orders").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut orders = Vec::new();
    let mut keys = BTreeSet::new();
    for (index, value) in values.iter().enumerate() {
        let at = format!("/sub_orders/{index}");
        let order = sub_order(gateway, call, (value, &at), &parts, expires_at)?;
        if !keys.insert(order.key()) {
            return Err(errors::PARAM_ERROR.with_message("子单的商户订单号重复"));
        }
        if gateway.ledger.order(&order.key()).is_some() {
            return Err(
                errors::OUT_TRADE_NO_USED.with_reason(format!("{at}/out_trade_no belongs to another order"))
            );
        }
        orders.push(order);
    }
    let CombinedParts { key, appid, trade_type, request, form } = parts;
    let handle = new_handle(gateway, trade_type, call.now);
    let combined = CombinedOrder {
        key,
        appid,
        trade_type,
        request,
        device_id: call.text("/scene_info/device_id").map(Box::from),
        trade_scenario: call.text("/trade_scenario").map(Box::from),
        form,
        notify_url: call.text("/notify_url").map(String::from),
        handle: handle.clone(),
        earlier_handles: Vec::new(),
        expires_at,
        created_at: call.now,
        sub_orders: orders.iter().map(NewOrder::key).collect(),
        payments: Vec::new(),
    };
    gateway.ledger.combined.place(combined);
    for order in orders {
        gateway.place(order, call.now);
    }
    Ok(handle)
}

/// Builds one sub-order. Its merchant may differ from the caller, but the gateway must know it.
fn sub_order(
    gateway: &Gateway,
    call: &Call,
    (value, at): (&Value, &str),
    parts: &CombinedParts,
    expires_at: UnixTime,
) -> Result<NewOrder, Refusal> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let mchid = text("mchid").unwrap_or_default().parse::<MchId>().ok();
    let mchid = mchid.filter(|mchid| gateway.registry().get(mchid).is_some());
    let unknown_merchant =
        || errors::MCH_NOT_EXISTS.with_reason(format!("{at}/mchid is not a known merchant"));
    let mchid = mchid.ok_or_else(unknown_merchant)?;
    let sub_merchant = text("sub_mchid")
        .map(|_| party::served_sub_merchant(gateway, &mchid, text("sub_mchid"), text("sub_appid")));
    let sub_merchant = sub_merchant.transpose()?;
    let number = text("out_trade_no").unwrap_or_default().parse::<OutTradeNo>();
    let total = value.pointer("/amount/total_amount").and_then(Value::as_u64).unwrap_or_default();
    let owned = |name: &str| text(name).map(Box::from);
    let openid = |pointer| call.text(pointer).and_then(|openid| openid.parse().ok());
    let form = Form {
        request_serial: parts.form.request_serial.clone(),
        individual_auth_id: owned("individual_auth_id"),
    };
    Ok(NewOrder {
        party: Party { mchid, appid: parts.appid.clone(), sub_merchant },
        out_trade_no: number.map_err(|_| errors::PARAM_ERROR.with_reason("out_trade_no is invalid"))?,
        combined: Some(parts.key.clone()),
        trade_type: parts.trade_type,
        handle: None,
        expires_at,
        closes_at: call.now.after(gateway.settings().v3.order_ttl),
        awaits_password: false,
        terms: Terms {
            total: Fen::new(total),
            currency: Currency::Cny,
            description: owned("description").unwrap_or_default(),
            attach: owned("attach"),
            device_id: call.text("/scene_info/device_id").map(Box::from),
            placed_for: PlacedFor {
                openid: openid("/combine_payer_info/openid"),
                sub_openid: openid("/combine_payer_info/sub_openid"),
            },
            is_profit_sharing: value.pointer("/settle_info/profit_sharing") == Some(&Value::Bool(true)),
            notify_url: None,
            request: parts.request,
            form: Arc::new(form),
        },
    })
}
