//! Transfers to users: create, confirm, query, cancel.
//!
//! ```text
//!  bill.rs        transfers that the payee confirms
//!  authorized.rs  transfers that request an authorization, and transfers that use one
//!  qq_wallet.rs   transfers to QQ wallets
//!  authorization.rs  authorizations: apply, query, close
//!  receipt.rs     receipts, as PDF files built by pdf.rs
//!  payee.rs       the payee's side, and the records
//! ```
//!
//! All kinds of transfers of a merchant share one set of numbers.

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
    fields::{Alphabet, Field, Kind, may, must, text},
    notification::Event,
    pay::MOST,
    reply::Reply,
};
use crate::{
    chance::{ALPHANUMERIC, DIGITS},
    gateway::{Gateway, agenda::Task},
    ledger::v3::{Transfer, TransferState, TransferWay},
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

const OUT_BILL_NO: Field = must("out_bill_no", Kind::Text(1, 32, Alphabet::Alphanumeric));
const OPENID: Field = must("openid", text(128));
const USER_NAME: Field = may("user_name", text(1024));
const AMOUNT: Field = must("transfer_amount", Kind::Number(1, MOST));
const REMARK: Field = must("transfer_remark", text(32));
const NOTIFY_URL: Field = may("notify_url", Kind::Url);
const PERCEPTION: Field = may("user_recv_perception", text(256));
const SCENE: Field =
    must("transfer_scene_id", Kind::OneOf(&["1000", "1002", "1004", "1005", "1009", "1010", "1011", "1013"]));
const REPORTS: Field = must(
    "transfer_scene_report_infos",
    Kind::List(&Kind::Object(&[must("info_type", text(15)), must("info_content", text(32))]), 10),
);

/// The amount in fen from which the payee's name is required: 2000 yuan.
const NAMED_FROM: u64 = 200_000;

/// The fields of a transfer request that all kinds share.
struct Asked {
    number: OutBillNo,
    amount: Fen,
    user_name: Option<String>,
    /// The request body, with a hash in place of each encrypted field.
    said: Value,
}

impl Asked {
    fn read(gateway: &Gateway, call: &Call) -> Result<Self, Refusal> {
        let number = call.said("out_bill_no").unwrap_or_default().parse();
        let number = number.map_err(|_| wrong("/out_bill_no", "格式错误"))?;
        if call.body.pointer("/transfer_scene_report_infos/0").is_none() {
            return Err(wrong("/transfer_scene_report_infos", "至少1项"));
        }
        let user_name = call.opened(gateway, "/user_name")?;
        let amount = call.fen("/transfer_amount");
        if user_name.is_none() && amount.get() >= NAMED_FROM {
            return Err(wrong("/user_name", "转账金额达到2000元时必填"));
        }
        let said = call.comparable(gateway, &["/user_name"])?;
        Ok(Self { number, amount, user_name, said })
    }

    /// Returns the transfer that exists under this number, if the request is identical to the first one.
    fn again<'a>(
        &self,
        gateway: &'a Gateway,
        call: &Call,
        way: TransferWay,
    ) -> Result<Option<&'a Transfer>, Refusal> {
        match gateway.v3.ledger.transfers.of(&call.mchid, self.number.as_str()) {
            None => Ok(None),
            Some(transfer) if transfer.way == way && transfer.said == self.said => Ok(Some(transfer)),
            Some(_) => Err(errors::REENTRY_DIFFERS
                .because("out_bill_no belongs to a transfer with different parameters")),
        }
    }
}

/// The recipient of a transfer.
struct Payee {
    way: TransferWay,
    appid: String,
    openid: OpenId,
    authorization: Option<OutAuthorizationNo>,
}

