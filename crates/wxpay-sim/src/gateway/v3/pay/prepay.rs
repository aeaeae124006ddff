//! Orders that the payer pays on a phone: JSAPI and mini programs, App, H5, Native.

use super::{
    AMOUNT, DETAIL, MCHID, OUT_TRADE_NO, SETTLE_INFO, STORE_INFO, new_order, placed_before, placed_by,
    time_expire,
};
use crate::{
    chance::{ALPHANUMERIC, HEX},
    gateway::{
        Gateway,
        v3::{
            call::Call,
            errors::{self, Refusal},
            fields::{Field, Kind, may, must, text},
            reply::Reply,
            route::Operation,
        },
    },
    ledger::v3::TradeType,
    time,
};
use serde_json::json;
use wxpay_proto::{UnixTime, id::OpenId};

pub(in crate::gateway::v3) const OPERATIONS: &[Operation] = &[
    Operation::post("v3.pay.jsapi", "/v3/pay/transactions/jsapi", JSAPI, jsapi).at_most(500),
    Operation::post("v3.pay.app", "/v3/pay/transactions/app", APP, app),
    Operation::post("v3.pay.h5", "/v3/pay/transactions/h5", H5, h5),
    Operation::post("v3.pay.native", "/v3/pay/transactions/native", APP, native),
];

const APPID: Field = must("appid", text(32));
const DESCRIPTION: Field = must("description", text(127));
const NOTIFY_URL: Field = must("notify_url", Kind::Url);
const TIME_EXPIRE: Field = may("time_expire", Kind::Time);
const ATTACH: Field = may("attach", Kind::Text(0, 128, super::Alphabet::Any));
const GOODS_TAG: Field = may("goods_tag", Kind::Text(0, 32, super::Alphabet::Any));
const LIMIT_PAY: Field =
    may("limit_pay", Kind::List(&Kind::OneOf(&["no_balance", "no_credit", "no_debit", "balance_only"]), 4));
