//! Transfers to QQ wallets.

use super::{
    AMOUNT, APPID, NOTIFY_URL, OPENID, OUT_BILL_NO, REMARK, REPORTS, TransferRequest, USER_NAME,
    create_transfer, not_found, payee_openid, seal_name, start_cancel, with_optional,
};
use crate::{
    gateway::Gateway,
    ledger::{Payee, Transfer, TransferMethod},
    time,
    v3::{
        call::Call,
        errors::{self, Refusal},
        fields::{Field, Kind, optional, required, text},
        operation::Operation,
        reply::Reply,
    },
};
use serde_json::{Value, json};

pub(in crate::v3) const OPERATIONS: &[Operation] = &[
    Operation::post(
        "v3.transfer.qq_wallet.create",
        "/v3/fund-app/mch-transfer/transfer-to-qq-wallet-bills",
        FIELDS,
        create,
    )
    .requires_serial(),
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
    optional("user_qq", "收款用户QQ号", text(64)),
    USER_NAME,
    AMOUNT,
    REMARK,
    NOTIFY_URL,
    required("transfer_scene_id", "转账场景ID", Kind::OneOf(&["1401"])),
    REPORTS,
];

fn create(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let appid = app(gateway, call)?;
    let (openid, request) = (payee_openid(call)?, TransferRequest::read(call)?);
    let method = TransferMethod::QqWallet;
    if let Some(transfer) = request.existing(gateway, call, method)? {
        return Ok(transfer_reply(gateway, transfer));
    }
    let number = request.number.clone();
    create_transfer(gateway, call, request, appid, Payee::QqWallet(openid))?;
    find(gateway, call, number.as_str()).map(|transfer| transfer_reply(gateway, transfer))
}

/// Checks the app. It must be one of the merchant's, or a QQ app, whose id consists of digits. The gateway does not
/// know the QQ apps.
fn app(gateway: &Gateway, call: &Call) -> Result<String, Refusal> {
    let appid = call.text("/appid").unwrap_or_default();
    let is_of_qq = appid.bytes().all(|byte| byte.is_ascii_digit());
    let is_merchants = gateway.registry().get(&call.mchid).is_some_and(|merchant| merchant.has_app(appid));
    if is_of_qq || is_merchants {
        Ok(appid.into())
    } else {
        Err(errors::APPID_MCHID_NOT_MATCH.with_reason("appid must be one of the merchant's apps or a QQ app"))
    }
}

fn query(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    find(gateway, call, call.path("out_bill_no")).map(|transfer| transfer_reply(gateway, transfer))
}

/// Cancels a transfer that the payee has not received. A repeated request returns its current state.
fn cancel(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let number = call.path("out_bill_no");
    find(gateway, call, number)?;
    start_cancel(gateway, call, number)?;
    find(gateway, call, number).map(|transfer| transfer_reply(gateway, transfer))
}

fn find<'a>(gateway: &'a Gateway, call: &Call, number: &str) -> Result<&'a Transfer, Refusal> {
    let transfer = gateway.ledger.transfers.get(&call.mchid, number);
    transfer.filter(|transfer| transfer.method == TransferMethod::QqWallet).ok_or_else(not_found)
}

/// Builds the reply of every operation.
fn transfer_reply(gateway: &Gateway, transfer: &Transfer) -> Reply {
    Reply::json(&with_optional(
        notification_content(transfer),
        &[("user_name", seal_name(gateway, transfer))],
    ))
}

/// Builds the content of the notification of the final state: the reply without the name.
pub(super) fn notification_content(transfer: &Transfer) -> Value {
    let value = json!({
        "mchid": transfer.mchid,
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "appid": transfer.appid,
        "state": transfer.state.as_str(),
        "transfer_amount": transfer.amount,
        "transfer_remark": transfer.remark,
        "openid": transfer.openid.as_str(),
        "create_time": time::rfc3339(transfer.created_at),
        "update_time": time::rfc3339(transfer.updated_at),
    });
    let more = [("user_qq", transfer.user_qq.clone()), ("fail_reason", transfer.fail_reason.clone())];
    with_optional(value, &more)
}
