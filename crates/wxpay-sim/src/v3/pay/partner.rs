//! Partner orders: a service provider places orders for its sub-merchants. The fields differ, the functions are those
//! of direct merchants.

use super::{
    SUB_SETTLE_INFO, code, order,
    prepay::{self, H5_SCENE, IDENTITY, NOTIFY_URL, ORDER, PAYER_IDENTITY, SCENE_INFO},
};
use crate::v3::{
    fields::{Field, Kind, optional, required, text},
    operation::Operation,
    party::{SP_APPID, SP_MCHID, SUB_APPID, SUB_MCHID},
};

pub(in crate::v3) const OPERATIONS: &[Operation] = &[
    Operation::post("v3.pay.jsapi", "/v3/pay/partner/transactions/jsapi", ORDER, prepay::jsapi)
        .with_fields(JSAPI)
        .calls_per_second(500),
    Operation::post("v3.pay.app", "/v3/pay/partner/transactions/app", ORDER, prepay::app).with_fields(APP),
    Operation::post("v3.pay.h5", "/v3/pay/partner/transactions/h5", ORDER, prepay::h5).with_fields(H5),
    Operation::post("v3.pay.native", "/v3/pay/partner/transactions/native", ORDER, prepay::native)
        .with_fields(APP),
    Operation::post("v3.pay.jsapi", "/v3/pay/partner/transactions/miniprogram", ORDER, prepay::jsapi)
        .with_fields(MINIPROGRAM),
    Operation::post("v3.pay.scannedpos", "/v3/pay/partner/transactions/scannedpos", ORDER, prepay::jsapi)
        .with_fields(SCANNEDPOS),
    Operation::post("v3.pay.codepay", "/v3/pay/partner/transactions/codepay", code::CODEPAY, code::codepay)
        .with_fields(CODEPAY)
        .calls_per_second(33),
    Operation::post(
        "v3.pay.reverse",
        "/v3/pay/partner/transactions/out-trade-no/{out_trade_no}/reverse",
        REVERSE,
        code::reverse,
    ),
    Operation::get(
        "v3.pay.query",
        "/v3/pay/partner/transactions/out-trade-no/{out_trade_no}",
        order::by_number,
    )
    .with_query(PARTIES),
    Operation::get("v3.pay.query", "/v3/pay/partner/transactions/id/{transaction_id}", order::by_id)
        .with_query(PARTIES),
    Operation::post(
        "v3.pay.close",
        "/v3/pay/partner/transactions/out-trade-no/{out_trade_no}/close",
        PARTIES,
        order::close,
    ),
];

const ANY_SP_APPID: Field = Field { is_required: false, ..SP_APPID };
const ANY_NOTIFY_URL: Field = Field { is_required: false, ..NOTIFY_URL };
/// The payer, identified under the partner's app, the sub-merchant's app, or both.
const PAYER: Field = required(
    "payer",
    "支付者",
    Kind::Object(&[
        optional("sp_openid", "用户服务标识", text(128)),
        optional("sub_openid", "用户子标识", text(128)),
        IDENTITY,
    ]),
);
/// The store, identified by either number.
const SHOP: Kind =
    Kind::Object(&[optional("id", "门店编号", text(32)), optional("out_id", "商家自定义编码", text(32))]);

const JSAPI: &[Field] =
    &[SP_APPID, SP_MCHID, SUB_APPID, SUB_MCHID, NOTIFY_URL, SUB_SETTLE_INFO, SCENE_INFO, PAYER];
const APP: &[Field] =
    &[SP_APPID, SP_MCHID, SUB_APPID, SUB_MCHID, NOTIFY_URL, SUB_SETTLE_INFO, SCENE_INFO, PAYER_IDENTITY];
const H5: &[Field] =
    &[SP_APPID, SP_MCHID, SUB_APPID, SUB_MCHID, NOTIFY_URL, SUB_SETTLE_INFO, H5_SCENE, PAYER_IDENTITY];
const MINIPROGRAM: &[Field] = &[
    SP_APPID,
    SP_MCHID,
    SUB_APPID,
    SUB_MCHID,
    ANY_NOTIFY_URL,
    SUB_SETTLE_INFO,
    optional(
        "scene_info",
        "场景信息",
        Kind::Object(&[
            optional("payer_client_ip", "用户终端IP", text(45)),
            optional("device_id", "商户端设备号", text(32)),
            optional("store_info", "商户门店信息", SHOP),
        ]),
    ),
    PAYER,
];
const SCANNEDPOS: &[Field] = &[
    ANY_SP_APPID,
    SP_MCHID,
    SUB_APPID,
    SUB_MCHID,
    ANY_NOTIFY_URL,
    SUB_SETTLE_INFO,
    required(
        "scene_info",
        "场景信息",
        Kind::Object(&[
            required("payer_client_ip", "用户终端IP", text(45)),
            optional("device_id", "商户端设备号", text(32)),
            required("store_info", "商户门店信息", SHOP),
        ]),
    ),
    PAYER,
];
const CODEPAY: &[Field] = &[
    ANY_SP_APPID,
    SP_MCHID,
    SUB_APPID,
    SUB_MCHID,
    SUB_SETTLE_INFO,
    optional("time_expire", "交易结束时间", Kind::Time),
];
const REVERSE: &[Field] = &[ANY_SP_APPID, SP_MCHID, SUB_APPID, SUB_MCHID];
const PARTIES: &[Field] = &[SP_MCHID, SUB_MCHID];
