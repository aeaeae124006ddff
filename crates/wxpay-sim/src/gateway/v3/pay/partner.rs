//! Partner orders: a service provider places orders for its sub-merchants. The fields differ, the functions are those
//! of direct merchants.

use super::{
    SUB_SETTLE_INFO, code, order,
    prepay::{self, H5_SCENE, IDENTIFIED, IDENTITY, NOTIFY_URL, ORDER, SCENE_INFO},
};
use crate::gateway::v3::{
    fields::{Field, Kind, may, must, text},
    operation::Operation,
    party::{SP_APPID, SP_MCHID, SUB_APPID, SUB_MCHID},
};

pub(in crate::gateway::v3) const OPERATIONS: &[Operation] = &[
    Operation::post("v3.pay.partner.jsapi", "/v3/pay/partner/transactions/jsapi", ORDER, prepay::jsapi)
        .also(JSAPI)
        .at_most(500),
    Operation::post("v3.pay.partner.app", "/v3/pay/partner/transactions/app", ORDER, prepay::app).also(APP),
    Operation::post("v3.pay.partner.h5", "/v3/pay/partner/transactions/h5", ORDER, prepay::h5).also(H5),
    Operation::post("v3.pay.partner.native", "/v3/pay/partner/transactions/native", ORDER, prepay::native)
        .also(APP),
    Operation::post(
        "v3.pay.partner.miniprogram",
        "/v3/pay/partner/transactions/miniprogram",
        ORDER,
        prepay::jsapi,
    )
    .also(MINIPROGRAM),
    Operation::post(
        "v3.pay.partner.scannedpos",
        "/v3/pay/partner/transactions/scannedpos",
        ORDER,
        prepay::jsapi,
    )
    .also(SCANNEDPOS),
    Operation::post(
        "v3.pay.partner.codepay",
        "/v3/pay/partner/transactions/codepay",
        code::CODEPAY,
        code::codepay,
    )
    .also(CODEPAY)
    .at_most(33),
    Operation::post(
        "v3.pay.partner.reverse",
        "/v3/pay/partner/transactions/out-trade-no/{out_trade_no}/reverse",
        REVERSE,
        code::reverse,
    ),
    Operation::get(
        "v3.pay.partner.query",
        "/v3/pay/partner/transactions/out-trade-no/{out_trade_no}",
        order::by_number,
    )
    .asking(ASKED),
    Operation::get(
        "v3.pay.partner.query_id",
        "/v3/pay/partner/transactions/id/{transaction_id}",
        order::by_id,
    )
    .asking(ASKED),
    Operation::post(
        "v3.pay.partner.close",
        "/v3/pay/partner/transactions/out-trade-no/{out_trade_no}/close",
        ASKED,
        order::close,
    ),
];

const ANY_SP_APPID: Field = Field { is_required: false, ..SP_APPID };
const ANY_NOTIFY_URL: Field = Field { is_required: false, ..NOTIFY_URL };
/// The payer, identified under the partner's app, the sub-merchant's app, or both.
const PAYER: Field =
    must("payer", Kind::Object(&[may("sp_openid", text(128)), may("sub_openid", text(128)), IDENTITY]));
/// The store, identified by either number.
const SHOP: Kind = Kind::Object(&[may("id", text(32)), may("out_id", text(32))]);

const JSAPI: &[Field] =
    &[SP_APPID, SP_MCHID, SUB_APPID, SUB_MCHID, NOTIFY_URL, SUB_SETTLE_INFO, SCENE_INFO, PAYER];
const APP: &[Field] =
    &[SP_APPID, SP_MCHID, SUB_APPID, SUB_MCHID, NOTIFY_URL, SUB_SETTLE_INFO, SCENE_INFO, IDENTIFIED];
const H5: &[Field] =
    &[SP_APPID, SP_MCHID, SUB_APPID, SUB_MCHID, NOTIFY_URL, SUB_SETTLE_INFO, H5_SCENE, IDENTIFIED];
const MINIPROGRAM: &[Field] = &[
    SP_APPID,
    SP_MCHID,
    SUB_APPID,
    SUB_MCHID,
    ANY_NOTIFY_URL,
    SUB_SETTLE_INFO,
    may(
        "scene_info",
        Kind::Object(&[
            may("payer_client_ip", text(45)),
            may("device_id", text(32)),
            may("store_info", SHOP),
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
    must(
        "scene_info",
        Kind::Object(&[
            must("payer_client_ip", text(45)),
            may("device_id", text(32)),
            must("store_info", SHOP),
        ]),
    ),
    PAYER,
];
const CODEPAY: &[Field] =
    &[ANY_SP_APPID, SP_MCHID, SUB_APPID, SUB_MCHID, SUB_SETTLE_INFO, may("time_expire", Kind::Time)];
const REVERSE: &[Field] = &[ANY_SP_APPID, SP_MCHID, SUB_APPID, SUB_MCHID];
const ASKED: &[Field] = &[SP_MCHID, SUB_MCHID];
