//! Receipts of transfers: apply, query until generated, download.
//!
//! A receipt requires a successful transfer to a named payee that is at most six months old. It is kept for 90 days and
//! must be requested again afterwards. The URL of its file works for ten minutes.

use super::{OUT_BILL_NO, bill, not_found, pdf, schedule, with_optional};
use crate::{
    gateway::Gateway,
    ledger::{Receipt, ReceiptState, Transfer, TransferState},
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
use wxpay_proto::{UnixTime, id::MchId};

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
const DAY: Duration = Duration::from_secs(86_400);
/// The time for which a receipt is kept.
const RECEIPT_TTL: Duration = DAY.saturating_mul(90);
/// The maximum age of a transfer for which a receipt can be requested: six months.
const MAX_TRANSFER_AGE: Duration = DAY.saturating_mul(183);

/// Requests a receipt, unless one exists or is being generated.
fn apply(gateway: &mut Gateway, call: &Call, number: &str) -> Result<Reply, Refusal> {
    let transfer = gateway.ledger.transfers.get_mut(&call.mchid, number).ok_or_else(not_found)?;
    if transfer.state != TransferState::Success {
        return Err(errors::INVALID_REQUEST.with_message("仅支持付款成功的转账单据申请电子回单"));
    }
    if transfer.user_name.is_none() {
        return Err(errors::INVALID_REQUEST.with_message("仅支持传入姓名的转账单据申请电子回单"));
    }
    let is_current = |receipt: &&Receipt| receipt.state != ReceiptState::Failed && is_kept(receipt, call.now);
    if let Some(receipt) = transfer.receipt.as_ref().filter(is_current) {
        return Ok(created_reply(receipt));
    }
    if call.now.since(transfer.created_at) > MAX_TRANSFER_AGE {
        return Err(errors::INVALID_REQUEST.with_message("仅支持六个月内的转账单据申请电子回单"));
    }
    let (created, updated) = (call.now, call.now);
    let receipt = Receipt {
        state: ReceiptState::Generating,
        fail_reason: None,
        created_at: created,
        updated_at: updated,
    };
    let reply = created_reply(&receipt);
    transfer.receipt = Some(receipt);
    let at = call.now.after(gateway.settings().v3.receipt_duration);
    schedule(gateway, at, &call.mchid, number, |gateway, mchid, number, now| {
        finish(gateway, mchid, number, None, now);
    });
    Ok(reply)
}

fn created_reply(receipt: &Receipt) -> Reply {
    let create_time = time::rfc3339(receipt.created_at);
    Reply::json(&json!({ "state": receipt.state.as_str(), "create_time": create_time }))
}

fn is_kept(receipt: &Receipt, now: UnixTime) -> bool {
    receipt.state == ReceiptState::Generating || now.since(receipt.updated_at) <= RECEIPT_TTL
}

/// Returns the state of a receipt. For a finished one, each query returns a new URL and the hash of the file.
fn query(gateway: &mut Gateway, call: &Call, transfer: &Transfer) -> Result<Reply, Refusal> {
    let no_receipt = || errors::NOT_FOUND.with_reason("the transfer has no receipt");
    let receipt =
        transfer.receipt.as_ref().filter(|receipt| is_kept(receipt, call.now)).ok_or_else(no_receipt)?;
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
        format!("备注 {}", transfer.request_text("transfer_remark").unwrap_or_default()),
        format!("转账时间 {}", time::bill_time(transfer.updated_at)),
        format!("回单时间 {}", time::bill_time(receipt.updated_at)),
    ]
}

/// Finishes the generation of a receipt. It succeeds, or fails for the given reason. Returns `false` if no receipt is
/// being generated.
pub(super) fn finish(
    gateway: &mut Gateway,
    mchid: &MchId,
    number: &str,
    reason: Option<&str>,
    now: UnixTime,
) -> bool {
    let transfer = gateway.ledger.transfers.get_mut(mchid, number);
    let receipt = transfer.and_then(|transfer| transfer.receipt.as_mut());
    let generating = receipt.filter(|receipt| receipt.state == ReceiptState::Generating);
    let Some(receipt) = generating else { return false };
    receipt.state = if reason.is_some() { ReceiptState::Failed } else { ReceiptState::Finished };
    receipt.fail_reason = reason.map(String::from);
    receipt.updated_at = now;
    true
}