/// Creates a transfer and returns its state at this moment, which may be final already.
fn begin<'a>(
    gateway: &'a mut Gateway,
    call: &Call,
    asked: Asked,
    payee: Payee,
) -> Result<&'a Transfer, Refusal> {
    let Asked { number, amount, user_name, said } = asked;
    let Payee { way, appid, openid, authorization } = payee;
    let serial = gateway.v3.next_serial();
    let chance = &mut gateway.v3.chance;
    let id = format!("1330{}{}{serial:010}", chance.text(DIGITS, 18), time::day(call.now));
    let transfer = Transfer {
        mchid: call.mchid.clone(),
        out_bill_no: number.clone(),
        transfer_bill_no: id
            .parse()
            .map_err(|_| errors::SYSTEM_ERROR.because("cannot generate a transfer_bill_no"))?,
        way,
        appid,
        openid,
        amount,
        user_name: user_name.map(|name| Arc::new(Secret::new(name))),
        authorization,
        said,
        asked: call.asked.clone(),
        package_info: package_info(gateway),
        state: TransferState::Accepted,
        fail_reason: None,
        receipt: None,
        created: call.now,
        updated: call.now,
    };
    gateway.v3.ledger.transfers.add(transfer);
    let takes = gateway.settings.v3.transfer_takes;
    if takes.is_zero() {
        proceed(gateway, &call.mchid, number.as_str(), call.now);
    } else {
        later(gateway, call.now.after(takes), &call.mchid, number.as_str(), proceed);
    }
    gateway.v3.ledger.transfers.of(&call.mchid, number.as_str()).ok_or_else(unknown)
}

/// Generates the package with which the payee's client confirms.
fn package_info(gateway: &mut Gateway) -> String {
    STANDARD.encode(gateway.v3.chance.text(ALPHANUMERIC, 60))
}

fn payee_named(call: &Call) -> Result<OpenId, Refusal> {
    call.text("/openid").unwrap_or_default().parse().map_err(|_| wrong("/openid", "格式错误"))
}

/// Requires `Wechatpay-Serial`, as the documents do for some operations even if no field is encrypted.
fn names_a_key(call: &Call) -> Result<(), Refusal> {
    let missing = || errors::PARAM_ERROR.at("header", "Wechatpay-Serial", "".into(), "缺少Wechatpay-Serial");
    call.asked.as_ref().map(|_| ()).ok_or_else(missing)
}

fn wrong(field: &str, issue: &str) -> Refusal {
    errors::PARAM_ERROR.at("body", field, "".into(), issue)
}

fn unknown() -> Refusal {
    errors::NOT_FOUND.because("the merchant has no such transfer")
}

fn later(
    gateway: &mut Gateway,
    at: UnixTime,
    mchid: &MchId,
    number: &str,
    run: fn(&mut Gateway, &MchId, &str, UnixTime),
) {
    gateway.v3.agenda.add(at, Task { run, mchid: mchid.clone(), number: number.into() });
}

/// Locks the money. A transfer by authorization succeeds at once; any other waits one day for confirmation.
fn proceed(gateway: &mut Gateway, mchid: &MchId, number: &str, now: UnixTime) {
    let transfer = gateway.v3.ledger.transfers.of_mut(mchid, number);
    let Some(transfer) = transfer.filter(|transfer| transfer.state == TransferState::Accepted) else {
        return;
    };
    if transfer.way == TransferWay::Allowed {
        end(gateway, mchid, number, (TransferState::Accepted, TransferState::Success, None), now);
        return;
    }
    (transfer.state, transfer.updated) = (TransferState::WaitUserConfirm, now);
    let at = now.after(gateway.settings.v3.transfer_confirmable);
    later(gateway, at, mchid, number, |gateway, mchid, number, now| {
        let step = (TransferState::WaitUserConfirm, TransferState::Fail, Some("OVERDUE_CLOSE"));
        end(gateway, mchid, number, step, now);
    });
}

