//! Transfers to users: create, confirm, query, cancel.
//!
//! ```text
//!  bill.rs           transfers that the payee confirms
//!  authorized.rs     transfers that request an authorization, and transfers that use one
//!  qq_wallet.rs      transfers to QQ wallets
//!  authorization.rs  authorizations: apply, query, close
//!  receipt.rs        receipts, as PDF files built by pdf.rs
//!  payee.rs          the payee's side, and the records
//! ```
//!
//! A merchant's transfers of all kinds share one set of numbers.

pub(super) mod authorization;
pub(super) mod authorized;
pub(super) mod bill;
mod payee;
mod pdf;
pub(super) mod qq_wallet;
pub(super) mod receipt;

use super::{
    call::Call,
    errors::{self, Refusal},
    fields::{Alphabet, Field, Kind, bytes, characters, optional, required, text},
    notification::Event,
    pay::MAX_AMOUNT_FEN,
    reply::{Reply, to_json},
};
use crate::{
    gateway::{Gateway, tasks::Task},
    ledger::{Transfer, TransferMethod, TransferState},
    rng::{ALPHANUMERIC, DIGITS},
    time,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::sync::Arc;
use wxpay_proto::{
    Fen, UnixTime,
    id::{MchId, OpenId, OutAuthorizationNo, OutBillNo},
    secret::Secret,
};

/// The app, whose length refusals of transfers count in characters (yansongda/pay#863).
const APPID: Field = required("appid", "商户AppID", Kind::Text(characters(1, 32), Alphabet::Any));
const OUT_BILL_NO: Field =
    required("out_bill_no", "商户单号", Kind::Text(bytes(1, 32), Alphabet::Alphanumeric));
const OPENID: Field = required("openid", "收款用户OpenID", text(128));
const USER_NAME: Field = optional("user_name", "收款用户姓名", Kind::Encrypted);
const AMOUNT: Field = required("transfer_amount", "转账金额", Kind::Number(1, MAX_AMOUNT_FEN));
const REMARK: Field = required("transfer_remark", "转账备注", Kind::Text(characters(1, 32), Alphabet::Any));
const NOTIFY_URL: Field = optional("notify_url", "通知地址", Kind::Url);
const PERCEPTION: Field = optional("user_recv_perception", "用户收款感知", text(256));
const SCENE: Field = required(
    "transfer_scene_id",
    "转账场景ID",
    Kind::OneOf(&["1000", "1002", "1004", "1005", "1009", "1010", "1011", "1013"]),
);
const REPORTS: Field = required(
    "transfer_scene_report_infos",
    "转账场景报备信息",
    Kind::List(
        &Kind::Object(&[
            required("info_type", "信息类型", text(15)),
            required("info_content", "信息内容", text(32)),
        ]),
        1,
        10,
    ),
);

/// The amount in fen from which the payee's name is required: 2000 yuan.
const NAME_REQUIRED_FROM_FEN: u64 = 200_000;

/// The fields of a transfer request that all kinds share.
struct TransferRequest {
    number: OutBillNo,
    amount: Fen,
    user_name: Option<String>,
    /// The request body, with a hash in place of each encrypted field.
    body: Value,
}

impl TransferRequest {
    fn read(call: &Call) -> Result<Self, Refusal> {
        let number = call.query_or_body("out_bill_no").unwrap_or_default().parse();
        let number = number.map_err(|_| errors::PARAM_ERROR.with_message("out_bill_no格式错误"))?;
        let user_name = call.opened("/user_name")?.map(String::from);
        let amount = call.fen("/transfer_amount");
        if user_name.is_none() && amount.get() >= NAME_REQUIRED_FROM_FEN {
            return Err(errors::PARAM_ERROR.with_message("转账金额达到2000元时，user_name必填"));
        }
        let body = call.normalized_body()?;
        Ok(Self { number, amount, user_name, body })
    }

    /// Returns the existing transfer with this number, if there is one. The request must be identical to the first one.
    fn existing<'a>(
        &self,
        gateway: &'a Gateway,
        call: &Call,
        method: TransferMethod,
    ) -> Result<Option<&'a Transfer>, Refusal> {
        match gateway.ledger.transfers.get(&call.mchid, self.number.as_str()) {
            None => Ok(None),
            Some(transfer) if transfer.method == method && transfer.request == self.body => {
                Ok(Some(transfer))
            }
            Some(_) => Err(errors::REENTRY_MISMATCH
                .with_reason("out_bill_no belongs to a transfer with different parameters")),
        }
    }
}

