//! Transfers to payees who confirm them.

use super::{
    AMOUNT, Asked, NOTIFY_URL, OPENID, OUT_BILL_NO, PERCEPTION, Payee, REMARK, REPORTS, SCENE, USER_NAME,
    begin, payee_named, shown, take_back, unknown, with,
};
use crate::{
    gateway::{
        Gateway,
        v3::{
            call::Call,
            errors::Refusal,
            fields::{Field, Kind, may, must},
            operation::Operation,
            party::{self, APPID},
            reply::Reply,
        },
    },
    ledger::v3::{Transfer, TransferState, TransferWay},
    time,
};
use serde_json::{Value, json};

pub(in crate::gateway::v3) const OPERATIONS: &[Operation] = &[
    Operation::post("v3.transfer", "/v3/fund-app/mch-transfer/transfer-bills", FIELDS, create).at_most(100),
    Operation::get(
        "v3.transfer.query",
        "/v3/fund-app/mch-transfer/transfer-bills/out-bill-no/{out_bill_no}",
        by_number,
    ),
    Operation::get(
        "v3.transfer.query_id",
        "/v3/fund-app/mch-transfer/transfer-bills/transfer-bill-no/{transfer_bill_no}",
        by_id,
    ),
    Operation::empty_post(
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
    may("user_recv_style", Kind::Object(&[must("type", Kind::OneOf(&["CONFIRM_PAGE", "RED_PACKET"]))])),
];

/// Creates a transfer, or finds the existing one by its number.
fn create(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    let appid = party::own_app(gateway, call, call.said("appid"))?;
    let (openid, asked) = (payee_named(call)?, Asked::read(gateway, call)?);
    let way = TransferWay::ToConfirm;
    if let Some(transfer) = asked.again(gateway, call, way)? {
        return Ok(Reply::json(&made(transfer)));
    }
    let payee = Payee { way, appid: appid.to_string(), openid, authorization: None };
    Ok(Reply::json(&made(begin(gateway, call, asked, payee)?)))
}

fn by_number(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    of(gateway, call).map(|transfer| shown(gateway, transfer))
}

fn by_id(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    of_id(gateway, call, call.path("transfer_bill_no")).map(|transfer| shown(gateway, transfer))
}

/// Cancels a transfer that the payee has not confirmed. A repeated request returns its current state.
fn cancel(gateway: &mut Gateway, call: &Call) -> Result<Reply, Refusal> {
    of(gateway, call)?;
    take_back(gateway, call, call.path("out_bill_no"))?;
    let transfer = of(gateway, call)?;
    Ok(Reply::json(&json!({
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "state": transfer.state.as_str(),
        "update_time": time::rfc3339(transfer.updated),
    })))
}

/// Finds the transfer named in the path. Transfers to QQ wallets are excluded.
fn of<'a>(gateway: &'a Gateway, call: &Call) -> Result<&'a Transfer, Refusal> {
    by_out_bill_no(gateway, call, call.path("out_bill_no"))
}

pub(super) fn by_out_bill_no<'a>(
    gateway: &'a Gateway,
    call: &Call,
    number: &str,
) -> Result<&'a Transfer, Refusal> {
    let transfer = gateway.v3.ledger.transfers.of(&call.mchid, number);
    transfer.filter(|transfer| transfer.way != TransferWay::QqWallet).ok_or_else(unknown)
}

pub(super) fn of_id<'a>(gateway: &'a Gateway, call: &Call, id: &str) -> Result<&'a Transfer, Refusal> {
    let transfer = gateway.v3.ledger.transfers.by_id(&call.mchid, id);
    transfer.filter(|transfer| transfer.way != TransferWay::QqWallet).ok_or_else(unknown)
}

/// Builds the reply to the request.
pub(super) fn made(transfer: &Transfer) -> Value {
    let said = json!({
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "create_time": time::rfc3339(transfer.created),
        "state": transfer.state.as_str(),
    });
    let waits = transfer.state == TransferState::WaitUserConfirm;
    let package_info = waits.then(|| transfer.package_info.clone());
    with(said, &[("fail_reason", transfer.fail_reason.clone()), ("package_info", package_info)])
}

/// Builds the content of the notification of the final state.
pub(super) fn told(transfer: &Transfer) -> Value {
    let said = json!({
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "state": transfer.state.as_str(),
        "mch_id": transfer.mchid,
        "transfer_amount": transfer.amount,
        "openid": transfer.openid.as_str(),
        "create_time": time::rfc3339(transfer.created),
        "update_time": time::rfc3339(transfer.updated),
    });
    with(said, &[("fail_reason", transfer.fail_reason.clone())])
}
