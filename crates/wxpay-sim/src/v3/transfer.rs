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
//! A merchant's transfers of all kinds share one set of numbers. The rules and the states are those of the ledger.

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
    ledger::{CancelError, NewTransfer, Payee, RequestDigest, Transfer, TransferError, TransferMethod},
    time,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::sync::Arc;
use wxpay_proto::{
    Fen, UnixTime,
    id::{MchId, OpenId, OutBillNo},
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
    digest: RequestDigest,
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
        let digest = call.request_digest()?;
        Ok(Self { number, amount, user_name, digest })
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
            Some(transfer) if transfer.method == method && transfer.request == self.digest => {
                Ok(Some(transfer))
            }
            Some(_) => Err(errors::REENTRY_MISMATCH
                .with_reason("out_bill_no belongs to a transfer with different parameters")),
        }
    }
}

/// Makes a transfer and returns it. Its state may be final already.
fn create_transfer<'a>(
    gateway: &'a mut Gateway,
    call: &Call,
    request: TransferRequest,
    appid: String,
    payee: Payee,
) -> Result<&'a Transfer, Refusal> {
    let text = |pointer| call.text(pointer).map(String::from);
    let number = request.number;
    let transfer = NewTransfer {
        mchid: call.mchid.clone(),
        out_bill_no: number.clone(),
        appid,
        payee,
        amount: request.amount,
        user_name: request.user_name.map(|name| Arc::new(Secret::new(name))),
        remark: text("/transfer_remark").unwrap_or_default(),
        notify_url: text("/notify_url"),
        user_qq: text("/user_qq"),
        request: request.digest,
        request_serial: call.wechatpay_serial.clone(),
    };
    let (ledger, mut numbers) = gateway.ledger_and_numbers();
    ledger.transfer(transfer, &mut numbers, call.now).map_err(refused)?;
    gateway.limit_transfers();
    let duration = gateway.settings().v3.transfer_duration;
    if duration.is_zero() {
        lock_funds(gateway, &call.mchid, number.as_str(), call.now);
    } else {
        schedule(gateway, call.now.after(duration), &call.mchid, number.as_str(), lock_funds);
    }
    gateway.ledger.transfers.get(&call.mchid, number.as_str()).ok_or_else(not_found)
}

fn refused(error: TransferError) -> Refusal {
    match error {
        TransferError::AuthorizationNumberTaken => {
            errors::REENTRY_MISMATCH.with_reason("out_authorization_no belongs to another authorization")
        }
        TransferError::NoSuchAuthorization => errors::INVALID_REQUEST.with_message("免确认收款授权不存在"),
        TransferError::DifferentAuthorizations => {
            errors::INVALID_REQUEST.with_message("authorization_id与out_authorization_no不一致")
        }
        TransferError::NotInForce => errors::INVALID_REQUEST.with_message("免确认收款授权未生效"),
        TransferError::OtherApp => errors::INVALID_REQUEST.with_message("appid与免确认收款授权不一致"),
        TransferError::OtherScene => errors::INVALID_REQUEST.with_message("转账场景与免确认收款授权不一致"),
        TransferError::NoNumber => errors::SYSTEM_ERROR.with_reason("cannot generate a transfer_bill_no"),
    }
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

/// Locks the money, and waits for the confirmation of a transfer that needs one.
fn lock_funds(gateway: &mut Gateway, mchid: &MchId, number: &str, now: UnixTime) {
    let window = gateway.settings().v3.transfer_confirm_window;
    let locked = gateway.ledger.lock_funds(mchid, number, window, now).cloned();
    match locked.as_ref().and_then(|transfer| transfer.confirm_by) {
        None => {
            notify_if_finished(gateway, locked, now);
        }
        Some(confirm_by) => schedule(gateway, confirm_by, mchid, number, |gateway, mchid, number, now| {
            let expired = gateway.ledger.expire_transfer(mchid, number, now).cloned();
            notify_if_finished(gateway, expired, now);
        }),
    }
}

/// Starts the cancellation of a transfer without a final state. Repeating it has no effect.
fn start_cancel(gateway: &mut Gateway, call: &Call, number: &str) -> Result<(), Refusal> {
    let started =
        gateway.ledger.cancel_transfer(&call.mchid, number, call.now).map_err(|error| match error {
            CancelError::NoSuchTransfer => not_found(),
            CancelError::Finished => errors::INVALID_REQUEST.with_message("当前单据状态不支持撤销"),
        })?;
    if started {
        let at = call.now.after(gateway.settings().v3.transfer_cancel_duration);
        schedule(gateway, at, &call.mchid, number, |gateway, mchid, number, now| {
            let cancelled = gateway.ledger.finish_cancel(mchid, number, now).cloned();
            notify_if_finished(gateway, cancelled, now);
        });
    }
    Ok(())
}

/// Sends the notification of a transfer that reached its final state. Returns `false` if there is none.
fn notify_if_finished(gateway: &mut Gateway, finished: Option<Transfer>, now: UnixTime) -> bool {
    finished.inspect(|transfer| notify(gateway, transfer, now)).is_some()
}

fn notify(gateway: &mut Gateway, transfer: &Transfer, now: UnixTime) {
    let Some(notify_url) = transfer.notify_url.clone() else { return };
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
        "transfer_remark": transfer.remark,
        "openid": transfer.openid.as_str(),
        "create_time": time::rfc3339(transfer.created_at),
        "update_time": time::rfc3339(transfer.updated_at),
        // An empty text stands for what is absent.
        "fail_reason": transfer.fail_reason.as_deref().unwrap_or_default(),
    });
    let more = [("user_name", seal_name(gateway, transfer))];
    Reply::json(&with_optional(body, &more))
}