/// The recipient of a transfer.
struct Payee {
    method: TransferMethod,
    appid: String,
    openid: OpenId,
    out_authorization_no: Option<OutAuthorizationNo>,
}

/// Creates a transfer and returns it. Its state may be final already.
fn create_transfer<'a>(
    gateway: &'a mut Gateway,
    call: &Call,
    request: TransferRequest,
    payee: Payee,
) -> Result<&'a Transfer, Refusal> {
    let TransferRequest { number, amount, user_name, body } = request;
    let Payee { method, appid, openid, out_authorization_no } = payee;
    let serial = gateway.next_serial();
    let rng = &mut gateway.rng;
    let id = format!("1330{}{}{serial:010}", rng.text(DIGITS, 18), time::yyyymmdd(call.now));
    let transfer = Transfer {
        mchid: call.mchid.clone(),
        out_bill_no: number.clone(),
        transfer_bill_no: id
            .parse()
            .map_err(|_| errors::SYSTEM_ERROR.with_reason("cannot generate a transfer_bill_no"))?,
        method,
        appid,
        openid,
        amount,
        user_name: user_name.map(|name| Arc::new(Secret::new(name))),
        out_authorization_no,
        request: body,
        request_serial: call.wechatpay_serial.clone(),
        package_info: package_info(gateway),
        state: TransferState::Accepted,
        fail_reason: None,
        receipt: None,
        created_at: call.now,
        updated_at: call.now,
    };
    gateway.ledger.transfers.add(transfer);
    let duration = gateway.settings().v3.transfer_duration;
    if duration.is_zero() {
        lock_funds(gateway, &call.mchid, number.as_str(), call.now);
    } else {
        schedule(gateway, call.now.after(duration), &call.mchid, number.as_str(), lock_funds);
    }
    gateway.ledger.transfers.get(&call.mchid, number.as_str()).ok_or_else(not_found)
}

/// Generates the package with which the payee's client confirms.
fn package_info(gateway: &mut Gateway) -> String {
    STANDARD.encode(gateway.rng.text(ALPHANUMERIC, 60))
}

fn payee_openid(call: &Call) -> Result<OpenId, Refusal> {
    call.text("/openid")
        .unwrap_or_default()
        .parse()
        .map_err(|_| errors::PARAM_ERROR.with_message("无效的openid"))
}

fn not_found() -> Refusal {
    errors::NOT_FOUND.with_reason("the merchant has no such transfer")
}

fn schedule(
    gateway: &mut Gateway,
    at: UnixTime,
    mchid: &MchId,
    number: &str,
    run: fn(&mut Gateway, &MchId, &str, UnixTime),
) {
    gateway.tasks.add(at, Task { run, mchid: mchid.clone(), number: number.into() });
}

/// Locks the money. A transfer by authorization succeeds at once; any other waits one day for confirmation.
fn lock_funds(gateway: &mut Gateway, mchid: &MchId, number: &str, now: UnixTime) {
    let transfer = gateway.ledger.transfers.get_mut(mchid, number);
    let Some(transfer) = transfer.filter(|transfer| transfer.state == TransferState::Accepted) else {
        return;
    };
    if transfer.method == TransferMethod::Authorized {
        finish(gateway, mchid, number, (TransferState::Accepted, TransferState::Success, None), now);
        return;
    }
    (transfer.state, transfer.updated_at) = (TransferState::WaitUserConfirm, now);
    let at = now.after(gateway.settings().v3.transfer_confirm_window);
    schedule(gateway, at, mchid, number, |gateway, mchid, number, now| {
        let step = (TransferState::WaitUserConfirm, TransferState::Fail, Some("OVERDUE_CLOSE"));
        finish(gateway, mchid, number, step, now);
    });
}

