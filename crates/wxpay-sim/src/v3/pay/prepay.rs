//! Prepay orders, which the payer pays in WeChat: JSAPI (also for mini programs), App, H5, Native.

use super::{
    AMOUNT, DETAIL, OUT_TRADE_NO, OrderParts, SETTLE_INFO, STORE_INFO, existing_order, new_order, order_key,
};
use crate::{
    gateway::Gateway,
    ledger::TradeType,
    rng::{ALPHANUMERIC, HEX},
    time,
    v3::{
        call::Call,
        errors::{self, Refusal},
        fields::{Alphabet, Field, Kind, bytes, optional, required, text, text_or_empty},
        form::Form,
        operation::Operation,
        party::{self, APPID, MCHID},
        reply::Reply,
    },
};
use serde_json::json;
use wxpay_proto::{UnixTime, id::OpenId};

pub(in crate::v3) const OPERATIONS: &[Operation] = &[
    Operation::post("v3.pay.jsapi", "/v3/pay/transactions/jsapi", ORDER, jsapi)
        .with_fields(JSAPI)
        .calls_per_second(500),
    Operation::post("v3.pay.app", "/v3/pay/transactions/app", ORDER, app).with_fields(APP),
    Operation::post("v3.pay.h5", "/v3/pay/transactions/h5", ORDER, h5).with_fields(H5),
    Operation::post("v3.pay.native", "/v3/pay/transactions/native", ORDER, native).with_fields(APP),
];

pub(in crate::v3) const DESCRIPTION: Field = required("description", "商品描述", text(127));
pub(in crate::v3) const NOTIFY_URL: Field = required("notify_url", "通知地址", Kind::Url);
pub(in crate::v3) const TIME_EXPIRE: Field = optional("time_expire", "交易结束时间", Kind::Time);
const ATTACH: Field = optional("attach", "附加数据", Kind::Text(bytes(0, 128), Alphabet::Any));
pub(in crate::v3) const GOODS_TAG: Field = optional("goods_tag", "订单优惠标记", text_or_empty(32));
pub(super) const LIMIT_PAY: Field = optional(
    "limit_pay",
    "指定支付方式",
    Kind::List(&Kind::OneOf(&["no_balance", "no_credit", "no_debit", "balance_only"]), 0, 4),
);
const SUPPORT_FAPIAO: Field = optional("support_fapiao", "电子发票入口开放标识", Kind::Boolean);
pub(in crate::v3) const IDENTITY: Field = optional(
    "identity",
    "实名支付",
    Kind::Object(&[
        required(
            "type",
            "证件类型",
            Kind::OneOf(&[
                "IDCARD",
                "HONGKONG_MACAO",
                "HONGKONG_MACAO_RESIDENT",
                "TAIWAN_RESIDENT",
                "FOREIGN_RESIDENT",
                "OVERSEA_PASSPORT",
                "PHONE_NUMBER",
            ]),
        ),
        required("number", "加密后的证件号", Kind::Encrypted),
        required("name", "加密后的姓名", Kind::Encrypted),
    ]),
);
pub(super) const SCENE_INFO: Field = optional(
    "scene_info",
    "场景信息",
    Kind::Object(&[
        required("payer_client_ip", "用户终端IP", text(45)),
        optional("device_id", "商户端设备号", text(32)),
        STORE_INFO,
    ]),
);
pub(in crate::v3) const SUBSIDY_INFO: Field = optional(
    "subsidy_info",
    "贴息信息",
    Kind::Object(&[optional(
        "subsidy_detail",
        "贴息详情列表",
        Kind::List(
            &Kind::Object(&[
                required("subsidy_period_type", "贴息方案类型", Kind::OneOf(&["DAILY", "PERIOD"])),
                required(
                    "subsidy_plan",
                    "贴息方案列表",
                    Kind::List(
                        &Kind::Object(&[
                            required("subsidy_installment_num", "贴息期数", Kind::Number(1, 12)),
                            required("subsidy_percent", "贴息比例", Kind::Number(0, 100)),
                        ]),
                        0,
                        10,
                    ),
                ),
            ]),
            0,
            10,
        ),
    )]),
);
/// The fields of every order, in both modes.
pub(super) const ORDER: &[Field] = &[
    DESCRIPTION,
    OUT_TRADE_NO,
    AMOUNT,
    TIME_EXPIRE,
    ATTACH,
    GOODS_TAG,
    LIMIT_PAY,
    SUPPORT_FAPIAO,
    DETAIL,
    SUBSIDY_INFO,
];
const JSAPI: &[Field] = &[
    APPID,
    MCHID,
    NOTIFY_URL,
    SETTLE_INFO,
    SCENE_INFO,
    required("payer", "支付者", Kind::Object(&[required("openid", "用户标识", text(128)), IDENTITY])),
];
const APP: &[Field] = &[APPID, MCHID, NOTIFY_URL, SETTLE_INFO, SCENE_INFO, PAYER_IDENTITY];
const H5: &[Field] = &[APPID, MCHID, NOTIFY_URL, SETTLE_INFO, H5_SCENE, PAYER_IDENTITY];
/// A payer identified only by identity documents.
pub(super) const PAYER_IDENTITY: Field = optional("payer", "支付者", Kind::Object(&[IDENTITY]));
/// The scene of an H5 order, with the browser.
pub(in crate::v3) const H5_SCENE: Field = required(
    "scene_info",
    "场景信息",
    Kind::Object(&[
        required("payer_client_ip", "用户终端IP", text(45)),
        optional("device_id", "商户端设备号", text(32)),
        STORE_INFO,
        required(
            "h5_info",
            "H5场景信息",
            Kind::Object(&[
                required("type", "场景类型", Kind::OneOf(&["iOS", "Android", "Wap", "IOS"])),
                optional("app_name", "应用名称", text(64)),
                optional("app_url", "网站URL", text(128)),
                optional("bundle_id", "iOS平台BundleID", text(128)),
                optional("package_name", "Android平台PackageName", text(128)),
            ]),
        ),
    ]),
);

