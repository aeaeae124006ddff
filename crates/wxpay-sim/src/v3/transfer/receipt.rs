//! Receipts of transfers: apply, query until generated, download.
//!
//! The URL of a receipt's file works for ten minutes.

use super::{OUT_BILL_NO, bill, not_found, pdf, schedule, with_optional};
use crate::{
    gateway::Gateway,
    ledger::{Receipt, ReceiptError, ReceiptState, Transfer},
    time,
    v3::{
        call::Call,
        download::{FileKind, fetch, publish_file},
        errors::{self, Refusal},
        fields::{Field, required, text},
        operation::Operation,
        reply::Reply,
    },
};
use aws_lc_rs::digest::{SHA256, digest};
use serde_json::json;
use std::time::Duration;

pub(in crate::v3) const OPERATIONS: &[Operation] = &[
    Operation::post(
        "v3.transfer.elecsign.apply",
        "/v3/fund-app/mch-transfer/elecsign/out-bill-no",
        &[OUT_BILL_NO],
        |gateway, call| {
            let transfer = bill::by_out_bill_no(gateway, call, call.text("/out_bill_no").unwrap_or_default());
            let number = transfer?.out_bill_no.to_string();
            apply(gateway, call, &number)
        },
    ),
    Operation::post(
        "v3.transfer.elecsign.apply",
        "/v3/fund-app/mch-transfer/elecsign/transfer-bill-no",
        &[TRANSFER_BILL_NO],
        |gateway, call| {
            let transfer =
                bill::by_transfer_bill_no(gateway, call, call.text("/transfer_bill_no").unwrap_or_default());
            let number = transfer?.out_bill_no.to_string();
            apply(gateway, call, &number)
        },
    ),
    Operation::get(
        "v3.transfer.elecsign.query",
        "/v3/fund-app/mch-transfer/elecsign/out-bill-no/{out_bill_no}",
        |gateway, call| {
            let transfer = bill::by_out_bill_no(gateway, call, call.path("out_bill_no"))?.clone();
            query(gateway, call, &transfer)
        },
    ),
    Operation::get(
        "v3.transfer.elecsign.query",
        "/v3/fund-app/mch-transfer/elecsign/transfer-bill-no/{transfer_bill_no}",
        |gateway, call| {
            let transfer = bill::by_transfer_bill_no(gateway, call, call.path("transfer_bill_no"))?.clone();
            query(gateway, call, &transfer)
        },
    ),
    Operation::get("v3.download", FILE_PATH, fetch).with_query(&[required("token", "token", text(256))]),
];

const TRANSFER_BILL_NO: Field = required("transfer_bill_no", "微信转账单号", text(64));
/// The path of the files.
const FILE_PATH: &str = "/v3/transferdownload/signfile";
/// The lifetime of a download URL.
const URL_TTL: Duration = Duration::from_secs(600);

/// Requests a receipt, unless one exists or is being generated.
fn apply(gateway: &mut Gateway, call: &Call, number: &str) -> Result<Reply, Refusal> {
    let is_new = gateway.ledger.apply_receipt(&call.mchid, number, call.now).map_err(refused)?;
    if is_new {
        let at = call.now.after(gateway.settings().v3.receipt_duration);
        schedule(gateway, at, &call.mchid, number, |gateway, mchid, number, now| {
            gateway.ledger.finish_receipt(mchid, number, None, now);
        });
    }
    let transfer = gateway.ledger.transfers.get(&call.mchid, number).ok_or_else(not_found)?;
    transfer.receipt(call.now).map(created_reply).ok_or_else(no_receipt)
}

fn refused(error: ReceiptError) -> Refusal {
    match error {
        ReceiptError::NoSuchTransfer => not_found(),
        ReceiptError::NotPaid => errors::INVALID_REQUEST.with_message("仅支持付款成功的转账单据申请电子回单"),
        ReceiptError::Unnamed => errors::INVALID_REQUEST.with_message("仅支持传入姓名的转账单据申请电子回单"),
        ReceiptError::TooOld => errors::INVALID_REQUEST.with_message("仅支持六个月内的转账单据申请电子回单"),
    }
}

fn no_receipt() -> Refusal {
    errors::NOT_FOUND.with_reason("the transfer has no receipt")
}

fn created_reply(receipt: &Receipt) -> Reply {
    let create_time = time::rfc3339(receipt.created_at);
    Reply::json(&json!({ "state": receipt.state.as_str(), "create_time": create_time }))
}

/// Returns the state of a receipt. For a finished one, each query returns a new URL and the hash of the file.
fn query(gateway: &mut Gateway, call: &Call, transfer: &Transfer) -> Result<Reply, Refusal> {
    let receipt = transfer.receipt(call.now).ok_or_else(no_receipt)?;
    let body = json!({
        "state": receipt.state.as_str(),
        "create_time": time::rfc3339(receipt.created_at),
        "update_time": time::rfc3339(receipt.updated_at),
    });
    if receipt.state != ReceiptState::Finished {
        return Ok(Reply::json(&with_optional(body, &[("fail_reason", receipt.fail_reason.clone())])));
    }
    let file = pdf::page(&lines(transfer, receipt));
    let hash_value = hex::encode(digest(&SHA256, &file));
    let url = publish_file(gateway, call, (FILE_PATH, URL_TTL), (file, FileKind::Plain));
    let more = [
        ("hash_type", Some(String::from("SHA256"))),
        ("hash_value", Some(hash_value)),
        ("download_url", Some(url)),
    ];
    Ok(Reply::json(&with_optional(body, &more)))
}

/// Returns the lines of the page.
fn lines(transfer: &Transfer, receipt: &Receipt) -> Vec<String> {
    let name = transfer.user_name.as_ref().map_or("", |name| name.expose().as_str());
    let fen = transfer.amount.get();
    let (yuan, rest) = (fen.checked_div(100).unwrap_or_default(), fen.checked_rem(100).unwrap_or_default());
    vec![
        String::from("转账电子回单 (wxpay-sim)"),
        format!("微信转账单号 {}", transfer.transfer_bill_no),
        format!("商户单号 {}", transfer.out_bill_no),
        format!("付款商户号 {}", transfer.mchid),
        format!("收款人 {name}"),
        format!("金额 {yuan}.{rest:02} 元"),
        format!("备注 {}", transfer.remark),
        format!("转账时间 {}", time::bill_time(transfer.updated_at)),
        format!("回单时间 {}", time::bill_time(receipt.updated_at)),
    ]
}
