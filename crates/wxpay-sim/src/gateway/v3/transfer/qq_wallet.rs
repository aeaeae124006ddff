//! Transfers to QQ wallets.

use super::{
    AMOUNT, NOTIFY_URL, OPENID, OUT_BILL_NO, Payee, REMARK, REPORTS, TransferRequest, USER_NAME,
    create_transfer, not_found, payee_openid, require_wechatpay_serial, seal_name, start_cancel,
    with_optional,
};
use crate::{
    gateway::{
        Gateway,
        v3::{
            call::Call,
            errors::{self, Refusal},
            fields::{Field, Kind, optional, required, text},
            operation::Operation,
            party::APPID,
            reply::Reply,
        },
    },
    ledger::v3::{Transfer, TransferMethod},
    time,
};
use serde_json::{Value, json};

pub(in crate::gateway::v3) const OPERATIONS: &[Operation] = &[
    Operation::post(
        "v3.transfer.qq_wallet.create",
        "/v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills",
        FIELDS,
        create,
    ),
    Operation::get(
        "v3.transfer.qq_wallet.query",
        "/v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills/{out_bill_no}",
        query,
    ),
    Operation::post_without_body(
        "v3.transfer.qq_wallet.cancel",
        "/v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills/{out_bill_no}/cancel",
        cancel,
    ),
];

const FIELDS: &[Field] = &[
    APPID,
    OUT_BILL_NO,
    OPENID,
    optional("user_qq", text(64)),
    USER_NAME,
    AMOUNT,
    REMARK,
    NOTIFY_URL,
    required("transfer_scene_id", Kind::OneOf(&["1401"])),
    REPORTS,
];

fn create(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    require_wechatpay_serial(call)?;
    let appid = app(gateway, call)?;
    let (openid, asked) = (payee_openid(call)?, TransferRequest::read(gateway, call)?);
    let way = TransferMethod::QqWallet;
    if let Some(transfer) = asked.existing(gateway, call, way)? {
        return Ok(shown(gateway, transfer));
    }
    let number = asked.number.clone();
    create_transfer(gateway, call, asked, Payee { way, appid, openid, authorization: None })?;
    of(gateway, call, number.as_str()).map(|transfer| shown(gateway, transfer))
}

/// Checks the app: one of the merchant's, or one of QQ's, which consists of digits and is not known to the gateway.
fn app(gateway: &Gateway, call: &Call) -> Result<String, Refusal> {
    let said = call.text("/appid").unwrap_or_default();
    let is_of_qq = said.bytes().all(|byte| byte.is_ascii_digit());
    let is_own = gateway.v3.merchants.get(&call.mchid).is_some_and(|merchant| merchant.has_app(said));
    if is_of_qq || is_own {
        Ok(said.into())
    } else {
        Err(errors::APPID_MCHID_NOT_MATCH.with_reason("appid must be one of the merchant's apps or a QQ app"))
    }
}

fn query(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    of(gateway, call, call.path("out_bill_no")).map(|transfer| shown(gateway, transfer))
}

/// Cancels a transfer that the payee has not received. A repeated request returns its current state.
fn cancel(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let number = call.path("out_bill_no");
    of(gateway, call, number)?;
    start_cancel(gateway, call, number)?;
    of(gateway, call, number).map(|transfer| shown(gateway, transfer))
}

fn of<'a>(gateway: &'a Gateway, call: &Call, number: &str) -> Result<&'a Transfer, Refusal> {
    let transfer = gateway.v3.ledger.transfers.get(&call.mchid, number);
    transfer.filter(|transfer| transfer.way == TransferMethod::QqWallet).ok_or_else(not_found)
}

/// Builds the reply of every operation.
fn shown(gateway: &Gateway, transfer: &Transfer) -> Reply {
    Reply::json(&with_optional(told(transfer), &[("user_name", seal_name(gateway, transfer))]))
}

/// Builds the content of the notification of the final state: the reply without the name.
pub(super) fn told(transfer: &Transfer) -> Value {
    let said = json!({
        "mchid": transfer.mchid,
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "appid": transfer.appid,
        "state": transfer.state.as_str(),
        "transfer_amount": transfer.amount,
        "transfer_remark": transfer.request_text("transfer_remark"),
        "openid": transfer.openid.as_str(),
        "create_time": time::rfc3339(transfer.created),
        "update_time": time::rfc3339(transfer.updated),
    });
    let user_qq = transfer.request_text("user_qq").map(String::from);
    with_optional(said, &[("user_qq", user_qq), ("fail_reason", transfer.fail_reason.clone())])
}
