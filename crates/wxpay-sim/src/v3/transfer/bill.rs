//! Transfers to payees who confirm them.

use super::{
    AMOUNT, APPID, NOTIFY_URL, OPENID, OUT_BILL_NO, PERCEPTION, REMARK, REPORTS, SCENE, TransferRequest,
    USER_NAME, create_transfer, not_found, payee_openid, start_cancel, transfer_reply, with_optional,
};
use crate::{
    gateway::Gateway,
    ledger::{Payee, Transfer, TransferMethod, TransferState},
    time,
    v3::{
        call::Call,
        errors::Refusal,
        fields::{Field, Kind, optional, required},
        operation::Operation,
        party,
        reply::Reply,
    },
};
use serde_json::{Value, json};

pub(in crate::v3) const OPERATIONS: &[Operation] = &[
    Operation::post("v3.transfer.create", "/v3/fund-app/mch-transfer/transfer-bills", FIELDS, create)
        .requires_serial()
        .calls_per_second(100),
    Operation::get(
        "v3.transfer.query",
        "/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}",
        by_number,
    ),
    Operation::get(
        "v3.transfer.query",
        "/v3/fund-app/mch-transfer/transfer-bills/transfer-bill-no/{transfer_bill_no}",
        by_id,
    ),
    Operation::post_without_body(
        "v3.transfer.cancel",
        "/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}/cancel",
        cancel,
    ),
];

const FIELDS: &[Field] = &[
    APPID,
    OUT_BILL_NO,
    OPENID,
    USER_NAME,
    AMOUNT,
    REMARK,
    NOTIFY_URL,
    PERCEPTION,
    SCENE,
    REPORTS,
    optional(
        "user_recv_style",
        "用户收款样式",
        Kind::Object(&[required("type", "用户收款样式类型", Kind::OneOf(&["CONFIRM_PAGE", "RED_PACKET"]))]),
    ),
];

/// Creates a transfer, or finds the existing one by its number.
fn create(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let appid = party::caller_app(gateway, call, call.query_or_body("appid"))?;
    let (openid, request) = (payee_openid(call)?, TransferRequest::read(call)?);
    let method = TransferMethod::UserConfirm;
    if let Some(transfer) = request.existing(gateway, call, method)? {
        return Ok(Reply::json(&created_value(transfer)));
    }
    let transfer = create_transfer(gateway, call, request, appid.to_string(), Payee::Confirming(openid))?;
    Ok(Reply::json(&created_value(transfer)))
}

fn by_number(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    find_by_path(gateway, call).map(|transfer| transfer_reply(gateway, transfer))
}

fn by_id(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    by_transfer_bill_no(gateway, call, call.path("transfer_bill_no"))
        .map(|transfer| transfer_reply(gateway, transfer))
}

/// Cancels a transfer that the payee has not confirmed. A repeated request returns its current state.
fn cancel(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    find_by_path(gateway, call)?;
    start_cancel(gateway, call, call.path("out_bill_no"))?;
    let transfer = find_by_path(gateway, call)?;
    Ok(Reply::json(&json!({
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "state": transfer.state.as_str(),
        "update_time": time::rfc3339(transfer.updated_at),
    })))
}

/// Finds the transfer named in the path. Transfers to QQ wallets are excluded.
fn find_by_path<'a>(gateway: &'a Gateway, call: &Call) -> Result<&'a Transfer, Refusal> {
    by_out_bill_no(gateway, call, call.path("out_bill_no"))
}

pub(super) fn by_out_bill_no<'a>(
    gateway: &'a Gateway,
    call: &Call,
    number: &str,
) -> Result<&'a Transfer, Refusal> {
    let transfer = gateway.ledger.transfers.get(&call.mchid, number);
    transfer.filter(|transfer| transfer.method != TransferMethod::QqWallet).ok_or_else(not_found)
}

pub(super) fn by_transfer_bill_no<'a>(
    gateway: &'a Gateway,
    call: &Call,
    id: &str,
) -> Result<&'a Transfer, Refusal> {
    let transfer = gateway.ledger.transfers.by_id(&call.mchid, id);
    transfer.filter(|transfer| transfer.method != TransferMethod::QqWallet).ok_or_else(not_found)
}

/// Builds the reply to the request.
pub(super) fn created_value(transfer: &Transfer) -> Value {
    let value = json!({
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "create_time": time::rfc3339(transfer.created_at),
        "state": transfer.state.as_str(),
    });
    let is_waiting = transfer.state == TransferState::WaitUserConfirm;
    let package_info = is_waiting.then(|| transfer.package_info.clone());
    with_optional(value, &[("fail_reason", transfer.fail_reason.clone()), ("package_info", package_info)])
}

/// Builds the content of the notification of the final state.
pub(super) fn notification_content(transfer: &Transfer) -> Value {
    let value = json!({
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "state": transfer.state.as_str(),
        "mch_id": transfer.mchid,
        "transfer_amount": transfer.amount,
        "openid": transfer.openid.as_str(),
        "create_time": time::rfc3339(transfer.created_at),
        "update_time": time::rfc3339(transfer.updated_at),
    });
    with_optional(value, &[("fail_reason", transfer.fail_reason.clone())])
}