/// Starts the cancellation of a transfer without a final state. Repeating it has no effect.
fn take_back(gateway: &mut Gateway, call: &Call, number: &str) -> Result<(), Refusal> {
    let transfer = gateway.v3.ledger.transfers.of_mut(&call.mchid, number).ok_or_else(unknown)?;
    match transfer.state {
        TransferState::Success | TransferState::Fail => {
            return Err(errors::INVALID_REQUEST.saying("当前单据状态不支持撤销"));
        }
        TransferState::Canceling | TransferState::Cancelled => return Ok(()),
        TransferState::Accepted | TransferState::WaitUserConfirm => {}
    }
    (transfer.state, transfer.updated) = (TransferState::Canceling, call.now);
    let at = call.now.after(gateway.settings.v3.cancel_takes);
    later(gateway, at, &call.mchid, number, |gateway, mchid, number, now| {
        end(gateway, mchid, number, (TransferState::Canceling, TransferState::Cancelled, None), now);
    });
    Ok(())
}

/// Moves a transfer from the state `from` to a final state and sends a notification. Returns `false` if it was in
/// another state.
fn end(
    gateway: &mut Gateway,
    mchid: &MchId,
    number: &str,
    (from, to, reason): (TransferState, TransferState, Option<&str>),
    now: UnixTime,
) -> bool {
    let transfer = gateway.v3.ledger.transfers.of_mut(mchid, number);
    let Some(transfer) = transfer.filter(|transfer| transfer.state == from) else { return false };
    (transfer.state, transfer.updated) = (to, now);
    transfer.fail_reason = reason.map(String::from);
    let transfer = transfer.clone();
    tell(gateway, &transfer, now);
    let along = transfer.authorization.filter(|_| transfer.way == TransferWay::ToConfirmAndAllow);
    if let Some(along) = along {
        authorization::decided_along(gateway, mchid, along.as_str(), to == TransferState::Success, now);
    }
    true
}

fn tell(gateway: &mut Gateway, transfer: &Transfer, now: UnixTime) {
    let Some(notify_url) = transfer.said("notify_url").map(String::from) else { return };
    let (event_type, summary, plain) = match transfer.way {
        TransferWay::QqWallet => {
            ("MCHTRANSFER.QQWALLETBILL.FINISHED", "转账到QQ钱包终态通知", qq_wallet::told(transfer))
        }
        TransferWay::ToConfirm | TransferWay::ToConfirmAndAllow | TransferWay::Allowed => {
            ("MCHTRANSFER.BILL.FINISHED", "商家转账单据终态通知", bill::told(transfer))
        }
    };
    let event = Event {
        mchid: transfer.mchid.clone(),
        notify_url,
        created: now,
        event_type,
        summary,
        original_type: "mch_payment",
        plain,
        asked: transfer.asked.clone(),
        schedule: None,
    };
    let due = now.after(gateway.settings.notify_delay);
    gateway.tell(transfer.out_bill_no.as_str(), event, due);
}

/// Adds the given members that have a value.
fn with(said: Value, more: &[(&str, Option<String>)]) -> Value {
    let mut said = said;
    for (name, value) in more {
        if let (Some(value), Some(members)) = (value, said.as_object_mut()) {
            members.insert((*name).into(), value.as_str().into());
        }
    }
    said
}

/// Returns the payee's name, if it was given, encrypted for the merchant.
fn sealed_name(gateway: &Gateway, transfer: &Transfer) -> Option<String> {
    let key = gateway.v3.merchants.get(&transfer.mchid)?.sealing_key()?;
    let sealed = key.seal(transfer.user_name.as_ref()?.expose().as_bytes())?;
    Some(STANDARD.encode(sealed))
}

/// Builds the reply that describes a transfer, except for QQ wallets.
fn shown(gateway: &Gateway, transfer: &Transfer) -> Reply {
    let said = json!({
        "mch_id": transfer.mchid,
        "out_bill_no": transfer.out_bill_no,
        "transfer_bill_no": transfer.transfer_bill_no,
        "appid": transfer.appid,
        "state": transfer.state.as_str(),
        "transfer_amount": transfer.amount,
        "transfer_remark": transfer.said("transfer_remark"),
        "openid": transfer.openid.as_str(),
        "create_time": time::rfc3339(transfer.created),
        "update_time": time::rfc3339(transfer.updated),
    });
    let more = [("fail_reason", transfer.fail_reason.clone()), ("user_name", sealed_name(gateway, transfer))];
    Reply::json(&with(said, &more))
}