/// Starts the cancellation of a transfer without a final state. Repeating it has no effect.
fn start_cancel(gateway: &mut Gateway, call: &Call, number: &str) -> Result<(), Refusal> {
    let transfer = gateway.ledger.transfers.get_mut(&call.mchid, number).ok_or_else(not_found)?;
    match transfer.state {
        TransferState::Success | TransferState::Fail => {
            return Err(errors::INVALID_REQUEST.with_message("当前单据状态不支持撤销"));
        }
        TransferState::Canceling | TransferState::Cancelled => return Ok(()),
        TransferState::Accepted | TransferState::WaitUserConfirm => {}
    }
    (transfer.state, transfer.updated_at) = (TransferState::Canceling, call.now);
    let at = call.now.after(gateway.settings().v3.transfer_cancel_duration);
    schedule(gateway, at, &call.mchid, number, |gateway, mchid, number, now| {
        finish(gateway, mchid, number, (TransferState::Canceling, TransferState::Cancelled, None), now);
    });
    Ok(())
}

/// Moves a transfer from the state `from` to a final state and sends a notification. Returns `false` if it was in
/// another state.
fn finish(
    gateway: &mut Gateway,
    mchid: &MchId,
    number: &str,
    (from, to, reason): (TransferState, TransferState, Option<&str>),
    now: UnixTime,
) -> bool {
    let transfer = gateway.ledger.transfers.get_mut(mchid, number);
    let Some(transfer) = transfer.filter(|transfer| transfer.state == from) else { return false };
    (transfer.state, transfer.updated_at) = (to, now);
    transfer.fail_reason = reason.map(String::from);
    let transfer = transfer.clone();
    notify(gateway, &transfer, now);
    let requested =
        transfer.out_authorization_no.filter(|_| transfer.method == TransferMethod::UserConfirmAndAuthorize);
    if let Some(requested) = requested {
        authorization::finish_requested_authorization(
            gateway,
            mchid,
            requested.as_str(),
            to == TransferState::Success,
            now,
        );
    }
    true
}

fn notify(gateway: &mut Gateway, transfer: &Transfer, now: UnixTime) {
    let Some(notify_url) = transfer.request_text("notify_url").map(String::from) else { return };
    let (event_type, summary, plaintext) = match transfer.method {
        TransferMethod::QqWallet => (
            "MCHTRANSFER.QQWALLETBILL.FINISHED",
            "转账到QQ钱包终态通知",
            qq_wallet::notification_content(transfer),
        ),
        TransferMethod::UserConfirm
        | TransferMethod::UserConfirmAndAuthorize
        | TransferMethod::Authorized => {
            ("MCHTRANSFER.BILL.FINISHED", "商家转账单据终态通知", bill::notification_content(transfer))
        }
    };
    let event = Event {
        mchid: transfer.mchid.clone(),
        notify_url,
        created_at: now,
        event_type,
        summary,
        original_type: "mch_payment",
        plaintext: to_json(&plaintext),
        request_serial: transfer.request_serial.clone(),
        retry_schedule: None,
    };
    let due = now.after(gateway.settings().notify_delay);
    gateway.notify(transfer.out_bill_no.as_str(), Arc::new(event), due);
}

/// Adds the given members that have a value.
fn with_optional(body: Value, more: &[(&str, Option<String>)]) -> Value {
    let mut body = body;
    for (name, value) in more {
        if let (Some(value), Some(members)) = (value, body.as_object_mut()) {
            members.insert((*name).into(), value.as_str().into());
        }
    }
    body
}

/// Returns the payee's name, if it was given, encrypted for the merchant.
fn seal_name(gateway: &Gateway, transfer: &Transfer) -> Option<String> {
    let key = gateway.registry().get(&transfer.mchid)?.encryption_key()?;
    let ciphertext = key.seal(transfer.user_name.as_ref()?.expose().as_bytes())?;
    Some(STANDARD.encode(ciphertext))
}

/// Builds the reply that describes a transfer, except for QQ wallets.
fn transfer_reply(gateway: &Gateway, transfer: &Transfer) -> Reply {
    let body = json!({
        "mch_id": transfer.mchid,
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "appid": transfer.appid,
        "state": transfer.state.as_str(),
        "transfer_amount": transfer.amount,
        "transfer_remark": transfer.request_text("transfer_remark"),
        "openid": transfer.openid.as_str(),
        "create_time": time::rfc3339(transfer.created_at),
        "update_time": time::rfc3339(transfer.updated_at),
        // An empty text stands for what is absent.
        "fail_reason": transfer.fail_reason.as_deref().unwrap_or_default(),
    });
    let more = [("user_name", seal_name(gateway, transfer))];
    Reply::json(&with_optional(body, &more))
}