const SUPPORT_FAPIAO: Field = may("support_fapiao", Kind::Truth);
const IDENTITY: Field = may(
    "identity",
    Kind::Object(&[
        must(
            "type",
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
        must("number", text(1024)),
        must("name", text(1024)),
    ]),
);
const SCENE_INFO: Field = may(
    "scene_info",
    Kind::Object(&[must("payer_client_ip", text(45)), may("device_id", text(32)), STORE_INFO]),
);
const SUBSIDY_INFO: Field = may(
    "subsidy_info",
    Kind::Object(&[may(
        "subsidy_detail",
        Kind::List(
            &Kind::Object(&[
                must("subsidy_period_type", Kind::OneOf(&["DAILY", "PERIOD"])),
                must(
                    "subsidy_plan",
                    Kind::List(
                        &Kind::Object(&[
                            must("subsidy_installment_num", Kind::Number(1, 12)),
                            must("subsidy_percent", Kind::Number(0, 100)),
                        ]),
                        10,
                    ),
                ),
            ]),
            10,
        ),
    )]),
);
const JSAPI: &[Field] = &[
    APPID,
    MCHID,
    DESCRIPTION,
    OUT_TRADE_NO,
    NOTIFY_URL,
    AMOUNT,
    TIME_EXPIRE,
    ATTACH,
    GOODS_TAG,
    LIMIT_PAY,
    SUPPORT_FAPIAO,
    DETAIL,
    SCENE_INFO,
    SETTLE_INFO,
    SUBSIDY_INFO,
    must("payer", Kind::Object(&[must("openid", text(128)), IDENTITY])),
];
const APP: &[Field] = &[
    APPID,
    MCHID,
    DESCRIPTION,
    OUT_TRADE_NO,
    NOTIFY_URL,
    AMOUNT,
    TIME_EXPIRE,
    ATTACH,
    GOODS_TAG,
    LIMIT_PAY,
    SUPPORT_FAPIAO,
    DETAIL,
    SCENE_INFO,
    SETTLE_INFO,
    SUBSIDY_INFO,
    may("payer", Kind::Object(&[IDENTITY])),
];
const H5: &[Field] = &[
    APPID,
    MCHID,
    DESCRIPTION,
    OUT_TRADE_NO,
    NOTIFY_URL,
    AMOUNT,
    TIME_EXPIRE,
    ATTACH,
    GOODS_TAG,
    LIMIT_PAY,
    SUPPORT_FAPIAO,
    DETAIL,
    SETTLE_INFO,
    SUBSIDY_INFO,
    may("payer", Kind::Object(&[IDENTITY])),
    must(
        "scene_info",
        Kind::Object(&[
            must("payer_client_ip", text(45)),
            may("device_id", text(32)),
            STORE_INFO,
            must(
                "h5_info",
                Kind::Object(&[
                    must("type", Kind::OneOf(&["iOS", "Android", "Wap", "IOS"])),
                    may("app_name", text(64)),
                    may("app_url", text(128)),
                    may("bundle_id", text(128)),
                    may("package_name", text(128)),
                ]),
            ),
        ]),
    ),
];

fn jsapi(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let openid = call.text("/payer/openid").unwrap_or_default();
    if openid.parse::<OpenId>().is_err() {
        return Err(errors::PARAM_ERROR.at("body", "/payer/openid", openid.into(), "格式错误"));
    }
    prepay_id(gateway, call, TradeType::Jsapi)
}

fn app(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    prepay_id(gateway, call, TradeType::App)
}

fn prepay_id(gateway: &mut Gateway, call: &Call, trade_type: TradeType) -> Result<Reply, Refusal> {
    let handle = placed(gateway, call, trade_type)?;
    Ok(Reply::json(&json!({ "prepay_id": handle })))
}

fn h5(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let handle = placed(gateway, call, TradeType::Mweb)?;
    Ok(Reply::json(&json!({ "h5_url": handle })))
}

fn native(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let handle = placed(gateway, call, TradeType::Native)?;
    Ok(Reply::json(&json!({ "code_url": handle })))
}

/// Places the order, or finds it again: while its name on the phone works, the same is given.
fn placed(gateway: &mut Gateway, call: &Call, trade_type: TradeType) -> Result<String, Refusal> {
    let key = placed_by(gateway, call)?;
    call.opened(gateway, "/payer/identity/number")?;
    call.opened(gateway, "/payer/identity/name")?;
    let Some(order) = placed_before(gateway, call, &key, trade_type)? else {
        let mut order = new_order(call, key, trade_type, gateway)?;
        let handle = new_handle(gateway, trade_type, call.now);
        order.handle = Some(handle.clone());
        gateway.v3.ledger.place(order);
        return Ok(handle);
    };
    if let Some(handle) = order.handle.clone().filter(|_| call.now < order.expires) {
        return Ok(handle);
    }
    if time_expire(call).is_err() {
        return Err(errors::ORDER_EXPIRED.because("the order's time_expire has passed"));
    }
    let handle = new_handle(gateway, trade_type, call.now);
    let expires = call.now.after(gateway.settings.v3.prepay_ttl);
    gateway.v3.ledger.rename(&key, handle.clone(), expires);
    Ok(handle)
}

fn new_handle(gateway: &mut Gateway, trade_type: TradeType, now: UnixTime) -> String {
    let chance = &mut gateway.v3.chance;
    let mut id = || format!("wx{}{}", time::fourteen(now), chance.text(HEX, 20));
    match trade_type {
        TradeType::Native => format!("weixin://wxpay/bizpayurl?pr={}", chance.text(ALPHANUMERIC, 9)),
        TradeType::Mweb => {
            let id = id();
            let package = chance.text(crate::chance::DIGITS, 10);
            format!("https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id={id}&package={package}")
        }
        TradeType::Jsapi | TradeType::App | TradeType::Micropay => id(),
    }
}