pub(super) fn jsapi(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let mut openids = 0_u8;
    for pointer in ["/payer/openid", "/payer/sp_openid", "/payer/sub_openid"] {
        let Some(openid) = call.text(pointer) else { continue };
        if openid.parse::<OpenId>().is_err() {
            return Err(errors::PARAM_ERROR.with_message("无效的openid"));
        }
        openids = openids.saturating_add(1);
    }
    if openids == 0 {
        return Err(errors::OPENID_MISSING.with_reason("sp_openid or sub_openid is required"));
    }
    if call.text("/payer/sub_openid").is_some() && call.query_or_body("sub_appid").is_none() {
        return Err(errors::PARAM_ERROR.with_message("传入sub_openid时，sub_appid必填"));
    }
    prepay_id(gateway, call, TradeType::Jsapi)
}

pub(super) fn app(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    prepay_id(gateway, call, TradeType::App)
}

fn prepay_id(gateway: &mut Gateway, call: &Call, trade_type: TradeType) -> Result<Reply, Refusal> {
    let handle = place_or_find(gateway, call, trade_type)?;
    Ok(Reply::json(&json!({ "prepay_id": handle })))
}

pub(super) fn h5(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let handle = place_or_find(gateway, call, TradeType::Mweb)?;
    Ok(Reply::json(&json!({ "h5_url": handle })))
}

pub(super) fn native(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let handle = place_or_find(gateway, call, TradeType::Native)?;
    Ok(Reply::json(&json!({ "code_url": handle })))
}

/// Places an order, or finds the existing one. Returns its handle. A repeated request returns the same handle while it
/// is valid.
fn place_or_find(gateway: &mut Gateway, call: &Call, trade_type: TradeType) -> Result<String, Refusal> {
    let (appid, sub) = party::check_order_party(gateway, call)?;
    let key = order_key(call)?;
    let Some(order) = existing_order(gateway, call, &key, trade_type)? else {
        let handle = new_handle(gateway, trade_type, call.now);
        let (placed, awaits_password) = (Some(handle.clone()), false);
        let form = Form::of(gateway, call);
        let parts = OrderParts { key, appid, sub, trade_type, handle: placed, awaits_password, form };
        let order = new_order(call, parts, gateway)?;
        gateway.place(order, call.now);
        return Ok(handle);
    };
    let prepay = &order.prepay;
    if let Some(handle) = prepay.handle.as_deref().filter(|_| call.now < prepay.expires_at) {
        return Ok(handle.into());
    }
    if call.time_expire().is_err() {
        return Err(errors::ORDER_EXPIRED.with_reason("the order's time_expire has passed"));
    }
    let handle = new_handle(gateway, trade_type, call.now);
    let expires_at = call.now.after(gateway.settings().v3.prepay_ttl);
    gateway.ledger.renew(&key, Some(handle.clone()), expires_at, call.now);
    Ok(handle)
}

/// Generates a handle for the payer's client: a `prepay_id`, a `code_url` or an `h5_url`.
pub(in crate::v3) fn new_handle(gateway: &mut Gateway, trade_type: TradeType, now: UnixTime) -> String {
    let rng = &mut gateway.rng;
    let mut id = || format!("wx{}{}", time::yyyymmddhhmmss(now), rng.text(HEX, 20));
    match trade_type {
        TradeType::Native => format!("weixin://wxpay/bizpayurl?pr={}", rng.text(ALPHANUMERIC, 9)),
        TradeType::Mweb => {
            let id = id();
            let package = rng.text(crate::rng::DIGITS, 10);
            format!("https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id={id}&package={package}")
        }
        TradeType::Jsapi | TradeType::App | TradeType::Micropay => id(),
    }
}
